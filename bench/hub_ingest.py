"""Measures the hub's front: prebuilt 1,000-row batches, as bytes, to acknowledgements, as bytes.

    python -m bench.hub_ingest [--batches 2000] [--rows 1000]

Everything runs on one core. `hub` is session, decode, journal (fsync) and ack in one process; `hub,
gRPC` is the same behind a real stream on a Unix socket, with the agent on another core (CPU is the
hub's alone). The reference is written the usual way: row messages, a row at a time into an indexed
SQLite table, an ack for each batch. Same lines for all; no figure is asserted.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from hopwatch.v1 import ingest_pb2 as pb

from hub.agents.commands import Append, Send
from hub.agents.session import Session
from hub.columns.wire import IDS, NUMBERS, STRINGS
from hub.journal.journal import Journal, Lane
from tests.hub.streams import Agent, columns, columns_batch, hello, running_hub

PENDING = 16


@dataclass(frozen=True)
class Figure:
    """What one way of it took."""

    name: str
    events: int
    wall_s: float
    cpu_s: float
    stored_bytes: int


def messages(count: int, rows: int, *, packed: bool) -> Iterator[bytes]:
    """Agents' messages, one behind the other in one log."""
    said = columns(rows)
    template = columns_batch(0, said, packed=packed)
    for i in range(count):
        template.first_offset = i * rows * 900
        template.end_offset = (i + 1) * rows * 900
        yield pb.AgentMessage(batch=template).SerializeToString()


def row_messages(count: int, rows: int) -> Iterator[bytes]:
    """The same lines as row messages."""
    said = columns(rows)
    template = pb.Batch(log=1, rows=[as_row(said, i) for i in range(rows)])
    for i in range(count):
        template.first_offset = i * rows * 900
        template.end_offset = (i + 1) * rows * 900
        yield pb.AgentMessage(batch=template).SerializeToString()


def as_row(said: pb.Columns, row: int) -> pb.Row:
    """One row of columns."""
    message = pb.Row()
    for name, dtype in NUMBERS.items():
        data = getattr(said, name)[row * dtype.itemsize : (row + 1) * dtype.itemsize]
        setattr(message, name, int.from_bytes(data, "little", signed=dtype.kind == "i"))
    for name in IDS:
        setattr(message, name, getattr(said, name)[row * 16 : row * 16 + 16])
    for name in STRINGS:
        strings = getattr(said, name)
        width = 2 if len(strings.values) > 256 else 1
        code = int.from_bytes(strings.codes[row * width : (row + 1) * width], "little")
        setattr(message, name, strings.values[code])
    return message


def timed(name: str, events: int, directory: Path, run: Callable[[], None]) -> Figure:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    stored = sum(file.stat().st_size for file in directory.rglob("*.db*"))
    return Figure(name, events, wall, cpu, stored)


# --- the hub -------------------------------------------------------------------------------------


async def through_the_hub(directory: Path, incoming: list[bytes]) -> int:
    """Feed messages to a session and a journal; how many acks came out."""
    journal = Journal.open(directory)
    session = Session(lambda server: None, "bench")
    (join,) = session.receive(hello().SerializeToString(), 0)
    session.joined([await journal.resume(log, seen) for log, seen in join.logs])  # type: ignore[union-attr]
    places, lane, acks = asyncio.Semaphore(PENDING), Lane(), 0

    def acknowledge() -> None:
        nonlocal acks
        for command in session.acknowledgement():
            assert isinstance(command, Send)
            acks += len(command.message.SerializeToString()) > 0

    def settled(done: asyncio.Future[object]) -> None:
        places.release()
        session.settled(1, done.result())  # type: ignore[arg-type]
        asyncio.get_running_loop().call_soon(acknowledge)

    for data in incoming:
        (append,) = session.receive(data, 0)
        assert isinstance(append, Append), append
        await places.acquire()
        journal.submit_batch(append.log, append.batch, append.observations, lane).add_done_callback(
            settled
        )
    for _ in range(PENDING):
        await places.acquire()
    await journal.close()
    return acks


async def over_grpc(directory: Path, count: int, rows: int, packed: bool) -> tuple[float, float]:
    """Serve a feeding process; wall and the hub's CPU seconds."""
    async with running_hub(directory) as hub:
        command = [sys.executable, "-m", "bench.hub_ingest", "--feed", hub.address]
        command += ["--batches", str(count), "--rows", str(rows)]
        feeder = await asyncio.create_subprocess_exec(
            *command, *(["--packed"] if packed else []), stdout=subprocess.PIPE
        )
        os.sched_setaffinity(feeder.pid, range(os.cpu_count() or 1))
        assert feeder.stdout is not None
        await feeder.stdout.readline()  # It has built its batches.
        wall, cpu = time.perf_counter(), time.process_time()
        await feeder.wait()
        return time.perf_counter() - wall, time.process_time() - cpu


async def feed(address: str, incoming: list[bytes], end: int) -> None:
    """An agent that sends what it has as fast as it is taken."""
    async with Agent(address) as agent:
        agent.call = agent.channel.stream_stream(
            "/hopwatch.v1.Ingest/Stream", response_deserializer=pb.HubMessage.FromString
        )()
        await agent.call.write(hello().SerializeToString())
        await agent.hear()
        print("ready", flush=True)

        async def send() -> None:
            for data in incoming:
                await agent.call.write(data)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            await agent.acknowledged(end)


# --- the reference -------------------------------------------------------------------------------

COLUMNS = (*NUMBERS, *IDS, *STRINGS)


def the_usual_way(directory: Path, incoming: list[bytes]) -> None:
    """A row at a time into an indexed table; one commit and one ack for each batch."""
    db = sqlite3.connect(directory / "reference.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"CREATE TABLE requests (id INTEGER PRIMARY KEY, {', '.join(COLUMNS)})")
    for name in ("start_ns", "path", "service"):
        db.execute(f"CREATE INDEX by_{name} ON requests ({name})")
    insert = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    for data in incoming:
        batch = pb.AgentMessage.FromString(data).batch
        db.execute("BEGIN")
        for row in batch.rows:
            db.execute(insert, [value_of(row, name) for name in COLUMNS])
        db.execute("COMMIT")
        resume = pb.Resume(number=batch.log, offset=batch.end_offset)
        pb.HubMessage(ack=pb.Ack(logs=[resume])).SerializeToString()
    db.close()


def value_of(row: pb.Row, name: str) -> object:
    return getattr(row, name)


# --- the table -----------------------------------------------------------------------------------


def measure(batches: int, rows: int, directory: Path) -> list[Figure]:
    events = batches * rows
    figures = []
    for packed in (False, True):
        kind = "zstd" if packed else "plain"
        place = directory / f"journal-{kind}"
        incoming = list(messages(batches, rows, packed=packed))

        def run(place: Path = place, incoming: list[bytes] = incoming) -> None:
            asyncio.run(through_the_hub(place, incoming))

        figures.append(timed(f"hub, {kind}", events, place, run))
        place = directory / f"grpc-{kind}"
        place.mkdir()
        wall, cpu = asyncio.run(over_grpc(place, batches, rows, packed))
        stored = sum(file.stat().st_size for file in place.rglob("*.db*"))
        figures.append(Figure(f"hub, {kind}, gRPC", events, wall, cpu, stored))
    few = max(batches // 40, 5)
    place = directory / "reference"
    place.mkdir()
    usual = list(row_messages(few, rows))
    figures.append(timed("reference", few * rows, place, lambda: the_usual_way(place, usual)))
    return figures


def table(figures: list[Figure]) -> Iterator[str]:
    reference = figures[-1]
    per_s = reference.events / reference.wall_s
    per_event = reference.cpu_s / reference.events
    yield f"{'':18}{'events/s':>12}{'x':>8}{'CPU us/event':>14}{'x':>8}{'B/event stored':>16}"
    for f in figures:
        rate, cpu = f.events / f.wall_s, f.cpu_s / f.events
        yield (
            f"{f.name:18}{rate:12,.0f}{rate / per_s:8.1f}{cpu * 1e6:14.3f}{cpu / per_event:8.3f}"
            f"{f.stored_bytes / f.events:16.0f}"
        )


@click.command()
@click.option("--batches", default=2000, show_default=True)
@click.option("--rows", default=1000, show_default=True)
@click.option("--feed", "address", default=None, hidden=True)
@click.option("--packed", is_flag=True, hidden=True)
def main(batches: int, rows: int, address: str | None, packed: bool) -> None:
    """The hub's front on one core, against the usual way."""
    cores = sorted(os.sched_getaffinity(0))
    if address is not None:
        incoming = list(messages(batches, rows, packed=packed))
        asyncio.run(feed(address, incoming, batches * rows * 900))
        return
    os.sched_setaffinity(0, {cores[0]})
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(batches, rows, Path(directory))
    print(f"{batches:,} batches of {rows:,} rows, {columns(rows).ByteSize():,} bytes each")
    print("\n".join(table(figures)))


if __name__ == "__main__":
    main()
