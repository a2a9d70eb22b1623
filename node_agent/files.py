"""Files as the tail sees them: opened once, followed by device and inode, plain or gzipped.

Nothing here decides anything; what cannot be read now (gone, half compressed) is None or raises
`Unfinished`, and is tried again later.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from node_agent.defaults import BLOCK_BYTES, FINGERPRINT_BYTES, HEAD_BYTES


@dataclass(frozen=True, slots=True)
class FileId:
    """Which file it is, whatever its name."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class FirstLine:
    """A log's identity, and what is compared to see that it is still there."""

    fingerprint: bytes
    head: bytes


class Unfinished(Exception):
    """A compressed file that is still being written, or damaged."""


class LogFile(Protocol):
    """An open file."""

    id: FileId

    def size(self) -> int | None:
        """Bytes that it holds now; None where only reading to the end tells."""

    def length(self) -> int:
        """The same, where it is not known as the compressed file states it (modulo 2**32)."""

    def read(self, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes; none at the end. Raises Unfinished."""

    def close(self) -> None:
        """Let go of it."""


class PlainFile:
    """An uncompressed log."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self.id = _regular(os.fstat(self._fd))
        except OSError:
            os.close(self._fd)
            raise

    def size(self) -> int | None:
        return self.length()

    def length(self) -> int:
        return os.fstat(self._fd).st_size

    def read(self, offset: int, limit: int) -> bytes:
        return os.pread(self._fd, limit, offset)

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1


class GzipFile:
    """A compressed one; offsets are those of its content, reading goes forward."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        self.id = _regular(os.fstat(self._raw.fileno()))
        self._content = gzip.GzipFile(fileobj=self._raw)

    def size(self) -> int | None:
        return None

    def length(self) -> int:
        fd = self._raw.fileno()
        last = os.pread(fd, 4, max(os.fstat(fd).st_size - 4, 0))
        return int.from_bytes(last, "little")

    def read(self, offset: int, limit: int) -> bytes:
        try:
            if self._content.seek(offset) < offset:
                return b""
            return self._content.read(limit)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Unfinished(str(error)) from None

    def close(self) -> None:
        self._raw.close()


def identify(path: Path) -> FileId | None:
    """Which regular file lies at `path` (through symlinks), if any."""
    try:
        return _regular(path.stat())
    except OSError:
        return None


def changed_ns(directory: Path) -> int:
    """When something was last made, renamed or removed in it; 0: it is not there."""
    try:
        return directory.stat().st_mtime_ns
    except OSError:
        return 0


def open_log(path: Path) -> LogFile | None:
    """Open it for reading; None where there is none. PermissionError is for the caller to tell."""
    try:
        return GzipFile(path) if path.suffix == ".gz" else PlainFile(path)
    except PermissionError:
        raise
    except OSError:
        return None


def length(path: Path) -> int:
    """What the log at `path` holds; 0 where it cannot be read."""
    try:
        file = open_log(path)
    except PermissionError:
        return 0
    if file is None:
        return 0
    try:
        return file.length()
    finally:
        file.close()


def first_line(file: LogFile) -> FirstLine | None:
    """Read a log's identity; None while its first line is not complete."""
    try:
        return _first_line(file)
    except Unfinished:
        return None


def _first_line(file: LogFile) -> FirstLine | None:
    digest = hashlib.sha256()
    head = b""
    offset = 0
    size = 4 * HEAD_BYTES
    while data := file.read(offset, size):
        end = data.find(b"\n")
        if len(head) < HEAD_BYTES:
            head += data[: end + 1 if end >= 0 else None][: HEAD_BYTES - len(head)]
        if end >= 0:
            digest.update(data[:end])
            return FirstLine(digest.digest()[:FINGERPRINT_BYTES], head)
        digest.update(data)
        offset += len(data)
        size = BLOCK_BYTES
    return None


def _regular(status: os.stat_result) -> FileId:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return FileId(status.st_dev, status.st_ino)
