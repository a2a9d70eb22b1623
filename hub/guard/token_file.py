"""Entries of a tokens or readers file, added without touching the others, or the comments.

Enters: a file's text and a name. Leaves: the text with the hash of the name's new token. The token
itself is written nowhere here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from hub.config import ConfigError
from hub.guard.secret_files import read_secret, write_secret

_HEAD = "# {what}: name = hash of the token. `hopwatch-hub enroll` writes here; then send SIGHUP.\n"


class TokenFile:
    """One file. Raises `ConfigError` where it is no TOML, or open to others."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        text = read_secret(path, "the tokens file").decode("utf-8") if path.exists() else ""
        try:
            self._document = tomlkit.parse(text or _HEAD.format(what=what))
        except TOMLKitError as error:
            raise ConfigError([f"{path.name}: not valid TOML: {error}"]) from None

    def __contains__(self, name: str) -> bool:
        return name in self._document

    def put(self, name: str, token: str) -> None:
        """Set the name's token."""
        self._document[name] = "sha256:" + hashlib.sha256(token.encode()).hexdigest()

    def save(self) -> None:
        """Replace the file, 0600. Raises `OSError`."""
        write_secret(self._path, tomlkit.dumps(self._document).encode())
