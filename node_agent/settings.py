"""Reads the configuration: the file, over it `HOPWATCH_…` variables, over them the flags.

In: a path, the environment, the flags. Out: an `AgentConfig` whose paths are absolute, or a
`ConfigError` with one line per problem: where it stands, the value, and what is allowed.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

from node_agent.config import AgentConfig, Hub, is_local

SYSTEM_PATH = Path("/etc/hopwatch/agent.toml")
_NESTED = "__"
_PREFIX = "HOPWATCH_"
_MISSING = object()


class ConfigError(Exception):
    """The configuration is wrong; `problems` says how, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def find(given: Path | None) -> Path:
    """The file to read: the one given, else ./agent.toml, else the system's."""
    if given is not None:
        return given
    here = Path("agent.toml")
    return here if here.is_file() else SYSTEM_PATH


def load(path: Path, flags: Mapping[str, Mapping[str, Any]] | None = None) -> AgentConfig:
    """Read, merge and check. `flags` is nested as the file is: {"server": {"id": …}}."""
    table = _read(path)
    given = {section: dict(values) for section, values in (flags or {}).items() if values}
    try:
        config = _merged(table, given)
    except SettingsError as error:
        raise ConfigError([f"environment: {error}"]) from None
    except ValidationError as error:
        raise ConfigError(_sentences(path, given, error)) from None
    if problems := [f"{path}: {problem}" for problem in _contradictions(config)]:
        raise ConfigError(problems)
    return _absolute(config, path.absolute().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file; give one with --config"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from None


def _merged(table: dict[str, Any], flags: dict[str, Any]) -> AgentConfig:
    class FileSource(PydanticBaseSettingsSource):
        """The file's content as a source that the others override."""

        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
            return table.get(field_name), field_name, False

        def __call__(self) -> dict[str, Any]:
            return table

    class Merged(AgentConfig):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, FileSource(settings_cls)

    return Merged(**flags)


def _sentences(path: Path, flags: dict[str, Any], error: ValidationError) -> list[str]:
    errors: list[dict[str, Any]] = [dict(each) for each in error.errors()]
    return [_sentence(path, flags, each) for each in errors if not _follows(each, errors)]


def _follows(error: dict[str, Any], errors: list[dict[str, Any]]) -> bool:
    """A list whose entries are wrong also counts as too short: that says nothing new."""
    here = error["loc"]
    return error["type"] == "too_short" and any(
        each["loc"][: len(here)] == here and len(each["loc"]) > len(here) for each in errors
    )


def _sentence(path: Path, flags: dict[str, Any], error: dict[str, Any]) -> str:
    location = tuple(error["loc"])
    key = _dotted(location)
    where = _origin(path, location, flags)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where}: {key} is not a known key{_suggestion(location)}"
    if kind == "missing":
        return f"{where}: {key} is missing"
    value = _show(error["input"])
    return f"{where}: {key} = {value}: {_allowed(kind, context, error['msg'])}"


def _allowed(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be {str(context['expected']).replace(chr(39), chr(34))}"
    plain = {
        "string_type": "must be a string",
        "string_too_short": "must not be empty",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "tuple_type": "must be a list",
        "path_type": "must be a path",
        "too_short": "must have at least one entry",
        "model_type": "must be a table",
        "model_attributes_type": "must be a table",
    }
    return plain.get(kind, message)


def _dotted(location: tuple[str | int, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _origin(path: Path, location: tuple[str | int, ...], flags: dict[str, Any]) -> str:
    """Who said it: a flag, a variable, or the file."""
    value: Any = flags
    for part in location:
        value = value.get(part, _MISSING) if isinstance(value, dict) else _MISSING
    if value is not _MISSING:
        return "--" + "-".join(str(part).replace("_", "-") for part in location)
    for size in range(len(location), 0, -1):
        variable = _PREFIX + _NESTED.join(map(str, location[:size])).upper()
        if variable in os.environ:
            return variable
    return str(path)


def _suggestion(location: tuple[str | int, ...]) -> str:
    known = _known_keys(location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if known else ""


def _known_keys(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = AgentConfig
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            inner = _model_in(model.model_fields[part].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _show(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _contradictions(config: AgentConfig) -> Iterator[str]:
    """What is wrong between keys that are right by themselves."""
    yield from _plaintext(config.hub)
    yield from _doubles("proxies", "name", [proxy.name for proxy in config.proxies])
    yield from _doubles("proxies", "access_log", [str(p.access_log) for p in config.proxies])
    yield from _doubles("networks", "name", [network.name for network in config.networks])
    for i, proxy in enumerate(config.proxies):
        if proxy.trusted_proxies and proxy.kind == "private":
            yield (
                f"proxies[{i}].trusted_proxies: is for public proxies, whose clients a CDN or a "
                "load balancer hides; a private one believes the registered servers and nobody "
                "else. Leave it out"
            )
    known = {network.name for network in config.networks}
    if config.docker is not None:
        return
    for i, service in enumerate(config.services):
        if known and service.network not in known:
            allowed = ", ".join(sorted(known))
            yield f'services[{i}].network = "{service.network}": must be one of {allowed}'


def _plaintext(hub: Hub) -> Iterator[str]:
    """A token that crosses a network must not be readable there."""
    if hub.token_file is not None and hub.tls is None and not is_local(hub.address):
        yield (
            f'hub.address = "{hub.address}": the token would cross the network as plaintext; '
            'set hub.tls = { ca = "ca.pem" } and [grpc.tls] at the hub, or use a hub on loopback '
            'or "unix:/path"'
        )


def _doubles(table: str, key: str, values: list[str]) -> Iterator[str]:
    for value, times in Counter(values).items():
        if times > 1:
            last = len(values) - 1 - values[::-1].index(value)
            yield f'{table}[{last}].{key} = "{value}": must differ between {table}'


def _absolute(config: AgentConfig, base: Path) -> AgentConfig:
    """Relative paths are relative to the file that names them."""
    hub = config.hub
    tls = hub.tls and hub.tls.model_copy(
        update={name: _under(base, value) for name, value in hub.tls if value is not None}
    )
    return config.model_copy(
        update={
            "hub": hub.model_copy(
                update={"tls": tls, "token_file": hub.token_file and _under(base, hub.token_file)}
            ),
            "proxies": tuple(
                proxy.model_copy(update={"access_log": _under(base, proxy.access_log)})
                for proxy in config.proxies
            ),
            "state": config.state.model_copy(
                update={"directory": _under(base, config.state.directory)}
            ),
        }
    )


def _under(base: Path, path: Path) -> Path:
    return base / path.expanduser()
