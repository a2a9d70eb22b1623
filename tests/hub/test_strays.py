"""Lines that another one tells of: attempts of a call, and what a proxy passed on."""

from __future__ import annotations

from typing import Any

import pytest

from hub import forms
from tests.hub.world import MS, World, endpoint, from_other, ident, inventory, row, to_other

HOP, TRACE = ident("a hop"), ident("a trace")
OVERHEAD = 12 * MS


@pytest.fixture
def world() -> Any:
    made = World("server-a", "server-b", "server-c")
    yield made
    made.check()


IDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hop_id": ({"hop_id": HOP}, {"hop_parent": HOP}),
    "trace": ({"trace_id": TRACE}, {"trace_id": TRACE}),
    "address": ({}, {}),
}


def tried_twice(by: str, **caller: Any) -> tuple[Any, Any, Any]:
    """A's line of 20 ms, 12 of which it did not spend with the last attempt; the first one at B
    failed."""
    mine, theirs = IDS[by]
    overhead = {"overhead_ns": OVERHEAD, "upstream_ns": 8 * MS}
    return (
        to_other("server-b", 0, 20, **mine, **{**overhead, **caller}),
        from_other("server-a", 1, 3, status=503, upstream_status=503, **theirs),
        from_other("server-a", 13, 6, **theirs),
    )


def settled(world: World) -> list[forms.Call]:
    world.marks(2_000)
    world.tick()
    world.settle()  # which attempt fits best is not known where nothing was joined before
    return world.calls()


def spans(call: forms.Call) -> list[tuple[str, float, int]]:
    return [(hop.server, hop.duration_ms, hop.status) for hop in call.hops]


@pytest.mark.parametrize("order", ["in turn", "caller first", "last first"])
@pytest.mark.parametrize("by", IDS)
def test_attempts_of_one_request_are_hops_of_one_call(world: World, by: str, order: str) -> None:
    caller, first, last = tried_twice(by)
    if order == "caller first":
        world.lines("server-a", caller)
        world.lines("server-b", first, last)
    else:
        world.lines("server-b", *((first, last) if order == "in turn" else (last, first)))
        world.lines("server-a", caller)
    (call,) = settled(world)
    assert spans(call) == [("server-a", 20, 200), ("server-b", 3, 503), ("server-b", 6, 200)]
    assert (call.origin, call.join.by, call.join.missing) == ("cross_server", by, None)
    assert (call.status, call.ok, call.to.name) == (200, True, "leaf")


@pytest.mark.parametrize("by", ["hop_id", "trace"])
def test_an_attempt_at_another_server_belongs_to_the_call_too(world: World, by: str) -> None:
    mine, theirs = IDS[by]
    caller, first, _ = tried_twice(by)
    elsewhere = to_other("server-c", 0, 20, **mine, overhead_ns=OVERHEAD)
    world.lines("server-b", first)
    world.lines("server-c", from_other("server-a", 13, 6, **theirs))
    world.lines("server-a", {**elsewhere, "path": caller["path"]})
    (call,) = settled(world)
    assert [hop.server for hop in call.hops] == ["server-a", "server-b", "server-c"]
    assert call.to.server == "server-c"


def test_three_attempts_come_in_their_order(world: World) -> None:
    caller, first, last = tried_twice("trace")
    second = from_other("server-a", 7, 4, status=502, upstream_status=502, trace_id=TRACE)
    world.lines("server-b", last, second, first)
    world.lines("server-a", caller)
    (call,) = settled(world)
    assert [hop.duration_ms for hop in call.hops] == [20, 3, 4, 6]


NO_ATTEMPTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the proxy spent its time with the one", {"overhead_ns": MS}, {}),
    ("it was answered well", {}, {"status": 200, "upstream_status": 200}),
    ("both were going on at once", {}, {"duration_ns": 16 * MS}),
    ("it is another path", {}, {"path": "/other/echo"}),
    ("it is another method", {}, {"method": "POST"}),
    ("it began before the caller's", {}, {"start_ns": row(-50)["start_ns"]}),
]


@pytest.mark.parametrize(("what", "caller", "theirs"), NO_ATTEMPTS, ids=lambda v: str(v)[:30])
@pytest.mark.parametrize("by", ["trace", "address"])
def test_nothing_is_taken_for_an_attempt_that_may_be_a_call_of_its_own(
    world: World, by: str, what: str, caller: dict[str, Any], theirs: dict[str, Any]
) -> None:
    mine, first, last = tried_twice(by, **caller)
    world.lines("server-b", {**first, **theirs}, last)
    world.lines("server-a", mine)
    settled(world)
    assert sorted(len(call.hops) for call in world.calls()) == [1, 2]


PASSED_ON = {
    "hop_id": ({"hop_parent": HOP, "hop_id": ident("b")}, {"hop_parent": ident("b")}),
    "trace": ({"trace_id": TRACE}, {"trace_id": TRACE}),
}


@pytest.mark.parametrize("by", PASSED_ON)
def test_what_a_proxy_passes_on_to_a_third_server_is_a_call_made_for_the_first(
    world: World, by: str
) -> None:
    at_b, at_c = PASSED_ON[by]
    world.lines("server-a", to_other("server-b", 0, 20, **IDS[by][0]))
    onward = {"upstream": "http://10.10.0.13", "router": "server-c@file"}
    world.lines("server-b", from_other("server-a", 2, 16, **onward, **at_b))
    world.lines("server-c", from_other("server-b", 4, 12, **at_c))
    first, second = sorted(settled(world), key=lambda call: call.start)
    assert [hop.server for hop in first.hops] == ["server-a", "server-b"]
    assert (first.to.server, first.parent) == ("server-c", None)
    assert (second.origin, second.join.by, second.join.missing) == ("cross_server", by, None)
    assert (second.from_.kind, second.from_.name, second.from_.server) == (
        "proxy",
        "private",
        "server-b",
    )
    assert (second.to.name, second.to.server, second.parent) == ("leaf", "server-c", first.id)


def test_attempts_stay_in_their_call_when_the_federation_changes(world: World) -> None:
    caller, first, last = tried_twice("trace")
    world.lines("server-b", first, last)
    world.lines("server-a", caller)
    (before,) = settled(world)
    world.say(inventory("server-b", [endpoint("renamed", "172.20.0.5")]))
    (call,) = world.calls()
    assert (call.id, spans(call)) == (before.id, spans(before))
    assert (before.to.name, call.to.name) == ("leaf", "renamed")
