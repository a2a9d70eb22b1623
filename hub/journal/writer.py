"""The journal's thread: jobs in, in order; commits in groups; outcomes and events out, in order.

Enters: `Job`s from the event loop. Leaves, on the loop and in the order of the jobs: one call of
the sink for each group, then the jobs' futures. The thread commits whatever waits when the previous
commit ends. A group is one transaction: all of it is on disk, or nothing is and every job that
writes gets `StorageFull`.

Bounds: a group takes at most `JOURNAL_GROUP_BYTES` (one job at least); `room` is closed while
`JOURNAL_QUEUE_BYTES` wait, or while it is paused. What is waiting when the writer closes is still
committed.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hub.defaults import JOURNAL_GROUP_BYTES, JOURNAL_QUEUE_BYTES, JOURNAL_RETRY_S
from hub.journal.store import OutOfPlace, Store
from hub.model import Event

Sink = Callable[[list[Event]], None]
PROBE_BYTES: Final = 65_536
logger = logging.getLogger(__name__)


class StorageFull(Exception):
    """Nothing can be stored now, and nothing was. The text says why."""


@dataclass(slots=True)
class Lane:
    """One stream's way through the journal."""

    broken: bool = False
    """A batch of it was not taken: what the stream says behind that is not passed on."""


@dataclass(frozen=True, slots=True)
class JournalState:
    """Whether the journal can store: `reason` is None, or says why it cannot."""

    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


@dataclass(slots=True)
class Job:
    """Something to do in the journal's order."""

    apply: Callable[[Store], Any] | None
    """In the thread, within a transaction; None: nothing to write."""
    tell: Callable[[Any], Event | None]
    """On the loop: what the sink gets for the outcome of `apply`."""
    lane: Lane
    size: int
    future: asyncio.Future[Any]
    grows: bool = True
    """Takes space, so it has to leave the reserve alone."""


class Writer:
    """The thread and its queue. All but `_run` and what it calls belongs to the event loop."""

    def __init__(self, store: Store, sink: Sink, reserve_bytes: int) -> None:
        self.sink = sink
        self.state = JournalState()
        self.waiting_bytes = 0
        self.unsettled = 0
        self.commits = 0
        self._store = store
        self._reserve_bytes = reserve_bytes
        self._paused = False
        self._room = asyncio.Event()
        self._room.set()
        self._queue: deque[Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def room(self) -> None:
        """Wait until the queue can take more."""
        while not self._room.is_set():
            await self._room.wait()

    def pause(self, paused: bool) -> None:
        """No room until this ends; what is submitted all the same is committed."""
        self._paused = paused
        self._look_for_room()

    def submit(
        self,
        apply: Callable[[Store], Any] | None,
        tell: Callable[[Any], Event | None],
        lane: Lane | None = None,
        size: int = 0,
        *,
        grows: bool = True,
    ) -> asyncio.Future[Any]:
        """Put a job behind all others; its future gets the outcome of `apply`."""
        if self._closing:
            raise StorageFull("the hub stops")
        self._loop = self._loop or asyncio.get_running_loop()
        job = Job(apply, tell, lane or Lane(), size, self._loop.create_future(), grows)
        self.unsettled += 1
        self.waiting_bytes += size
        self._look_for_room()
        with self._wake:
            self._queue.append(job)
            self._wake.notify()
        return job.future

    async def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # The last group's outcomes are delivered now.

    # --- in the thread ---

    def _run(self) -> None:
        while group := self._next_group():
            outcomes = self._commit(group)
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._settle, group, outcomes)
            except RuntimeError:
                return  # The loop is closed: nobody is left to be told.

    def _next_group(self) -> list[Job]:
        """Wait for jobs; none: the writer closes."""
        while True:
            with self._wake:
                if not self._queue and not self._closing:
                    self._wake.wait(None if self.state.ok else JOURNAL_RETRY_S)
                if self._queue or self._closing:
                    return self._take()
            self._look_again()

    def _take(self) -> list[Job]:
        group: list[Job] = []
        size = 0
        while self._queue and (not group or size + self._queue[0].size <= JOURNAL_GROUP_BYTES):
            group.append(self._queue.popleft())
            size += group[-1].size
        return group

    def _commit(self, group: list[Job]) -> list[Any]:
        """The outcomes of a group's jobs: all of them, or an exception for each that writes."""
        growth = [job.size for job in group if job.apply and job.grows]
        shortage = self._shortage(sum(growth)) if growth else None
        todo = [job.apply if job.apply and not (shortage and job.grows) else None for job in group]
        try:
            outcomes = self._transact(todo, shrinks=not growth)
        except sqlite3.Error as error:
            shortage = f"the journal cannot be written: {error}"
        except Exception as error:
            logger.exception("a group of the journal failed by a fault of the hub")
            return [StorageFull(f"a fault of the hub: {error!r}")] * len(group)
        else:
            for position, job in enumerate(group):
                if shortage and job.apply and job.grows:
                    outcomes[position] = StorageFull(shortage)
            self._enter(shortage if growth else self.state.reason)
            return outcomes
        self._enter(shortage)
        return [StorageFull(shortage) if job.apply else None for job in group]

    def _transact(self, todo: list[Callable[[Store], Any] | None], *, shrinks: bool) -> list[Any]:
        if not any(todo):
            return [None] * len(todo)
        self._store.begin()
        try:
            outcomes = [apply(self._store) if apply else None for apply in todo]
            self._store.commit()
        except BaseException:
            self._store.rollback()
            raise
        self.commits += 1
        if shrinks:
            self._store.give_back()
        return outcomes

    def _shortage(self, size: int) -> str | None:
        free = self._store.free_bytes()
        if free - size >= self._reserve_bytes:
            return None
        return (
            f"the disk of the data directory is full: {max(free, 0) >> 20} MiB free, "
            f"{self._reserve_bytes >> 20} MiB are kept in reserve; nothing is acknowledged "
            "until there is room"
        )

    def _look_again(self) -> None:
        """With a full disk and no appends: has space returned?"""
        if self.state.ok:
            return
        reason = self._shortage(PROBE_BYTES)
        if reason is None:
            try:
                self._store.probe(PROBE_BYTES)
            except sqlite3.Error as error:
                reason = f"the journal cannot be written: {error}"
        self._enter(reason)

    def _enter(self, reason: str | None) -> None:
        if (reason is None) != self.state.ok:
            logger.warning(
                "the journal %s", f"stores nothing: {reason}" if reason else "stores again"
            )
        self.state = JournalState(reason)

    # --- on the loop ---

    def _settle(self, group: list[Job], outcomes: list[Any]) -> None:
        self.unsettled -= len(group)
        self.waiting_bytes -= sum(job.size for job in group)
        self._look_for_room()
        events = []
        for job, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, (StorageFull, OutOfPlace)):
                job.lane.broken = True
            elif (event := job.tell(outcome)) is not None:
                events.append(event)
        try:
            if events:
                self.sink(events)
        finally:
            for job, outcome in zip(group, outcomes, strict=True):
                _resolve(job.future, outcome)

    def _look_for_room(self) -> None:
        if self._paused or self.waiting_bytes >= JOURNAL_QUEUE_BYTES:
            self._room.clear()
        else:
            self._room.set()


def _resolve(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
        future.exception()  # Marked as seen: not every caller waits for it.
    else:
        future.set_result(outcome)
