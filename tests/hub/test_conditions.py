"""What a query finds: of listed calls, and of halves that wait; in pages of the live view, too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.live import channel, matches
from hub.query.language import parse

from .shown import Shown
from .world import MS, World, endpoint, from_other, ident, inventory, row, to_other

OUTSIDER = "203.0.113.9"


def world() -> World:
    """Seven calls, each with a path of its own."""
    made = World("server-a", "server-b")
    made.lines(
        "server-a",
        row(0, path="/same?page=1"),
        row(1, path="/slow/Item", lasts_ms=900, status=503, method="POST"),
        row(2, path="/healthz", user_agent="kube-probe/1.30"),
        row(3, path="/intruder", client=OUTSIDER, status=404),
        to_other("server-b", 4, path="/joined", trace_id=ident("t")),
    )
    made.lines(
        "server-a",
        row(5, path="/.env", client=OUTSIDER, status=404, upstream="", router="", service="",
            upstream_status=0),
        row(6, path="/shop", client=OUTSIDER, host="shop.example"),
        proxy="public",
    )  # fmt: skip
    made.lines("server-b", from_other("server-a", 6, path="/joined", trace_id=ident("t")))
    made.marks(5_000)
    made.settle()
    return made


@pytest.fixture(scope="module")
def full() -> World:
    return world()


EVERY = ["/same?page=1", "/slow/Item", "/healthz", "/intruder", "/joined", "/.env", "/shop"]
FOUND: list[tuple[str, list[int]]] = [
    ("", [0, 1, 2, 3, 4, 5, 6]),
    ("server:server-b", [4]),
    ("server:b", [4]),
    ('server:"b"', []),
    ("server:SERVER-*", [0, 1, 2, 3, 4, 5, 6]),
    ("service:leaf", [0, 1, 2, 3, 4, 6]),
    ("service:nothing", []),
    ("from:communicating", [0, 1, 2, 4]),
    (f"from:{OUTSIDER}", [3]),
    ("from:203.0.113.0/24", [3]),
    ("to:server-b/leaf", [4]),
    ("node:private", [0, 1, 2, 3, 4]),
    ("edge:*:cross_server", [4]),
    ("origin:outside", [3]),
    ("origin:public,outside", [3, 5, 6]),
    ("origin:*server", [0, 1, 2, 4]),
    ("join:trace", [4]),
    ("is:joined", [4]),
    ("is:health", [2]),
    ("is:scanner", [5]),
    ("is:noise", [2, 5]),
    ("-is:noise", [0, 1, 3, 4, 6]),
    ("status:5xx", [1]),
    ("status:404,503", [1, 3, 5]),
    ("status:error", [1, 3, 5]),
    ("-status:ok", [1, 3, 5]),
    ("method:post", [1]),
    ("host:example", [6]),
    ("path:/same", [0]),
    ("path:/same?page=1", [0]),
    ("path:/s*", [0, 1, 6]),
    ("path:/slow/item", []),
    ("path:*[t]*", []),
    ("address:203.0.113.0/24", [3, 5, 6]),
    (f"address:{OUTSIDER}", [3, 5, 6]),
    ("address:203.*", [3, 5, 6]),
    (f"trace:{ident('t').hex()}", [4]),
    ("slower:500ms", [1]),
    ("item", [1]),
    ('"slow/item"', [1]),
    ("s*op", [6]),
    ("leaf -item -healthz", [0, 3, 4, 6]),
    ("status:503 OR origin:outside", [1, 3]),
    ("(status:503 OR origin:outside) -method:POST", [3]),
    ("-(path:/s* OR origin:public) server:a", [2, 3, 4]),
]


@pytest.mark.parametrize(("q", "places"), FOUND, ids=[q for q, _ in FOUND])
def test_a_query_finds(full: World, q: str, places: list[int]) -> None:
    found = {call.path for call in full.calls(q=q)}
    assert found == {EVERY[place] for place in places}


QUERIES = st.sampled_from([q for q, _ in FOUND if q])


@settings(deadline=None)
@given(QUERIES, QUERIES)
def test_and_or_not_are_what_they_are_of_sets(one: str, other: str) -> None:
    made = SHARED

    def ids(q: str) -> set[str]:
        return {call.id for call in made.calls(q=q)}

    every = ids("")
    assert ids(f"({one}) ({other})") == ids(one) & ids(other)
    assert ids(f"({one}) OR ({other})") == ids(one) | ids(other)
    assert ids(f"-({one})") == every - ids(one)


SHARED = world()


def test_min_asks_for_the_rate_of_the_edge_now() -> None:
    made = World("server-a", "server-b")
    made.lines("server-a", *[row(-900 + i, path=f"/busy/{i}") for i in range(30)])
    made.lines("server-b", row(-900, path="/quiet"))
    made.tick(1_000)
    assert {call.path for call in made.calls(q="min:1/s")} == {f"/busy/{i}" for i in range(30)}
    assert len(made.calls(q="min:0.1/s")) == 31
    assert len(made.calls(q="min:4/s")) == 0
    made.tick(20_000)
    assert not made.calls(q="min:0.1/s"), "it is over"


@pytest.mark.parametrize(
    ("q", "shown"),
    [
        ("server:a", 1),
        ("server:b", 0),
        ("status:5xx", 1),
        ("status:ok", 0),
        ("path:/half", 1),
        ("origin:cross_server", 1),
        ("is:joined", 0),
        ("address:172.20.0.4", 1),
        ("half", 1),
        ("slower:5ms -method:POST", 1),
    ],
)
def test_a_half_that_waits_is_shown_where_the_query_fits_it(q: str, shown: int) -> None:
    view = Shown(World("server-a", "server-b"))
    channel = view.ask(q)
    view.frame()
    view.world.lines("server-a", to_other("server-b", path="/half", status=500))
    view.world.tick(300)
    (frame,) = view.frames(channel)
    assert (len(frame.packets.edge) if frame else 0) == shown


def test_a_half_that_was_shown_here_has_no_second_packet_and_elsewhere_its_first() -> None:
    view = Shown(World("server-a", "server-b"))
    halves, joined = view.ask("path:/half"), view.ask("is:joined")
    view.frame()
    view.world.lines("server-a", to_other("server-b", path="/half", trace_id=ident("t")))
    view.world.tick(300)
    frames = view.frames(halves, joined)
    assert [len(frame.packets.edge) if frame else 0 for frame in frames] == [1, 0]
    view.world.lines("server-b", from_other("server-a", path="/half", trace_id=ident("t")))
    frames = view.frames(halves, joined)
    assert [len(frame.packets.edge) for frame in frames] == [0, 1]
    assert [len(frame.calls) for frame in frames] == [1, 1]


def test_a_channel_without_news_of_its_own_makes_no_frame() -> None:
    view = Shown(World("server-a", "server-b"))
    channel = view.ask("status:5xx")
    channel.snapshot(view.world.now_ns)
    view.frame()
    view.world.lines("server-a", row())
    view.frames(channel)  # it tells of the new edge
    view.world.lines("server-a", row(1))
    assert view.frames(channel) == [None]
    view.world.lines("server-a", row(2, status=500))
    (frame,) = view.frames(channel)
    assert (frame.matched.calls, frame.totals.calls) == ([1], [3])
    view.world.lines("server-a", row(3))
    (frame,) = view.frames(channel)
    assert (frame.packets.edge, frame.totals.calls) == ([], [4]), "the edge's figures go on"


def test_a_new_query_counts_the_calls_of_the_last_minute() -> None:
    view = Shown(World("server-a", "server-b"))
    now_ms = 120_000
    view.world.now_ns += now_ms * MS
    lines = [(now_ms - 70_000, 500), (now_ms - 20_000, 500), (now_ms - 10, 200)]
    view.world.lines("server-a", *[row(at, status=status) for at, status in lines])
    view.frame()
    snapshot: Any = view.ask("status:500").snapshot(view.world.now_ns, "status:500")
    assert (snapshot.matched.calls, snapshot.matched.errors) == ([1], [1])
    assert len(snapshot.calls) == 2, "the lists go back further"
    assert parse(snapshot.q) == parse("status:500")


def test_a_count_says_since_when_where_it_cannot_look_back_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "MATCHED_CALLS", 10)
    view = Shown(World("server-a", "server-b"))
    view.world.lines("server-a", *[row(at) for at in range(50)])
    view.frame()
    snapshot: Any = view.ask("status:200").snapshot(view.world.now_ns, "status:200")
    ends = [row(at)["start_ns"] + row(at)["duration_ns"] for at in range(50)]
    assert (snapshot.matched.calls, snapshot.matched_since_ms) == ([10], ends[40] / MS)


def test_a_call_that_is_amended_moves_in_the_counts_of_a_query() -> None:
    view = Shown(World("server-a", "server-b"))
    crossing, halves = view.ask("origin:cross_server"), view.ask("is:half")
    for one in (crossing, halves):
        one.snapshot(view.world.now_ns)
    view.world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    view.world.settle()
    alone, half = view.frames(crossing, halves)
    assert (alone.matched.calls, half.matched.calls) == ([1], [1])
    view.world.lines("server-b", from_other("server-a", trace_id=ident("t")))
    joined, none = view.frames(crossing, halves)
    (left, taken) = alone.matched.edge[0], none.matched
    moved = dict(zip(joined.matched.edge, joined.matched.calls, strict=True))
    assert (moved.pop(left), [*moved.values()]) == (0, [1]), "from the half's edge to the call's"
    assert (taken.edge, taken.calls) == ([left], [0]), "it is no half any more"
    assert [*moved] == [edge for edge in joined.totals.edge if edge != left]
    fresh: Any = view.ask("origin:cross_server").snapshot(view.world.now_ns)
    assert (fresh.matched.edge, fresh.matched.calls) == ([*moved], [1])


def test_what_is_forgotten_of_a_count_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MATCHED_CALLS", 2)
    view = Shown(World("server-a", "server-b"))
    crossing = view.ask("origin:cross_server")
    crossing.snapshot(view.world.now_ns)
    ids = [ident(f"{at}") for at in range(4)]
    view.world.lines("server-a", *[to_other("server-b", at, trace_id=ids[at]) for at in range(4)])
    view.world.settle()
    view.frames(crossing)
    for at in range(4):
        view.world.lines("server-b", from_other("server-a", at + 1, trace_id=ids[at]))
    (frame,) = view.frames(crossing)
    assert sum(frame.matched.calls) == 4


def test_a_query_follows_a_container_to_its_new_address() -> None:
    view = Shown(World("server-a"))
    there = view.ask("to:172.20.0.9")
    there.snapshot(view.world.now_ns)
    view.world.lines("server-a", row())
    view.frames(there)
    view.world.say(inventory("server-a", [endpoint("leaf", "172.20.0.9")]))
    view.world.lines("server-a", row(9, upstream="http://172.20.0.9:8000"))
    (frame,) = view.frames(there)
    assert [call.path for call in frame.calls] == ["/leaf/echo"]


def test_a_text_that_a_stranger_wrote_cannot_make_a_query_slow() -> None:
    world = World("server-a")
    world.lines("server-a", row(path="/" + "a" * 4_000))
    assert world.calls(q="*".join("a" * 40) + "*b") == []
    assert len(world.calls(q="*".join("a" * 40))) == 1
