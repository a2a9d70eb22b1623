"""Follows one proxy's access log through rotation, truncation and restarts.

In: looks (with the time), the hub's offsets, what it acknowledged. Out: events (a log was sighted,
turned away, is finished) and whole lines. The clock is an argument; files come through `files`.

Terms: a *log* is content, known by its first line's fingerprint; a *handle* is an open file. A log
has at most one handle. What always holds:

* A log is read by one handle from the offset that the hub named, without gap, and the first line is
  compared after each read: bytes of a file that was truncated meanwhile are thrown away.
* Where two files show the same log (a copy, a restored older one), the one that holds more is read.
* A handle whose path now shows another file is watched for 60 s more (Traefik writes to a renamed
  log until `USR1`); one whose first line changed (`copytruncate`) starts a new log, and the old one
  goes on in a copy beside it, if there is one with unread lines.
* Files beside the log (`access.log.1`, `access.log-20261122.gz`) are read when the agent has been
  here before and has not read them to their end. What lay there at first contact is only read if
  the hub knows it.
* A log's handle is let go only when the hub has acknowledged all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from node_agent import files
from node_agent.beside import Beside, Schedule
from node_agent.checkpoint import Checkpoint
from node_agent.defaults import BLOCK_BYTES, MAX_LINE_BYTES, ROTATED_WATCH_S
from node_agent.files import FileId, FirstLine
from node_agent.lines import Block, LineBuffer, OverLong
from node_agent.log import (
    Event,
    Finished,
    Handle,
    Log,
    Sighted,
    Turned,
    Unreadable,
    holds_more,
    same,
)
from node_agent.model import LogFormat
from node_agent.trouble import Trouble


class Tail:
    """One proxy's log and what it was before."""

    def __init__(
        self,
        proxy: str,
        path: Path,
        memory: Checkpoint,
        *,
        format: LogFormat | None = None,
        others: Sequence[Path] = (),
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self.proxy = proxy
        self.path = path
        self.logs: dict[bytes, Log] = {}
        self._memory = memory
        self._format = format
        self._beside = Beside(path, others)
        self._max_line_bytes = max_line_bytes
        self._handles: list[Handle] = []
        self._live: Handle | None = None
        self._scans = Schedule(path.parent)
        self._now_s = 0.0
        self._unreadable = False
        self._trouble = Trouble()
        self._first_contact = not memory.contacted(proxy)

    # What the shell calls.

    def look(self, now_s: float, *, let_go: bool = True) -> list[Event]:
        """See what became of the files; call it at each wake, before reading.

        Without `let_go` nothing is finished: the hub could not be told.
        """
        self._now_s = now_s
        events = list(self._follow_path(now_s))
        for handle in list(self._handles):
            try:
                events += self._inspect(handle, now_s)
            except OSError as error:
                self._trouble.failed(error, self._now_s)
        if self._scans.due(now_s):
            events += self._scan(now_s)
        if let_go:
            events += self._let_go(now_s)
        if news := self._trouble.news(now_s):
            events.append(Unreadable(self.path, news))
        return events

    def seek(self, log: Log, offset: int) -> None:
        """Go on at the hub's offset."""
        if log.only_if_known:
            if offset == 0:
                self._drop(log)
                return
            log.only_if_known = False
            self._memory.ignore(self.proxy, log.fingerprint, False)
        log.buffer = LineBuffer(offset, self._max_line_bytes)
        log.acknowledged = offset
        log.at_end = False
        log.reached_ns = 0  # It may go back a long way: where a hub begins anew.

    def read(self, log: Log, limit: int = BLOCK_BYTES) -> list[Block | OverLong]:
        """The next whole lines; sets `at_end` where the file has no more."""
        if log.buffer is None or log.handle is None:
            return []
        try:
            data = log.handle.file.read(log.buffer.end, limit)
        except files.Unfinished:
            self._put_off(log, log.handle)
            return []
        except OSError as error:
            log.at_end = True
            self._trouble.failed(error, self._now_s)
            return []
        if not same(log.handle):
            log.at_end = False
            return []
        log.at_end = len(data) < limit
        return log.buffer.feed(data) if data else []

    def acknowledged(self, log: Log, offset: int) -> None:
        """Everything below `offset` is journalled."""
        if offset > log.acknowledged:
            log.acknowledged = offset
            self._memory.acknowledged(self.proxy, log.fingerprint, offset)

    def close(self) -> None:
        """Let go of all files."""
        for handle in self._handles:
            handle.file.close()
        self._handles.clear()
        self._live = None

    # The live file.

    def _follow_path(self, now_s: float) -> Iterator[Event]:
        found = files.identify(self.path)
        live = self._live
        if live is not None and live.file.id != found:
            live.live, live.watch_until_s = False, now_s + ROTATED_WATCH_S
            self._live = None
            self._scans.soon(now_s)
            if (log := self._log_of(live)) is not None:
                yield Turned(log, "rotated" if found else "gone")
        if self._live is None and found is not None:
            yield from self._open_live(found)

    def _open_live(self, found: FileId) -> Iterator[Event]:
        handle = next((h for h in self._handles if h.file.id == found), None)
        if handle is None:
            try:
                file = files.open_log(self.path)
            except PermissionError as error:
                if not self._unreadable:
                    self._unreadable = True
                    yield Unreadable(self.path, error.strerror or "permission denied")
                return
            if file is None:
                return
            handle = Handle(file, self.path, live=True)
            self._handles.append(handle)
        handle.live, self._unreadable = True, False
        self._live = handle
        # Others may have come and gone since the last look.
        self._scans.soon(self._now_s)

    def _inspect(self, handle: Handle, now_s: float) -> Iterator[Event]:
        """Notice a changed first line, and a first line that became complete."""
        if handle.first is not None and not same(handle):
            log = self._log_of(handle)
            handle.first = None
            self._scans.soon(now_s)
            if log is not None:
                log.handle, log.gone_s = None, now_s + ROTATED_WATCH_S
                yield Turned(log, "truncated")
        if handle.first is None:
            handle.first = files.first_line(handle.file)
            if handle.first is not None:
                yield from self._bind(handle, handle.first, only_if_known=False)
        elif self._is_spare(handle):
            yield from self._bind(handle, handle.first, only_if_known=False)

    def _is_spare(self, handle: Handle) -> bool:
        """It shows a log that is not read anywhere now, and may be."""
        log = self.logs.get(handle.first.fingerprint) if handle.first else None
        return handle.live if log is None else log.handle is None

    def _bind(self, handle: Handle, first: FirstLine, *, only_if_known: bool) -> Iterator[Event]:
        """The handle shows this log: go on in it there, or make its acquaintance."""
        log = self.logs.get(first.fingerprint)
        if log is None:
            self._memory.sight(self.proxy, first.fingerprint, str(handle.path))
            self._memory.ignore(self.proxy, first.fingerprint, only_if_known)
            log = Log(
                self.proxy,
                first.fingerprint,
                self._format or (LogFormat.JSON if first.head[:1] == b"{" else LogFormat.CLF),
                handle.path,
                handle,
                self._format,
                only_if_known,
            )
            self.logs[first.fingerprint] = log
            yield Sighted(log)
            return
        if log.handle is not None and log.handle is not handle:
            spare = log.handle if holds_more(handle, log.handle) else handle
            if not spare.live:
                self._close(spare)
            if spare is handle:
                return
        log.handle, log.path, log.at_end = handle, handle.path, False

    # Files beside it.

    def _scan(self, now_s: float) -> Iterator[Event]:
        """Open the files beside the log that have something to read, oldest first."""
        for path, first in self._beside.look([handle.file.id for handle in self._handles]):
            if not self._wanted(path, first):
                continue
            file = files.open_log(path)
            if file is None:
                continue
            watch_s = 0.0 if file.size() is None else ROTATED_WATCH_S
            handle = Handle(file, path, False, now_s + watch_s, first)
            self._handles.append(handle)
            yield from self._bind(handle, first, only_if_known=self._first_contact)
        self._first_contact = False
        self._memory.contact(self.proxy)

    def _put_off(self, log: Log, handle: Handle) -> None:
        """A compressed file that is not whole: try again at a later scan."""
        self._close(handle)
        log.handle, log.gone_s = None, self._now_s + ROTATED_WATCH_S
        self._scans.later(self._now_s)

    def _wanted(self, path: Path, first: FirstLine) -> bool:
        """It holds lines that are not read from another file."""
        log = self.logs.get(first.fingerprint)
        if log is not None:
            return log.handle is None or files.length(path) > log.handle.file.length()
        known = self._memory.get(self.proxy, first.fingerprint)
        if known is None:
            return True
        if known.ignored:
            return False
        return not known.complete or files.length(path) > known.offset

    # The end.

    def _let_go(self, now_s: float) -> Iterator[Event]:
        for log in list(self.logs.values()):
            if log.handle is None:
                if now_s >= log.gone_s:
                    del self.logs[log.fingerprint]
                    yield Finished(log)
            elif not log.live and now_s >= log.handle.watch_until_s and log.through:
                self._memory.completed(self.proxy, log.fingerprint)
                self._drop(log)
                yield Finished(log)
        for handle in list(self._handles):
            unused = not handle.live and self._log_of(handle) is None
            if unused and now_s >= handle.watch_until_s:
                self._close(handle)

    def _drop(self, log: Log) -> None:
        if log.handle is not None:
            self._close(log.handle)
            log.handle = None
        self.logs.pop(log.fingerprint, None)

    def _close(self, handle: Handle) -> None:
        handle.file.close()
        self._handles.remove(handle)

    def _log_of(self, handle: Handle) -> Log | None:
        log = self.logs.get(handle.first.fingerprint) if handle.first else None
        return log if log is not None and log.handle is handle else None
