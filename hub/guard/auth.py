"""Tokens: who may report for which server, and who may read.

Enters: `tokens_file` and `readers_file`, TOML, server id (reader's name) to token or
`"sha256:<hex of it>"`, and what a stream's metadata or a request presents. Leaves: None, or the
reason why this stream may not report for that server; the reader's name, or None. Kept in memory
are hashes only; every one is compared, in constant time. No token is there twice.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.config import ConfigError
from hub.defaults import MIN_TOKEN_CHARS
from hub.guard.secret_files import read_secret

SERVER_ID = re.compile(r"[a-z0-9._-]{1,64}")
READER = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_HASHED = re.compile(r"sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not. `unknown`: nobody has this token; otherwise it is another server's."""

    reason: str
    unknown: bool


class Tokens:
    """The agents' tokens."""

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self.digests = dict(digests)

    @classmethod
    def load(cls, path: Path) -> Tokens:
        """Read a tokens file. Raises `ConfigError` with one line for each problem."""
        return cls(_load(path, SERVER_ID, "a server id has 1 to 64 of a-z, 0-9, dot, dash, _"))

    def check(self, server: str, token: str | None) -> Denial | None:
        """None where the token is this server's."""
        if token is None:
            return Denial("this hub asks for a token: set hub.token_file", unknown=True)
        owners = _owners(self.digests, token)
        if server in owners:
            return None
        if owners:
            return Denial(f'the token is not that of server "{server}"', unknown=False)
        return Denial("the token is not known to this hub", unknown=True)


class Readers:
    """The readers' tokens."""

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self.digests = dict(digests)

    @classmethod
    def load(cls, path: Path) -> Readers:
        """Read a readers file. Raises `ConfigError` with one line for each problem."""
        allowed = "a reader's name has 1 to 64 of A-Z, a-z, 0-9, dot, dash, _, @"
        return cls(_load(path, READER, allowed))

    def name(self, token: str) -> str | None:
        """Whose token this is."""
        return next(iter(_owners(self.digests, token)), None)

    def mark(self, name: str) -> str | None:
        """What a session of this reader carries: another one when the token is another."""
        digest = self.digests.get(name)
        return hashlib.sha256(b"session" + digest).hexdigest()[:16] if digest else None


def check_apart(tokens: Tokens | None, readers: Readers | None) -> None:
    """Agents' tokens cannot read and readers' cannot report. Raises `ConfigError`."""
    if tokens is None or readers is None:
        return
    servers = {digest: server for server, digest in tokens.digests.items()}
    both = [
        f'reader "{name}" and server "{servers[digest]}" have the same token; give them two'
        for name, digest in readers.digests.items()
        if digest in servers
    ]
    if both:
        raise ConfigError(both)


def bearer(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    """The token of `authorization: Bearer <token>`, if there is one."""
    for key, value in metadata:
        if key == "authorization":
            return bearer_token(str(value))
    return None


def bearer_token(value: str) -> str | None:
    """The token of "Bearer <token>"."""
    scheme, _, token = value.partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def _owners(digests: Mapping[str, bytes], token: str) -> list[str]:
    presented = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
    return [name for name, digest in digests.items() if hmac.compare_digest(digest, presented)]


_HOW = "`hopwatch-hub enroll` makes tokens, of servers (--code) and readers (--reader)"


def _load(path: Path, names: re.Pattern[str], allowed: str) -> dict[str, bytes]:
    if not path.exists():
        raise ConfigError([f"{path} does not exist yet: nobody is let in; {_HOW}"])
    try:
        values = tomllib.loads(read_secret(path, "the tokens file").decode("utf-8"))
    except ValueError as error:
        raise ConfigError([f"{path.name}: not valid TOML: {error}"]) from None
    problems = [f'{path.name}: "{name}": {allowed}' for name in values if not names.fullmatch(name)]
    digests = {name: _digest(path.name, name, values[name], problems) for name in values}
    problems += _doubles(path.name, digests)
    if not values:
        problems.append(f'{path.name}: holds no token; {_HOW}, or write: name = "token"')
    if problems:
        raise ConfigError(problems)
    return digests


def _doubles(file: str, digests: Mapping[str, bytes]) -> Iterator[str]:
    """Whoever shares a token could pass for the other."""
    owners: dict[bytes, str] = {}
    for name, digest in digests.items():
        if (first := owners.setdefault(digest, name)) != name:
            yield f"{file}: {first} and {name} have the same token; give them two"


def _digest(file: str, name: str, value: object, problems: list[str]) -> bytes:
    """The hash of one entry's token; what is wrong with it goes to `problems`, never the token."""
    if isinstance(value, str) and (hashed := _HASHED.fullmatch(value)):
        return bytes.fromhex(hashed[1])
    if not isinstance(value, str) or value.startswith("sha256:"):
        problems.append(f'{file}: {name}: must be a token, or "sha256:" and 64 hex digits')
    elif len(value) < MIN_TOKEN_CHARS or not value.isascii() or value.split() != [value]:
        problems.append(
            f"{file}: {name}: a token has {MIN_TOKEN_CHARS} or more ASCII characters, no spaces"
        )
    return hashlib.sha256(str(value).encode()).digest()
