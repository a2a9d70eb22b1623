"""The hub's configuration: `hub.toml`, under `HOPWATCH_…` variables, under flags.

Enters: a TOML file, the environment (`HOPWATCH_HTTP__LISTEN`; lists as JSON or with commas), flags
as keyword arguments (`http__listen=…`; None is "not given"). Leaves: a frozen `HubConfig`, or a
`ConfigError` with one line for each problem: where it stands, key, value, what is allowed. Always
holds in a `HubConfig`: nobody without a token gets in from beyond this machine; paths are absolute,
relative ones having been taken from the configuration file's directory.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from hub.config_problems import PREFIX, explain, place
from hub.defaults import RECENT_CALLS, RESERVE_MIB, RETENTION_DAYS


class ConfigError(Exception):
    """The configuration is wrong; `problems` has one readable line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# --- the form ------------------------------------------------------------------------------------


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[v6]:port". Raises `ValueError`."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not (colon and host and port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError
    if ":" in host and not bracketed:
        raise ValueError
    return host.strip("[]"), int(port)


def is_local(address: str) -> bool:
    """Whether only this machine reaches it: a Unix socket or a loopback address."""
    if address.startswith("unix:"):
        return True
    host, _ = split_address(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(value: str) -> str:
    if value.startswith("unix:") and len(value) > len("unix:"):
        return value
    try:
        split_address(value)
    except ValueError:
        raise ValueError('must be "address:port", "[v6 address]:port" or "unix:/path"') from None
    return value


def _listed(value: object) -> object:
    """A list, from the environment also as JSON or with commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise ValueError("must be a list: JSON, or values with commas between") from None
    return [part.strip() for part in value.split(",") if part.strip()]


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError('must be networks such as "10.8.0.0/24" or "fd00::/8"') from None


Listen = Annotated[str, AfterValidator(_listen)]
Cidr = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class Section(BaseModel):
    """Base of the sections: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Grpc(Section):
    """`[grpc]`: where agents come in."""

    listen: Annotated[
        tuple[Listen, ...], NoDecode, BeforeValidator(_listed), Field(min_length=1)
    ] = ("127.0.0.1:7443",)
    tokens_file: Path | None = None
    """TOML, server id to token (or its hash); None: no token is asked for."""


class Http(Section):
    """`[http]`: the view and the API."""

    listen: Listen = "127.0.0.1:8082"
    auth: Literal["none", "token", "proxy-header"] = "none"


class Data(Section):
    """`[data]`: what is kept, and where."""

    directory: Path = Path("/var/lib/hopwatch-hub")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = RETENTION_DAYS
    recent_calls: Annotated[int, Field(ge=1000)] = RECENT_CALLS
    reserve_mib: Annotated[int, Field(ge=0)] = RESERVE_MIB
    """Free space left on the data directory's disk, MiB."""


class SourceName(Section):
    """`[[sources]]`: a name for known outside addresses."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    cidrs: Annotated[tuple[Cidr, ...], BeforeValidator(_listed), Field(min_length=1)]


class HubConfig(BaseSettings):
    """All of `hub.toml`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__"
    )
    grpc: Grpc = Grpc()
    http: Http = Http()
    data: Data = Data()
    sources: tuple[SourceName, ...] = ()


SECTIONS: dict[str, type[BaseModel]] = {
    "": HubConfig,
    "grpc": Grpc,
    "http": Http,
    "data": Data,
    "sources": SourceName,
}


# --- loading -------------------------------------------------------------------------------------


def load(path: Path | str | None, **overrides: Any) -> HubConfig:
    """The configuration of a file (None: defaults), the environment and flags. `ConfigError`.

    An override names its key as `section__key`; one that is None was not given.
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
    if problems := list(_unsafe(config, name, flags)):
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
    tokens = config.grpc.tokens_file
    grpc = config.grpc.model_copy(update={"tokens_file": tokens and base / tokens})
    data = config.data.model_copy(update={"directory": base / config.data.directory})
    return config.model_copy(update={"grpc": grpc, "data": data})


def _unsafe(config: HubConfig, name: str, flags: Mapping[str, Any]) -> Iterator[str]:
    http, grpc = config.http, config.grpc
    if http.auth != "none":
        where = place(name, ("http", "auth"), flags)
        yield f'{where} = "{http.auth}": comes with a later release; allowed is "none"'
    elif not is_local(http.listen):
        yield (
            f'{place(name, ("http", "listen"), flags)} = "{http.listen}": with auth = "none" only '
            'loopback ("127.0.0.1:8082") or "unix:/path" is allowed; '
            "put a proxy that authenticates in front of it"
        )
    for listen in grpc.listen:
        if grpc.tokens_file is None and not is_local(listen):
            yield (
                f'{place(name, ("grpc", "listen"), flags)} = "{listen}": without tokens anybody '
                "could report for any server; set grpc.tokens_file, or listen on loopback "
                'or "unix:/path"'
            )
