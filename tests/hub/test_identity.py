"""Who is who: addresses within (server, network), at the time of the request."""

from __future__ import annotations

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.defaults import MAX_OUTSIDE_NODES

from .world import T0, World, endpoint, hello, inventory, private_net, row

SECOND = 10**9


def callee(world: World, upstream: str, **fields: str) -> tuple[str, str | None, str | None]:
    world.lines("server-a", row(upstream=upstream, **fields))
    world.settle()
    party = world.calls()[-1].to
    return party.kind, party.server, party.name


CALLEES: list[tuple[str, str, tuple[str, str | None, str | None]]] = [
    ("its address", "http://172.20.0.5:8000", ("service", "server-a", "leaf")),
    ("its name", "http://leaf:8000", ("service", "server-a", "leaf")),
    ("its container's name", "http://leaf-1:8000", ("service", "server-a", "leaf")),
    ("an alias", "http://leaf.alias.net:80", ("service", "server-a", "leaf")),
    ("an unknown name", "http://newcomer:80", ("service", "server-a", "newcomer")),
    ("an unknown address", "http://172.20.0.99:80", ("service", "server-a", "svc")),
    ("its own proxy", "http://172.20.0.2:80", ("proxy", "server-a", "private")),
    ("its own host", "http://10.10.0.11:9000", ("proxy", "server-a", "public")),
    ("another server", "http://10.10.0.12", ("server", "server-b", "server-b")),
    ("another's odd port", "http://10.10.0.12:9", ("server", "server-b", "server-b")),
    ("another's proxy", "http://192.168.7.7:81", ("server", "server-b", "server-b")),
    ("not its port", "http://192.168.7.7:82", ("external", None, "192.168.7.7")),
    ("another's proxy, IPv6", "http://[fd00::7]:81", ("server", "server-b", "server-b")),
    ("an API", "https://api.example.com/v1", ("external", None, "api.example.com")),
    ("an address elsewhere", "http://203.0.113.5", ("external", None, "203.0.113.5")),
    ("another's container", "http://172.30.0.8", ("external", None, "172.30.0.8")),
    ("no address", "", ("service", "server-a", "svc")),
    ("rubbish", "http://[::bad", ("service", "server-a", "http://[::bad")),
    ("a bad port", "http://leaf:99999", ("service", "server-a", "http://leaf:99999")),
]


@pytest.mark.parametrize(("what", "upstream", "found"), CALLEES, ids=[c[0] for c in CALLEES])
def test_a_callee_is_found_by_its_upstream(
    what: str, upstream: str, found: tuple[str, str | None, str | None]
) -> None:
    world = World("server-a")
    leaf = endpoint("leaf", "172.20.0.5", aliases=["leaf.alias.net"])
    world.say(inventory("server-a", [leaf]))
    listening = pb.Proxy(
        name="private",
        kind=pb.PROXY_KIND_PRIVATE,
        addresses=["192.168.7.7:81", "[fd00::7]:81", "172.20.0.2:80", "172.20.0.99:80"],
    )
    world.say(hello("server-b", proxies=[listening]))
    world.say(inventory("server-b", [endpoint("leaf", "172.30.0.8"), endpoint("b", "172.20.0.5")]))
    assert callee(world, upstream, service="svc@docker") == found


def test_what_traefik_answers_by_itself_ends_at_the_proxy() -> None:
    world = World("server-a")
    kind, server, name = callee(world, "", service="api@internal", router="api@internal")
    assert (kind, server, name) == ("proxy", "server-a", "private")


def test_overlapping_networks_are_kept_apart() -> None:
    world = World("server-a", "server-b")
    world.say(inventory("server-a", [endpoint("alpha", "172.20.0.4"), endpoint("x", "172.20.0.5")]))
    world.say(inventory("server-b", [endpoint("beta", "172.20.0.4"), endpoint("y", "172.20.0.5")]))
    world.lines("server-a", row(0))
    world.lines("server-b", row(1))
    assert [(call.from_.name, call.to.name) for call in world.calls()] == [
        ("alpha", "x"),
        ("beta", "y"),
    ]


def test_an_address_that_changes_hands_has_the_right_name_before_and_after() -> None:
    world = World("server-a")
    handover = T0 + SECOND
    address = "172.20.0.4"
    spans = [
        endpoint("old", address, valid_to_ns=handover),
        endpoint("new", address, valid_from_ns=handover + 33_000_000),
        endpoint("leaf", "172.20.0.5"),
    ]
    world.say(inventory("server-a", spans))
    times = (999.999, 1_000, 1_032.9, 1_033, 9_000)
    world.lines("server-a", *[row(at_ms) for at_ms in times])
    assert [call.from_.name for call in world.calls()] == ["old", None, None, "new", "new"]
    called = {"upstream": f"http://{address}", "service": "by-traefik@file", "path": "/called"}
    world.lines("server-a", *[row(at_ms, **called) for at_ms in times])
    names = [call.to.name for call in world.calls(path="/called")]
    assert names == ["old", "by-traefik", "by-traefik", "new", "new"]


def test_a_lookup_before_the_change_does_not_outlive_it() -> None:
    world = World("server-a")
    world.lines("server-a", row(0))
    spans = [
        endpoint("old", "172.20.0.4", valid_to_ns=T0 + SECOND),
        endpoint("new", "172.20.0.4", valid_from_ns=T0 + SECOND),
    ]
    world.say(inventory("server-a", spans))
    world.lines("server-a", row(1), row(2_000))
    assert [call.from_.name for call in world.calls()] == ["old", "old", "new"]
    assert world.calls()[0].revision == 2


def test_docker_outranks_traefik_outranks_configuration() -> None:
    world = World("server-a")
    sources = {
        "configured": pb.SOURCE_CONFIGURATION,
        "docker": pb.SOURCE_DOCKER,
        "api": pb.SOURCE_TRAEFIK_API,
    }
    known = [endpoint(name, "172.20.0.4", source=source) for name, source in sources.items()]
    for count, name in ((3, "docker"), (1, "configured")):
        world.say(inventory("server-a", known[:count]))
        world.lines("server-a", row(count))
        assert world.calls()[-1].from_.name == name


def test_ipv6_addresses_are_one_however_they_are_written() -> None:
    world = World("server-a")
    network = private_net(subnets=["fd00:20::/64"], gateways=["fd00:20::1"])
    world.say(inventory("server-a", [endpoint("six", "fd00:20:0:0::4")], [network]))
    for at, client in enumerate(["fd00:20::4", "FD00:20::0004", "fd00:20::4%eth0"]):
        world.lines("server-a", row(at, client=client))
    assert {call.from_.name for call in world.calls()} == {"six"}
    world.lines("server-a", row(10, client="fd00:20::77"))
    last = world.calls()[-1]
    assert (last.origin, last.from_.name, last.from_.node) == (
        "same_server",
        None,
        "server-a/fd00:20::77",
    )


def test_a_scan_does_not_flood_the_graph() -> None:
    world = World("server-a")
    lines = [row(i, 1, client=f"203.0.113.{i}") for i in range(200)]
    world.lines("server-a", *lines)
    nodes = [node for node in world.pipeline.graph.nodes if node.id.startswith("outside:")]
    assert len(nodes) == MAX_OUTSIDE_NODES + 1
    calls = world.calls()
    assert calls[0].from_.name == "203.0.113.0"
    assert calls[-1].from_.node == "outside:others"
    assert calls[-1].from_.address == "203.0.113.199", "the call itself still tells"
    assert all(len(node.addresses) <= 20 for node in nodes)


def test_visitors_of_a_public_proxy_are_one_node_without_addresses() -> None:
    world = World("server-a")
    world.lines("server-a", *[row(i, client=f"203.0.113.{i}") for i in range(9)], proxy="public")
    assert {call.from_.node for call in world.calls()} == {"internet"}


def test_another_servers_internal_address_outranks_an_own_subnet_that_holds_it() -> None:
    world = World("server-a", "server-b")
    world.say(inventory("server-a", networks=[private_net(subnets=["10.10.0.0/16"])]))
    world.lines("server-a", row(client="10.10.0.12"))
    world.settle()
    assert world.only().origin == "cross_server"
    assert world.only().join.missing == "caller_half"
