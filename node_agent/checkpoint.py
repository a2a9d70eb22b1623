"""What the agent must remember over a restart, in its state directory.

`instance`: 16 random bytes, made once. `checkpoint.json`: the logs that were sighted per proxy,
with the offset that the hub last acknowledged. The hub's offset wins; this only tells a rotated
file that still has unread lines from one that was there before the agent came.

`lock`: held while an agent works here; two of them would write over each other's account.

Always: a file is replaced whole (written aside, fsynced, renamed, the directory fsynced).
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

import msgspec

from node_agent.defaults import INSTANCE_BYTES, MAX_SIGHTINGS


class InUse(Exception):
    """Another agent has the state directory."""


class Sighting(msgspec.Struct):
    """A log that was seen."""

    path: str
    offset: int = 0
    """Acknowledged up to here."""
    ignored: bool = False
    """It lay beside the live log at first contact, and the hub does not know it: never read."""
    complete: bool = False
    """Rotated, read to its end and acknowledged."""


class Book(msgspec.Struct):
    """`checkpoint.json`."""

    version: int = 1
    proxies: dict[str, dict[str, Sighting]] = msgspec.field(default_factory=dict)
    """By proxy, then by the fingerprint's hexadecimal digits, oldest sighting first."""


class Checkpoint:
    """The state directory's content; changes stay in memory until `save`."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "checkpoint.json"
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(directory)
        self.instance = _instance(directory / "instance")
        self._book = _load(self._file)
        self._dirty = False

    def close(self) -> None:
        """Let another agent have the directory."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def contacted(self, proxy: str) -> bool:
        """The agent has followed this proxy before."""
        return proxy in self._book.proxies

    def get(self, proxy: str, fingerprint: bytes) -> Sighting | None:
        """What is known of a log."""
        return self._book.proxies.get(proxy, {}).get(fingerprint.hex())

    def contact(self, proxy: str) -> None:
        """From now on, files that appear beside this proxy's log are its rotated ones."""
        if proxy not in self._book.proxies:
            self._book.proxies[proxy] = {}
            self._dirty = True

    def sight(self, proxy: str, fingerprint: bytes, path: str) -> Sighting:
        """Note a log; a known one keeps what is known of it."""
        self.contact(proxy)
        logs = self._book.proxies[proxy]
        sighting = logs.get(fingerprint.hex())
        if sighting is None:
            while len(logs) >= MAX_SIGHTINGS:
                del logs[next(iter(logs))]
            sighting = logs[fingerprint.hex()] = Sighting(path)
            self._dirty = True
        elif sighting.path != path:
            sighting.path = path
            self._dirty = True
        return sighting

    def ignore(self, proxy: str, fingerprint: bytes, ignored: bool) -> None:
        """Never read this log: it was there before the agent. Or do, since the hub knows it."""
        if (sighting := self.get(proxy, fingerprint)) is not None:
            sighting.ignored = ignored
            self._dirty = True

    def acknowledged(self, proxy: str, fingerprint: bytes, offset: int) -> None:
        """The hub has journalled everything below `offset`."""
        sighting = self.get(proxy, fingerprint)
        if sighting is not None and sighting.offset != offset:
            sighting.offset = offset
            sighting.complete = False
            self._dirty = True

    def completed(self, proxy: str, fingerprint: bytes) -> None:
        """A rotated log is through."""
        sighting = self.get(proxy, fingerprint)
        if sighting is not None and not sighting.complete:
            sighting.complete = True
            self._dirty = True

    def save(self) -> None:
        """Write what changed, so that it survives a power cut; OSError where the disk refuses."""
        if self._dirty:
            replace(self._file, msgspec.json.format(msgspec.json.encode(self._book)))
            self._dirty = False


def _locked(directory: Path) -> int:
    """A descriptor that holds the directory; the system lets go of it however the process ends."""
    held = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise InUse(
            f"{directory}: another hopwatch-agent works with this state directory"
        ) from None
    return held


def _load(file: Path) -> Book:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Book)
    except FileNotFoundError:
        return Book()
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Only the rotated files' history is lost; the hub's offsets still hold.
        file.replace(file.with_suffix(".damaged"))
        return Book()


def _instance(file: Path) -> bytes:
    if file.exists() and len(known := file.read_bytes()) == INSTANCE_BYTES:
        return known
    made = secrets.token_bytes(INSTANCE_BYTES)
    replace(file, made)
    return made


def replace(file: Path, content: bytes) -> None:
    """Write a file whole, so that a crash leaves the old or the new content."""
    aside = file.with_name(file.name + ".new")
    with aside.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
