"""`hopwatch import`: recorded logs of several servers into a fresh hub's data directory.

Lines are parsed, redacted and encoded as the agents do it, and journalled as the hub does it, in
the order in which the requests ended over all logs: so that halves find each other when the hub
reads the journal. The directory appears when everything is in it, or not at all.
"""

from __future__ import annotations

import asyncio
import heapq
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hopwatch.v1 import ingest_pb2 as pb

from cli.problems import Problem
from cli.recorded import Site
from hub.columns.wire import decode
from hub.journal.journal import Journal, JournalError, Lane, StorageFull
from hub.model import HelloSeen, InventorySeen, LogKey
from node_agent.batch import Encoder
from node_agent.defaults import COARSE_SLACK_NS, WATERMARK_SLACK_NS
from node_agent.files import LogFile, Unfinished, first_line, open_log
from node_agent.lines import LineBuffer
from node_agent.model import COARSE, Chunk
from node_agent.parse import parse

READ_BYTES = 256 * 1024
"""At once of one log: some 300 lines, a good batch, and fine enough to put logs in order."""
MAX_PENDING = 64
"""Batches handed to the journal that are not on disk: some MB."""


@dataclass
class Totals:
    """What was read."""

    lines: int = 0
    malformed: int = 0
    unfinished: list[Path] = field(default_factory=list)
    """Logs whose last line has no line feed; it is left out, as an agent leaves it."""
    empty: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    """Logs of one proxy that begin with the same line as another one: copies."""
    oldest_ns: int = 0


@dataclass
class Recorded:
    """One log, opened."""

    path: Path
    file: LogFile
    key: LogKey
    encoder: Encoder
    done: int = 0
    """Bytes that were read."""

    def chunks(self, totals: Totals) -> Iterator[tuple[int, Chunk, int]]:
        """When the last line of it ended, the lines, and up to when the log is complete."""
        buffer, ended_ns, complete_ns = LineBuffer(), 0, 0
        while data := self._read(buffer.end):
            self.done = buffer.end + len(data)
            for piece in buffer.feed(data):
                chunk = parse(piece)
                ends = [
                    start + entry.duration
                    for start, entry in zip(chunk.starts, chunk.entries, strict=True)
                ]
                ended_ns = max([ended_ns, *ends])
                coarse = any(entry.start_utc == COARSE for entry in chunk.entries)
                slack_ns = COARSE_SLACK_NS if coarse else WATERMARK_SLACK_NS
                complete_ns = max(complete_ns, ended_ns - slack_ns)
                yield ended_ns, chunk, complete_ns
        if buffer.start < buffer.end:
            totals.unfinished.append(self.path)

    def _read(self, offset: int) -> bytes:
        try:
            return self.file.read(offset, READ_BYTES)
        except Unfinished as error:
            raise Problem(f"{self.path}: damaged: {error}") from None
        except OSError as error:
            raise Problem(f"{self.path}: {error.strerror}") from None


def bring_in(directory: Path, found: list[Site], progress: Callable[[int, int], None]) -> Totals:
    """Make the directory; `progress` hears of bytes done and of all. Raises `Problem`."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Problem(f"{directory}: is not empty; give a directory that is not there yet")
    partial = directory.with_name(f"{directory.name}.partial")
    if partial.exists():
        raise Problem(f"{partial}: is left from an import that was killed; remove it")
    try:
        totals = asyncio.run(_bring_in(partial, found, progress))
        partial.rename(directory)
    except JournalError as error:
        raise Problem(str(error)) from None
    except StorageFull as error:
        raise Problem(f"{partial.parent}: {error}") from None
    except OSError as error:
        raise Problem(f"{error.filename or directory}: {error.strerror}") from None
    finally:
        if partial.exists():
            shutil.rmtree(partial)
    return totals


async def _bring_in(
    directory: Path, found: list[Site], progress: Callable[[int, int], None]
) -> Totals:
    totals = Totals()
    logs = _opened(found, totals)
    of_all = sum(log.file.length() for log in logs)
    journal = Journal.open(directory)
    try:
        for site in found:
            await journal.append_hello(HelloSeen(site.hello.server, site.hello))
            if site.inventory is not None:
                await journal.append_inventory(InventorySeen(site.hello.server, site.inventory))
        for number, log in enumerate(logs, 1):
            sighting = pb.LogSighting(
                number=number,
                proxy=log.key.proxy,
                fingerprint=log.key.fingerprint,
                path=str(log.path),
                size=log.file.length(),
            )
            await journal.resume(log.key, sighting)
        pending: deque[Any] = deque()
        for log, chunk, complete_ns in _in_order(logs, totals):
            _count(totals, chunk)
            for batch in log.encoder.encode(1, chunk):
                batch.watermark_ns = complete_ns
                await journal.room()
                pending.append(journal.submit_batch(log.key, batch, decode(batch), Lane()))
            while len(pending) > MAX_PENDING:
                await pending.popleft()
            progress(sum(log.done for log in logs), of_all)
        while pending:
            await pending.popleft()
    finally:
        await journal.close()
        for log in logs:
            log.file.close()
    return totals


def _opened(found: list[Site], totals: Totals) -> list[Recorded]:
    logs: dict[LogKey, Recorded] = {}
    for site in found:
        encoder = Encoder(site.redactor)
        for proxy, paths in site.logs.items():
            for path in paths:
                file = _open(path)
                first = first_line(file)
                if first is None:
                    totals.empty.append(path)
                    continue
                key = LogKey(site.hello.server, proxy, first.fingerprint)
                if key in logs:
                    totals.repeated.append(path)
                    continue
                logs[key] = Recorded(path, file, key, encoder)
    return list(logs.values())


def _open(path: Path) -> LogFile:
    try:
        file = open_log(path)
    except PermissionError:
        raise Problem(f"{path}: may not be read by this user") from None
    if file is None:
        raise Problem(f"{path}: there is no such file")
    return file


def _in_order(logs: list[Recorded], totals: Totals) -> Iterator[tuple[Recorded, Chunk, int]]:
    """Pieces of all logs, by when their last requests ended."""
    streams = [_numbered(number, log, totals) for number, log in enumerate(logs)]
    for _, number, chunk, complete_ns in heapq.merge(*streams, key=lambda piece: piece[:2]):
        yield logs[number], chunk, complete_ns


def _numbered(number: int, log: Recorded, totals: Totals) -> Iterator[tuple[int, int, Chunk, int]]:
    """One log's pieces with its number, which orders what ended at the same time."""
    for ended_ns, chunk, complete_ns in log.chunks(totals):
        yield ended_ns, number, chunk, complete_ns


def _count(totals: Totals, chunk: Chunk) -> None:
    totals.lines += chunk.rows + chunk.malformed
    totals.malformed += chunk.malformed
    if chunk.starts:
        oldest_ns = min(chunk.starts)
        totals.oldest_ns = min(totals.oldest_ns or oldest_ns, oldest_ns)
