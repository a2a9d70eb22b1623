"""Measures what the hub costs when little happens: its CPU at rest, and with a trickle of lines.

    python -m bench.hub_idle [--seconds 15] [--servers 4] [--lines 20]

A real hub with real gRPC streams: agents that only say that they are there, then a trickle of
lines, each a batch of its own, without viewers and with one. No figure is asserted.
"""

from __future__ import annotations

import os

import click
import numpy as np
import uvloop
from rich.console import Console
from rich.table import Table

from bench.viewers import Span, fed, pages

SETTLED_S = 8.0
"""Half calls and the start's work are over by then."""


async def run(servers: int, per_s: float, seconds: float) -> list[tuple[str, Span]]:
    spans: list[tuple[str, Span]] = []
    for lines in (0.0, per_s):
        async with fed(servers, lines, warm_up_s=SETTLED_S) as bench:
            what = f"{lines:g} lines/s" if lines else "at rest"
            spans.append((what, await bench.span(seconds)))
            async with pages(bench.process.view) as viewers:
                await viewers.do("open 1")
                spans.append((f"{what}, one viewer", await bench.span(seconds, viewers)))
    return spans


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="Of each measurement.")
@click.option("--servers", default=4, show_default=True)
@click.option("--lines", "per_s", default=20.0, show_default=True, help="A second.")
def main(seconds: float, servers: int, per_s: float) -> None:
    """Print the hub's CPU, in percent of a core."""
    print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
    shown = Table(title=f"A hub with {servers} agents")
    for name in ("", "lines/s", "CPU, % of a core", "acknowledged, ms p50", "p99"):
        shown.add_column(name, justify="right" if name else "left")
    for what, span in uvloop.run(run(servers, per_s, seconds)):
        took = span.acknowledged_ms
        p50, p99 = (f"{x:.1f}" for x in np.percentile(took, (50, 99))) if took else ("", "")
        cells = (f"{span.lines_per_s:.0f}", f"{span.hub_cores:.1%}", p50, p99)
        shown.add_row(what, *cells)
    Console().print(shown)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
