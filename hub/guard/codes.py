"""Enrolment codes: made on the hub's machine, good for one token, once, for some minutes.

Enters: the hub's configuration, a server's id, the time. Leaves: a code (its form is
`ingest.proto`'s), and later, for its secret, the server that it was for. `codes.json` in the data
directory (0600) holds the secrets' hashes only; whoever changes it holds its lock. A code is
deleted before its token is made: it can be lost, and never be used twice.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from hub.config import ConfigError, HubConfig, is_local
from hub.defaults import MAX_CODES
from hub.guard.auth import SERVER_ID
from hub.guard.enroll import EnrollError, certify_hub, reserved
from hub.guard.secret_files import (
    locked,
    make_private_directory,
    read_public,
    read_secret,
    write_secret,
)

PREFIX = "hw1-"
PART_BYTES = 16
FORGOTTEN_S = 86_400
"""So long it is known that a code was too old, rather than never made."""


class Kept(msgspec.Struct, frozen=True):
    """What a code is for, and until when (seconds since 1970)."""

    server: str
    until_s: float


class UnusableCode(Exception):
    """It was never made here, or was used, or is too old; the text says so."""


def new_code(
    config: HubConfig, server: str, hub: str, now_s: float, minutes: float, *, force: bool
) -> str:
    """A code for this server, which reaches the hub at `hub`. Raises `EnrollError`, `ConfigError`,
    `OSError`."""
    if not SERVER_ID.fullmatch(server):
        raise EnrollError(f'"{server}": a server id has 1 to 64 of a-z, 0-9, dot, dash, _')
    grpc = config.grpc
    if grpc.tokens_file is None:
        raise EnrollError('grpc.tokens_file is not set; add to [grpc]: tokens_file = "tokens.toml"')
    if grpc.tls is not None and grpc.tls.client_ca is not None:
        raise EnrollError(
            "[grpc.tls] client_ca makes the hub ask for a certificate before it hears of a code; "
            "hopwatch-hub enroll SERVER --certificates makes the files to be copied"
        )
    if grpc.tls is None and not is_local(hub):
        raise EnrollError(
            "codes need TLS where they cross a network. The hub's certificate is made; add to "
            f"hub.toml, start the hub anew, and ask again:\n{certify_hub(config, hub)}"
        )
    secret, path = secrets.token_bytes(PART_BYTES), _file(config)
    make_private_directory(path.parent)
    with locked(path):
        known = _read(path)
        waited_for = any(one.server == server for one in known.values())
        if not reserved(config, server) and not waited_for and not force:
            raise EnrollError(
                f"{server} is enrolled already; --force: the code will give it a new token"
            )
        kept = {key: one for key, one in known.items() if one.until_s > now_s - FORGOTTEN_S}
        kept[_hash(secret)] = Kept(server, now_s + minutes * 60)
        newest = sorted(kept.items(), key=lambda item: item[1].until_s)[-MAX_CODES:]
        write_secret(path, msgspec.json.encode(dict(newest)))
    return PREFIX + urlsafe_b64encode(secret + _fingerprint(config)).decode().rstrip("=")


def redeem(config: HubConfig, secret: bytes, now_s: float) -> str:
    """The server that a code was for; it is used up. Raises `UnusableCode`, `ConfigError`,
    `OSError`."""
    path = _file(config)
    if not path.exists():
        raise UnusableCode("no such code: it was not made by this hub, or was used before")
    with locked(path):
        kept = _read(path)
        found = kept.pop(_hash(secret), None)
        if found is None:
            raise UnusableCode("no such code: it was not made by this hub, or was used before")
        write_secret(path, msgspec.json.encode(kept))
    if found.until_s <= now_s:
        raise UnusableCode(f"the code for {found.server} is too old")
    return found.server


def _fingerprint(config: HubConfig) -> bytes:
    """By which an agent knows the hub."""
    if config.grpc.tls is None:
        return bytes(PART_BYTES)
    pem = read_public(config.grpc.tls.cert, "the certificate")
    return load_pem_x509_certificate(pem).fingerprint(SHA256())[:PART_BYTES]


def _file(config: HubConfig) -> Path:
    return config.data.directory / "codes.json"


def _hash(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _read(path: Path) -> dict[str, Kept]:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(read_secret(path, "codes"), type=dict[str, Kept])
    except msgspec.DecodeError:
        raise ConfigError([f"{path}: holds no codes; delete it, and make new ones"]) from None
