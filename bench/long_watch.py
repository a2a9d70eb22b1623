"""Measures whether the hub's memory stays flat with a page open for hours: the core, accelerated.

    python -m bench.long_watch [--hours 8] [--rate 1000] [--recent 200000]

The hub's core, its live view and a page that acknowledges, in one process, with a clock that runs
as fast as the machine can: lines of `bench.federation` go in a second at a time, a frame is made,
encoded and taken for each. Sockets, gRPC and the journal are not in it (`bench.viewers`
has them, for minutes). Memory is flat where it no longer grows once `recent` lines are kept and an
hour of rollups is full. No figure is asserted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from bench.federation.agents import hello, inventory
from bench.federation.batches import Feed
from bench.federation.lines import lines
from bench.federation.plan import plan
from hub.columns.wire import decode
from hub.live.broadcast import Broadcast
from hub.live.channel import Channel
from hub.live.live import Live
from hub.live.viewer import Viewer
from hub.model import BatchCommitted, HelloSeen, InventorySeen, LogKey, LogSeen
from hub.query.language import parse
from hub.settle.pipeline import Pipeline

LIMIT_S = 1800
SECOND = 1_000_000_000
STEP_NS = SECOND
CYCLE_S = 60.0
FULL_H = 1.25
"""From then on everything that is bounded is full: an hour of rollups, and what is remembered."""
SERVERS, SERVICES, EDGES = 4, 40, 80
QUERY = "status:5xx -path:/healthz"


def memory_mib() -> float:
    """This process's resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Watched:
    """A hub's core with two pages, one of them with a query."""

    def __init__(self, rate: float, recent: int) -> None:
        self.now_ns = self._began_ns = time.time_ns()
        self.pipeline = Pipeline(recent_calls=recent)
        self._live = Live(self.pipeline)
        self.pipeline.listeners.append(self._live)
        made = plan(SERVERS, SERVICES, EDGES)
        self._feeds: dict[LogKey, Feed] = {}
        for server, id in enumerate(made.servers):
            said, has = hello(made, server).hello, inventory(made, server).inventory
            self.pipeline.handle([HelloSeen(id, said), InventorySeen(id, has)], self.now_ns)
        for log in lines(made, rate, CYCLE_S):
            proxy = "public" if log.public else "private"
            key = LogKey(made.servers[log.server], proxy, f"{log.server:08d}{proxy:>8}".encode())
            self._feeds[key] = Feed(1, log, round(CYCLE_S * SECOND), round(rate * CYCLE_S))
            self.pipeline.handle([LogSeen(key, "log", 0, 0, 0)], self.now_ns)
        channels = (
            Channel(self.pipeline, self._live),
            Channel(self.pipeline, self._live, parse(QUERY)),
        )
        self._pages = [(Broadcast(channel), Viewer()) for channel in channels]
        for broadcast, viewer in self._pages:
            viewer.snapshot_sent(broadcast.opening("", self.now_ns).seq, self.now_ns)
        self._seq = 0
        self.frames, self.bytes = 0, 0

    @property
    def lines(self) -> int:
        """Heard so far."""
        return sum(feed.sent for feed in self._feeds.values())

    def step(self) -> None:
        """A second."""
        self.now_ns += STEP_NS
        self.pipeline.handle(list(self._heard()), self.now_ns)
        self.pipeline.tick(self.now_ns)
        step = self._live.step(self.now_ns)
        if step is None:
            return
        for broadcast, viewer in self._pages:
            frame = broadcast.publish(step)
            if frame is not None:
                viewer.offer(frame, self.now_ns)
            if (taken := viewer.take(self.now_ns)) is not None:
                self.frames += 1
                self.bytes += len(taken.message.wire)
                viewer.sent(taken.seq, self.now_ns)
                viewer.acknowledged(taken.seq, self.now_ns)

    def _heard(self) -> Iterator[BatchCommitted]:
        for key, feed in self._feeds.items():
            for batch in feed.until(self._began_ns, self.now_ns, 1000):
                self._seq += 1
                first, end, mark = batch.first_offset, batch.end_offset, batch.watermark_ns
                yield BatchCommitted(self._seq, key, first, end, 0, (), mark, decode(batch))


def slope_mib(hours: list[float], memory: list[float]) -> float:
    """MiB an hour, by least squares."""
    return float(np.polyfit(hours, memory, 1)[0]) if len(hours) > 1 else float("nan")


@click.command()
@click.option("--hours", default=8.0, show_default=True)
@click.option("--rate", default=1000.0, show_default=True, help="Requests a second.")
@click.option("--recent", default=200_000, show_default=True, help="Lines kept in memory.")
def main(hours: float, rate: float, recent: int) -> None:
    """Print the memory, hour by hour."""
    watched = Watched(rate, recent)
    began_s, seen, memory = time.monotonic(), [], []
    print(f"{rate:g} requests/s, two pages, {recent:,} lines kept")
    print(f"{'hours':>6}{'lines':>14}{'frames':>9}{'MB sent':>9}{'MiB resident':>14}", flush=True)
    last = round(hours * 3_600)
    for number in range(1, last + 1):
        watched.step()
        if not number % 600:
            seen.append(number / 3_600)
            memory.append(memory_mib())
        if not number % 1_800 or number == last:
            print(
                f"{number / 3_600:6g}{watched.lines:14,}{watched.frames:9,}"
                f"{watched.bytes / 1e6:9,.0f}{memory_mib():14.1f}",
                flush=True,
            )
    took_s = time.monotonic() - began_s
    late = [i for i, hour in enumerate(seen) if hour > FULL_H]
    growth = slope_mib([seen[i] for i in late], [memory[i] for i in late])
    print(f"{growth:+.2f} MiB an hour from {FULL_H:g} h on; {last / took_s:.0f} times as fast")


if __name__ == "__main__":
    main()
