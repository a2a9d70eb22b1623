"""Networks that are none of the relevant ones: out of the view, counted, and still listed."""

from __future__ import annotations

from typing import Any

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.read.describe import Describe
from hub.read.edges import edge_rates
from hub.read.state import State

from .shown import Shown
from .world import World, endpoint, hello, inventory, private_net, row, to_other

MONITORING = pb.Network(name="monitoring", subnets=["172.30.0.0/16"], ignored=True)


@pytest.fixture
def world() -> Any:
    """The first server's Traefik is on a network of its monitoring too, as is its leaf service."""
    made = World("server-b")
    made.say(
        hello("server-a"),
        inventory(
            "server-a",
            [
                endpoint("communicating", "172.20.0.4"),
                endpoint("leaf", "172.20.0.5"),
                endpoint("leaf", "172.30.0.5", network="monitoring"),
                endpoint("prometheus", "172.30.0.9", network="monitoring"),
            ],
            [private_net(), MONITORING],
        ),
    )
    made.sight("server-a")
    yield made
    made.check()


def names(world: World) -> set[str]:
    return {node.name for node in Describe(world.pipeline).topology().nodes}


def test_it_is_none_of_the_servers_networks(world: World) -> None:
    servers = {server.id: server for server in Describe(world.pipeline).topology().servers}
    assert [network.name for network in servers["server-a"].networks] == ["private-net"]


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("from a container there", row(client="172.30.0.9")),
    ("from one of which nothing is known", row(client="172.30.9.9")),
    ("into it", row(upstream="http://172.30.0.9:9090")),
    ("into it, by an address without a name", row(upstream="http://172.30.9.9:9090")),
    ("from it to another server", to_other("server-b", client="172.30.0.9")),
]


@pytest.mark.parametrize(("what", "line"), CALLS, ids=lambda v: v if isinstance(v, str) else "")
def test_its_calls_stay_out_of_the_view_and_are_counted(
    world: World, what: str, line: dict[str, Any]
) -> None:
    shown = Shown(world)
    before = names(world)
    world.lines("server-a", line)
    world.marks(5_000)
    world.tick(1_000)
    world.settle()
    frame = shown.frame()
    assert frame is not None
    assert not (frame.packets.edge or frame.calls or frame.errors or frame.totals.edge)
    assert not edge_rates(world.pipeline, 3_600, world.now_ns).edges
    topology = Describe(world.pipeline).topology()
    assert not topology.edges
    assert names(world) == before
    call = world.only()
    state = next(s for s in State(world.pipeline).servers(world.now_ns) if s.id == "server-a")
    assert (state.calls_ignored, call.hops[0].server) == (1, "server-a")


def test_the_same_service_is_shown_where_it_is_called_on_a_relevant_network(world: World) -> None:
    assert "leaf" in names(world)
    assert "prometheus" not in names(world)
    world.lines("server-a", row(0), row(1, client="172.30.0.9"), row(2))
    (edge,) = Describe(world.pipeline).topology().edges
    assert (edge.from_, edge.to) == ("server-a/communicating", "server-a/leaf")
    (rate,) = edge_rates(world.pipeline, 3_600, world.now_ns).edges
    assert rate.calls == 2
    assert len(world.calls()) == 3
    scrape = world.calls()[1]
    assert (scrape.from_.name, scrape.origin) == ("prometheus", "same_server")
    assert scrape.hops[0].why.endswith("its network is none of the relevant ones")


def test_a_network_that_becomes_relevant_brings_its_calls_into_the_view(world: World) -> None:
    world.lines("server-a", row(client="172.30.0.9"))
    relevant = pb.Network(name="monitoring", subnets=["172.30.0.0/16"])
    world.say(
        inventory(
            "server-a",
            [
                endpoint("leaf", "172.20.0.5"),
                endpoint("prometheus", "172.30.0.9", network="monitoring"),
            ],
            [private_net(), relevant],
        )
    )
    assert "prometheus" in names(world)
    (edge,) = Describe(world.pipeline).topology().edges
    assert edge.from_ == "server-a/prometheus"
    assert not any(state.calls_ignored for state in State(world.pipeline).servers(world.now_ns))
