"""The hub was gone at 10 000 lines a second: how soon is a fresh line journalled when it is back?

    python -m bench.backlog [--rate 10000] [--gone 30]

The private proxy's log grows at the full pace and is rotated while the hub is gone; the public
one's gets 50 lines a second. When the hub is back the agent ships what has piled up; lines of logs
that do not lie behind go first. Measured from the agent's reconnect: the public log's first fresh
line, the delay of each fresh line while the backlog is still under way, and the backlog's end; the
agent's memory before and after. Nothing is asserted.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from bench._flow import Feed, Flow, flowing

LIMIT_S = 600
"""For `python -m bench`."""
FRESH_A_SECOND = 50.0
POLL_S = 0.005
LIMIT_CATCH_UP_S = 240


@dataclass
class Seen:
    """What became of the lines after the return."""

    backlog: int
    connected_s: float
    first_fresh_s: float = 0.0
    caught_up_s: float = 0.0
    delays_s: list[float] = field(default_factory=list)


def watch(flow: Flow, private: Feed, public: Feed, connections: int) -> Seen:
    """From the hub's return to the end of the backlog."""
    while flow.said.read_bytes().count(b"hub connected") <= connections:
        time.sleep(POLL_S)
    seen = Seen(private.written - stored(flow, "private"), time.monotonic())
    fresh: list[tuple[int, float]] = []
    before = public.written
    while time.monotonic() - seen.connected_s < LIMIT_CATCH_UP_S:
        now = time.monotonic()
        if public.written > (fresh[-1][0] if fresh else before):
            fresh.append((public.written, now))
        done, behind = stored(flow, "public"), private.written - stored(flow, "private")
        while fresh and fresh[0][0] <= done:
            delay_s = time.monotonic() - fresh.pop(0)[1]
            seen.first_fresh_s = seen.first_fresh_s or time.monotonic() - seen.connected_s
            seen.delays_s.append(delay_s)
        if behind < private.rate / 5:
            seen.caught_up_s = time.monotonic() - seen.connected_s
            break
        time.sleep(POLL_S)
    return seen


def stored(flow: Flow, proxy: str) -> int:
    """Lines of one proxy in the journal."""
    return sum(lines for (name, _), (_, lines) in flow.journalled().items() if name == proxy)


@click.command()
@click.option("--rate", default=10_000.0, show_default=True, help="Lines a second.")
@click.option("--gone", "gone_s", default=30.0, show_default=True, help="Seconds without a hub.")
def main(rate: float, gone_s: float) -> None:
    """Print what came when."""
    shown = Table(title=f"The hub gone for {gone_s:g} s at {rate:,.0f} lines/s", show_header=False)
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short, flowing(Path(short)) as flow:
        private, public = Feed(flow.private, rate), Feed(flow.public, FRESH_A_SECOND)
        flow.start_hub()
        for feed in (private, public):
            feed.start()
        time.sleep(8)
        before = flow.memory_mib()
        flow.kill_hub()
        connections = flow.said.read_bytes().count(b"hub connected")
        time.sleep(gone_s / 2)
        private.rotate()
        time.sleep(gone_s / 2)
        without = flow.memory_mib()
        flow.start_hub()
        seen = watch(flow, private, public, connections)
        after, peak = flow.memory_mib(), flow.memory_mib("VmHWM")
        for feed in (private, public):
            feed.stop()
    shown.add_row("lines waiting when the agent was back", f"{seen.backlog:,}")
    shown.add_row("reconnect → first fresh line journalled", f"{seen.first_fresh_s * 1e3:.0f} ms")
    if seen.delays_s:
        p50, p99 = np.percentile(seen.delays_s, (50, 99)) * 1e3
        title = "fresh line, write → journalled, during the backlog: p50, p99"
        shown.add_row(title, f"{p50:.0f}, {p99:.0f} ms ({len(seen.delays_s)} lines)")
    rate_there = seen.backlog / seen.caught_up_s + rate if seen.caught_up_s else 0
    ended = f"{seen.caught_up_s:.1f} s, {rate_there:,.0f} lines/s" if rate_there else "not reached"
    shown.add_row("reconnect → caught up", ended)
    memory = f"{before:.1f}, {without:.1f}, {after:.1f}; peak {peak:.1f} MiB"
    shown.add_row("agent RSS before, without the hub, after", memory)
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()
