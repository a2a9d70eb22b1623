"""Files that hold secrets: read only where nobody else can read them.

Enters: a path and what it holds. Leaves: its bytes, or a `ConfigError` that says which file, how it
stands and what to run. What is written here is written whole or not at all, 0600, and belongs to
whom the file, else its directory, belonged before. Who reads a file in order to change it holds its
lock from before the reading until after the writing.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.config import ConfigError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path, what: str) -> bytes:
    """The content of a file that only its owner may use."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise ConfigError([f"{path}: {what} cannot be read: {error.strerror}"]) from None
    if mode & OTHERS:
        raise ConfigError(
            [f"{path}: {what} can be used by others (mode {mode:04o}); run: chmod 600 {path}"]
        )
    return content


def read_public(path: Path, what: str) -> bytes:
    """The content of a file that anybody may read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: {what} cannot be read: {error.strerror}"]) from None


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file atomically; 0600. Raises `OSError`."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _give_to_owner(Path(name), path)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time changes this file; the others wait. Raises `OSError`.

    The lock is a file beside it, which stays: `write_secret` replaces the file itself, and a lock
    would go with it. It is 0600, so that nobody else can hold it.
    """
    beside = path.with_name(f".{path.name}.lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(beside, flags, 0o600)
    try:
        _give_to_owner(descriptor, path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """A directory of its owner's only, made where it is missing. Raises `OSError`."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True)
        _give_to_owner(path, path.parent)


def _give_to_owner(made: Path | int, model: Path) -> None:
    """What root makes belongs to the user that the hub runs as."""
    if os.geteuid() == 0:
        owner = (model if model.exists() else model.parent).stat()
        os.chown(made, owner.st_uid, owner.st_gid)
