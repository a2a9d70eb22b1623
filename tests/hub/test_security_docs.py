"""docs/configuration.md against the models: every key, with the default that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hub.config_form import HubConfig
from node_agent.config import AgentConfig

PAGE = Path("docs/configuration.md")
ROW = re.compile(r"\| `([a-z0-9_.]+)` \| (.+?) \| (.+) \|")


def documented(file: str) -> dict[str, str]:
    """Key to default, of one file's part of the page."""
    text = PAGE.read_text()
    part = text[text.index(f"\n## {file}") + 1 :]
    part = part[: part.find("\n## ")] if "\n## " in part else part
    rows = [row for line in part.splitlines() if (row := ROW.fullmatch(line))]
    keys = [row[1] for row in rows]
    assert len(keys) == len(set(keys)), "a key stands there twice"
    return {row[1]: row[2] for row in rows}


def modelled(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The same from a model. A section that is always there has keys only."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None or (field.default is None and not field.is_required()):
            yield prefix + name, shown(field)
        if inner is not None:
            yield from modelled(inner, f"{prefix}{name}.")


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)


def shown(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "computed"
    if field.default is None:
        return "none"
    return f"`{json.dumps(field.default, default=str)}`"


@pytest.mark.parametrize(("file", "model"), [("hub.toml", HubConfig), ("agent.toml", AgentConfig)])
def test_the_page_has_every_key_with_its_default(file: str, model: type[BaseModel]) -> None:
    assert documented(file) == dict(modelled(model))


def test_what_the_readme_and_the_security_page_show_can_be_loaded(tmp_path: Path) -> None:
    from hub.config import load
    from node_agent.settings import load as load_agent

    blocks = re.findall(
        r"```toml\n(# (hub|agent)\.toml.*?)```", Path("docs/security.md").read_text(), re.S
    )
    assert len(blocks) >= 5
    for number, (text, kind) in enumerate(blocks):
        file = tmp_path / f"{number}.toml"
        if kind == "hub":
            file.write_text(text)
            load(file)
        else:
            rest = '[[proxies]]\nname = "p"\nkind = "private"\naccess_log = "p.jsonl"\n'
            file.write_text('[server]\nid = "server-a"\n' + text + rest)
            load_agent(file)
