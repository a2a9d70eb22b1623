"""Measures what a batch of few lines costs as rows and as columns, at the agent and at the hub.

    python -m bench.small_batches [--rounds 9]

Where the two ways cost the same in all is where `node_agent.defaults.ROWS_BELOW` should lie. CPU
time, the best of the rounds; no figure is asserted.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from hopwatch.v1 import ingest_pb2 as pb
from rich.console import Console
from rich.table import Table

from bench.agent_throughput import make_log
from hub.columns.wire import decode
from node_agent import batch
from node_agent.defaults import ROWS_BELOW
from node_agent.lines import LineBuffer
from node_agent.parse import parse

SIZES = (1, 2, 4, 8, 12, 16, 24, 49)
REPEATS = 300


def best_us(step: Callable[[], object], rounds: int) -> float:
    """CPU time of one step."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(REPEATS):
            step()
        spent.append(time.process_time() - began)
    return min(spent) / REPEATS * 1e6


def measure(lines: list[bytes], rows_below: int, rounds: int) -> tuple[float, float, int]:
    """Microseconds to encode and to decode a batch of these lines, and its bytes."""
    chunks = [parse(piece) for piece in LineBuffer().feed(b"".join(lines))]
    encoder = batch.Encoder(rows_below=rows_below)

    def encode() -> bytes:
        (only,) = encoder.encode_all(1, chunks, len(lines))
        return only.SerializeToString()

    data = encode()
    encoding = best_us(encode, rounds)
    decoding = best_us(lambda: decode(pb.Batch.FromString(data)), rounds)
    return encoding, decoding, len(data)


@click.command()
@click.option("--rounds", default=9, show_default=True)
def main(rounds: int) -> None:
    """Print what both ways cost."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        make_log(log, max(SIZES))
        lines = log.read_bytes().splitlines(keepends=True)
    table = Table(title=f"A batch as rows, and as columns (rows are sent below {ROWS_BELOW})")
    for name in ("lines", "agent, us", "", "hub, us", "", "in all, us", "", "bytes", ""):
        table.add_column(name, justify="right")
    for size in SIZES:
        rows = measure(lines[:size], size + 1, rounds)
        columns = measure(lines[:size], 1, rounds)
        pairs = [*zip(rows, columns, strict=True)]
        pairs.insert(2, (sum(rows[:2]), sum(columns[:2])))
        table.add_row(str(size), *(f"{figure:,.0f}" for pair in pairs for figure in pair))
    Console().print(table)


if __name__ == "__main__":
    main()
