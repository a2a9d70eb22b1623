"""History: sealed exactly once, read as one with memory, kept through crashes at every step."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from hub import forms
from hub.columns.calls import call_id
from hub.defaults import GRACE_S
from hub.stamps import parse_time

from .keeper import BATCHES, ROWS, Keeper, batch_of, feed
from .world import SECOND, SERVICES, T0, from_other, ident, log_key, row, to_other

LINES = 2 * BATCHES * ROWS
HOUR = 3_600


def hops(calls: Iterable[forms.Call]) -> Counter[tuple[str, str, int]]:
    return Counter((hop.server, hop.proxy, hop.offset) for call in calls for hop in call.hops)


def told(calls: Iterable[forms.Call]) -> set[tuple[object, ...]]:
    """Calls by what is said of them; not by their revision, which depends on what came when."""
    return {
        (
            tuple((hop.server, hop.offset, hop.why) for hop in call.hops), call.start, call.status,
            call.ok, call.path, call.origin, repr(call.from_), repr(call.to), call.join.by,
            call.join.missing, call.answered_by, call.duration_ms,
        )
        for call in calls
    }  # fmt: skip


def by_ids(calls: Iterable[forms.Call]) -> set[tuple[object, ...]]:
    """Without those that only addresses and time can join: a restart gives them 5 s more."""
    return told(call for call in calls if int(call.path.rsplit("/", 1)[1]) % 4 != 3)


async def check(keeper: Keeper, lines: int = LINES) -> list[forms.Call]:
    """Each line in one listed call, the counts those of the calls, the ledger exact."""
    calls = await keeper.calls(limit=50)
    counted = hops(calls)
    assert sum(counted.values()) == len(counted) == lines
    assert len({call.id for call in calls}) == len(calls)
    assert [call.id for call in calls] == sorted((call.id for call in calls), reverse=True)
    ledger = keeper.ledger()
    assert (ledger.exact, ledger.reason) == (True, None)
    assert ledger.totals.in_calls == ledger.totals.journalled == lines
    totals = keeper.pipeline.totals.counts
    assert totals[:, 0].sum() == len(calls)
    assert totals[:, 1].sum() == sum(not call.ok for call in calls)
    return calls


async def test_sealed_calls_are_told_as_they_were_in_memory(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=1_000)
    before = await check(keeper)
    assert await keeper.seal() == len(before)
    assert await keeper.seal() == 0
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert again.read_again == 0, "no sealed line is read again"
    assert len(again.pipeline.settling.calls.kept()) < len(before)
    after = await check(again)
    assert after == before
    for call in before[::17]:
        for number in range(len(call.hops)):
            one = await again.pages.one(call.id)
            assert one is not None and one.id == call.id, number
    await again.close()


async def test_sealing_while_traffic_comes_changes_nothing_that_is_told(tmp_path: Path) -> None:
    plain, sealing = await Keeper.open(tmp_path / "a"), await Keeper.open(tmp_path / "b")
    await feed(plain, seal_every=1_000)
    await feed(sealing, seal_every=2)
    assert sealing.archive.state.files
    assert told(await check(sealing)) == told(await check(plain))
    await plain.close()
    await sealing.close()


STEPS = {
    "begin": (1, 4), "written": (1, 4), "committed": (1, 4), "deleted": (1, 4), "end": (1, 4),
    "compact begin": (1,), "compact written": (1,), "compact committed": (1,),
}  # fmt: skip


@pytest.mark.parametrize(
    ("step", "times"), [(step, times) for step, all in STEPS.items() for times in all]
)
async def test_a_crash_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, step: str, times: int
) -> None:
    died = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.hub.keeper", str(tmp_path / "killed"), step, str(times)],
        timeout=60,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    again = await Keeper.open(tmp_path / "killed", T0 + 60 * SECOND)
    await feed(again, seal_every=3)
    never = await Keeper.open(tmp_path / "never")
    await feed(never, seal_every=1_000)
    calls = await check(again)
    assert by_ids(calls) == by_ids(await check(never))
    await again.seal()
    assert told(await check(again)) == told(calls)
    listed = {entry.name for entry in again.archive.state.files}
    assert {path.name for path in (tmp_path / "killed/history").glob("calls-*")} == listed
    await again.close()
    await never.close()


async def test_a_half_that_comes_after_a_restart_supersedes_the_sealed_one(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await keeper.lines("server-a", to_other("server-b", hop_id=ident("one")), row(100))
    keeper.settle()
    assert await keeper.seal() == 2
    half = next(call for call in await keeper.calls() if call.join.missing)
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert next(call for call in await again.calls() if call.join.missing) == half
    await again.lines("server-b", from_other("server-a", hop_parent=ident("one")))
    again.settle()
    joined = next(call for call in await check(again, 3) if len(call.hops) == 2)
    assert (joined.id, joined.revision, joined.join.by) == (half.id, half.revision + 1, "hop_id")
    assert await again.seal() == 1
    assert joined in await check(again, 3)
    await again.close()
    last = await Keeper.open(tmp_path, again.now_ns)
    assert joined in await check(last, 3)
    for id in (half.id, *(f"{call.id}" for call in await last.calls())):
        assert await last.pages.one(id) is not None
    await last.close()


async def test_two_sealed_halves_that_turn_out_to_be_one_call_are_listed_once(
    tmp_path: Path,
) -> None:
    keeper = await Keeper.open(tmp_path)
    # Two calls, each told before the hello that would join them: a restart lies between the halves.
    await keeper.lines("server-b", from_other("server-a", trace_id=ident("t"), path="/leaf/x"))
    keeper.settle()
    await keeper.seal()
    first = await keeper.calls()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    late = to_other("server-b", trace_id=ident("t"), path="/server-b/leaf/x")
    await again.lines("server-a", late)
    again.settle()
    await again.seal()
    calls = await check(again, 2)
    assert len(calls) == 1 and calls[0].id == first[0].id
    await again.close()


async def test_compaction_keeps_the_calls_and_drops_what_was_superseded(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=2)
    await keeper.seal()
    before = await check(keeper)
    files = keeper.archive.state.files
    superseded = len(keeper.archive.state.hidden.start_ns)
    assert len(files) > 5 and superseded
    assert await keeper.keeping.compact(keeper.now_ns + HOUR * SECOND) == len(files)
    (one,) = keeper.archive.state.files
    assert one.calls == len(before) < sum(entry.calls for entry in files)
    assert not len(keeper.archive.state.hidden.start_ns)
    assert (tmp_path / "history" / files[0].name).exists(), "who reads it may go on for a while"
    await keeper.keeping.retain(keeper.now_ns + 2 * HOUR * SECOND + GRACE_S * SECOND, 7, None)
    assert [path.name for path in (tmp_path / "history").glob("calls-*")] == [one.name]
    assert await check(keeper) == before
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert told(await check(again)) == told(before)
    await again.close()


async def test_retention_drops_whole_files_by_age_and_by_size(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=4)
    await keeper.seal()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    sizes = [entry.size for entry in again.archive.state.files]
    assert await again.keeping.retain(again.now_ns, 7, None) == 0
    assert await again.keeping.retain(again.now_ns, 7, sum(sizes[1:])) == 1
    assert 0 < len(await again.calls()) < LINES
    assert (
        await again.keeping.retain(again.now_ns + 8 * 24 * HOUR * SECOND, 7, None) == len(sizes) - 1
    )
    assert not again.archive.state.files
    assert again.ledger().exact, "what was deleted was in calls"
    await again.close()


@pytest.mark.parametrize(
    "filters",
    [
        {"status": "5xx"}, {"origin": "cross_server"}, {"join": "hop_id"}, {"path": "/leaf/3/*"},
        {"server": "server-b"}, {"service": "leaf"}, {"from": "communicating"}, {"to": "leaf"},
        {"method": "GET"}, {"trace_id": ident("4/1").hex()}, {"q": "leaf/11"}, {"status": "ok"},
        {"node": "server-a/proxy:private"}, {"since": str((T0 + 2 * SECOND) / SECOND)},
        {"until": str((T0 + 2 * SECOND) / SECOND), "status": "200"}, {"q": "nowhere"},
    ],
)  # fmt: skip
async def test_filters_find_the_same_in_history_as_in_memory(
    tmp_path: Path, filters: dict[str, str]
) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=1_000)
    before = told(await keeper.calls(**filters))
    await keeper.seal()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert told(await again.calls(limit=7, **filters)) == before
    assert bool(before) == (filters != {"q": "nowhere"})
    await again.close()


async def test_pages_stay_while_calls_come_are_sealed_and_compacted(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=2)
    before = [call.id for call in await keeper.calls()]
    seen, cursor, turn = [], None, 0
    while True:
        page, cursor = await keeper.pages.page(*_everything(20), cursor)
        seen += [call.id for call in page]
        if cursor is None:
            break
        turn += 1
        await keeper.lines("server-a", row(60_000 + turn, path="/new"), proxy="public")
        keeper.tick(100)
        if turn % 3 == 0:
            await keeper.seal()
        if turn == 5:
            await keeper.keeping.compact(keeper.now_ns + HOUR * SECOND)
    assert seen == before
    await keeper.close()


def _everything(limit: int) -> tuple[object, int]:
    from hub.query.filters import Filters

    return Filters(), limit


def test_traffic_has_lines_of_every_kind() -> None:
    kinds = {tuple(sorted(fields)) for s in ("server-a", "server-b") for fields in batch_of(s, 0)}
    assert len(kinds) >= 4


async def test_a_retried_request_keeps_all_its_hops(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    tried = {"hop_id": ident("again"), "overhead_ns": 20_000_000}
    await keeper.lines("server-a", to_other("server-b", lasts_ms=40, **tried), row(100))
    failed = from_other("server-a", 2, 6, hop_parent=ident("again"), status=503)
    await keeper.lines("server-b", failed, from_other("server-a", 20, 6, hop_parent=ident("again")))
    keeper.settle()
    before = await check(keeper, 4)
    (call,) = (call for call in before if len(call.hops) == 3)
    await keeper.seal()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert again.read_again == 0
    assert call in await check(again, 4)
    for hop in call.hops:
        log = log_key(hop.server, hop.proxy)
        assert await again.pages.one(call_id(parse_time(hop.start), log, hop.offset)) == call
    await again.close()


async def test_a_sealed_call_names_the_call_that_it_was_made_for(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    leaf = SERVICES["leaf"]
    outer = {"hop_id": ident("outer"), "trace_id": ident("trace")}
    await keeper.lines("server-a", row(0, 50, **outer), row(0, 50, path="/another"))
    await keeper.lines("server-a", row(5, 10, client=leaf, hop_parent=ident("outer"), path="/hop"))
    await keeper.lines("server-a", row(20, 10, client=leaf, trace_id=ident("trace"), path="/trace"))
    await keeper.lines("server-a", row(70, 10, client=leaf, trace_id=ident("trace"), path="/late"))
    keeper.settle()
    before = {call.path: call for call in await keeper.calls()}
    parent = before["/leaf/echo"]
    assert before["/hop"].parent == before["/trace"].parent == parent.id
    assert before["/late"].parent is parent.parent is None
    await keeper.seal()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert again.read_again == 0
    assert {call.path: call for call in await again.calls()} == before
    for call in before.values():
        assert await again.pages.one(call.id) == call
    await again.close()
