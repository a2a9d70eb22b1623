"""Measures the history: sealing, size of a call, filters, look-ups, edges, export, replay.

    python -m bench.history [--calls 20000000] [--days 7]

Calls of one hop without ids, and joined calls of two hops with hop and trace ids, are sealed as the
hub does it, timed by the CPU of the process. Then files of one such sealing each, shifted in time,
fill `--days` with `--calls` calls; first pages of a filter within one hour, single calls, and the
edges of an hour are read from them, each at another time of the past. `table` is the peers' way:
one SQLite table with indexes on time, server and status, of as many calls as are in the filtered
hour, asked for the same. No figure is asserted.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hub.describe import Describe
from hub.filters import parse
from hub.history import catalog, encode, files, rollups, snapshot
from hub.history.archive import Archive
from hub.history.catalog import Checkpoint, Sealing
from hub.history.files import FileEntry
from hub.history.pages import Pages
from hub.history.replay import Replay
from hub.history.schema import COLUMNS, TEXT
from hub.history.windows import Windows
from hub.journal_store import Store
from hub.language import parse as parse_query
from tests.hub.world import SECOND, T0, World, from_other, ident, row, to_other

LIMIT_S = 1_800
CALLS = 100_000
MS = 1_000_000
RNG = np.random.default_rng(6)


def world(two_hops: bool) -> World:
    """`CALLS` settled calls within 60 s."""
    made = World("server-a", "server-b", recent_calls=10_000_000)
    made.pipeline.seals = True
    step_ms = 60_000 / CALLS
    for first in range(0, CALLS, 1_000):
        rows: tuple[list[Any], list[Any]] = ([], [])
        for number in range(first, first + 1_000):
            at, lasts = number * step_ms + RNG.random(), 2 + float(RNG.exponential(10))
            said = {
                "path": f"/leaf/{int(RNG.zipf(1.5)) % 2_000}", "request_count": number + 1,
                "client_port": int(RNG.integers(30_000, 60_000)),
                "bytes_out": int(RNG.integers(200, 2_000)),
                "overhead_ns": int(RNG.integers(50_000, 150_000)),
                "status": 500 if RNG.random() < 0.02 else 200,
            }  # fmt: skip
            if not two_hops:
                rows[0].append(row(at, lasts, **said))
                continue
            ids = {"trace_id": ident(f"t{number}"), "hop_id": ident(f"h{number}")}
            path = said.pop("path")
            rows[0].append(to_other("server-b", at, lasts, **said, **ids, path=f"/server-b{path}"))
            ids = {"trace_id": ids["trace_id"], "hop_id": ident(f"o{number}")}
            given = {**said, **ids, "hop_parent": ident(f"h{number}"), "path": path}
            rows[1].append(from_other("server-a", at + 0.5, lasts - 1, **given))
        for server, lines in zip(("server-a", "server-b"), rows, strict=True):
            if lines:
                made.lines(server, *lines)
    made.settle()
    return made


def seal(made: World, directory: Path, name: str) -> tuple[FileEntry, float]:
    """One sealing without the transaction; CPU seconds, the lowest of three."""
    least = float("inf")
    describe = Describe(made.pipeline)
    for _ in range(3):
        began = time.process_time()
        taken = snapshot.take(made.pipeline, describe)
        asked = snapshot.questions(taken)
        taken.texts = snapshot.answer(made.pipeline, describe, asked)
        entry = files.write(directory, name, encode.table(taken, asked), 0)
        rollups.bodies(made.pipeline.sealable)
        least = min(least, time.process_time() - began)
    return entry, least


def fill(made: World, store: Store, history: Path, one: FileEntry, count: int, days: float) -> int:
    """Files of the same calls, spread over the past; the time of the first call."""
    texts = [name for name, kind in COLUMNS.items() if kind == TEXT]
    table = pq.read_table(history / one.name, read_dictionary=texts)
    (history / one.name).unlink()
    step_ns = round(days * 86_400 * SECOND / count)
    begin_ns = T0 - count * step_ns
    nothing = snapshot.Hidden(*[np.zeros(0, np.int64)] * 4)
    counted = made.pipeline.sealable
    for number in range(count):
        shift = begin_ns - T0 + number * step_ns
        moved = table
        for name in ("start_ns", "hop1_start_ns"):
            place = table.column_names.index(name)
            starts = (
                pa.array(np.asarray(table[name]) + shift) if name == "start_ns" else table[name]
            )
            moved = moved.set_column(place, name, starts)
        entry = files.write(history, f"calls-{number:06d}.parquet", moved, begin_ns + number)
        parts = [
            (sign, type(c)(c.edge, c.end_ns + shift, *(getattr(c, n) for n in c.__slots__[2:])))
            for sign, c in counted
        ]
        checkpoint = Checkpoint(number + 1, number + 1, b"", b"")
        store.begin()
        catalog.seal(store, Sealing(checkpoint, entry, nothing, rollups.bodies(parts), None))
        store.commit()
    return begin_ns


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


def by_table(directory: Path, calls: list[tuple[Any, ...]]) -> tuple[float, float]:
    """The peers' way: bytes a call, and ms of the first page of the filter."""
    table = sqlite3.connect(directory / "table.db")
    columns = (
        "start_ns, id, server, status, method, host, path, from_node, to_node, origin, duration_ns,"
        " upstream_ns, overhead_ns, client, client_port, bytes_out, request_count, router, service,"
        " upstream, protocol, user_agent, log, offset"
    )
    table.execute(f"CREATE TABLE calls ({columns})")
    for name in ("start_ns", "server, start_ns", "status, start_ns"):
        table.execute(f"CREATE INDEX by_{name.split(',')[0]}_{len(name)} ON calls ({name})")
    marks = ", ".join("?" * len(columns.split(",")))
    table.executemany(f"INSERT INTO calls VALUES ({marks})", calls)
    table.commit()
    took = []
    for _ in range(20):
        began = time.perf_counter()
        table.execute(
            "SELECT * FROM calls WHERE server = 'server-a' AND status BETWEEN 500 AND 599"
            " AND path LIKE '/leaf/77%' ORDER BY start_ns DESC LIMIT 100"
        ).fetchall()
        took.append((time.perf_counter() - began) * 1e3)
    table.close()
    return (directory / "table.db").stat().st_size / len(calls), float(np.median(took))


def rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(directory: Path, calls: int, days: float) -> None:
    history = directory / "history"
    history.mkdir()
    for two_hops in (True, False):
        made = world(two_hops)
        one, cpu_s = seal(made, history, "calls-one.parquet")
        kind = "two hops with ids" if two_hops else "one hop without ids"
        click.echo(
            f"sealing {kind}: {CALLS / cpu_s:,.0f} calls/s, {one.size / CALLS:.1f} bytes/call"
        )
    count = max(calls // CALLS, 1)
    store = Store(directory)
    begin_ns = fill(made, store, history, one, count, days)
    size = sum(path.stat().st_size for path in history.iterdir())
    click.echo(f"{count * CALLS:,} calls over {days:g} days in {count} files, {size / 1e9:.2f} GB")
    archive = Archive(store, history)
    core = World("server-a", "server-b")
    core.pipeline = made.pipeline
    pages = Pages(made.pipeline, archive)
    made.pipeline.restored = 1 << 62
    table = made.pipeline.settling.calls.table
    table.put("sealed", np.arange(table.first, table.end), 9)
    windows = Windows(made.pipeline, store)
    made.pipeline.sealable = []
    span_ns = round(days * 86_400 * SECOND)

    def hour(number: int) -> int:
        """The begin of some hour of the past."""
        return begin_ns + (number * 7_919 * SECOND * 60) % max(span_ns - 3_600 * SECOND, 1)

    before = rss_mib()

    async def filtered(number: int) -> Any:
        since = hour(number)
        asked = {"server": "server-a", "status": "5xx", "path": "/leaf/77*"}
        window = {"since": str(since / SECOND), "until": str(since / SECOND + 3_600)}
        return await pages.page(parse(asked | window)[0], 100)

    await timed("filter within an hour, first page", 30, filtered)
    click.echo(f"memory of it: +{rss_mib() - before:.0f} MiB")
    found, _ = await pages.page(parse({"until": str(hour(3) / SECOND)})[0], 50)

    async def looked_up(number: int) -> Any:
        assert await pages.one(found[number % len(found)].id)

    await timed("look-up by id", 50, looked_up)
    now = T0 // SECOND

    async def counted(number: int) -> Any:
        since = hour(number) // SECOND
        return await windows.edges(since, since + 3_600, now)

    await timed("edges of an hour", 30, counted)
    begin = begin_ns // SECOND
    began = time.perf_counter()
    replay, shown = Replay(made.pipeline, ""), 0
    topology = Describe(made.pipeline).topology()
    reel = await pages.reel(begin_ns, begin_ns + 60 * SECOND, parse_query(""))
    decoded_s = time.perf_counter() - began
    replay.snapshot(topology, begin_ns)
    for at in range(begin_ns, begin_ns + 60 * SECOND, SECOND):
        frame = replay.frame(reel, at, at + SECOND, topology)
        shown += len(frame.packets.edge) + frame.hidden.packets
    took_s = time.perf_counter() - began
    click.echo(
        f"replay of 60 s with {shown:,} calls: decoded at {60 / decoded_s:.0f} times real time,"
        f" with frames at {60 / took_s:.0f}; {shown / took_s:,.0f} calls/s"
    )
    window = {"since": str(begin), "until": str(begin + 3_600)}
    forms: tuple[Literal["csv", "ndjson"], ...] = ("csv", "ndjson")
    for form in forms:
        before, began, rows, size = rss_mib(), time.perf_counter(), 0, 0
        async for part in pages.export(parse(window)[0], form):
            size += len(part.lines)
            rows += part.calls
        took_s = time.perf_counter() - began
        click.echo(
            f"{form} export: {rows / took_s:,.0f} calls/s of {rows:,},"
            f" {size / max(rows, 1):.0f} bytes a call, memory +{rss_mib() - before:.0f} MiB"
        )
    since = hour(1)
    listed, _ = await pages.page(parse({"until": str(since / SECOND)})[0], 10_000)
    hops = [(call, call.hops[0]) for call in listed]
    plain = [
        (
            i, call.id, hop.server, call.status, call.method, call.host, call.path,
            call.from_.node, call.to.node, call.origin, hop.duration_ms, hop.upstream_ms,
            hop.overhead_ms, hop.client,
            40_000, hop.bytes_out, hop.request_count, hop.router, hop.service, hop.upstream,
            hop.protocol, hop.user_agent, hop.log, hop.offset,
        )
        for i, (call, hop) in enumerate(hops * max(1, round(calls / (days * 24) / len(hops))))
    ]  # fmt: skip
    bytes_a_call, took_ms = by_table(directory, plain)
    click.echo(
        f"table of the {len(plain):,} calls of an hour: {bytes_a_call:.0f} bytes/call,"
        f" the filter {took_ms:.0f} ms"
    )
    store.close()


@click.command()
@click.option("--calls", default=20_000_000, show_default=True)
@click.option("--days", default=7.0, show_default=True)
def main(calls: int, days: float) -> None:
    """Measure the history."""
    with tempfile.TemporaryDirectory(prefix="hopwatch-history-") as directory:
        asyncio.run(measure(Path(directory), calls, days))


if __name__ == "__main__":
    main()
