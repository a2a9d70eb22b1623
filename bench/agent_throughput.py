"""What the agent costs: parse and pack per line, and the whole of it against the real hub's ingest.

    .venv/bin/python -m bench.agent_throughput [--lines 200000]

Makes a synthetic log, prints a table, asserts nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench._processes import CONFIG
from node_agent.batch import Encoder
from node_agent.defaults import BLOCK_BYTES
from node_agent.lines import LineBuffer
from node_agent.parse import parse
from node_agent.redact import Redactor
from node_agent.truncation import Truncation
from tests.hub.streams import Hub, running_hub
from tests.node_agent.build import line

ROOT = Path(__file__).parents[1]


def make_log(path: Path, count: int) -> None:
    """Lines as Traefik writes them with tracing on: every trace id another."""
    blank = b"@" * 32
    pool = [line(number, TraceId=blank.decode()) for number in range(1, 1001)]
    with path.open("wb") as out:
        for number in range(count):
            trace = hashlib.md5(number.to_bytes(8)).hexdigest().encode()
            out.write(pool[number % len(pool)].replace(blank, trace))


def stages(path: Path, batch_rows: int, redactor: Redactor | None = None) -> dict[str, float]:
    """CPU seconds of each stage over the whole log, and the bytes that would travel."""
    buffer = LineBuffer()
    encoder = Encoder(redactor)
    spent = {"lines": 0.0, "parse": 0.0, "pack": 0.0, "wire bytes": 0.0}
    waiting = []
    with path.open("rb") as log:
        while True:
            data = log.read(BLOCK_BYTES)
            started = time.process_time()
            pieces = buffer.feed(data)
            cut = time.process_time()
            waiting += [parse(piece) for piece in pieces]
            parsed = time.process_time()
            spent["lines"] += cut - started
            spent["parse"] += parsed - cut
            if waiting and (not data or sum(chunk.rows for chunk in waiting) >= batch_rows):
                for batch in encoder.encode_all(1, waiting, batch_rows):
                    spent["wire bytes"] += len(batch.SerializeToString())
                waiting = []
                spent["pack"] += time.process_time() - parsed
            if not data:
                return spent


async def backfill(directory: Path) -> tuple[float, float, int, Hub]:
    """`hopwatch-agent --once` as a process of its own: wall and CPU seconds, peak RSS in KiB."""
    async with running_hub(directory) as hub:
        (directory / "agent.toml").write_text(
            CONFIG.format(address=hub.address, log="private.jsonl")
        )
        command = [sys.executable, "-m", "node_agent", "--config", str(directory / "agent.toml")]
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command, "--once", cwd=ROOT, stderr=subprocess.DEVNULL
        )
        peak_kib = 0
        while process.returncode is None:
            peak_kib = max(peak_kib, peak_rss(process.pid))
            try:
                await asyncio.wait_for(process.wait(), 0.05)
            except TimeoutError:
                continue
        wall_s = time.monotonic() - started
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall_s, usage.ru_utime + usage.ru_stime, peak_kib, hub


def peak_rss(pid: int) -> int:
    """VmHWM of a process in KiB; 0 when it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


@click.command()
@click.option("--lines", "count", default=200_000, show_default=True)
def main(count: int) -> None:
    """Print what each stage of the agent costs."""
    table = Table(title=f"Agent, {count:,} lines, {os.cpu_count()} cores")
    table.add_column("what")
    table.add_column("figure", justify="right")
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "private.jsonl"
        make_log(log, count)
        raw = log.stat().st_size
        spent = stages(log, 5000)
        for name in ("lines", "parse", "pack"):
            table.add_row(f"{name}, CPU µs a line", f"{spent[name] / count * 1e6:.2f}")
        all_of_it = {"query": "all", "paths": ["/users/*/orders", "/reset/**"]}
        private = Redactor(**all_of_it, truncation=Truncation())  # type: ignore[arg-type]
        packed_s = stages(log, 5000, private)["pack"]
        table.add_row("pack with all of privacy on, CPU µs a line", f"{packed_s / count * 1e6:.2f}")
        table.add_row("log bytes a line", f"{raw / count:.0f}")
        table.add_row("wire bytes a line (trace ids)", f"{spent['wire bytes'] / count:.1f}")
        table.add_row("wire / log", f"{spent['wire bytes'] / raw:.1%}")
        wall_s, cpu_s, peak_kib, hub = asyncio.run(backfill(Path(place)))
        stored = sum(
            event.observations.rows for event in hub.events if hasattr(event, "observations")
        )
        table.add_row("--once to the real ingest, lines stored", f"{stored:,}")
        table.add_row("lines/s, wall, start-up included", f"{count / wall_s:,.0f}")
        table.add_row("agent CPU µs a line, start-up included", f"{cpu_s / count * 1e6:.2f}")
        table.add_row("agent peak RSS, MiB", f"{peak_kib / 1024:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
