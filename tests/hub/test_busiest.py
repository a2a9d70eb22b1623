"""The busiest addresses of the internet have edges of their own; its calls are its own still."""

from __future__ import annotations

import random
from collections import Counter
from ipaddress import ip_network
from pathlib import Path

import pytest

from hub.defaults import (
    BUSY_CALLS,
    BUSY_COUNTED,
    BUSY_HALF_LIFE_S,
    BUSY_HELD_S,
    BUSY_SOURCES,
    BUSY_SPANS,
    MAX_BUSY_NODES,
    RETIRE_AFTER_S,
)
from hub.graph.stats import Stats
from hub.identity.busiest import EVER, Busiest, Caller

from .keeper import Keeper
from .world import MS, SECOND, T0, World, hello, inventory, row

VISITOR = "203.0.113.9"
TO_LEAF = "server-a/leaf:public"


def visits(
    world: World, client: str, count: int = BUSY_CALLS, at_ms: float = 0.0, **fields: object
) -> None:
    """So many calls of an address, a millisecond apart, in one batch."""
    lines = [row(at_ms + i, 1, client=client, **fields) for i in range(count)]
    world.lines("server-a", *lines, proxy="public")


def edges(world: World) -> dict[str, int]:
    """Calls by the edge's id."""
    counts = world.pipeline.totals.counts[:, 0].tolist()
    return {edge.id: counts[edge.number] for edge in world.pipeline.graph.edges}


def test_a_busy_address_gets_edges_of_its_own_from_its_next_call_on() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    visits(world, "203.0.113.10", count=1)
    assert edges(world) == {f"internet>{TO_LEAF}": BUSY_CALLS + 1}
    visits(world, VISITOR, count=3, at_ms=100)
    visits(world, "203.0.113.10", count=1, at_ms=110)
    assert edges(world) == {
        f"internet>{TO_LEAF}": BUSY_CALLS + 2,
        f"internet:{VISITOR}>{TO_LEAF}": 3,
    }
    world.check()


def test_the_caller_of_a_call_stays_the_internet() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    visits(world, VISITOR, at_ms=100)
    told = {(call.from_.node, call.from_.kind, call.from_.address) for call in world.calls()}
    assert told == {("internet", "external", VISITOR)}


def test_filters_find_the_calls_of_a_busy_address_and_those_of_all() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    visits(world, VISITOR, count=3, at_ms=100)
    visits(world, "203.0.113.10", count=2, at_ms=200)
    own, everyone = f"internet:{VISITOR}", BUSY_CALLS + 5
    found = {
        "node": {own: 3, "internet": everyone},
        "from": {own: 3, VISITOR: 3, "internet": everyone},
        "edge": {f"{own}>{TO_LEAF}": 3, f"internet>{TO_LEAF}": BUSY_CALLS + 2},
        "q": {
            f'from:"{own}"': 3,
            "from:internet": everyone,
            f'from:internet -from:"{own}"': BUSY_CALLS + 2,
            f'node:"{own}"': 3,
            f"address:{VISITOR}": BUSY_CALLS + 3,
        },
    }
    for name, values in found.items():
        for value, count in values.items():
            assert len(world.calls(**{name: value})) == count, (name, value)


def test_a_named_range_and_a_servers_address_stay_what_they_are() -> None:
    world = World("server-a", "server-b", sources=[("office", ip_network("203.0.113.0/24"))])
    for client in (VISITOR, "10.10.0.12", "unknown"):
        for _ in range(3):
            visits(world, client)
    begins = {id.split(">")[0] for id in edges(world)}
    assert begins == {"source:office", "server-b", "internet"}


def test_whom_a_trusted_proxy_forwards_for_is_who_calls() -> None:
    world = World()
    said = hello("server-a")
    said.hello.proxies[1].trusted_proxies.append("173.245.48.0/20")
    world.say(said, inventory("server-a"))
    for at_ms in (0, 100):
        visits(world, "173.245.48.1", at_ms=at_ms, forwarded=VISITOR)
    assert edges(world)[f"internet:{VISITOR}>{TO_LEAF}"] == BUSY_CALLS
    world.check()


def test_a_federation_that_changes_amends_no_call_of_a_busy_address() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    visits(world, VISITOR, at_ms=100)
    before = edges(world)
    world.join("server-b")
    assert edges(world) == before
    assert {call.revision for call in world.calls()} == {1}


def test_the_internet_is_seen_as_long_as_one_of_its_busiest_is() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    step_ms = RETIRE_AFTER_S * 400
    for step in range(1, 5):
        world.tick(step_ms)
        visits(world, VISITOR, at_ms=1_000 + step * step_ms)
    graph = world.pipeline.graph
    present = {node.id for node in graph.nodes if node.present}
    assert present >= {"internet", f"internet:{VISITOR}"}
    assert [edge.id for edge in graph.edges if edge.present] == [f"internet:{VISITOR}>{TO_LEAF}"]
    for _ in range(4):
        world.tick(step_ms)
    assert not {"internet", f"internet:{VISITOR}"} & {n.id for n in graph.nodes if n.present}


def test_the_figures_of_the_last_minute_are_by_these_edges() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    visits(world, VISITOR, count=4, at_ms=100)
    graph = world.pipeline.graph
    stats = Stats(world.pipeline.rollup, graph).form(world.now_ns).edges
    told = {
        graph.edges[edge].id: calls for edge, calls in zip(stats.edge, stats.calls, strict=True)
    }
    assert told == edges(world)


async def test_a_busy_address_keeps_its_node_over_a_restart(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    opened = [row(i, 1, client=VISITOR) for i in range(BUSY_CALLS)]
    await keeper.lines("server-a", *opened, proxy="public")
    await keeper.lines("server-a", row(100, 1, client=VISITOR), proxy="public")
    await keeper.seal()
    await keeper.lines("server-a", row(200, 1, client=VISITOR), proxy="public")
    before = await keeper.calls(node=f"internet:{VISITOR}")
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    await again.lines("server-a", row(300, 1, client=VISITOR), proxy="public")
    after = await again.calls(node=f"internet:{VISITOR}")
    assert len(before) == 2
    assert after[1:] == before
    assert after[0].from_.node == "internet"
    assert len(await again.calls(node="internet")) == BUSY_CALLS + 3
    await again.close()


# --- the counter


def called(busiest: Busiest, address: str, calls: int, at_s: float, now_s: float) -> bool:
    caller = Caller(address, calls, round(at_s * SECOND))
    return busiest.count([caller], round(now_s * SECOND))


def seated(now_s: float = 0.0, calls: int = 100) -> Busiest:
    """All places taken, by addresses of equal weight."""
    busiest = Busiest()
    for number in range(BUSY_SOURCES):
        assert called(busiest, f"10.0.0.{number}", calls, now_s, now_s)
    return busiest


def test_a_place_is_taken_by_who_is_twice_as_busy_and_not_at_once() -> None:
    busiest = seated()
    assert not called(busiest, "new", 10_000, 1, 1), "they have it for so short a time"
    later = BUSY_HELD_S + 1
    for number in range(BUSY_SOURCES):
        assert not called(busiest, f"10.0.0.{number}", 100, later, later)
    assert not called(busiest, "newer", 150, later, later), "busier, but not by so much"
    assert called(busiest, "newer", 10_000, later, later)
    assert len(busiest.state().holders) == BUSY_SOURCES
    assert busiest.spans("newer") == [(later * SECOND + 1, EVER)]
    lost = [n for n in range(BUSY_SOURCES) if busiest.spans(f"10.0.0.{n}")[-1][1] != EVER]
    assert len(lost) == 1
    assert busiest.spans(f"10.0.0.{lost[0]}") == [(1, later * SECOND + 1)]


def test_who_was_silent_loses_its_place_and_gets_it_again() -> None:
    busiest = seated()
    now_s = 0.0
    for turn in range(2 * BUSY_SPANS):
        now_s += BUSY_HELD_S + BUSY_HALF_LIFE_S
        for number in range(BUSY_SOURCES):
            one = f"10.{turn % 2 + 1}.0.{number}"
            assert called(busiest, one, 100, now_s, now_s)
    spans = busiest.spans("10.1.0.0")
    assert len(spans) == BUSY_SPANS
    assert all(begin < end for begin, end in spans)
    assert sorted(spans) == list(spans)


def test_no_more_addresses_than_the_bound_ever_get_a_node() -> None:
    busiest = Busiest()
    now_s = 0.0
    for number in range(MAX_BUSY_NODES + 50):
        now_s += BUSY_HELD_S
        called(busiest, f"address {number}", 100, now_s, now_s)
    state = busiest.state()
    assert len(state.spans) == MAX_BUSY_NODES
    now_s += 10 * BUSY_HELD_S
    assert called(busiest, "address 0", 100, now_s, now_s), "it had one"


@pytest.mark.parametrize("seed", range(3))
def test_a_flood_of_addresses_is_bounded_and_hides_nobody_who_is_busy(seed: int) -> None:
    random.seed(seed)
    busiest, real = Busiest(), Counter[str]()
    for step in range(400):
        batch = Counter(f"once {step} {i}" for i in range(200))
        for number in range(4):
            batch[f"busy {number}"] = random.randint(5, 15)
        real += batch
        busiest.count([Caller(one, calls, step) for one, calls in batch.items()], 1)
    state = busiest.state()
    assert len(state.counts) <= 2 * BUSY_COUNTED
    assert {one for one in state.holders if one.startswith("busy")} == {
        f"busy {n}" for n in range(4)
    }
    assert not any(one.startswith("once") for one in state.holders)
    lacking = real.total() / BUSY_COUNTED
    for number in range(4):
        name = f"busy {number}"
        assert real[name] - lacking <= state.counts.get(name, 0.0) <= real[name]


def test_clocks_that_disagree_and_old_lines_do_no_harm() -> None:
    world = World("server-a")
    visits(world, VISITOR)
    visits(world, VISITOR, at_ms=-86_400_000)
    assert edges(world) == {f"internet>{TO_LEAF}": 2 * BUSY_CALLS}, "these began before"
    assert world.pipeline.identity.busiest.spans(VISITOR) == [
        (T0 + (BUSY_CALLS - 1) * MS + 1, EVER)
    ]
