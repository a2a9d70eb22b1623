"""Reads a history as the hub does, and tells how long that took and what memory it needed.

Enters: a directory that `bench._kept` filled, in a process that did nothing else yet. Leaves: lines
of figures. Hours and calls are drawn from all of the kept time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from bench._kept import CALLS, Span
from hub.defaults import REPLAY_PIECE_S
from hub.history.archive import Archive
from hub.history.pages import Pages
from hub.history.replay import Replay
from hub.history.restore import restore
from hub.history.windows import Windows
from hub.journal.store import Store
from hub.query.filters import parse
from hub.query.language import parse as parse_query
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline
from tests.hub.world import SECOND, T0

HOUR = 3_600 * SECOND
FILTERS = {
    "often": {"server": "server-a", "status": "5xx", "path": "/accounts/*"},
    "seldom": {"server": "server-a", "status": "5xx", "path": "/users/*"},
    "hardly": {"server": "server-b", "status": "503", "path": "/users/events/12*"},
}
"""Of the calls of an hour a page and more fit, a page of all of it, or a few."""


class Opened:
    """A directory as a hub has it after its start."""

    def __init__(self, directory: Path, span: Span) -> None:
        self.store, self.span = Store(directory), span
        self.pipeline = Pipeline()
        restore(self.pipeline, self.store, T0)
        self.archive = Archive(self.store, directory / "history")
        self.pages = Pages(self.pipeline, self.archive)
        self.windows = Windows(self.pipeline, self.store)

    def hour_ns(self, number: int) -> int:
        """The begin of some hour."""
        length_ns = self.span.files * self.span.step_ns
        return self.span.begin_ns + number * 7_919 * 60 * SECOND % max(length_ns - HOUR, 1)

    async def filtered(self, asked: dict[str, str], since_ns: int) -> int:
        """The first page of an hour; how many calls it has."""
        window = {"since": str(since_ns / SECOND), "until": str((since_ns + HOUR) / SECOND)}
        return len((await self.pages.page(parse(asked | window)[0], 100))[0])


def readings(directory: Path, span: Span) -> None:
    """Filters, look-ups, edges."""
    asyncio.run(_readings(Opened(directory, span)))


async def _readings(opened: Opened) -> None:
    size = sum(entry.size for entry in opened.archive.state.files)
    calls = sum(entry.calls for entry in opened.archive.state.files)
    days = opened.span.files * opened.span.step_ns / HOUR / 24
    click.echo(
        f"{calls:,} calls over {days:g} days in {calls // CALLS} files, {size / 1e9:.2f} GB,"
        f" {size / calls:.1f} bytes/call"
    )
    grown = memory()
    for name, asked in FILTERS.items():
        found: list[int] = []

        async def page(number: int, asked: dict[str, str] = asked) -> None:
            found.append(await opened.filtered(asked, opened.hour_ns(number)))  # noqa: B023

        await timed(f"filter within an hour, fits {name}", 30, page)
        click.echo(f"  {np.mean(found):.0f} calls a page, memory +{grown():.0f} MiB")
    listed = [
        call.id
        for number in range(10)
        for call in (
            await opened.pages.page(parse({"until": str(opened.hour_ns(number) / SECOND)})[0], 5)
        )[0]
    ]

    async def look_up(number: int) -> None:
        assert await opened.pages.in_full(listed[number % len(listed)])

    await timed("look-up by id, with parent and children", len(listed), look_up)

    async def edges(number: int) -> None:
        since = opened.hour_ns(number) // SECOND
        assert (await opened.windows.edges(since, since + 3_600, T0 // SECOND)).edges

    await timed("edges of an hour", 30, edges)


def dense(directory: Path, span: Span) -> None:
    """A minute of many calls: its replay, and its export."""
    opened = Opened(directory, span)
    asyncio.run(_replayed(opened))
    for form in ("csv", "ndjson"):
        asyncio.run(_exported(opened, form))  # type: ignore[arg-type]


async def _replayed(opened: Opened) -> None:
    since_ns, replay = opened.span.begin_ns, Replay(opened.pipeline, "")
    topology, shown, decoded_s = Describe(opened.pipeline).topology(), 0, 0.0
    replay.snapshot(topology, since_ns)
    began = time.perf_counter()
    for piece in range(0, 60, REPLAY_PIECE_S):
        first, last = since_ns + piece * SECOND, since_ns + (piece + REPLAY_PIECE_S) * SECOND
        decoding = time.perf_counter()
        reel = await opened.pages.reel(first, last, parse_query(""))
        decoded_s += time.perf_counter() - decoding
        for at in range(first, last, SECOND):
            frame = replay.frame(reel, at, at + SECOND, topology)
            shown += len(frame.packets.edge) + frame.hidden.packets
    took_s = time.perf_counter() - began
    click.echo(
        f"replay of 60 s with {shown:,} calls: decoded at {60 / decoded_s:.0f} times real time,"
        f" with frames at {60 / took_s:.0f}"
    )


async def _exported(opened: Opened, form: Literal["csv", "ndjson"]) -> None:
    grown, calls, size, began = memory(), 0, 0, time.perf_counter()
    async for part in opened.pages.export(parse({})[0], form):
        calls, size = calls + part.calls, size + len(part.lines)
    took_s = time.perf_counter() - began
    click.echo(
        f"{form} export: {calls / took_s:,.0f} calls/s of {calls:,}, a third with two hops,"
        f" {size / calls:.0f} bytes a call, memory +{grown():.0f} MiB"
    )


async def timed(what: str, times: int, read: Callable[[int], Awaitable[Any]]) -> None:
    """Median and p95 of reading this, after one that is not counted."""
    await read(times)
    took = []
    for number in range(times):
        began = time.perf_counter()
        await read(number)
        took.append((time.perf_counter() - began) * 1e3)
    p95 = np.percentile(took, 95)
    click.echo(f"{what}: median {np.median(took):.0f} ms, p95 {p95:.0f} ms of {times}")


def memory() -> Callable[[], float]:
    """Gives the MiB by which this process' resident memory had grown at its highest since now."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    return lambda: _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
