"""Which hub to ask, and what to show it: flags, environment, configuration file, defaults.

In: what click found in flags and environment (None: not given). Out: a checked `Settings`, or
`WrongUsage` with one sentence. A flag beats the environment, that beats the file. Paths of the file
are relative to it. Tokens are taken from files that only their user can read, never from a flag:
every process of the machine sees those.
"""

from __future__ import annotations

import ipaddress
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.defaults import ADDRESS
from cli.problems import WrongUsage

PATHS = ("token_file", "ca", "cert", "key")
KEYS: Mapping[str, type] = {
    "address": str,
    "token": str,
    "tls": bool,
    **dict.fromkeys(PATHS, str),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How the hub is reached."""

    address: str
    token: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: Path | None = None
    """None with `tls`: the system's authorities."""
    cert: Path | None = None
    key: Path | None = None


def default_file(environment: Mapping[str, str]) -> Path:
    """`cli.toml` by the XDG base directories."""
    base = environment.get("XDG_CONFIG_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return home / "hopwatch" / "cli.toml"


def load(given: Mapping[str, Any], file: Path | None = None) -> Settings:
    """`given`: by key, from flags and environment; `file`: must be there, the default need not."""
    path = file or default_file(os.environ)
    values = _read(path) if file or path.exists() else {}
    wanted = {key: value for key, value in given.items() if value is not None}
    if wanted.keys() & {"token", "token_file"}:
        values.pop("token", None)
        values.pop("token_file", None)
    values |= wanted
    if (token_file := values.get("token_file")) and "token" not in wanted:
        values["token"] = _token(Path(token_file))
    paths = {name: Path(values[name]) if values.get(name) else None for name in PATHS[1:]}
    settings = Settings(
        values.get("address") or ADDRESS,
        values.get("token") or None,
        bool(values.get("tls") or any(paths.values())),
        **paths,
    )
    _check(settings)
    return settings


def secret(path: Path, what: str) -> bytes:
    """The content of a file that must be its user's only."""
    content = content_of(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WrongUsage(
            f"{path}: {what} can be used by others (mode {mode:04o}); run: chmod 600 {path}"
        )
    return content


def content_of(path: Path) -> bytes:
    """Its bytes."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{path}: {error.strerror}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(content_of(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path}: no TOML: {error}") from None
    for key, value in values.items():
        if key not in KEYS:
            raise WrongUsage(f"{path}: {key}: no such key; there are {', '.join(KEYS)}")
        if not isinstance(value, KEYS[key]):
            kind = "true or false" if KEYS[key] is bool else "a string"
            raise WrongUsage(f"{path}: {key} = {value!r}: must be {kind}")
    if "token" in values:
        secret(path, "the token in it")
        values.pop("token_file", None)
    for key in PATHS:
        if values.get(key):
            values[key] = str(path.parent / Path(values[key]).expanduser())
    return values


def _token(path: Path) -> str:
    token = secret(path, "the token").decode(errors="replace").strip()
    if not token:
        raise WrongUsage(f"{path}: holds no token")
    return token


def _check(settings: Settings) -> None:
    token, address = settings.token, settings.address
    if not address.startswith("unix:"):
        host, colon, port = address.rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) < 65_536):
            raise WrongUsage(f'hub address "{address}": must be host:port or unix:/path')
    if token is not None and not (token.isascii() and token.isprintable()):
        raise WrongUsage("the token has characters that no token has")
    if (settings.cert is None) != (settings.key is None):
        raise WrongUsage("a client certificate needs both: --cert and --key")
    if token is not None and not settings.tls and not _stays_here(address):
        raise WrongUsage(
            f"{address}: the token would cross the network readable; give the hub's CA "
            "(--ca FILE), or --tls where the system trusts its certificate"
        )


def _stays_here(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
