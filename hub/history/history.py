"""History as the hub runs it: restored at the start, sealed, compacted and trimmed from then on.

Enters: the core, the journal, the time. Leaves: `pages` for readers. One task seals, compacts and
trims, one after the other, so no two of them change the catalogue at once. What fails (a full disk,
as a rule) is said, and tried again: meanwhile the lines stay in the journal and in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from hub.config import Data
from hub.defaults import RETENTION_S, SEAL_LINES, SEAL_POLL_S, SEAL_RETRY_S
from hub.history.archive import Archive
from hub.history.keeping import Keeping
from hub.history.pages import Pages
from hub.history.replays import Replays
from hub.history.restore import finish, restore
from hub.history.sealer import Sealer
from hub.history.windows import Windows
from hub.journal.journal import Journal
from hub.settle.pipeline import Pipeline

log = structlog.get_logger("history")


@dataclass(frozen=True, slots=True)
class Condition:
    """How sealing stands."""

    sealed_ns: int
    """When history last had all that was settled; before the first sealing: since the start."""
    files: int
    calls: int
    size: int
    """Bytes of the files."""
    lines_unsealed: int
    failures: int
    """Of sealings and of housekeeping, since the start."""
    problem: str | None
    """Why the last attempt failed; None: it did not."""


class History:
    """The history of one data directory."""

    def __init__(self, pipeline: Pipeline, journal: Journal, data: Data) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._data = data
        archive = Archive(journal.store, data.directory / "history")
        self.pages = Pages(pipeline, archive)
        self.windows = Windows(pipeline, journal.store)
        self.replays = Replays(pipeline, self.pages, journal.store, time.time_ns)
        self._archive = archive
        self._sealed_ns = time.time_ns()
        self._failures = 0
        self._problem: str | None = None
        self._sealer = Sealer(pipeline, journal, archive)
        self._keeping = Keeping(pipeline, journal, archive)

    def condition(self) -> Condition:
        """How sealing stands."""
        entries = self._archive.state.files
        return Condition(
            self._sealed_ns,
            len(entries),
            sum(entry.calls for entry in entries),
            sum(entry.size for entry in entries),
            self._sealer.lines_unsealed,
            self._failures,
            self._problem,
        )

    def restore(self, now_ns: int) -> int:
        """Fill the empty core; the journal entry behind which it reads on."""
        return restore(self._pipeline, self._journal.store, now_ns)

    def restored(self) -> None:
        """The journal was read."""
        finish(self._pipeline, self._journal.store)

    async def run(self, stopping: asyncio.Event) -> None:
        """Seal and keep house until the hub stops."""
        now_s = time.monotonic()
        seal_at_s, keep_at_s = now_s + self._data.seal_interval_s, now_s + RETENTION_S
        while not await _happens(stopping, SEAL_POLL_S):
            now_s = time.monotonic()
            if now_s >= seal_at_s or self._sealer.lines_unsealed >= SEAL_LINES:
                done = await self._tried(self._seal)
                self._sealed_ns = time.time_ns() if done else self._sealed_ns
                seal_at_s = time.monotonic() + (self._data.seal_interval_s if done else 0)
                if not done and await _happens(stopping, SEAL_RETRY_S):
                    return
            elif now_s >= keep_at_s:
                await self._tried(self._keep)
                keep_at_s = time.monotonic() + RETENTION_S

    async def _seal(self) -> None:
        await self._sealer.seal(time.time_ns())

    async def _keep(self) -> None:
        most = self._data.history_gib
        changed = await self._keeping.compact(time.time_ns())
        changed += await self._keeping.retain(
            time.time_ns(), self._data.retention_days, most << 30 if most else None
        )
        if changed:
            await self._sealer.publish(time.time_ns())

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except Exception as error:
            self._failures += 1
            self._problem = f"history cannot be written: {error}; nothing is lost meanwhile"
            log.exception(
                "history cannot be written, it is tried again; nothing is lost meanwhile",
                directory=str(self._archive.directory),
                problem=str(error),
            )
            return False
        self._problem = None
        return True


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False
