"""Who may report for which server: tokens of agents.

Enters: `tokens_file`, TOML, server id to token or `"sha256:<hex of it>"`, and what a stream's
metadata presents. Leaves: None, or the reason why this stream may not report for that server. Kept
in memory are hashes only; every one is compared, in constant time. Tokens of readers are others.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.config import ConfigError
from hub.defaults import MIN_TOKEN_CHARS

SERVER_ID = re.compile(r"[a-z0-9._-]{1,64}")
_HASHED = re.compile(r"sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not. `unknown`: nobody has this token; otherwise it is another server's."""

    reason: str
    unknown: bool


class Tokens:
    """The agents' tokens."""

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self._digests = dict(digests)

    @classmethod
    def load(cls, path: Path) -> Tokens:
        """Read a tokens file. Raises `ConfigError` with one line for each problem."""
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
        except ValueError as error:
            raise ConfigError([f"{path.name}: not valid TOML: {error}"]) from None
        problems: list[str] = []
        digests = {
            server: _digest(path.name, server, values[server], problems) for server in values
        }
        if not values:
            problems.append(f'{path.name}: holds no token; write: server-id = "token"')
        if problems:
            raise ConfigError(problems)
        return cls(digests)

    def check(self, server: str, token: str | None) -> Denial | None:
        """None where the token is this server's."""
        if token is None:
            return Denial("this hub asks for a token: set hub.token_file", unknown=True)
        presented = hashlib.sha256(token.encode()).digest()
        owners = [
            owner
            for owner, digest in self._digests.items()
            if hmac.compare_digest(digest, presented)
        ]
        if server in owners:
            return None
        if owners:
            return Denial(f'the token is not that of server "{server}"', unknown=False)
        return Denial("the token is not known to this hub", unknown=True)


def bearer(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    """The token of `authorization: Bearer <token>`, if there is one."""
    for key, value in metadata:
        scheme, _, token = str(value).partition(" ")
        if key == "authorization" and scheme.lower() == "bearer" and token:
            return token.strip()
    return None


def _digest(file: str, server: str, value: object, problems: list[str]) -> bytes:
    """The hash of one entry's token; what is wrong with it goes to `problems`, never the token."""
    if not SERVER_ID.fullmatch(server):
        problems.append(f'{file}: "{server}": a server id has 1 to 64 of a-z, 0-9, dot, dash, _')
    if isinstance(value, str) and (hashed := _HASHED.fullmatch(value)):
        return bytes.fromhex(hashed[1])
    if not isinstance(value, str) or value.startswith("sha256:"):
        problems.append(f'{file}: {server}: must be a token, or "sha256:" and 64 hex digits')
    elif len(value) < MIN_TOKEN_CHARS or not value.isascii() or value.split() != [value]:
        problems.append(
            f"{file}: {server}: a token has {MIN_TOKEN_CHARS} or more ASCII characters, no spaces"
        )
    return hashlib.sha256(str(value).encode()).digest()
