"""The hub's configuration: `hub.toml`, under `HOPWATCH_…` variables, under flags.

Enters: a TOML file, the environment (`HOPWATCH_HTTP__LISTEN`; lists as JSON or with commas), flags
as keyword arguments (`http__listen=…`; None is "not given"). Leaves: a frozen `HubConfig`, or a
`ConfigError` with one line for each problem: where it stands, key, value, what is allowed. Always
holds in a `HubConfig`: nobody without a token or a certificate gets in from beyond this machine, no
token crosses a network as plaintext; paths are absolute, relative ones having been taken from the
configuration file's directory.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from hub.config_form import (
    SECTIONS,
    Data,
    Grpc,
    Http,
    HubConfig,
    SourceName,
    is_local,
    split_address,
)
from hub.config_problems import explain, place

__all__ = [
    "ConfigError",
    "Data",
    "Grpc",
    "Http",
    "HubConfig",
    "SourceName",
    "is_local",
    "load",
    "split_address",
]


class ConfigError(Exception):
    """The configuration is wrong; `problems` has one readable line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# --- loading -------------------------------------------------------------------------------------


def load(path: Path | str | None, *, to_serve: bool = True, **overrides: Any) -> HubConfig:
    """The configuration of a file (None: defaults), the environment and flags. `ConfigError`.

    An override names its key as `section__key`; one that is None was not given. What is unsafe to
    serve with is no problem where it is not `to_serve`.
    """
    file = Path(path) if path is not None else None
    values = _read(file) if file else {}
    flags = _nested({key: value for key, value in overrides.items() if value is not None})
    name = file.name if file else "configuration"
    try:
        config = _settings(values)(**flags)
    except ValidationError as error:
        problems = explain(error.errors(), name, flags, SECTIONS)
        raise ConfigError(problems) from None
    if to_serve and (problems := list(_unsafe(config, name, flags))):
        raise ConfigError(problems)
    return _absolute(config, (file.parent if file else Path()).absolute())


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file.name}: not valid TOML: {error}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file.name}: not valid UTF-8: byte {error.start}"]) from None
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from None


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`{"http__listen": x}` as `{"http": {"listen": x}}`."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        section, separator, name = key.partition("__")
        if separator:
            tree.setdefault(section, {})[name] = value
        else:
            tree[section] = value
    return tree


def _settings(values: dict[str, Any]) -> type[HubConfig]:
    """`HubConfig` with the file's values below the environment's and the arguments."""

    class Loaded(HubConfig):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    return Loaded


def _absolute(config: HubConfig, base: Path) -> HubConfig:
    """With every relative path taken from `base`."""
    sections: dict[str, BaseModel] = {
        name: _rebased(getattr(config, name), base) for name in ("grpc", "http", "data")
    }
    return config.model_copy(update=sections)


def _rebased(section: BaseModel, base: Path) -> BaseModel:
    changed: dict[str, Any] = {}
    for key, value in section:
        if isinstance(value, Path):
            changed[key] = base / value.expanduser()
        elif isinstance(value, BaseModel):
            changed[key] = _rebased(value, base)
    return section.model_copy(update=changed)


def _unsafe(config: HubConfig, name: str, flags: Mapping[str, Any]) -> Iterator[str]:
    yield from _unsafe_grpc(config.grpc, place(name, ("grpc", "listen"), flags))
    yield from _unsafe_http(config.http, name, flags)


def _unsafe_grpc(grpc: Grpc, where: str) -> Iterator[str]:
    for listen in grpc.listen:
        if is_local(listen):
            continue
        if grpc.tokens_file is None and (grpc.tls is None or grpc.tls.client_ca is None):
            yield (
                f'{where} = "{listen}": without tokens anybody could report for any server; '
                "set grpc.tokens_file and [grpc.tls] (`hopwatch-hub init` does), or listen on "
                'loopback or "unix:/path"'
            )
        elif grpc.tls is None:
            yield (
                f'{where} = "{listen}": without TLS everybody on the way can read the tokens; '
                "set [grpc.tls] cert and key (`hopwatch-hub enroll SERVER --code` makes them), "
                'or listen on loopback or "unix:/path"'
            )


def _unsafe_http(http: Http, name: str, flags: Mapping[str, Any]) -> Iterator[str]:
    where, auth = place(name, ("http", "listen"), flags), place(name, ("http", "auth"), flags)
    if http.auth == "none":
        if not is_local(http.listen):
            yield (
                f'{where} = "{http.listen}": with auth = "none" only loopback ("127.0.0.1:8082") '
                'or "unix:/path" is allowed; set auth = "token" and [http.tls], '
                "or put a proxy that authenticates in front of it"
            )
        return
    if http.auth == "token" and http.readers_file is None:
        yield (
            f'{auth} = "token": needs http.readers_file, with the readers\' tokens '
            "(`hopwatch-hub enroll --reader NAME` fills it)"
        )
    if not is_local(http.listen) and http.tls is None and not http.trusted_proxies:
        yield (
            f'{where} = "{http.listen}": without TLS everybody on the way can read what makes a '
            "reader; set [http.tls] cert and key, or http.trusted_proxies with the addresses of "
            "the proxy in front (nobody else is then let in), or listen on loopback"
        )
