"""What the join remembers and lets go of, and which of several pairs it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.defaults import LATE_HALF_S
from hub.join.best import Standing, choose
from tests.hub.world import SECOND, World, from_other, ident, row, to_other


@pytest.fixture
def world() -> World:
    return World("server-a", "server-b")


def indexed(world: World) -> int:
    return len(world.pipeline.settling.join.ids)


def remembered(world: World) -> int:
    return world.pipeline.settling.join.remembered()


def callers(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Halves with two ids each."""
    return [
        to_other("server-b", n, hop_id=ident(f"hop {n}"), trace_id=ident(f"trace {n}"), **fields)
        for n in range(count)
    ]


# --- remembered halves


def test_what_is_remembered_is_bounded_in_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.join.remembered.MAX_LATE_HALVES", 100)
    for n in range(10):
        world.lines("server-a", *callers(1_000)[n * 100 : n * 100 + 100])
        world.settle()
    assert (remembered(world), indexed(world)) == (100, 200)
    world.lines("server-b", from_other("server-a", 5, trace_id=ident("trace 3")))
    world.lines("server-b", from_other("server-a", 995, trace_id=ident("trace 993")))
    world.settle()
    assert sorted(len(call.hops) for call in world.calls())[-2:] == [1, 2], "only the newer one"


def test_what_is_remembered_is_bounded_in_time(world: World) -> None:
    world.lines("server-a", *callers(50))
    world.settle()
    assert (remembered(world), indexed(world)) == (50, 100)
    world.tick((LATE_HALF_S + 10) * 1_000)
    assert (remembered(world), indexed(world)) == (0, 0)


def test_joined_halves_leave_nothing_behind(world: World) -> None:
    world.lines("server-a", *callers(50))
    callees = [
        from_other("server-a", n, hop_parent=ident(f"hop {n}"), trace_id=ident(f"trace {n}"))
        for n in range(50)
    ]
    world.lines("server-b", *callees)
    assert (remembered(world), indexed(world)) == (0, 0)
    assert len(world.pipeline.settling.join.waiting) == 0
    assert {len(call.hops) for call in world.calls()} == {2}


def test_a_half_on_the_same_server_is_not_the_other_half(world: World) -> None:
    world.lines("server-a", to_other("server-b", hop_id=ident("hop")))
    world.lines("server-a", row(2, 6, hop_parent=ident("hop")))
    world.settle()
    assert [len(call.hops) for call in world.calls()] == [1, 1]
    world.check()


def test_a_silent_server_does_not_make_what_waits_grow(world: World) -> None:
    world.gone("server-b")
    most = 0
    for second in range(30):
        lines = [to_other("server-b", second * 1_000 + n * 10) for n in range(100)]
        world.lines("server-a", *lines)
        world.tick(1_000)
        most = max(most, len(world.pipeline.settling.join.waiting))
    assert most <= 6 * 100, "5 s of lines, and those of the second that passes"
    assert remembered(world) == 0, "nothing can find them: they have no id"
    assert world.now_ns > 30 * SECOND
    world.check()


# --- the best of several


def walked(
    pairs: list[tuple[int, int, int]], waiting: set[int], ready: set[int], due: set[int]
) -> tuple[set[tuple[int, int]], set[int]]:
    """The same choice as its definition: a walk along the sorted list."""
    done: set[int] = set()
    promised: set[int] = set()
    taken, held = set(), set()
    for _, caller, callee in sorted(pairs):
        rows = {caller, callee}
        if rows & done:
            continue
        waits = rows & waiting
        if rows & promised:
            held |= waits & ready - due
        elif waits <= ready or waits & due:
            taken.add((caller, callee))
            done |= rows
        else:
            held |= waits & ready - due
            promised |= rows
    return taken, held - done


@given(st.data())
def test_the_closest_pairs_are_taken_as_a_walk_along_the_sorted_list_would(
    data: st.DataObject,
) -> None:
    ends = st.tuples(st.integers(0, 7), st.integers(8, 15))
    found = data.draw(st.lists(ends, unique=True, max_size=40))
    gaps = data.draw(st.permutations(range(len(found))))
    rows = sorted({row for pair in found for row in pair})
    subsets = st.sets(st.sampled_from(rows)) if rows else st.just(set())
    waiting, due = data.draw(subsets), data.draw(subsets)
    ready = data.draw(subsets) | due
    standing = Standing(
        *(np.array([row in some for row in rows], bool) for some in (waiting, ready, due, ready)),
    )
    one, two = (np.array([rows.index(pair[side]) for pair in found], np.int64) for side in (0, 1))
    choice = choose(one, two, np.array(gaps, np.int64), standing)
    taken = {found[i] for i in choice.taken.tolist()}
    held = {row for row, holds in zip(rows, choice.held.tolist(), strict=True) if holds}
    pairs = [(gap, *pair) for gap, pair in zip(gaps, found, strict=True)]
    assert (taken, held) == walked(pairs, waiting, ready, due)


def test_two_pairs_that_fit_better_exchanged_are_exchanged() -> None:
    callers, callees = np.array([0, 1, 0, 1]), np.array([2, 3, 3, 2])
    gap = np.array([1.0, 9.0, 3.0, 3.0])  # the closest pair leaves the other two far apart
    ready = np.ones(4, np.bool_)
    standing = Standing(ready, ready, ready, ready)
    closest = choose(callers, callees, gap, standing)
    assert sorted(closest.taken.tolist()) == [0, 1]
    best = choose(callers, callees, gap, standing, exchange=True)
    assert sorted(best.taken.tolist()) == [2, 3]
    assert best.rivals.tolist() == [2, 2]


# --- what is no pair


TRACE = ident("a trace")


@pytest.fixture
def used(world: World) -> World:
    """They know each other's delays: 2 ms there, 2 ms back."""
    for n in range(12):
        at, trace = n * 100.0, {"trace_id": ident(f"usual {n}")}
        world.lines("server-a", to_other("server-b", at, request_count=n + 1, **trace))
        world.lines("server-b", from_other("server-a", at + 2, request_count=n + 1, **trace))
    world.marks(1_300)
    world.tick(1_000)
    assert [len(call.hops) for call in world.calls()] == [2] * 12
    return world


def left_alone(world: World, caller: Any, callee: Any) -> bool:
    world.lines("server-a", caller)
    world.lines("server-b", callee)
    world.marks(9_000)
    world.settle()
    return [len(call.hops) for call in world.calls()] == [2] * 12 + [1, 1]


NO_PAIRS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("usual", {}, {}, False),
    (
        "answered before the callee had",
        {"duration_ns": 6 * 10**6},
        {"duration_ns": 18 * 10**6},
        True,
    ),
    (
        "given up before the callee had answered",
        {"duration_ns": 6 * 10**6, "status": 499},
        {"duration_ns": 18 * 10**6},
        False,
    ),
    (
        "given up before the callee began",
        {"duration_ns": 6 * 10**6, "status": 502},
        {"start_ns": row(2_024)["start_ns"]},
        True,
    ),
]


@pytest.mark.parametrize(("what", "mine", "theirs", "alone"), NO_PAIRS, ids=lambda v: str(v)[:40])
def test_one_trace_is_not_enough_where_the_times_rule_it_out(
    used: World, what: str, mine: dict[str, Any], theirs: dict[str, Any], alone: bool
) -> None:
    caller = {**to_other("server-b", 2_000, trace_id=TRACE), **mine}
    callee = {**from_other("server-a", 2_002, trace_id=TRACE), **theirs}
    assert left_alone(used, caller, callee) == alone


@pytest.mark.parametrize(("lost", "status"), [(False, 200), (True, 200), (True, 504)])
def test_an_odd_pair_is_left_alone_where_both_servers_lost_a_line_just_then(
    used: World, lost: bool, status: int
) -> None:
    """The answer took 40 ms on its way, and usually takes 2: a slow client, or the halves of two
    requests whose other lines are gone."""
    number = 14 if lost else 13
    ids = {"trace_id": TRACE, "request_count": number}
    caller = to_other("server-b", 2_000, 60, status=status, **ids)
    callee = from_other("server-a", 2_010, 6, **ids)
    assert left_alone(used, caller, callee) == (lost and status == 200)
