"""What the calls between servers tell of their clocks and of usual delays."""

from __future__ import annotations

import random

import pytest

from tests.hub.world import MS, World, from_other, hello, ident, inventory, to_other


def traffic(
    world: World, first: int, count: int, skew_ms: float, *, ids: bool = True, every_ms: float = 20
) -> None:
    """Calls from server-a to server-b, whose clock is ahead; each way takes 1 ms."""
    at = [(first + n) * every_ms for n in range(count)]
    callers = [
        to_other("server-b", t, 10, **({"trace_id": ident(f"{t}")} if ids else {})) for t in at
    ]
    callees = [
        from_other("server-a", t + 1 + skew_ms, 8, **({"trace_id": ident(f"{t}")} if ids else {}))
        for t in at
    ]
    world.lines("server-b", *callees)
    world.lines("server-a", *callers)
    world.now_ns = max(world.now_ns, callers[-1]["start_ns"] + 11 * MS)
    world.marks(at[-1] + 2_000)
    world.tick()
    world.tick(1_000)


def skew_ms(world: World, server: str) -> float:
    return world.pipeline.skews.ns(server) / MS


def test_calls_outrank_probes_that_asymmetric_ways_put_off() -> None:
    world = World("server-a", "server-b")
    world.skew("server-a", 0.0, uncertainty_ms=4.0)
    world.skew("server-b", 3.0, uncertainty_ms=4.0)  # truly 0
    traffic(world, 0, 100, 0.0)
    assert skew_ms(world, "server-b") - skew_ms(world, "server-a") == pytest.approx(0.0, abs=0.05)
    assert skew_ms(world, "server-a") == pytest.approx(1.5, abs=0.1), (
        "the probes say where both lie"
    )


def test_a_clock_that_drifts_is_followed_without_new_probes() -> None:
    world = World("server-a", "server-b")
    for server in ("server-a", "server-b"):
        world.skew(server, 0.0, uncertainty_ms=1.0)
    for second in range(10):
        traffic(world, second * 50, 50, second * 0.02)
    assert skew_ms(world, "server-b") - skew_ms(world, "server-a") == pytest.approx(0.18, abs=0.05)


def test_a_server_that_calls_nobody_keeps_what_its_probes_say() -> None:
    world = World("server-a", "server-b", "server-c")
    for server, skew in (("server-a", 0.0), ("server-b", 0.0), ("server-c", 7.0)):
        world.skew(server, skew)
    traffic(world, 0, 20, 0.0)
    assert skew_ms(world, "server-c") == 7.0
    world.skew("server-c", 8.0, uncertainty_ms=0.05)
    assert skew_ms(world, "server-c") == 8.0


def test_identical_calls_in_flight_are_told_apart_by_the_usual_delay() -> None:
    """Each nests in all the others' callers: only the usual 1 ms before and after tells."""
    world = World("server-a", "server-b")
    for server in ("server-a", "server-b"):
        world.skew(server, 0.0)
    traffic(world, 0, 20, 0.0)
    lengths = [40.0 + 5 * n for n in range(8)]
    starts = [1_000.0 - 0.5 * n for n in range(8)]
    callers = [to_other("server-b", t, long) for t, long in zip(starts, lengths, strict=True)]
    callees = [
        from_other("server-a", t + 1, long - 2) for t, long in zip(starts, lengths, strict=True)
    ]
    random.Random(4).shuffle(callees)
    world.lines("server-b", *callees)
    world.lines("server-a", *callers)
    world.now_ns += 1_000 * MS
    world.marks(5_000)
    world.tick()
    joined = [call for call in world.calls() if call.join.by == "address"]
    assert len(joined) == 8
    for call in joined:
        assert call.hops[0].duration_ms - call.hops[1].duration_ms == pytest.approx(2.0)
    world.check()


def test_identical_calls_are_not_guessed_at_before_anything_is_known() -> None:
    """Two that overlap, both nest in both, and neither is clearly closer: they wait."""
    world = World("server-a", "server-b")
    world.lines("server-a", to_other("server-b", 0, 50), to_other("server-b", 1, 50))
    world.lines("server-b", from_other("server-a", 4, 40), from_other("server-a", 5, 41))
    world.marks(5_000)
    world.tick()
    assert world.calls() == []
    world.settle()
    confident = [call.join.confidence for call in world.calls()]
    assert confident == [0.5, 0.5], "it had to be one of two"


def test_where_every_call_has_rivals_the_peak_of_their_middles_tells() -> None:
    """Never a call without another identical one in flight, and no ids."""
    world = World("server-a", "server-b")
    for server in ("server-a", "server-b"):
        world.skew(server, 0.0)
    draw = random.Random(7)
    lengths = [draw.uniform(30, 60) for _ in range(60)]
    callers = [to_other("server-b", 8.0 * n, long) for n, long in enumerate(lengths)]
    callees = [from_other("server-a", 8.0 * n + 1, long - 2) for n, long in enumerate(lengths)]
    world.lines("server-a", *callers)
    world.lines("server-b", *callees)
    world.marks(5_000)
    world.tick()
    calls = world.calls()
    assert len(calls) == 60
    for call in calls:
        assert call.hops[0].duration_ms - call.hops[1].duration_ms == pytest.approx(2.0)


def test_no_times_are_compared_before_both_clocks_are_measured() -> None:
    world = World()
    for server in ("server-a", "server-b"):
        world.say(hello(server), inventory(server))
        world.sight(server)
    world.lines("server-a", to_other("server-b", 0, 10))
    world.lines("server-b", from_other("server-a", 41, 8))  # its clock is 40 ms ahead
    world.skew("server-a", 0.0)
    world.marks(4_000)
    world.tick(4_000)
    assert not world.calls()
    world.skew("server-b", 40.0)
    world.marks(4_000)
    world.tick()
    assert [call.join.by for call in world.calls()] == ["address"]


def test_a_clock_that_is_never_measured_leaves_halves_alone_but_for_ids() -> None:
    world = World()
    for server in ("server-a", "server-b"):
        world.say(hello(server), inventory(server))
        world.sight(server)
    world.skew("server-a", 0.0)
    for at, ids in ((0, {}), (100, {"trace_id": ident("t")})):
        world.lines("server-a", to_other("server-b", at, 10, **ids))
        world.lines("server-b", from_other("server-a", at + 41, 8, **ids))
    world.marks(4_000)
    world.settle()
    assert [(call.join.by, call.join.missing, call.origin) for call in world.calls()] == [
        ("none", "callee_half", "cross_server"),
        ("none", "caller_half", "cross_server"),
        ("trace", None, "cross_server"),
    ]
