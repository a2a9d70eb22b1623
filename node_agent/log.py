"""A log being followed, the open file that shows it, and what can happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node_agent.files import FirstLine, LogFile
from node_agent.lines import LineBuffer
from node_agent.model import LogFormat


@dataclass(slots=True, eq=False)
class Handle:
    """An open file."""

    file: LogFile
    path: Path
    live: bool
    """It lies at the configured path."""
    watch_until_s: float = 0.0
    """A file that is not live is read at least until then."""
    first: FirstLine | None = None
    """None until its first line is complete."""


def same(handle: Handle) -> bool:
    """The file still begins with the line that it was opened for; a gzipped one does not change."""
    if handle.first is None or handle.file.size() is None:
        return True
    return handle.file.read(0, len(handle.first.head)) == handle.first.head


def holds_more(one: Handle, other: Handle) -> bool:
    """Of two files with the same first line; of equal ones the live one, which may grow."""
    mine, others = one.file.length(), other.file.length()
    return mine > others or (mine == others and one.live)


@dataclass(slots=True, eq=False)
class Log:
    """One log's content and how far it has been read."""

    proxy: str
    fingerprint: bytes
    format: LogFormat
    path: Path
    handle: Handle | None
    only: LogFormat | None = None
    """As configured: lines in another format are malformed. None: each line shows its own."""
    only_if_known: bool = False
    """It lay beside the live log at first contact."""
    buffer: LineBuffer | None = None
    """None until the hub has said where to go on."""
    acknowledged: int = 0
    at_end: bool = False
    """The last read found the end."""
    reached_ns: int = 0
    """When the last line that was read had been complete; 0: not known yet."""
    bytes_a_line: float = 1000.0
    """Of the last lines: how much is read for a batch."""
    gone_s: float = 0.0
    """Without a handle: when it is given up."""

    @property
    def live(self) -> bool:
        """It is what the configured path shows."""
        return self.handle is not None and self.handle.live

    @property
    def size(self) -> int:
        """Bytes in its file now; 0 where that is not known."""
        return (self.handle.file.size() or 0) if self.handle else 0

    @property
    def behind(self) -> int:
        """Bytes in the file beyond what was read."""
        return max(self.size - self.buffer.end, 0) if self.buffer else self.size

    @property
    def through(self) -> bool:
        """All whole lines have been read and acknowledged."""
        return self.at_end and self.buffer is not None and self.acknowledged >= self.buffer.start


@dataclass(frozen=True, slots=True)
class Sighted:
    """A log appeared: ask the hub where to go on."""

    log: Log


@dataclass(frozen=True, slots=True)
class Turned:
    """A live log is live no more."""

    log: Log
    how: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more will come from a log; it has been let go."""

    log: Log


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The log is there and may not be read."""

    path: Path
    reason: str


Event = Sighted | Turned | Finished | Unreadable
