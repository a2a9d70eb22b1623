"""Measures acknowledgements while 20,000 lines/s come in and readers ask for the past.

    python -m bench.hub_queries [--lines 20000] [--servers 4] [--seconds 20] [--per-s 4]
        [--rounds 3]

A real hub, fed by `bench.federation` over real gRPC, and real HTTP: filters and a query over what
is sealed, calls by id, edges and histogram of an hour, CSV of some seconds. Agents alone and agents
with readers take turns, so that the machine's other work falls on both. No figure is asserted.
"""

from __future__ import annotations

import asyncio
import os
import sys

import click
import numpy as np
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.viewers import Span, Workers, acknowledgements, fed

LIMIT_S = 400
HISTORY_S = 45.0
"""Until some files are sealed, and what is asked for lies in them."""
PAUSE_S = 3.0


async def run(
    console: Console, servers: int, lines_per_s: float, seconds: float, per_s: float, rounds: int
) -> None:
    alone: list[Span] = []
    asked: list[Span] = []
    async with (
        fed(servers, lines_per_s, warm_up_s=HISTORY_S) as bench,
        Workers.of("bench._queries", bench.process.view) as readers,
    ):
        await readers.do(f"read 2 {per_s}")
        for _ in track(range(rounds), "rounds", console=console, transient=True):
            alone.append(await bench.span(seconds))
            asked.append(await bench.span(seconds, readers, f"read {seconds} {per_s}"))
            await asyncio.sleep(PAUSE_S)
    console.print(acknowledgements("with readers", alone, asked))
    console.print(answers(asked))


def answers(spans: list[Span]) -> Table:
    shown = Table(title="Answers, ms")
    for name in ("", "asked", "p50", "p95"):
        shown.add_column(name, justify="right" if name else "left")
    for kind in spans[0].said:
        took = [ms for span in spans for ms in span.said.get(kind, [])]
        p50, p95 = np.percentile(took, (50, 95))
        shown.add_row(kind, f"{len(took)}", f"{p50:.0f}", f"{p95:.0f}")
    return shown


@click.command()
@click.option("--lines", "lines_per_s", default=20_000.0, show_default=True, help="A second.")
@click.option("--servers", default=4, show_default=True)
@click.option("--seconds", default=20.0, show_default=True, help="Of each turn.")
@click.option("--per-s", default=4.0, show_default=True, help="Questions a second.")
@click.option("--rounds", default=3, show_default=True)
def main(lines_per_s: float, servers: int, seconds: float, per_s: float, rounds: int) -> None:
    """Print what readers cost those who report."""
    print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
    uvloop.run(run(Console(), servers, lines_per_s, seconds, per_s, rounds))
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
