"""The journal: what agents sent, on disk before it is acknowledged, in one order for everybody.

Enters: batches, hellos, inventories and sightings, from the event loop. Leaves: an outcome for each
caller, and to the `sink` one call for each commit with its events. A thread owns the file and
commits whatever waits when the previous commit ends, so the slower the disk, the larger the groups.

What always holds:

* The sink sees events in the journal's order, each once, and before its caller gets the outcome.
* What has an outcome `Committed` or `Dropped` survives a crash of the hub and of the machine.
* An event that is not journalled (`emit`) keeps its place behind what was submitted before it. It
  is not told where a batch of its `Lane` was not taken: it may speak of lines that are not here.

A full disk (less than the reserve is free, or SQLite says so) fails the appends with `StorageFull`;
nothing is acknowledged, `state` says why. It recovers by itself: every append tries again, and
without any the thread looks once a second. Deleting goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hopwatch.v1 import ingest_pb2 as pb

from hub.columns.wire import decode
from hub.defaults import JOURNAL_DELETE_ENTRIES, RESERVE_MIB
from hub.journal.file import JournalError
from hub.journal.store import (
    Account,
    Committed,
    Dropped,
    Outcome,
    OutOfPlace,
    Store,
)
from hub.journal.writer import JournalState, Lane, Sink, StorageFull, Writer
from hub.model import (
    BatchCommitted,
    ConnectionsSeen,
    Event,
    HelloSeen,
    InventorySeen,
    Journalled,
    LogKey,
    LogSeen,
    Observations,
)

__all__ = [
    "Account",
    "Committed",
    "Dropped",
    "Journal",
    "JournalError",
    "JournalState",
    "Lane",
    "OutOfPlace",
    "Outcome",
    "StorageFull",
]


@dataclass(slots=True)
class Counters:
    """Since the start, for metrics."""

    batches: int = 0
    rows: int = 0
    bytes: int = 0
    dropped: int = 0
    """Batches that were here already."""


class Journal:
    """The open journal. Everything but `open` and `replay` belongs to one event loop."""

    def __init__(self, store: Store, sink: Sink, reserve_bytes: int) -> None:
        self.counters = Counters()
        self._store = store
        self._writer = Writer(store, sink, reserve_bytes)

    @classmethod
    def open(
        cls, directory: Path, *, sink: Sink | None = None, reserve_mib: int = RESERVE_MIB
    ) -> Journal:
        """Open or make the journal of a data directory. Raises `JournalError`."""
        return cls(Store(directory), sink or _ignore, reserve_mib << 20)

    @property
    def sink(self) -> Sink:
        """Who is told of events; set it before the first append."""
        return self._writer.sink

    @sink.setter
    def sink(self, sink: Sink) -> None:
        self._writer.sink = sink

    @property
    def state(self) -> JournalState:
        return self._writer.state

    @property
    def waiting_bytes(self) -> int:
        """Submitted, not yet committed."""
        return self._writer.waiting_bytes

    @property
    def commits(self) -> int:
        """Since the start; each is one group."""
        return self._writer.commits

    async def close(self) -> None:
        """Commit what waits, then close the file."""
        await self._writer.close()
        self._store.close()

    def limit_pages(self, pages: int) -> None:
        """Let the file grow to this many pages only: a full disk that needs no full disk."""
        self._store.limit_pages(pages)

    # --- in ---

    async def append_batch(
        self, log: LogKey, batch: pb.Batch, observations: Observations | None = None
    ) -> Outcome:
        """Journal a batch where it continues its log. Raises `StorageFull`, `RemoteError`."""
        decoded = decode(batch) if observations is None else observations
        await self.room()
        return await self.submit_batch(log, batch, decoded, Lane())

    async def room(self) -> None:
        """Wait until the queue can take more."""
        await self._writer.room()

    def pause(self, paused: bool) -> None:
        """There is no room, however little waits: who takes the events cannot take more."""
        self._writer.pause(paused)

    def submit_batch(
        self, log: LogKey, batch: pb.Batch, observations: Observations, lane: Lane
    ) -> asyncio.Future[Outcome]:
        """As `append_batch`, without waiting for room: batches of one stream stay in order."""
        rows = observations.rows

        def tell(outcome: Outcome) -> Event | None:
            return self._committed(outcome, log, batch, observations)

        return self._writer.submit(
            lambda store: store.append_batch(log, batch, rows), tell, lane, batch.ByteSize()
        )

    def append_hello(self, event: HelloSeen, lane: Lane | None = None) -> asyncio.Future[None]:
        """Journal a hello unless it repeats the server's last; tell the sink in any case."""
        return self._writer.submit(
            lambda store: store.append_hello(event.server, event.hello), lambda _: event, lane
        )

    def append_inventory(
        self, event: InventorySeen, lane: Lane | None = None
    ) -> asyncio.Future[None]:
        """Journal an inventory unless it repeats the server's last; tell the sink in any case."""
        return self._writer.submit(
            lambda store: store.append_inventory(event.server, event.inventory),
            lambda _: event,
            lane,
            event.inventory.ByteSize(),
        )

    def append_connections(
        self, event: ConnectionsSeen, lane: Lane | None = None
    ) -> asyncio.Future[None]:
        """Journal what a server tells of its connections, and tell the sink."""
        return self._writer.submit(
            lambda store: store.append_connections(event.server, event.connections),
            lambda _: event,
            lane,
            event.connections.ByteSize(),
        )

    def resume(
        self, log: LogKey, sighting: pb.LogSighting, lane: Lane | None = None
    ) -> asyncio.Future[LogSeen]:
        """Note a sighting; where to go on in that log. The sink is told too."""
        path, log_format = sighting.path, int(sighting.format)
        return self._writer.submit(lambda store: store.resume(log, path, log_format), _same, lane)

    def emit(self, event: Event, lane: Lane | None = None) -> None:
        """Tell the sink of something that is not journalled, in its place."""
        lane = lane if lane is not None else Lane()
        if self._writer.unsettled:
            self._writer.submit(None, lambda _: None if lane.broken else event, lane)
        elif not lane.broken:
            self.sink([event])

    async def delete_before(self, seq: int) -> int:
        """Delete the entries below `seq` but for hellos and inventories valid then; how many."""
        deleted = 0
        while count := await self._delete(seq):
            deleted += count
        return deleted

    def _delete(self, seq: int) -> asyncio.Future[int]:
        return self._writer.submit(
            lambda store: store.delete_before(seq, JOURNAL_DELETE_ENTRIES),
            _nothing,
            None,
            grows=False,
        )

    def write(self, apply: Callable[[Store], object]) -> asyncio.Future[Any]:
        """Do this in a transaction of its own place in the order, the reserve being its to use."""
        return self._writer.submit(apply, _nothing, None, grows=False)

    # --- out ---

    @property
    def store(self) -> Store:
        """For readers of what is committed."""
        return self._store

    def read(self, seq: int) -> pb.Batch:
        """A journalled batch, as it came. `KeyError` where there is none."""
        return self._store.read(seq)

    @property
    def last_seq(self) -> int:
        """Of the newest entry; 0: there is none."""
        return self._store.last_seq()

    def replay(self, after: int = 0, up_to: int | None = None) -> Iterator[Journalled]:
        """What was journalled behind `after`, in order; up to an entry, or as far as there is."""
        return self._store.replay(after, up_to)

    def _committed(
        self, outcome: Outcome, log: LogKey, batch: pb.Batch, observations: Observations
    ) -> BatchCommitted | None:
        if not isinstance(outcome, Committed):
            self.counters.dropped += isinstance(outcome, Dropped)
            return None
        self.counters.batches += 1
        self.counters.rows += observations.rows
        self.counters.bytes += batch.ByteSize()
        return BatchCommitted(
            outcome.seq,
            log,
            batch.first_offset,
            batch.end_offset,
            batch.malformed,
            tuple(batch.malformed_samples),
            batch.watermark_ns,
            observations,
        )


def _ignore(events: list[Event]) -> None:
    """A sink for those who only keep."""


def _same(seen: LogSeen) -> Event:
    return seen


def _nothing(_: object) -> None:
    return None
