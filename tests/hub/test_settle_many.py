"""What settles in one step, a backlog's thousands of lines, is what settles line by line."""

from __future__ import annotations

from typing import Any

import pytest

from .world import World, from_other, ident, to_other

LINES = 60


def played(*, together: bool) -> World:
    """Callers' halves that settle alone; then every other callee's half comes late."""
    world = World("server-a", "server-b")
    callers = [to_other("server-b", i * 3.0, 2.0, trace_id=ident(str(i))) for i in range(LINES)]
    callees = [
        from_other("server-a", i * 3.0 + 0.2, 1.0, trace_id=ident(str(i)))
        for i in range(0, LINES, 2)
    ]
    strangers = [from_other("server-a", i * 3.0, 1.0, trace_id=ident(f"x{i}")) for i in range(9)]
    for lines in (callers, callees + strangers):
        server = "server-a" if lines is callers else "server-b"
        for group in [lines] if together else [[line] for line in lines]:
            world.lines(server, *group)
        world.marks(2_000)
        world.tick(6_000)
    return world


def told(call: Any) -> tuple[object, ...]:
    return call.origin, call.join, call.from_, call.to, call.status, call.revision, len(call.hops)


@pytest.fixture(scope="module")
def both() -> tuple[World, World]:
    worlds = played(together=True), played(together=False)
    for world in worlds:
        world.check()
    return worlds


def test_a_backlog_gives_the_same_calls_as_its_lines_one_by_one(both: tuple[World, World]) -> None:
    at_once, one_by_one = ({call.id: told(call) for call in w.calls()} for w in both)
    assert at_once == one_by_one
    assert len(at_once) == LINES + 9


def test_every_late_half_amends_its_call(both: tuple[World, World]) -> None:
    calls = both[0].calls()
    joined = [call for call in calls if len(call.hops) == 2]
    assert len(joined) == LINES // 2
    assert {call.revision for call in joined} == {2}
    assert sum(call.join.missing == "callee_half" for call in calls) == LINES // 2
