"""The peers' way of keeping requests: one SQLite table, a row a line, with indices.

Enters: a history, and how many of its newest calls the table gets. Leaves: lines of figures: its
size, and the first page of the same filters within the same hours, from it and from the history.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from pathlib import Path

import click
import pyarrow.parquet as pq

from bench._history_readings import FILTERS, HOUR, Opened
from bench._kept import CALLS, Span
from hub.history.schema import COLUMNS
from tests.hub.world import T0

TIMES = 8
_HOP = [name[5:] for name in COLUMNS if name.startswith("hop0_")]
_LINE = ("start_ns", "duration_ns", "bytes_in", "bytes_out")
_CALL = ("origin", "from_node", "to_node")
_LEFT_OUT = (
    "proxy_kind",
    "log_sum",
    "hop_parent",
    "why",
    "spoofed",
    "flags",
    "scheme",
    "forwarded",
)
_NAMES = [*_LINE, *_CALL, *(name for name in _HOP if name not in _LEFT_OUT)]
_INDICES = ("start_ns", "server, start_ns", "status, start_ns", "path, start_ns", "trace_id")


def compare(directory: Path, span: Span, calls: int) -> None:
    """Make the table beside the history, and ask both."""
    opened = Opened(directory, span)
    newest = opened.archive.state.files[-max(calls // CALLS, 1) :]
    path = directory / "table.db"
    table = sqlite3.connect(path)
    table.execute("PRAGMA journal_mode = OFF")
    table.execute("PRAGMA synchronous = OFF")
    table.execute(f"CREATE TABLE lines ({', '.join(_NAMES)})")
    marks = ", ".join("?" * len(_NAMES))
    for entry in newest:
        file = pq.ParquetFile(directory / "history" / entry.name)
        for group in range(file.num_row_groups):
            told = file.read_row_group(group).to_pydict()
            for hop in (0, 1):
                columns = [told[_column(name, hop)] for name in _NAMES]
                there = told[f"hop{hop}_server"]
                rows = (
                    row for row, at in zip(zip(*columns, strict=True), there, strict=True) if at
                )
                table.executemany(f"INSERT INTO lines VALUES ({marks})", rows)
    for number, columns in enumerate(_INDICES):
        table.execute(f"CREATE INDEX by_{number} ON lines ({columns})")
    table.execute("ANALYZE")
    table.commit()
    kept, ours = sum(entry.calls for entry in newest), sum(entry.size for entry in newest)
    size = path.stat().st_size
    click.echo(
        f"SQLite table of the newest {kept:,} calls: {size / kept:.0f} bytes/call,"
        f" {size / ours:.1f} times as large"
    )
    first_ns = min(entry.first_ns for entry in newest)
    hours = [first_ns + n * max(T0 - first_ns - HOUR, 1) // TIMES for n in range(TIMES)]
    for name, asked in FILTERS.items():
        theirs = [_asked(table, asked, since_ns) for since_ns in [hours[0], *hours]][1:]
        our = asyncio.run(_ours(opened, asked, hours))
        one, other = statistics.median(theirs), statistics.median(our)
        click.echo(
            f"the filter that fits {name}: {one:.0f} ms from the table, {other:.0f} ms from all of"
            f" the history, {one / other:.1f} times as fast"
        )
    table.close()
    path.unlink()


def _column(name: str, hop: int) -> str:
    if name in _CALL or (name in _LINE and not hop):
        return name
    return f"hop{hop}_{name}"


def _asked(table: sqlite3.Connection, asked: dict[str, str], since_ns: int) -> float:
    began = time.perf_counter()
    low, high = ("500", "600") if asked["status"] == "5xx" else (asked["status"], asked["status"])
    table.execute(
        "SELECT * FROM lines WHERE start_ns >= ? AND start_ns < ? AND server = ?"
        " AND status BETWEEN ? AND ? AND path GLOB ? ORDER BY start_ns DESC LIMIT 100",
        (since_ns, since_ns + HOUR, asked["server"], int(low), int(high), asked["path"]),
    ).fetchall()
    return (time.perf_counter() - began) * 1e3


async def _ours(opened: Opened, asked: dict[str, str], hours: list[int]) -> list[float]:
    took = []
    for since_ns in [hours[0], *hours]:
        began = time.perf_counter()
        await opened.filtered(asked, since_ns)
        took.append((time.perf_counter() - began) * 1e3)
    return took[1:]
