"""README and guides say what is so: their configurations load, their commands and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.__main__ import main as hub
from node_agent.__main__ import main as agent
from node_agent.settings import load

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in GUIDES
    for number, block in enumerate(re.findall(r"```toml\n(.*?)```", path.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_guides_configuration_is_taken(block: str, tmp_path: Path) -> None:
    assert block.startswith("# agent.toml")
    (tmp_path / "agent.toml").write_text(block)
    load(tmp_path / "agent.toml")


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guides_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        assert target.startswith("http") or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guides_options_are_the_programs(path: Path) -> None:
    programs = ((agent, "init"), (agent, "doctor"), (hub, "enroll"), (hub, "init"))
    for program, command in programs:
        helped = CliRunner().invoke(program, [command, "--help"]).output
        helped += CliRunner().invoke(program, ["--help"]).output
        name = "hopwatch-agent" if program is agent else "hopwatch-hub"
        for line in re.findall(rf"{name}[^\n`|#]* {command}\b[^\n`|#]*", path.read_text()):
            for option in re.findall(r"(?<!\S)--[a-z-]+", line.partition(f" {command}")[2]):
                assert option in helped, (line, option)
