"""The agent's configuration: what `agent.toml` may say, as CONTRACT fixes it.

Frozen values, checked as they are built. Reading the file, the environment and the flags, and
wording what is wrong with them, is `settings`.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from node_agent.path_patterns import checked

DOCKER_SOCKET = "unix:///var/run/docker.sock"
SERVER_ID = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)


def split_port(address: str) -> tuple[str, int | None]:
    """ "ip", "ip:port", "[ip]" or "[ip]:port" in two; ValueError where the port is no number."""
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError
        port = rest[1:] if rest else None
    elif address.count(":") == 1:
        host, _, port = address.partition(":")
    else:
        host, port = address, None
    if port is None:
        return host, None
    if not (port.isdecimal() and 0 < int(port) < 65_536):
        raise ValueError
    return host, int(port)


def _server_id(value: str) -> str:
    if not SERVER_ID.fullmatch(value):
        raise ValueError("must be 1 to 64 of a-z, 0-9, dot, dash, underscore")
    return value


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be an IPv4 or IPv6 address without a port") from None


def _listen_address(value: str) -> str:
    try:
        host, port = split_port(value)
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError('must be "ip:port", "[ip]:port" or an address alone') from None
    name = f"[{ip}]" if ip.version == 6 else str(ip)
    return f"{name}:{port or 80}"


def _hub_address(value: str) -> str:
    if value.startswith("unix:"):
        if len(value) > len("unix:"):
            return value
    else:
        try:
            host, port = split_port(value)
        except ValueError:
            host, port = "", None
        if host and port:
            return value
    raise ValueError('must be "host:port" or "unix:/path/to/socket"')


def is_local(hub_address: str) -> bool:
    """Whether the hub is on this machine: a Unix socket, or a loopback address."""
    if hub_address.startswith("unix:"):
        return True
    host, _ = split_port(hub_address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _subnet(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(f'must be a subnet such as "172.20.0.0/16" ({error})') from None


def _engine(value: str) -> str:
    if not re.fullmatch(r"unix:///.+|tcp://[^/]+:\d+", value):
        raise ValueError('must be "unix:///var/run/docker.sock" or "tcp://host:port"')
    return value


def _query_mode(value: object) -> object:
    """true and false are what this key was before it had three values."""
    text = str(value).lower()
    return {"true": "secrets", "false": "none"}.get(text, value)


def _http_url(value: str) -> str:
    if not re.match(r"https?://[^/]+", value):
        raise ValueError('must be an address such as "http://127.0.0.1:8081"')
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
ListenAddress = Annotated[str, AfterValidator(_listen_address)]
Subnet = Annotated[str, AfterValidator(_subnet)]
PathPattern = Annotated[str, AfterValidator(checked)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """`[server]`: who this is, and how others see it."""

    id: Annotated[str, AfterValidator(_server_id)]
    internal_addresses: tuple[Address, ...] = ()
    public_addresses: tuple[Address, ...] = ()


class Tls(Section):
    """`tls` of `[hub]`: PEM files."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _paired(self) -> Tls:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together: give both or none")
        return self


class Hub(Section):
    """`[hub]`: where the hub is, and what it is shown."""

    address: Annotated[str, AfterValidator(_hub_address)]
    token_file: Path | None = None
    tls: Tls | None = None


class Proxy(Section):
    """`[[proxies]]`: one Traefik of the server."""

    name: Name
    kind: Literal["public", "private"]
    access_log: Path
    format: Literal["json", "clf", "auto"] = "auto"
    addresses: tuple[ListenAddress, ...] = ()
    networks: tuple[Name, ...] = ()
    trusted_proxies: tuple[Subnet, ...] = ()
    traefik_api: HttpUrl | None = None


class Network(Section):
    """`[[networks]]`: a network of the server, or its stand-in."""

    name: Name
    subnet: Subnet | None = None
    gateway: Address | None = None
    shared: bool = False
    ignored: bool = False


class Docker(Section):
    """`[docker]`: where the engine answers, and which networks matter."""

    socket: Annotated[str, AfterValidator(_engine)] = DOCKER_SOCKET
    networks: tuple[Name, ...] = ()
    projects: tuple[Name, ...] = ()


class Conntrack(Section):
    """`[conntrack]`: whether the kernel's connection tracking may tell whose calls past the own
    proxy are. Linux; needs CAP_NET_ADMIN and the host's network namespace."""

    enabled: bool = False


class Service(Section):
    """`[[services]]`: who has which address, where there is no Docker to ask."""

    name: Name
    network: Name
    addresses: Annotated[tuple[Address, ...], Field(min_length=1)]


def default_state_directory() -> Path:
    """systemd's, else /var/lib for root, else XDG's place for state."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.geteuid() == 0:
        return Path("/var/lib/hopwatch-agent")
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "hopwatch-agent"


class Privacy(Section):
    """`[privacy]`: what does not leave the server."""

    redact_query: Annotated[Literal["secrets", "all", "none"], BeforeValidator(_query_mode)] = (
        "secrets"
    )
    redact_parameters: tuple[Name, ...] = ()
    redact_paths: tuple[PathPattern, ...] = ()
    truncate_clients: bool = False
    truncate_ipv4: Annotated[int, Field(ge=8, le=31)] = 24
    truncate_ipv6: Annotated[int, Field(ge=16, le=64)] = 48
    truncate_also: tuple[Subnet, ...] = ()
    truncate_never: tuple[Subnet, ...] = ()

    @model_validator(mode="after")
    def _truncates(self) -> Privacy:
        if self.truncate_also and not self.truncate_clients:
            raise ValueError("truncate_also needs truncate_clients = true")
        return self


class Metrics(Section):
    """`[metrics]`: where Prometheus may ask this agent."""

    listen: ListenAddress | None = None


class State(Section):
    """`[state]`: what must survive a restart."""

    directory: Path = Field(default_factory=default_state_directory)


class Log(Section):
    """`[log]`: the agent's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class AgentConfig(BaseSettings):
    """All of `agent.toml`."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="HOPWATCH_", env_nested_delimiter="__"
    )

    server: Server
    hub: Hub
    proxies: Annotated[tuple[Proxy, ...], Field(min_length=1)]
    networks: tuple[Network, ...] = ()
    docker: Docker | None = None
    services: tuple[Service, ...] = ()
    conntrack: Conntrack = Field(default_factory=Conntrack)
    privacy: Privacy = Field(default_factory=Privacy)
    metrics: Metrics = Field(default_factory=Metrics)
    state: State = Field(default_factory=State)
    log: Log = Field(default_factory=Log)

    def is_relevant(self, network: str) -> bool:
        """Whether calls on this network are shown: all are where `[docker] networks` names none;
        else those that it or a proxy names."""
        if self.docker is None or not self.docker.networks:
            return True
        return network in self.docker.networks or any(
            network in proxy.networks for proxy in self.proxies
        )
