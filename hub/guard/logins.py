"""Sessions of readers who logged in: signed cookies, nothing stored.

Enters: readers' names and the time in s. Leaves: cookie values, and the reader of a value. A value
holds name, mark of the reader's token, expiry and a number; it is worthless when the signature is
wrong, the time is over, the reader logged out, or the reader's token was withdrawn or replaced. The
key lies in the data directory (0600): restarts keep sessions, and deleting it ends them all.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer

from hub.config import ConfigError
from hub.defaults import MAX_LOGGED_OUT
from hub.guard.auth import Readers
from hub.guard.secret_files import make_private_directory, read_secret, write_secret

KEY_BYTES = 32


class Sessions:
    """Makes sessions and reads them."""

    def __init__(self, key: bytes, lifetime_s: float) -> None:
        self.lifetime_s = lifetime_s
        self._signed = URLSafeSerializer(key, salt="hopwatch session")
        self._ended: OrderedDict[str, float] = OrderedDict()

    def begin(self, name: str, readers: Readers, now_s: float) -> str:
        """A new session of this reader, as a cookie's value."""
        until_s = int(now_s + self.lifetime_s)
        value = self._signed.dumps([name, readers.mark(name), until_s, secrets.token_hex(8)])
        return value if isinstance(value, str) else value.decode()

    def reader(self, value: str, readers: Readers, now_s: float) -> str | None:
        """Whose session this is; None: nobody's, or nobody's any more."""
        try:
            name, mark, until_s, number = self._signed.loads(value)
        except (BadData, ValueError, TypeError):
            return None
        if now_s >= until_s or number in self._ended or mark is None:
            return None
        return name if readers.mark(name) == mark else None

    def end(self, value: str) -> None:
        """Log out: this value is worthless from now on."""
        try:
            _, _, until_s, number = self._signed.loads(value)
        except (BadData, ValueError, TypeError):
            return
        self._ended[number] = until_s
        if len(self._ended) > MAX_LOGGED_OUT:
            self._ended.popitem(last=False)


def session_key(directory: Path) -> bytes:
    """The key in the data directory, drawn at the first time. Raises `ConfigError`."""
    path = directory / "session.key"
    try:
        if not path.exists():
            make_private_directory(directory)
            write_secret(path, secrets.token_bytes(KEY_BYTES))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be written: {error.strerror}"]) from None
    key = read_secret(path, "the sessions' key")
    if len(key) < KEY_BYTES:
        raise ConfigError([f"{path}: is no key of {KEY_BYTES} bytes; delete it"])
    return key
