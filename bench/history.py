"""Measures the history: sealing, size of a call, filters, look-ups, edges, export, replay.

    python -m bench.history [--calls 100000000] [--days 7] [--table 2000000] [--directory DIRECTORY]

Everything is measured on realistic calls (`bench._federation_pool`), each part in a process of its
own. Sealing is timed by the CPU: of calls of one hop without ids, and of joined calls
with hop and trace ids. Then `--days` are filled with `--calls` calls that share no times, sizes,
ids or paths, as compaction would have written them; filters, look-ups and edges are asked of all of
that time. A minute with 10,000 calls a second is replayed and exported, in the process and by
`hopwatch export` from a real hub. `--table`: the peers' way, see `bench._history_table`. Filling
takes most of the time; with `--directory` what is there is kept, and a broken-off filling goes on.
No figure is asserted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from bench import _history_readings as reading
from bench import _history_table
from bench._federation_pool import ACROSS, STRANGER, WITHIN, Pool
from bench._kept import Span, fill
from hub.history import files, rollups
from tests.hub.test_main import free_port, hub

LIMIT_S = 3_600
SEALED = 40_000
"""Calls of a sealing that is timed."""
DENSE = Span.of(750_000, 75 / 86_400)
"""10,000 calls a second."""


def sealing() -> None:
    """A sealing without its transaction: CPU, the lowest of three, and bytes."""
    for what, kinds in (
        ("one hop without ids", (STRANGER, WITHIN)),
        ("two hops with ids", (ACROSS,)),
    ):
        pool = Pool(SEALED, kinds)
        pipeline, least = pool.world.pipeline, float("inf")
        with tempfile.TemporaryDirectory(prefix="hopwatch-sealing-") as directory:
            for number in range(3):
                began = time.process_time()
                entry = files.write(Path(directory), f"{number}.parquet", pool.sealable(), 0)
                rollups.bodies(pipeline.sealable)
                least = min(least, time.process_time() - began)
        click.echo(
            f"sealing {what}: {entry.calls / least:,.0f} calls/s,"
            f" {entry.size / entry.calls:.1f} bytes/call"
        )


async def exported_by_the_command(directory: Path) -> None:
    """From a real hub over gRPC, by the real command."""
    async with hub(directory, free_port()) as _:
        for form in ("csv", "ndjson"):
            command = [sys.executable, "-m", "cli", "export", "-o", form]
            command += ["--hub", f"unix:{directory}/hub.sock"]
            began, lines = time.perf_counter(), 0
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            assert process.stdout is not None
            while piece := await process.stdout.read(1 << 20):
                lines += piece.count(b"\n")
            assert await process.wait() == 0
            took_s = time.perf_counter() - began
            click.echo(f"hopwatch export -o {form}: {lines / took_s:,.0f} calls/s of {lines:,}")


def apart(work: Callable[..., None], *arguments: Any) -> None:
    """Run this in a process of its own: what others left in memory does not count."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise click.ClickException(f"{work.__name__} ended with {process.exitcode}")


@click.command()
@click.option("--calls", default=100_000_000, show_default=True)
@click.option("--days", default=7.0, show_default=True)
@click.option("--table", default=2_000_000, show_default=True, help="Calls of the SQLite table.")
@click.option("--directory", type=click.Path(path_type=Path), help="Fill this one, and keep it.")
def main(calls: int, days: float, table: int, directory: Path | None) -> None:
    """Measure the history."""
    temporary = tempfile.TemporaryDirectory(prefix="hopwatch-history-")
    with nullcontext(directory) if directory else temporary as root:
        kept, dense = Path(root) / "kept", Path(root) / "dense"
        for part in (kept, dense / "data"):
            part.mkdir(parents=True, exist_ok=True)
        apart(sealing)
        apart(fill, dense / "data", DENSE)
        apart(reading.dense, dense / "data", DENSE)
        asyncio.run(exported_by_the_command(dense))
        span, began = Span.of(calls, days), time.perf_counter()
        apart(fill, kept, span)
        click.echo(f"filled within {time.perf_counter() - began:,.0f} s")
        apart(reading.readings, kept, span)
        apart(_history_table.compare, kept, span, table)


if __name__ == "__main__":
    main()
