"""Measures one hub with many viewers while lines come in, and with viewers that stall.

    python -m bench.viewers [--viewers 300] [--lines 5000] [--servers 4] [--seconds 20]
        [--few 20] [--stalled 3] [--stalled-seconds 60]

A real hub, fed by `bench.federation` over real gRPC, and real websockets. First the agents alone:
how long acknowledgements take; then with the viewers: frames a second of each, how late they are,
and acknowledgements again, in turns, so that the machine's other work falls on both. Then a fresh
hub with few viewers: all of them read on, or some stop reading in the second half: what the others
still get, and the hub's memory.
No figure is asserted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.federation.__main__ import CYCLE_S
from bench.federation.agents import Agents
from bench.federation.hub_process import HubProcess, hub
from bench.federation.lines import lines
from bench.federation.plan import plan

LIMIT_S = 600
WARM_UP_S = 4.0
ROUNDS = 3
"""Times that agents alone and agents with viewers take turns."""
SERVICES, EDGES = 100, 200
KEPT_LINES, FULL_S = 50_000, 30.0
"""Where memory is measured: lines kept, and seconds until they are full and it is flat."""


class Workers:
    """A process that plays pages or readers, and does what it is told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def of(cls, module: str, *arguments: str) -> AsyncIterator[Workers]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26,
        )  # fmt: skip
        try:
            yield cls(process)
        finally:
            process.kill()
            await process.wait()

    async def do(self, order: str) -> Any:
        """What it answers."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{order}\n".encode())
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process has ended")
        return json.loads(line)


@dataclass(frozen=True)
class Span:
    """What was measured in some seconds."""

    seconds: float
    acknowledged_ms: list[float]
    hub_cores: float
    lines_per_s: float
    memory_mib: float
    said: Any = None

    @property
    def frames_per_s(self) -> list[float]:
        """By viewer."""
        return [page["frames"] / self.seconds for page in self.said["pages"]]

    @property
    def late_ms(self) -> list[float]:
        """Of every frame."""
        return [ms for page in self.said["pages"] for ms in page["late_ms"]]

    @property
    def closed(self) -> int:
        """Viewers that were let go."""
        return sum(page["closed"] is not None for page in self.said["pages"])


class Bench:
    """A hub, its agents, and what they do in a span."""

    def __init__(self, process: HubProcess, agents: Agents) -> None:
        self.process, self.agents = process, agents

    async def span(
        self, seconds: float, workers: Workers | None = None, order: str | None = None
    ) -> Span:
        self.agents.take_acknowledged_ms()
        cpu_s, sent = self.process.cpu_s(), self.agents.lines
        if workers:
            said = await workers.do(order or f"measure {seconds}")
        else:
            said = await asyncio.sleep(seconds)
        return Span(
            seconds,
            self.agents.take_acknowledged_ms(),
            (self.process.cpu_s() - cpu_s) / seconds,
            (self.agents.lines - sent) / seconds,
            self.process.memory_mib(),
            said,
        )


def pages(view: str) -> AbstractAsyncContextManager[Workers]:
    """Viewers of the live view."""
    return Workers.of("bench._viewers", view, "/api/v1/live")


@asynccontextmanager
async def fed(
    servers: int, per_s: float, recent: int | None = None, warm_up_s: float = WARM_UP_S
) -> AsyncIterator[Bench]:
    """A fresh hub that gets so many lines a second, and keeps so many."""
    made = plan(servers, SERVICES, EDGES)
    per_call = sum(map(len, lines(made, 1000, CYCLE_S))) / (1000 * CYCLE_S)
    rate = per_s / per_call
    agents = Agents(made, lines(made, rate, CYCLE_S), CYCLE_S, round(rate * CYCLE_S))
    stop = asyncio.Event()
    with hub(recent_calls=recent) as process:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agents.run(process.agents, stop))
            await asyncio.sleep(warm_up_s)
            try:
                yield Bench(process, agents)
            finally:
                stop.set()


async def many(console: Console, count: int, servers: int, per_s: float, seconds: float) -> None:
    alone, watched = [], []
    async with fed(servers, per_s) as bench:
        for _ in track(range(ROUNDS), "rounds", console=console, transient=True):
            alone.append(await bench.span(seconds / 2))
            async with pages(bench.process.view) as viewers:
                await viewers.do(f"open {count}")
                await asyncio.sleep(WARM_UP_S)
                watched.append(await bench.span(seconds, viewers))
            await asyncio.sleep(WARM_UP_S)
    console.print(acknowledgements(f"with {count} viewers", alone, watched))
    console.print(frames(count, watched))


def acknowledgements(what: str, alone: list[Span], watched: list[Span]) -> Table:
    """Those of rounds of agents alone, and of agents with something else."""
    shown = Table(title=f"Acknowledgements, ms: agents alone, and {what}")
    for name in ("", "lines/s", "p50", "p95", "p99", "hub, cores", "hub, MiB"):
        shown.add_column(name, justify="right" if name else "left")
    for round, (a, b) in enumerate(zip(alone, watched, strict=True), 1):
        for name, span in ((f"{round}. alone", a), (f"{round}. {what}", b)):
            ms = np.percentile(span.acknowledged_ms, (50, 95, 99))
            cells = [f"{span.lines_per_s:,.0f}", *(f"{x:.1f}" for x in ms)]
            shown.add_row(name, *cells, f"{span.hub_cores:.2f}", f"{span.memory_mib:.0f}")
    p99 = [
        float(np.percentile([ms for span in spans for ms in span.acknowledged_ms], 99))
        for spans in (alone, watched)
    ]
    shown.caption = f"p99 of all rounds: {p99[0]:.1f} and {p99[1]:.1f}, {p99[1] / p99[0]:.2f} times"
    return shown


def frames(count: int, spans: list[Span]) -> Table:
    shown = Table(title=f"Frames of {count} viewers")
    columns = (
        "",
        "a second, worst viewer",
        "median",
        "ms late, p50",
        "p95",
        "p99",
        "KB a frame",
        "let go",
    )
    for name in columns:
        shown.add_column(name, justify="right" if name else "left")
    for round, span in enumerate(spans, 1):
        late = np.percentile(span.late_ms, (50, 95, 99))
        size = sum(p["bytes"] for p in span.said["pages"]) / len(span.late_ms) / 1e3
        per_s = span.frames_per_s
        shown.add_row(
            f"{round}.", f"{min(per_s):.2f}", f"{np.median(per_s):.2f}",
            *(f"{ms:.0f}" for ms in late), f"{size:.1f}", f"{span.closed}",
        )  # fmt: skip
    shown.caption = f"the viewers' process: {spans[-1].said['cpu_s'] / spans[-1].seconds:.2f} cores"
    return shown


async def stalling(
    console: Console, count: int, stalled: int, servers: int, per_s: float, seconds: float
) -> None:
    """Twice: in the second half everybody reads on, then some stall. The difference is theirs."""
    shown = Table(title=f"{count} viewers for {seconds:g} s, then as long with {stalled} stalled")
    for name in ("", "frames/s, worst", "median", "of before", "p95 ms late", "hub, MiB", "grown"):
        shown.add_column(name, justify="right" if name else "left")
    async with fed(servers, per_s, KEPT_LINES, FULL_S) as bench:
        for who, many in (("all read on", 0), (f"{stalled} stall: the others", stalled)):
            async with pages(bench.process.view) as viewers:
                await viewers.do(f"open {count}")
                await asyncio.sleep(WARM_UP_S)
                start = bench.process.memory_mib()
                before = await bench.span(seconds, viewers)
                await viewers.do(f"stall {many}")
                after = await bench.span(seconds, viewers)
            for name, span in (("all read", before), (who, after)):
                rates = span.frames_per_s
                share = min(rates) / float(np.median(before.frames_per_s))
                shown.add_row(
                    name, f"{min(rates):.2f}", f"{np.median(rates):.2f}", f"{share:.1%}",
                    f"{np.percentile(span.late_ms, 95):.0f}", f"{span.memory_mib:.1f}",
                    f"{span.memory_mib - start:+.1f}",
                )  # fmt: skip
                start = span.memory_mib
    shown.caption = f"lines a second: {after.lines_per_s:,.0f}; {KEPT_LINES:,} lines are kept"
    console.print(shown)


@click.command()
@click.option("--viewers", default=300, show_default=True)
@click.option("--lines", "per_s", default=5000.0, show_default=True, help="A second.")
@click.option("--servers", default=4, show_default=True)
@click.option("--seconds", default=20.0, show_default=True, help="Of each round.")
@click.option("--few", default=20, show_default=True)
@click.option("--stalled", default=3, show_default=True)
@click.option("--stalled-seconds", default=60.0, show_default=True)
def main(
    viewers: int,
    per_s: float,
    servers: int,
    seconds: float,
    few: int,
    stalled: int,
    stalled_seconds: float,
) -> None:
    """Print what viewers get, and what they cost those who report."""
    console = Console()
    print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
    if viewers:
        uvloop.run(many(console, viewers, servers, per_s, seconds))
    if few:
        uvloop.run(stalling(console, few, stalled, servers, per_s, stalled_seconds))
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
