"""A hub without sockets: the real journal, core and history on one directory, and a clock.

As a program (`python -m tests.hub.keeper DIRECTORY STEP TIMES`) it takes traffic in, seals, and is
killed by its own SIGKILL when sealing comes to a step for that many times.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hopwatch.v1 import ingest_pb2 as pb

from hub import forms
from hub.history.archive import Archive
from hub.history.keeping import Keeping
from hub.history.pages import Pages
from hub.history.restore import finish, restore
from hub.history.sealer import Sealer
from hub.history.windows import Windows
from hub.journal.journal import Journal
from hub.journal.steps import steps_of
from hub.model import Event, LogKey, LogSeen, WatermarkSeen
from hub.query.filters import Filters, parse
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline

from .world import LINE, MS, SECOND, T0, from_other, hello, ident, inventory, log_key, row, to_other

SERVERS = ("server-a", "server-b")


class Keeper:
    """One life of it."""

    def __init__(self, directory: Path, now_ns: int, step: Callable[[str], None]) -> None:
        self.now_ns = now_ns
        self.directory = directory
        self.journal = Journal.open(directory, reserve_mib=0)
        self.pipeline = Pipeline(recent_calls=1_000_000)
        self.after = restore(self.pipeline, self.journal.store, now_ns)
        self.read_again = 0
        for events in steps_of(self.journal.replay(self.after)):
            before = self.pipeline.rows_received
            self.pipeline.handle(events, now_ns)
            self.read_again += self.pipeline.rows_received - before
        finish(self.pipeline, self.journal.store)
        self.pipeline.replayed(now_ns)
        self.archive = Archive(self.journal.store, directory / "history")
        self.sealer = Sealer(self.pipeline, self.journal, self.archive, step)
        self.keeping = Keeping(self.pipeline, self.journal, self.archive, step)
        self.pages = Pages(self.pipeline, self.archive)
        self.windows = Windows(self.pipeline, self.journal.store)
        self.journal.sink = self._take

    @classmethod
    async def open(
        cls,
        directory: Path,
        now_ns: int = T0 + SECOND,
        step: Callable[[str], None] = lambda _: None,
    ) -> Keeper:
        keeper = cls(directory, now_ns, step)
        for server in SERVERS:
            await keeper.journal.append_hello(hello(server))
            await keeper.journal.append_inventory(inventory(server))
            for proxy in ("private", "public"):
                await keeper.sight(server, proxy)
        return keeper

    def _take(self, events: list[Event]) -> None:
        self.pipeline.handle(events, self.now_ns)

    async def sight(self, server: str, proxy: str) -> LogSeen:
        sighting = pb.LogSighting(proxy=proxy, path=f"/var/log/{proxy}.jsonl")
        return await self.journal.resume(log_key(server, proxy), sighting)

    async def lines(self, server: str, *rows: dict[str, Any], proxy: str = "private") -> None:
        """One batch of these, behind what is journalled of the log."""
        await self.lines_at(log_key(server, proxy), (await self.sight(server, proxy)).offset, rows)

    async def lines_at(self, log: LogKey, first: int, rows: Any) -> None:
        message = pb.Batch(
            log=1,
            first_offset=first,
            end_offset=first + len(rows) * LINE,
            rows=[pb.Row(offset=i * LINE, **fields) for i, fields in enumerate(rows)],
        )
        await self.journal.append_batch(log, message)

    def tick(self, ms: float = 50.0) -> None:
        self.now_ns += round(ms * MS)
        self.pipeline.tick(self.now_ns)

    def settle(self) -> None:
        self.tick(5_001)

    def mark(self, server: str, at_ms: float) -> None:
        mark = WatermarkSeen(server, None, T0 + round(at_ms * MS), False, 0, 0, 0, 0)
        self.pipeline.handle([mark], self.now_ns)

    async def seal(self) -> int:
        return await self.sealer.seal(self.now_ns)

    async def calls(self, limit: int = 1_000, **filters: str) -> list[forms.Call]:
        """All listed calls, by pages, newest first."""
        parsed = parse(filters)[0] if filters else Filters()
        found: list[forms.Call] = []
        cursor = None
        while True:
            page, cursor = await self.pages.page(parsed, limit, cursor)
            found += page
            if cursor is None:
                return found

    def pipeline_topology(self) -> forms.Topology:
        return Describe(self.pipeline).topology()

    def ledger(self) -> forms.Ledger:
        return self.pipeline.ledger.form(self.pipeline.callless())

    async def close(self) -> None:
        await self.journal.close()


# --- traffic -------------------------------------------------------------------------------------

BATCHES = 24
ROWS = 12


def batch_of(server: str, number: int) -> list[dict[str, Any]]:
    """Lines of every kind: whole calls, halves with and without ids, ones that come late."""
    rows = []
    for place in range(ROWS):
        at = number * 200.0 + place * 12
        name = f"{number}/{place}"
        kind = place % 4
        if kind == 0:
            fields = row(at, path=f"/leaf/{name}", status=500 if place % 8 else 200)
        elif server == "server-a":
            other = {1: {"trace_id": ident(name)}, 2: {"hop_id": ident(name)}, 3: {}}[kind]
            fields = to_other("server-b", at, path=f"/server-b/leaf/{name}", **other)
        else:
            other = {1: {"trace_id": ident(name)}, 2: {"hop_parent": ident(name)}, 3: {}}[kind]
            fields = from_other("server-a", at + 2, path=f"/leaf/{name}", **other)
        rows.append({**fields, "request_count": number * ROWS + place + 1})
    return rows


async def feed(keeper: Keeper, seal_every: int) -> None:
    """What is not journalled yet of the whole traffic; server-b reports three batches late."""
    for number in range(BATCHES + 3):
        for server, batch in (("server-a", number), ("server-b", number - 3)):
            if not 0 <= batch < BATCHES:
                continue
            first = batch * ROWS * LINE
            if (await keeper.sight(server, "private")).offset <= first:
                await keeper.lines_at(log_key(server), first, batch_of(server, batch))
            keeper.now_ns = max(keeper.now_ns, T0 + SECOND + batch * 200 * MS)
        keeper.tick(1_700)
        if number % seal_every == seal_every - 1:
            await keeper.seal()
    keeper.settle()
    keeper.settle()


async def _main(directory: Path, step: str, times: int) -> None:
    left = times

    def watch(now: str) -> None:
        nonlocal left
        if now == step:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    keeper = await Keeper.open(directory, step=watch)
    await feed(keeper, seal_every=4)
    await keeper.seal()
    await keeper.keeping.compact(keeper.now_ns + 7_200 * SECOND)
    await keeper.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
