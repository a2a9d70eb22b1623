"""Who had an address, also when the agent tells no more of it."""

from __future__ import annotations

from hopwatch.v1 import ingest_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from hub.identity.tenures import Span, Spans

from .world import T0, World, endpoint, inventory, row

SECOND = 10**9
ADDRESS = "172.20.0.4"


def had(name: str, from_s: float, to_s: float = 0, container: str = "") -> pb.Endpoint:
    found = endpoint(
        name,
        ADDRESS,
        valid_from_ns=int(T0 + from_s * SECOND),
        valid_to_ns=int(T0 + to_s * SECOND) if to_s else 0,
        source=pb.SOURCE_DOCKER,
    )
    found.container = container or f"{name}-1"
    return found


def callers(world: World) -> list[str | None]:
    return [call.from_.name for call in world.calls()]


def test_what_an_agent_tells_no_more_keeps_its_name() -> None:
    world = World("server-a")
    world.say(inventory("server-a", [had("old", -10, 2), had("new", 3)]))
    world.lines("server-a", row(1_000), row(4_000))
    world.say(inventory("server-a", [had("new", 3), endpoint("leaf", "172.20.0.5")]))
    assert callers(world) == ["old", "new"]


def test_what_was_open_and_is_told_no_more_holds_up_to_the_last_inventory() -> None:
    world = World("server-a")
    first = inventory("server-a", [had("gone", -10)])
    first.inventory.as_of_ns = T0 + 2 * SECOND
    world.say(first)
    world.say(inventory("server-a", [had("other", 5)]))
    world.lines("server-a", row(1_000), row(3_000), row(6_000))
    assert callers(world) == ["gone", None, "other"]


def test_the_newest_word_about_a_container_replaces_the_earlier_ones() -> None:
    world = World("server-a")
    world.say(inventory("server-a", [had("x", -10)]))
    world.say(inventory("server-a", [had("x", 3)]))
    world.lines("server-a", row(1_000), row(4_000))
    assert callers(world) == [None, "x"]


def test_configured_addresses_are_forgotten_when_they_are_not_told_any_more() -> None:
    world = World("server-a")
    world.say(inventory("server-a", [endpoint("configured", ADDRESS)]))
    world.say(inventory("server-a", []))
    world.lines("server-a", row(1_000))
    assert callers(world) == [None]


def test_a_container_with_a_proxys_name_is_that_proxy() -> None:
    world = World("server-a")
    world.say(inventory("server-a", [had("private", -10)]))
    world.lines("server-a", row(1_000))
    party = world.calls()[0].from_
    assert (party.kind, party.name) == ("proxy", "private")


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 9), st.integers(1, 3), st.booleans()),
        max_size=12,
    ),
    st.integers(0, 30),
)
def test_the_span_that_holds_is_the_best_of_those_that_cover(
    drawn: list[tuple[int, int, int, bool]], at_ns: int
) -> None:
    spans = [
        Span(begin, begin + length if length else 0, node, "net", False, source, ignored)
        for node, (begin, length, source, ignored) in enumerate(drawn)
    ]
    covering = [span for span in spans if span.covers(at_ns)]
    rank = lambda span: (span.source, not span.ignored, span.from_ns)  # noqa: E731
    best = max(covering, key=rank, default=None)
    found = Spans(spans).at(at_ns)
    assert (found is None) == (best is None)
    if found and best:
        assert rank(found) == rank(best)
        assert found.covers(at_ns)
