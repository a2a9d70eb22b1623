"""Lets a server report, or a reader read: tokens, certificates, and the agent's configuration.

Enters: the hub's configuration and a name. Leaves: an entry in the tokens file, a directory with
the files that the server needs (0700), and the text of its agent.toml. The token's entry is written
last: what fails before leaves nothing valid behind. The tokens file is locked from beginning to
end, so that of two enrolments at once neither loses its entry, or its CA.
"""

from __future__ import annotations

import json
import secrets
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from hub.config import HubConfig, split_address
from hub.defaults import TOKEN_BYTES
from hub.guard.auth import READER, SERVER_ID
from hub.guard.certificates import CLIENT, SERVER, Authority, Pair, first_host, stands_for
from hub.guard.secret_files import (
    locked,
    make_private_directory,
    read_public,
    read_secret,
    write_secret,
)
from hub.guard.token_file import TokenFile


class EnrollError(Exception):
    """It was not done; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of it."""

    agent_toml: str
    directory: Path
    files: tuple[str, ...]
    """In the directory, to be copied beside agent.toml."""
    hints: list[str] = field(default_factory=list)


def enroll_reader(config: HubConfig, name: str, *, force: bool) -> str:
    """A new reader's token. Raises `EnrollError`, `ConfigError`, `OSError`."""
    if not READER.fullmatch(name):
        raise EnrollError(f'"{name}": a name has 1 to 64 of A-Z, a-z, 0-9, dot, dash, _, @')
    path = config.http.readers_file
    if path is None:
        raise EnrollError(
            'http.readers_file is not set; add to [http]: readers_file = "readers.toml"'
        )
    with locked(path):
        file = TokenFile(path, "readers")
        if name in file and not force:
            raise EnrollError(f"reader {name} is enrolled already; --force gives a new token")
        token = _new_token_value()
        file.put(name, token)
        file.save()
    return token


def enroll_server(
    config: HubConfig,
    server: str,
    address: str | None,
    output: Path | None,
    *,
    certificates: bool,
    force: bool,
) -> Enrolled:
    """A server's token and files. Raises `EnrollError`, `ConfigError`, `OSError`."""
    if not SERVER_ID.fullmatch(server):
        raise EnrollError(f'"{server}": a server id has 1 to 64 of a-z, 0-9, dot, dash, _')
    if config.grpc.tokens_file is None:
        raise EnrollError('grpc.tokens_file is not set; add to [grpc]: tokens_file = "tokens.toml"')
    with locked(config.grpc.tokens_file):
        tokens = TokenFile(config.grpc.tokens_file, "servers")
        if server in tokens and not force:
            raise EnrollError(f"{server} is enrolled already; --force gives it a new token")
        return _enroll(config, tokens, server, address, output, certificates=certificates)


def _enroll(
    config: HubConfig,
    tokens: TokenFile,
    server: str,
    address: str | None,
    output: Path | None,
    *,
    certificates: bool,
) -> Enrolled:
    """Make the server's files, then its entry; the tokens file is locked."""
    place = output or config.data.directory / "enrolled" / server
    make_private_directory(place)
    hints: list[str] = []
    hub = address or own_address(config)
    tls = _certify(config, server, hub, place, hints) if certificates else _trust(config, place)
    token = _new_token_value()
    write_secret(place / "agent.token", token.encode() + b"\n")
    tokens.put(server, token)
    tokens.save()
    files = ("agent.token", *tls.values())
    return Enrolled(_agent_toml(server, hub, tls, config.grpc.tls is not None), place, files, hints)


def _certify(
    config: HubConfig, server: str, hub: str, place: Path, hints: list[str]
) -> dict[str, str]:
    """Make the agent's certificate, and the hub's where it has none. `tls` of agent.toml."""
    now, data = datetime.now(UTC), config.data.directory
    authority = _authority(data, now)
    pair = authority.issue(server, [server], CLIENT, now)
    write_secret(place / "agent.pem", pair.cert)
    write_secret(place / "agent.key", pair.key)
    tls = {"cert": "agent.pem", "key": "agent.key"}
    configured = config.grpc.tls
    if configured is None:
        _certify_hub(authority, data, hub, now)
        hints.append(
            "add to hub.toml, and start the hub anew:\n"
            f"[grpc.tls]\ncert = {_text(data / 'hub.pem')}\nkey = {_text(data / 'hub.key')}\n"
            f"client_ca = {_text(data / 'ca.pem')}   # every agent must then show a certificate"
        )
    elif configured.client_ca is None:
        hints.append(
            f"the hub asks for no certificate yet: [grpc.tls] client_ca = {_text(data / 'ca.pem')}"
        )
    own = read_public(configured.cert if configured else data / "hub.pem", "the certificate")
    if not stands_for(own, _host(hub)):
        hints.append(f"the hub's certificate does not name {_host(hub)}: agents will refuse it")
    if authority.has_issued(own):
        write_secret(place / "ca.pem", authority.pair.cert)
        return {"ca": "ca.pem", **tls}
    return tls  # The hub's is of a CA that the agent's machine knows.


def _trust(config: HubConfig, place: Path) -> dict[str, str]:
    """What an agent without a certificate needs to trust the hub. `tls` of agent.toml."""
    ca = own_ca(config)
    if ca is None:
        return {}
    write_secret(place / "ca.pem", ca)
    return {"ca": "ca.pem"}


def own_ca(config: HubConfig) -> bytes | None:
    """PEM of the local CA, where it signed the hub's certificate."""
    data, configured = config.data.directory, config.grpc.tls
    if configured is None or not (data / "ca.key").exists():
        return None
    authority = _authority(data, datetime.now(UTC))
    if not authority.has_issued(read_public(configured.cert, "the certificate")):
        return None
    return authority.pair.cert


def certify_hub(config: HubConfig, hub: str) -> str:
    """Make the hub's certificate for this address, by the local CA; what to add to hub.toml."""
    now, data = datetime.now(UTC), config.data.directory
    _certify_hub(_authority(data, now), data, hub, now)
    return f"[grpc.tls]\ncert = {_text(data / 'hub.pem')}\nkey = {_text(data / 'hub.key')}"


def reserved(config: HubConfig, server: str) -> bool:
    """Make an entry for a server that has none, with a token that nobody has: a hub does not start
    without any. False where there is one. Raises `ConfigError`, `OSError`."""
    path = config.grpc.tokens_file
    assert path is not None
    with locked(path):
        if server in TokenFile(path, "servers"):
            return False
        _put_new_token(path, server)
    return True


def new_token(config: HubConfig, server: str) -> str:
    """A server's token, in place of the one it had. Raises `ConfigError`, `OSError`."""
    assert config.grpc.tokens_file is not None
    with locked(config.grpc.tokens_file):
        return _put_new_token(config.grpc.tokens_file, server)


def _put_new_token(path: Path, server: str) -> str:
    tokens, token = TokenFile(path, "servers"), _new_token_value()
    tokens.put(server, token)
    tokens.save()
    return token


def _authority(data: Path, now: datetime) -> Authority:
    """The local CA, made where it is missing."""
    cert, key = data / "ca.pem", data / "ca.key"
    if not key.exists():
        make_private_directory(data)
        made = Authority.new(f"Hopwatch CA {socket.gethostname()}"[:64], now)
        write_secret(key, made.pair.key)
        write_secret(cert, made.pair.cert)
        return made
    try:
        return Authority(Pair(read_public(cert, "the CA"), read_secret(key, "the CA's key")))
    except ValueError as error:
        raise EnrollError(f"{cert}: {error}") from None


def _certify_hub(authority: Authority, data: Path, hub: str, now: datetime) -> None:
    """The hub's own certificate; one that is there and names this address stays."""
    cert = data / "hub.pem"
    if cert.exists() and (data / "hub.key").exists():
        there = cert.read_bytes()
        if authority.has_issued(there) and stands_for(there, _host(hub)):
            return
    hosts = dict.fromkeys((_host(hub), socket.gethostname(), "localhost", "127.0.0.1", "::1"))
    pair = authority.issue("hopwatch-hub", hosts, SERVER, now)
    write_secret(data / "hub.key", pair.key)
    write_secret(cert, pair.cert)


def own_address(config: HubConfig) -> str:
    """How agents reach this hub, as far as its configuration and its certificate tell."""
    for listen in config.grpc.listen:
        if listen.startswith("unix:"):
            continue
        host, port = split_address(listen)
        try:
            everywhere = ip_address(host).is_unspecified
        except ValueError:
            everywhere = False
        return f"{_certified_host(config) or socket.gethostname()}:{port}" if everywhere else listen
    return config.grpc.listen[0]


def _certified_host(config: HubConfig) -> str | None:
    """For whom a certificate of the local CA was made; others' may name anything first."""
    if config.grpc.tls is None or own_ca(config) is None:
        return None
    host = first_host(read_public(config.grpc.tls.cert, "the certificate"))
    return f"[{host}]" if host and ":" in host else host


def _host(hub: str) -> str:
    return "localhost" if hub.startswith("unix:") else split_address(hub)[0]


def _agent_toml(server: str, hub: str, tls: dict[str, str], configured: bool) -> str:
    lines = ["[server]", f"id = {_text(server)}", "", "[hub]", f"address = {_text(hub)}"]
    lines.append('token_file = "agent.token"')
    if tls or configured:
        inner = ", ".join(f"{key} = {_text(value)}" for key, value in tls.items())
        lines.append(f"tls = {{ {inner} }}" if inner else "tls = {}")
    return "\n".join(lines) + "\n"


def _new_token_value() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def _text(value: object) -> str:
    """TOML's basic strings are written as in JSON."""
    return json.dumps(str(value), ensure_ascii=False)
