"""What `hub.toml` may say: its sections as frozen values, checked as they are built.

Enters: plain values. Leaves: sections, or pydantic's errors, which `config_problems` words. Reading
the file, the environment and the flags, and what is wrong between sections, is `config`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hub.config_problems import PREFIX
from hub.defaults import RECENT_CALLS, RESERVE_MIB, RETENTION_DAYS, SEAL_INTERVAL_S, SESSION_HOURS


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


def _host(value: str) -> str:
    name, colon, port = value.rpartition(":") if not value.endswith("]") else (value, "", "")
    if (colon and not (port.isascii() and port.isdigit())) or not HOST.fullmatch(name or value):
        raise ValueError('must be names such as "hub.example.com" or "hub.example.com:8443"')
    return value.lower()


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value):
        raise ValueError('must be the name of a header, such as "X-Forwarded-User"')
    return value


HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
Listen = Annotated[str, AfterValidator(_listen)]
Cidr = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class Section(BaseModel):
    """Base of the sections: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerTls(Section):
    """`[http.tls]`: the certificate (with its chain) and its private key, PEM files."""

    cert: Path
    key: Path


class GrpcTls(ServerTls):
    """`[grpc.tls]`: the same for agents and gRPC readers."""

    client_ca: Path | None = None
    """Who signs agents' certificates; given: every agent must show one, of its server."""


class Grpc(Section):
    """`[grpc]`: where agents come in."""

    listen: Annotated[
        tuple[Listen, ...], NoDecode, BeforeValidator(_listed), Field(min_length=1)
    ] = ("127.0.0.1:7443",)
    tokens_file: Path | None = None
    """TOML, server id to token (or its hash); None: no token is asked for."""
    tls: GrpcTls | None = None
    """For the addresses that are no Unix socket; None: plaintext."""


class Http(Section):
    """`[http]`: the view and the API."""

    listen: Listen = "127.0.0.1:8082"
    auth: Literal["none", "token", "proxy-header"] = "none"
    readers_file: Path | None = None
    """TOML, reader's name to token (or its hash)."""
    tls: ServerTls | None = None
    allowed_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(_listed)
    ] = ()
    """Names under which people reach the hub, beside the address that it listens on."""
    proxy_header: Annotated[str, AfterValidator(_header)] = "X-Forwarded-User"
    """Names the reader, with auth = "proxy-header"."""
    trusted_proxies: Annotated[tuple[Cidr, ...], NoDecode, BeforeValidator(_listed)] | None = None
    """Whose word on readers and addresses counts; None: this machine's."""
    session_hours: Annotated[int, Field(ge=1, le=8_760)] = SESSION_HOURS
    """Hours until a reader must log in again."""


class Data(Section):
    """`[data]`: what is kept, and where."""

    directory: Path = Path("/var/lib/hopwatch-hub")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = RETENTION_DAYS
    recent_calls: Annotated[int, Field(ge=1000)] = RECENT_CALLS
    reserve_mib: Annotated[int, Field(ge=0)] = RESERVE_MIB
    """Free space left on the data directory's disk, MiB."""
    seal_interval_s: Annotated[int, Field(ge=1, le=3_600)] = SEAL_INTERVAL_S
    """Seconds between two sealings: what a start has to read again."""
    history_gib: Annotated[int, Field(ge=1)] | None = None
    """Size of the history, GiB, beyond which its oldest calls go; None: they go by age only."""


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
    "grpc.tls": GrpcTls,
    "http": Http,
    "http.tls": ServerTls,
    "data": Data,
    "sources": SourceName,
}
