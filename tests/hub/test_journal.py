"""The journal on a real disk: compare-and-set, crashes, order, retention, strange files."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hopwatch.v1 import ingest_pb2 as pb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.columns.wire import decode
from hub.journal.journal import (
    Committed,
    Dropped,
    Journal,
    JournalError,
    Lane,
    OutOfPlace,
)
from hub.model import (
    BatchCommitted,
    Event,
    HelloSeen,
    InventorySeen,
    LogKey,
    LogSeen,
    WatermarkSeen,
)

from .streams import FINGERPRINT, LINE_BYTES, LOG, columns, columns_batch, rows_batch, sighting

ROOT = Path(__file__).parents[2]
OTHER = LogKey("server-b", "public", FINGERPRINT)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = Journal.open(tmp_path / "data", reserve_mib=0)
    yield opened
    await opened.close()


def stored(journal: Journal, log: LogKey = LOG) -> list[tuple[int, int]]:
    """The ranges of a log's batches, in journal order."""
    batches = [e for e in journal.replay() if isinstance(e, BatchCommitted)]
    assert [b.seq for b in batches] == sorted({b.seq for b in batches})
    return [(b.first_offset, b.end_offset) for b in batches if b.log == log]


def watermark(ns: int) -> WatermarkSeen:
    return WatermarkSeen("server-a", LOG, ns, False, 0, 0, 0, 0)


# --- compare and set -----------------------------------------------------------------------------


async def test_a_batch_at_the_offset_is_committed_below_it_dropped_elsewhere_refused(
    journal: Journal,
) -> None:
    batch = rows_batch(0, 2, malformed=1)
    first = await journal.append_batch(LOG, batch)
    assert isinstance(first, Committed)
    assert (first.account.offset, first.account.lines, first.account.malformed) == (1800, 3, 1)
    assert await journal.append_batch(LOG, batch) == Dropped(first.account)
    for misplaced in (rows_batch(2700, 1), rows_batch(900, 2)):
        outcome = await journal.append_batch(LOG, misplaced)
        assert outcome == OutOfPlace(first.account)
        assert outcome.expected == 1800
    assert stored(journal) == [(0, 1800)]


async def test_a_batch_without_rows_moves_the_offset(journal: Journal) -> None:
    outcome = await journal.append_batch(LOG, rows_batch(0, 0, malformed=1))
    assert isinstance(outcome, Committed)
    assert (outcome.account.offset, outcome.account.lines) == (900, 1)


async def test_two_logs_interleaved_have_their_own_offsets(journal: Journal) -> None:
    for i in range(5):
        await journal.append_batch(LOG, rows_batch(i * 900, 1))
        await journal.append_batch(OTHER, rows_batch(i * 1800, 2))
    assert stored(journal) == [(i * 900, i * 900 + 900) for i in range(5)]
    assert stored(journal, OTHER) == [(i * 1800, i * 1800 + 1800) for i in range(5)]


async def test_the_bytes_that_came_are_the_bytes_that_are_kept(journal: Journal) -> None:
    batch = columns_batch(0, columns(100), packed=True)
    outcome = await journal.append_batch(LOG, batch)
    assert isinstance(outcome, Committed)
    assert journal.read(outcome.seq).SerializeToString() == batch.SerializeToString()
    with pytest.raises(KeyError):
        journal.read(outcome.seq + 1)


async def test_a_batch_resent_after_a_crash_is_stored_once(tmp_path: Path) -> None:
    first = Journal.open(tmp_path, reserve_mib=0)
    await first.append_batch(LOG, rows_batch(0, 3))
    await first.close()  # The acknowledgement never reached the agent.
    again = Journal.open(tmp_path, reserve_mib=0)
    assert isinstance(await again.append_batch(LOG, rows_batch(0, 3)), Dropped)
    assert (await again.resume(LOG, sighting())).offset == 2700
    assert stored(again) == [(0, 2700)]
    await again.close()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("resend"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("reorder"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("burst"), st.integers(0, 1), st.integers(2, 6)),
        st.tuples(st.just("crash"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


class Model:
    """What the journal must hold: per log the ranges it took, and agents that act up."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = Journal.open(directory, reserve_mib=0)
        self.taken: dict[LogKey, list[tuple[int, int]]] = {LOG: [], OTHER: []}

    def end(self, log: LogKey) -> int:
        return self.taken[log][-1][1] if self.taken[log] else 0

    async def append(self, log: LogKey, first: int, rows: int) -> None:
        await self.all(log, [(first, rows)])

    async def all(self, log: LogKey, batches: list[tuple[int, int]]) -> None:
        """Submit together, as one group or several; every outcome as the model says."""
        messages = [rows_batch(first, rows) for first, rows in batches]
        lane = Lane()
        futures = [self.journal.submit_batch(log, m, decode(m), lane) for m in messages]
        for message, outcome in zip(messages, await asyncio.gather(*futures), strict=True):
            end = self.end(log)
            if message.end_offset <= end:
                assert isinstance(outcome, Dropped)
            elif message.first_offset == end:
                assert isinstance(outcome, Committed)
                self.taken[log].append((end, message.end_offset))
            else:
                assert outcome == OutOfPlace(outcome.account)
                assert outcome.account.offset == end

    async def act(self, action: str, which: int, number: int) -> None:
        log = (LOG, OTHER)[which]
        end = self.end(log)
        if action == "next":
            await self.append(log, end, number)
        elif action == "resend" and self.taken[log]:
            first, last = self.taken[log][-1 - number % len(self.taken[log])]
            await self.append(log, first, (last - first) // LINE_BYTES)
        elif action == "reorder":
            await self.all(log, [(end + number * LINE_BYTES, 1), (end, number)])
        elif action == "burst":
            await self.all(log, [(end + i * LINE_BYTES, 1) for i in range(number)] * 2)
        elif action == "crash":
            await self.journal.close()
            self.journal = Journal.open(self.directory, reserve_mib=0)

    async def check(self) -> None:
        for log, taken in self.taken.items():
            assert stored(self.journal, log) == taken
            assert (await self.journal.resume(log, sighting())).offset == self.end(log)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=ACTIONS)
def test_whatever_agents_do_each_byte_of_a_log_is_stored_once_and_in_order(
    actions: list[tuple[str, int, int]],
) -> None:
    async def play(directory: Path) -> None:
        model = Model(directory)
        for action in actions:
            await model.act(*action)
        await model.check()
        await model.journal.close()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory)))


def append_until_killed(directory: Path) -> int:
    """Kill -9 a process that appends; the last end offset that it saw acknowledged."""
    command = [sys.executable, "-m", "tests.hub.appender", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(25)]
        child.kill()
        told += child.stdout.readlines()
    return int([line for line in told if line.endswith(b"\n")][-1])


@pytest.mark.parametrize("attempt", [1, 2, 3])
async def test_every_acknowledged_batch_survives_kill_9(tmp_path: Path, attempt: int) -> None:
    acknowledged = await asyncio.to_thread(append_until_killed, tmp_path)
    journal = Journal.open(tmp_path, reserve_mib=0)
    ranges = stored(journal)
    assert [first for first, _ in ranges] == [0, *(end for _, end in ranges[:-1])]
    assert ranges[-1][1] >= acknowledged
    assert (await journal.resume(LOG, sighting())).offset == ranges[-1][1]
    await journal.close()


# --- the sink ------------------------------------------------------------------------------------


async def test_a_group_commit_is_one_call_of_the_sink_before_its_outcomes(tmp_path: Path) -> None:
    calls: list[list[Event]] = []
    done: list[int] = []
    journal = Journal.open(tmp_path, reserve_mib=0, sink=calls.append)
    futures = []
    for i in range(200):
        message = rows_batch(i * 900, 1)
        future = journal.submit_batch(LOG, message, decode(message), Lane())
        future.add_done_callback(lambda _: done.append(sum(map(len, calls))))
        futures.append(future)
    await asyncio.gather(*futures)
    assert len(calls) == journal.commits < 200
    told = [event for call in calls for event in call]
    assert [event.seq for event in told] == list(range(1, 201))
    assert all(told_by_then >= place for place, told_by_then in enumerate(done, 1))
    await journal.close()


async def test_the_journal_replays_what_the_sink_was_told(tmp_path: Path) -> None:
    told: list[Event] = []
    journal = Journal.open(tmp_path, reserve_mib=0, sink=told.extend)
    await journal.append_hello(HelloSeen("server-a", pb.Hello(server="server-a")))
    await journal.append_inventory(InventorySeen("server-a", pb.Inventory(version=1)))
    await journal.append_batch(LOG, columns_batch(0, columns(50), packed=True))
    await journal.append_batch(OTHER, rows_batch(0, 2))
    replayed = list(journal.replay())
    assert [type(e) for e in replayed] == [type(e) for e in told]
    assert replayed[:2] == told[:2]
    for again, first in zip(replayed[2:], told[2:], strict=True):
        assert isinstance(again, BatchCommitted) and isinstance(first, BatchCommitted)
        assert (again.seq, again.log, again.end_offset) == (first.seq, first.log, first.end_offset)
        assert again.observations.path.values == first.observations.path.values
        assert (again.observations.start_ns == first.observations.start_ns).all()
    assert [e for e in journal.replay(2) if isinstance(e, HelloSeen | InventorySeen)] == []
    await journal.close()


async def test_an_event_keeps_its_place_and_is_withheld_behind_a_failure(tmp_path: Path) -> None:
    told: list[Event] = []
    third = asyncio.Event()

    def tell(events: list[Event]) -> None:
        told.extend(events)
        if len(told) == 3:
            third.set()

    journal = Journal.open(tmp_path, reserve_mib=0, sink=tell)
    lane = Lane()
    journal.emit(watermark(1), lane)
    assert told == [watermark(1)]
    message = rows_batch(0, 1)
    future = journal.submit_batch(LOG, message, decode(message), lane)
    journal.emit(watermark(2), lane)
    assert len(told) == 1
    await future
    await asyncio.wait_for(third.wait(), 5)
    assert [type(e) for e in told] == [WatermarkSeen, BatchCommitted, WatermarkSeen]
    gap = rows_batch(9000, 1)
    await journal.submit_batch(LOG, gap, decode(gap), lane)
    journal.emit(watermark(3), lane)
    assert len(told) == 3
    await journal.close()


async def test_a_hello_that_says_the_same_is_told_again_and_kept_once(tmp_path: Path) -> None:
    told: list[Event] = []
    journal = Journal.open(tmp_path, reserve_mib=0, sink=told.extend)
    same = {"server": "server-a", "internal_addresses": ["10.0.0.1"]}
    for instance, logs in ((b"1", [sighting()]), (b"2", [])):
        hello = pb.Hello(instance=instance, logs=logs, **same)
        await journal.append_hello(HelloSeen("server-a", hello))
    await journal.append_hello(HelloSeen("server-a", pb.Hello(server="server-a")))
    await journal.append_hello(HelloSeen("server-b", pb.Hello(server="server-b")))
    assert len(told) == 4
    assert [e.server for e in journal.replay() if isinstance(e, HelloSeen)] == [
        "server-a",
        "server-a",
        "server-b",
    ]
    await journal.close()


async def test_a_sighting_tells_the_hubs_account(journal: Journal) -> None:
    seen = await journal.resume(LOG, sighting())
    assert seen == LogSeen(LOG, "/var/log/private.jsonl", 0, 0, 0)
    await journal.append_batch(LOG, rows_batch(0, 2, malformed=2))
    renamed = pb.LogSighting(number=1, path="/var/log/private.jsonl.1")
    assert await journal.resume(LOG, renamed) == LogSeen(LOG, renamed.path, 1800, 4, 2)


# --- retention -----------------------------------------------------------------------------------


async def test_deleting_keeps_what_is_valid_at_the_cut_and_gives_space_back(
    tmp_path: Path,
) -> None:
    journal = Journal.open(tmp_path, reserve_mib=0)
    for address in ("10.0.0.1", "10.0.0.2"):
        hello = pb.Hello(server="server-a", internal_addresses=[address])
        await journal.append_hello(HelloSeen("server-a", hello))
    await journal.append_inventory(InventorySeen("server-a", pb.Inventory(version=1)))
    message = columns(1000)
    for i in range(200):
        await journal.append_batch(LOG, columns_batch(i * 900_000, message))
    late = pb.Hello(server="server-a", internal_addresses=["10.0.0.3"])
    await journal.append_hello(HelloSeen("server-a", late))
    size = (tmp_path / "journal.db").stat().st_size
    assert await journal.delete_before(190) == 1 + 186
    kept = list(journal.replay())
    assert [e.hello.internal_addresses[0] for e in kept if isinstance(e, HelloSeen)] == [
        "10.0.0.2",
        "10.0.0.3",
    ]
    assert sum(isinstance(e, InventorySeen) for e in kept) == 1
    assert min(e.seq for e in kept if isinstance(e, BatchCommitted)) == 190
    assert (await journal.resume(LOG, sighting())).offset == 180_000_000
    await journal.delete_before(1000)
    outcome = await journal.append_batch(LOG, columns_batch(180_000_000, message))
    assert isinstance(outcome, Committed) and outcome.seq == 205
    await journal.close()
    assert (tmp_path / "journal.db").stat().st_size < size / 4


async def test_a_second_hub_on_the_same_directory_is_refused(
    journal: Journal, tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match=r"in use by another hub \(process \d+\)"):
        Journal.open(tmp_path / "data")


async def test_only_the_user_can_read_the_journal(journal: Journal, tmp_path: Path) -> None:
    await journal.append_batch(LOG, rows_batch(0, 1))
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "data").iterdir()}
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("content", [b"this is not a database, it is a text file\n" * 40, None])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "journal.db"
    if content is None:
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA user_version = 7")
    else:
        file.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db: (cannot be opened|written by another)"):
        Journal.open(tmp_path)
