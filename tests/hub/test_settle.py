"""From lines to calls: by which key halves find each other, when they settle, and as what."""

from __future__ import annotations

from typing import Any

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from .world import SERVICES, World, endpoint, from_other, ident, inventory, row, to_other

TRACE, HOP = ident("trace"), ident("hop")


@pytest.fixture
def world() -> Any:
    made = World("server-a", "server-b")
    yield made
    made.check()


def settled_by_marks(world: World, at_ms: float = 2_000) -> None:
    """Both servers say that they are complete, and time passes."""
    world.marks(at_ms)
    world.tick()


def test_a_line_that_one_proxy_saw_whole_is_a_call_at_once(world: World) -> None:
    world.lines("server-a", row())
    call = world.only()
    assert (call.origin, call.join.by, call.join.missing) == ("same_server", "none", None)
    assert (call.from_.name, call.to.name) == ("communicating", "leaf")


KEYS = {
    "hop_id": ({"hop_id": HOP}, {"hop_parent": HOP}),
    "trace": ({"trace_id": TRACE}, {"trace_id": TRACE}),
}


@pytest.mark.parametrize("first", ["caller", "callee"])
@pytest.mark.parametrize("key", KEYS)
def test_halves_with_the_same_id_are_one_call_at_once(world: World, key: str, first: str) -> None:
    caller, callee = KEYS[key]
    lines = [
        ("server-a", to_other("server-b", **caller)),
        ("server-b", from_other("server-a", **callee)),
    ]
    for server, line in lines if first == "caller" else reversed(lines):
        world.lines(server, line)
    call = world.only()
    assert (call.origin, call.join.by, call.join.confidence) == ("cross_server", key, 1.0)
    assert [hop.server for hop in call.hops] == ["server-a", "server-b"]
    assert (call.from_.server, call.from_.name) == ("server-a", "communicating")
    assert (call.to.server, call.to.name) == ("server-b", "leaf")
    assert (call.path, call.duration_ms) == ("/leaf/echo", 10.0)


@pytest.mark.parametrize("first", ["server-a", "server-b"])
@pytest.mark.parametrize("key", ["address", "forwarded"])
def test_halves_without_ids_are_joined_when_both_servers_are_complete(
    world: World, key: str, first: str
) -> None:
    claim = {"forwarded": SERVICES["communicating"]} if key == "forwarded" else {}
    world.lines("server-a", to_other("server-b"))
    world.lines("server-b", from_other("server-a", **claim))
    other = {"server-a": "server-b", "server-b": "server-a"}[first]
    for at_ms in range(0, 2_000, 250):  # one server is always a little behind the other
        world.mark(first, at_ms)
        world.tick(125)
        world.mark(other, at_ms)
        world.tick(125)
    call = world.only()
    assert (call.origin, call.join.by, call.join.confidence) == ("cross_server", key, 0.99)
    assert call.from_.name == "communicating"


def test_an_address_join_does_not_take_another_path_method_or_moment(world: World) -> None:
    world.lines("server-a", to_other("server-b"))
    world.lines(
        "server-b",
        from_other("server-a", path="/other"),
        from_other("server-a", method="POST"),
        from_other("server-a", at_ms=30),
        from_other("server-a", trace_id=ident("only one of them has it")),
    )
    settled_by_marks(world)
    joined = [call for call in world.calls() if call.join.by != "none"]
    assert [call.hops[1].trace_id for call in joined] == [ident("only one of them has it").hex()], (
        "an id that one half lacks does not speak against the pair"
    )


def test_ids_that_differ_are_never_joined_by_address(world: World) -> None:
    world.lines("server-a", to_other("server-b", trace_id=ident("one")))
    world.lines("server-b", from_other("server-a", trace_id=ident("another")))
    settled_by_marks(world)
    assert [call.join.by for call in world.calls()] == ["none", "none"]


def test_a_fan_out_of_one_trace_to_one_path_pairs_by_nesting(world: World) -> None:
    spans = [(0.0, 20.0), (1.0, 30.0), (2.0, 45.0)]
    callers = [to_other("server-b", at, lasts, trace_id=TRACE) for at, lasts in spans]
    callees = [from_other("server-a", at + 0.4, lasts - 0.8, trace_id=TRACE) for at, lasts in spans]
    world.lines("server-b", *callees)
    world.lines("server-a", *callers)
    settled_by_marks(world)
    calls = world.calls()
    assert len(calls) == 3
    for call in calls:
        assert call.join.by == "trace"
        assert call.hops[0].duration_ms - call.hops[1].duration_ms == pytest.approx(0.8)


def test_a_failed_attempt_of_a_trace_does_not_take_the_line_of_its_repetition(
    world: World,
) -> None:
    failed = to_other("server-b", 0, 1, trace_id=TRACE, status=502, upstream_status=0)
    world.lines("server-a", failed)
    world.lines("server-b", from_other("server-a", 1.5, 2, trace_id=TRACE))
    world.lines("server-a", to_other("server-b", 1.2, 2.8, trace_id=TRACE))
    settled_by_marks(world)
    alone, joined = world.calls()
    assert (alone.status, alone.join.missing) == (502, "callee_half")
    assert "not reached" in (alone.join.reason or "")
    assert (joined.status, len(joined.hops), joined.join.by) == (200, 2, "trace")


def test_a_request_that_a_proxy_sent_twice_stands_in_two_calls(world: World) -> None:
    world.lines("server-b", from_other("server-a", 1, 2, hop_parent=HOP, status=503))
    world.lines("server-b", from_other("server-a", 4, 3, hop_parent=HOP))
    world.lines("server-a", to_other("server-b", 0, 9, hop_id=HOP))
    settled_by_marks(world)
    assert sorted(len(call.hops) for call in world.calls()) == [1, 2]


def test_a_late_caller_amends_the_settled_half_of_its_callee(world: World) -> None:
    world.lines("server-b", from_other("server-a", trace_id=TRACE))
    settled_by_marks(world)
    before = world.only()
    assert (before.origin, before.revision) == ("cross_server_direct", 1)
    assert "direct" in (before.join.reason or "")
    world.lines("server-a", to_other("server-b", trace_id=TRACE))
    world.settle()
    after = world.only()
    assert (after.id, after.revision > 1, after.origin) == (before.id, True, "cross_server")
    assert (after.join.by, after.join.reason, len(after.hops)) == ("trace", None, 2)


def test_two_settled_halves_become_one_call_when_their_servers_say_who_they_are() -> None:
    world = World()
    proxies = [pb.Proxy(name="private", kind=pb.PROXY_KIND_PRIVATE)]
    for server in ("server-a", "server-b"):
        world.join(server, internal_addresses=[], public_addresses=[], proxies=proxies)
    world.lines("server-a", to_other("server-b", trace_id=TRACE))
    world.lines("server-b", from_other("server-a", trace_id=TRACE))
    stranger, other = world.calls()
    assert (stranger.to.kind, other.origin) == ("external", "outside")
    world.join("server-a")
    world.join("server-b")
    settled_by_marks(world)
    call = world.only()
    assert (call.id, len(call.hops), call.join.by) == (stranger.id, 2, "trace")
    assert world.pipeline.settling.calls.table["gone"].sum() == 1
    world.check()


def test_a_half_waits_for_the_other_servers_watermark_and_no_longer(world: World) -> None:
    world.lines("server-a", to_other("server-b"))
    for at_ms, listed in ((0, 0), (109, 0), (111, 1)):  # its end and 100 ms
        world.mark("server-b", at_ms)
        world.tick()
        assert len(world.calls()) == listed


def test_a_half_waits_five_seconds_at_the_most(world: World) -> None:
    world.lines("server-a", to_other("server-b"))
    world.tick(4_999)
    assert not world.calls()
    world.tick(2)
    assert world.only().join.reason == "the agent of server-b is silent"


REASONS: list[tuple[str, dict[str, Any], str, str]] = [
    ("unreachable", {"status": 502, "upstream_status": 502}, "complete", "was not reached"),
    ("an error of its own", {"status": 500}, "silent", "is silent"),
    ("silent", {}, "silent", "is silent"),
    ("complete", {}, "complete", "logged no such request"),
]


@pytest.mark.parametrize(("name", "fields", "callee", "reason"), REASONS, ids=lambda v: str(v))
def test_a_callers_half_alone_says_why(
    world: World, name: str, fields: dict[str, Any], callee: str, reason: str
) -> None:
    world.lines("server-a", to_other("server-b", **fields))
    if callee == "complete":
        settled_by_marks(world)
    else:
        world.settle()
    call = world.only()
    assert (call.origin, call.join.missing) == ("cross_server", "callee_half")
    assert reason in (call.join.reason or "")
    assert (call.to.kind, call.to.name) == ("server", "server-b")


def test_a_callees_half_alone_is_direct_where_the_callers_server_is_complete(world: World) -> None:
    world.lines("server-b", from_other("server-a"))
    settled_by_marks(world)
    call = world.only()
    assert (call.origin, call.join.missing) == ("cross_server_direct", None)
    assert call.join.reason == "direct: no proxy of server-a logged this request"


@pytest.mark.parametrize("silence", ["gone", "stuck"])
def test_a_callees_half_alone_lacks_its_caller_where_that_server_is_silent(
    world: World, silence: str
) -> None:
    world.mark("server-a", 0)
    if silence == "gone":
        world.gone("server-a")
    world.lines("server-b", from_other("server-a"))
    world.settle()
    call = world.only()
    assert (call.origin, call.join.missing) == ("cross_server", "caller_half")
    assert call.join.reason == "the agent of server-a is silent"


def test_what_an_agent_said_before_it_left_still_holds(world: World) -> None:
    world.lines("server-b", from_other("server-a"))
    world.mark("server-a", 2_000)
    world.gone("server-a")
    world.tick()
    assert world.only().origin == "cross_server_direct"


def test_a_lost_line_of_the_caller_is_said_to_be_lost(world: World) -> None:
    world.lines("server-a", row(request_count=1), row(request_count=3))
    world.lines("server-b", from_other("server-a"))
    settled_by_marks(world)
    (call,) = world.calls(origin="cross_server_direct")
    assert "request count shows" in (call.join.reason or "")


def test_the_caller_that_a_peer_server_claims_is_shown(world: World) -> None:
    world.lines("server-b", from_other("server-a", forwarded=SERVICES["communicating"]))
    settled_by_marks(world)
    assert (world.only().from_.server, world.only().from_.name) == ("server-a", "communicating")


def test_a_backfill_settles_what_waits_for_it_also_when_its_agent_leaves_at_once(
    world: World,
) -> None:
    world.lines("server-b", from_other("server-a"))
    world.mark("server-a", 0, complete=True)
    world.gone("server-a")
    assert world.only().origin == "cross_server_direct"


@pytest.mark.parametrize("skew_ms", [-400.0, 400.0])
def test_clocks_that_are_off_are_set_right_before_times_are_compared(skew_ms: float) -> None:
    """server-b's clock shows `skew_ms` more than the hub's; so do its stamps and watermarks."""
    world = World("server-a", "server-b")
    world.skew("server-b", skew_ms)
    world.lines("server-a", to_other("server-b"))
    world.lines("server-b", from_other("server-a", at_ms=2 + skew_ms))
    world.mark("server-a", 2_000)
    world.mark("server-b", 111 + skew_ms - 2)
    world.tick()
    assert not world.calls(), "the callee's lines up to 109 ms of the hub's time are here"
    world.mark("server-b", 111 + skew_ms + 2)
    world.tick()
    assert world.only().join.by == "address"
    world.check()


def test_a_trace_id_on_loopback_makes_a_call_cross_server(world: World) -> None:
    world.lines("server-a", to_other("server-b", trace_id=TRACE))
    world.lines("server-b", row(2, 6, client="127.0.0.1", trace_id=TRACE))
    call = world.only()
    assert (call.origin, call.join.by) == ("cross_server", "trace")
    assert call.hops[1].why.endswith("trace id matches")


def test_a_hairpin_through_both_proxies_is_one_call(world: World) -> None:
    upstream = {"upstream": "http://10.10.0.12:8080", "trace_id": TRACE}
    world.lines("server-b", from_other("server-a", trace_id=TRACE), proxy="public")
    assert world.only().origin == "hairpin", "nothing waits at a public proxy"
    world.lines("server-a", to_other("server-b", **upstream))
    world.settle()
    call = world.only()
    assert (call.origin, call.revision > 1, len(call.hops)) == ("hairpin", True, 2)


def test_a_hop_id_is_proof_whatever_the_peer_is(world: World) -> None:
    world.lines("server-a", to_other("server-b", hop_id=HOP))
    world.lines("server-b", row(2, 6, client="203.0.113.9", hop_parent=HOP))
    assert world.only().origin == "cross_server"


def test_a_hop_id_that_nobody_gave_proves_nothing(world: World) -> None:
    world.lines("server-b", row(2, 6, client="203.0.113.9", hop_parent=HOP))
    assert world.only().origin == "outside"


def test_a_server_that_registers_later_makes_a_stranger_known() -> None:
    world = World("server-b")
    world.lines("server-b", from_other("server-a"))
    stranger = world.only()
    assert stranger.origin == "outside"
    world.join("server-a")
    world.check()
    world.lines("server-a", to_other("server-b"))
    settled_by_marks(world)
    known = world.only()
    assert (known.id, known.revision > 1) == (stranger.id, True)
    assert (known.origin, known.join.by) == ("cross_server", "address")
    world.check()


def test_a_server_that_registers_and_logged_nothing_of_it_was_called_directly() -> None:
    world = World("server-b")
    world.lines("server-b", from_other("server-a"))
    world.join("server-a")
    settled_by_marks(world)
    call = world.only()
    assert (call.origin, call.join.missing) == ("cross_server_direct", None)
    assert "direct" in (call.join.reason or "")
    world.check()


def test_a_name_that_is_learnt_later_reaches_whole_joined_and_waiting_calls() -> None:
    world = World("server-a", "server-b")
    world.say(inventory("server-a", [endpoint("leaf", SERVICES["leaf"])]))
    world.lines(
        "server-a",
        row(),
        to_other("server-b", trace_id=TRACE),
        to_other("server-b", 500, trace_id=ident("it waits")),
    )
    world.lines("server-b", from_other("server-a", trace_id=TRACE))
    assert [call.from_.name for call in world.calls()] == [None, None]
    world.say(inventory("server-a"))
    settled_by_marks(world)
    calls = world.calls()
    assert [call.from_.name for call in calls] == ["communicating"] * 3
    assert sorted(call.revision for call in calls) == [1, 2, 2]
    world.check()


def test_a_remembered_half_that_is_identified_anew_is_remembered_once() -> None:
    """A row with two halves could stand in two calls, or be ambiguous for ever."""
    world = World("server-a", "server-b")
    named = {"upstream": "http://b.example", "trace_id": TRACE}
    world.lines("server-a", to_other("server-b", **named))
    world.say(inventory("server-a", [endpoint("renamed", SERVICES["communicating"])]))
    world.lines("server-b", from_other("server-a", trace_id=TRACE))
    settled_by_marks(world)
    assert [len(call.hops) for call in world.calls()] == [2]
    world.check()


def test_a_late_half_may_choose_among_several_that_settled_alone(world: World) -> None:
    for at in (0.0, 100.0):
        world.lines("server-b", from_other("server-a", at + 2, 6, trace_id=TRACE))
    settled_by_marks(world)
    world.lines("server-a", to_other("server-b", 100, 10, trace_id=TRACE))
    settled_by_marks(world, 3_000)
    assert [len(call.hops) for call in world.calls()] == [1, 2]


RESULTS: list[tuple[str, dict[str, Any], tuple[int, bool, str]]] = [
    ("a plain answer", {}, (200, True, "service")),
    ("a redirect", {"status": 302, "upstream_status": 302}, (302, True, "service")),
    ("a bad request", {"status": 400, "upstream_status": 400}, (400, False, "service")),
    ("refused", {"status": 502, "upstream_status": 502}, (502, False, "proxy")),
    ("forbidden by the proxy", {"status": 403, "upstream_status": 0}, (403, False, "proxy")),
    ("client gone", {"status": 499, "upstream_status": 499}, (499, False, "proxy")),
    ("a WebSocket", {"status": 0, "upstream_status": 0, "flags": 1}, (101, True, "service")),
    ("no status at all", {"status": 0, "upstream_status": 0}, (0, False, "proxy")),
    ("a gRPC error", {"grpc_status": 5}, (200, False, "service")),
    ("gRPC, well", {"grpc_status": 0}, (200, True, "service")),
]


@pytest.mark.parametrize(("name", "fields", "result"), RESULTS, ids=[r[0] for r in RESULTS])
def test_results_mean_what_the_contract_says(
    world: World, name: str, fields: dict[str, Any], result: tuple[int, bool, str]
) -> None:
    world.lines("server-a", row(**fields))
    call = world.only()
    assert (call.status, call.ok, call.answered_by) == result


def test_a_caller_that_timed_out_and_a_callee_whose_client_left_are_one_call(world: World) -> None:
    world.lines("server-a", to_other("server-b", 0, 10, status=504, trace_id=TRACE))
    world.lines("server-b", from_other("server-a", 1, 9.5, status=499, trace_id=TRACE))
    settled_by_marks(world)
    call = world.only()
    assert (call.status, [hop.status for hop in call.hops]) == (504, [504, 499])


def test_a_route_that_does_not_exist_ends_at_the_proxy(world: World) -> None:
    line = row(status=404, upstream_status=0, router="", service="", upstream="")
    world.lines("server-a", line)
    assert (world.only().to.kind, world.only().to.name) == ("proxy", "private")
