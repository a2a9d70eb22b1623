"""Which call a call was made for."""

from __future__ import annotations

from typing import Any

import pytest

from hub import forms
from tests.hub.world import SERVICES, World, from_other, ident, row, to_other

OUTER, INNER, DEEPER = ident("a to b"), ident("at b"), ident("b to c")
TRACE = ident("one trace")
LEAF = SERVICES["leaf"]


@pytest.fixture
def world() -> World:
    return World("server-a", "server-b", "server-c")


def chain(world: World, ids: dict[str, dict[str, Any]]) -> None:
    """A's service calls B's leaf, and that one C's; 0 to 30 ms, 5 to 20 ms."""
    world.lines("server-a", to_other("server-b", 0, 30, **ids["a"]))
    world.lines(
        "server-b",
        from_other("server-a", 1, 28, **ids["b in"]),
        to_other("server-c", 5, 15, client=LEAF, **ids["b out"]),
    )
    world.lines("server-c", from_other("server-b", 6, 13, **ids["c"]))
    world.settle()


def by_start(world: World) -> list[forms.Call]:
    return sorted(world.calls(), key=lambda call: call.start)


HOPS = {
    "a": {"hop_id": OUTER},
    "b in": {"hop_parent": OUTER, "hop_id": INNER},
    "b out": {"hop_parent": INNER, "hop_id": DEEPER},
    "c": {"hop_parent": DEEPER},
}
TRACES = {place: {"trace_id": TRACE} for place in HOPS}


@pytest.mark.parametrize("ids", [HOPS, TRACES], ids=["hop ids", "a trace"])
def test_a_chain_over_three_servers_is_two_calls_the_second_made_for_the_first(
    world: World, ids: dict[str, dict[str, Any]]
) -> None:
    chain(world, ids)
    first, second = by_start(world)
    assert [len(call.hops) for call in (first, second)] == [2, 2]
    assert (first.parent, second.parent) == (None, first.id)
    assert (second.from_.name, second.to.server) == ("leaf", "server-c")
    world.check()


def test_a_call_on_the_same_server_has_its_parent_too(world: World) -> None:
    world.lines("server-a", row(0, 30, hop_id=OUTER))
    world.lines("server-a", row(5, 10, client=LEAF, hop_parent=OUTER, hop_id=INNER))
    first, second = by_start(world)
    assert (first.parent, second.parent) == (None, first.id)


def test_a_trace_whose_call_was_over_or_went_elsewhere_is_no_parent(world: World) -> None:
    world.lines("server-a", row(0, 4, trace_id=TRACE))  # to the leaf, but over
    world.lines("server-a", row(1, 30, trace_id=TRACE, upstream="http://172.20.0.4:8000"))
    world.lines("server-a", row(5, 10, client=LEAF, trace_id=TRACE))
    assert [call.parent for call in by_start(world)] == [None, None, None]


def test_without_ids_nothing_is_guessed(world: World) -> None:
    world.lines("server-a", row(0, 30), row(5, 10, client=LEAF))
    assert [call.parent for call in by_start(world)] == [None, None]
