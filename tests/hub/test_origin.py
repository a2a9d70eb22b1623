"""CONTRACT's rules of origin as a table: who stands at the other end of the connection."""

from __future__ import annotations

from typing import Any

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from .world import World, endpoint, from_other, hello, ident, inventory, private_net, row, to_other

SHARED = pb.Network(name="shared", subnets=["10.50.0.0/24"], gateways=["10.50.0.1"], shared=True)


@pytest.fixture
def world() -> Any:
    """Two servers with the same container networks, and a network that both live on."""
    made = World()
    for server, last in (("server-a", 4), ("server-b", 5)):
        made.say(
            hello(server),
            inventory(
                server,
                [
                    endpoint("communicating", "172.20.0.4"),
                    endpoint("leaf", "172.20.0.5"),
                    endpoint("shared-one", f"10.50.0.{last}", network="shared"),
                ],
                [private_net(), SHARED],
            ),
        )
        made.skew(server, 0)
        made.sight(server)
    yield made
    made.check()


AT_PRIVATE: list[tuple[str, str, str, str | None]] = [
    ("its gateway", "172.20.0.1", "undecided", "host of server-b"),
    ("a shared network's gateway", "10.50.0.1", "undecided", "host of server-b"),
    ("its internal address", "10.10.0.12", "undecided", "host of server-b"),
    ("its public address", "198.51.100.12", "undecided", "host of server-b"),
    ("loopback", "127.0.0.1", "undecided", "host of server-b"),
    ("loopback, IPv6", "::1", "undecided", "host of server-b"),
    ("loopback, mapped", "::ffff:127.0.0.1", "undecided", "host of server-b"),
    ("another server", "10.10.0.11", "cross_server_direct", "server-a"),
    ("another server, mapped", "::ffff:10.10.0.11", "cross_server_direct", "server-a"),
    ("another's public address", "198.51.100.11", "cross_server_direct", "server-a"),
    ("another's shared address", "10.50.0.4", "cross_server_direct", "shared-one"),
    ("its own shared address", "10.50.0.5", "same_server", "shared-one"),
    ("its container", "172.20.0.4", "same_server", "communicating"),
    ("its own proxy", "172.20.0.2", "same_server", "private"),
    ("nobody known in its subnet", "172.20.9.9", "same_server", None),
    ("nobody known in a shared subnet", "10.50.0.99", "outside", "10.50.0.99"),
    ("a stranger", "203.0.113.9", "outside", "203.0.113.9"),
    ("a stranger, IPv6", "2001:db8::9", "outside", "2001:db8::9"),
    ("no address at all", "@", "outside", "@"),
    ("nothing", "", "outside", "unknown"),
]


@pytest.mark.parametrize(("what", "peer", "origin", "name"), AT_PRIVATE, ids=lambda v: str(v))
def test_at_a_private_proxy_the_peer_decides(
    world: World, what: str, peer: str, origin: str, name: str | None
) -> None:
    world.lines("server-b", row(client=peer))
    world.marks(2_000)
    world.tick()
    call = world.only()
    assert (call.origin, call.from_.name) == (origin, name)
    assert call.join.missing is None
    assert call.hops[0].why


AT_PUBLIC: list[tuple[str, str, str, str]] = [
    ("a visitor", "203.0.113.9", "public", "internet"),
    ("a gateway", "172.20.0.1", "public", "host of server-b"),
    ("loopback", "127.0.0.1", "public", "host of server-b"),
    ("another server", "10.10.0.11", "hairpin", "server-a"),
    ("another's public address", "198.51.100.11", "hairpin", "server-a"),
    ("its own address", "198.51.100.12", "hairpin", "host of server-b"),
    ("its container", "172.20.0.4", "public", "communicating"),
]


@pytest.mark.parametrize(("what", "peer", "origin", "name"), AT_PUBLIC, ids=lambda v: str(v))
def test_at_a_public_proxy_only_registered_servers_are_not_the_public(
    world: World, what: str, peer: str, origin: str, name: str
) -> None:
    world.lines("server-b", row(client=peer), proxy="public")
    call = world.only()
    assert (call.origin, call.from_.name) == (origin, name)


def test_forwarded_headers_decide_nothing(world: World) -> None:
    world.lines("server-b", row(client="203.0.113.9", forwarded="172.20.0.4"))
    assert world.only().origin == "outside"


def test_a_claim_of_an_address_that_the_peer_does_not_have_names_nobody(world: World) -> None:
    world.lines("server-b", from_other("server-a", forwarded="203.0.113.9"))
    world.marks(2_000)
    world.tick()
    assert world.only().from_.name == "server-a"


BY_ID: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    ("gateway", "172.20.0.1", {"hop_id": ident("h")}, {"hop_parent": ident("h")}, "cross_server"),
    ("stranger", "203.0.113.9", {"hop_id": ident("h")}, {"hop_parent": ident("h")}, "cross_server"),
    ("container", "172.20.0.4", {"hop_id": ident("h")}, {"hop_parent": ident("h")}, "cross_server"),
    ("loopback", "127.0.0.1", {"trace_id": ident("t")}, {"trace_id": ident("t")}, "cross_server"),
]


@pytest.mark.parametrize(("what", "peer", "mine", "theirs", "origin"), BY_ID, ids=lambda v: str(v))
def test_an_id_of_another_servers_hop_is_proof(
    world: World, what: str, peer: str, mine: Any, theirs: Any, origin: str
) -> None:
    world.lines("server-a", to_other("server-b", **mine))
    world.lines("server-b", row(2, 6, client=peer, **theirs))
    world.marks(2_000)
    world.tick()
    assert [call.origin for call in world.calls()] == [origin]


@pytest.mark.parametrize("peer", ["172.20.0.1", "203.0.113.9"])
def test_a_trace_id_proves_nothing_behind_a_gateway_or_from_outside(
    world: World, peer: str
) -> None:
    world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    world.lines("server-b", row(2, 6, client=peer, trace_id=ident("t")))
    world.marks(2_000)
    world.tick()
    assert {call.origin for call in world.calls()} == {
        "cross_server",
        "undecided" if peer == "172.20.0.1" else "outside",
    }


CALLERS: list[tuple[str, str, str, str]] = [
    ("container", "private", "172.20.0.4", "cross_server"),
    ("gateway", "private", "172.20.0.1", "cross_server"),
    ("stranger", "private", "203.0.113.9", "outside"),
    ("visitor", "public", "203.0.113.9", "public"),
]


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize(("what", "proxy", "peer", "origin"), CALLERS, ids=lambda v: str(v))
def test_a_call_to_another_server_comes_from_where_its_first_hop_says(
    world: World, what: str, proxy: str, peer: str, origin: str, joined: bool
) -> None:
    ids = {"trace_id": ident("t")}
    world.lines("server-a", to_other("server-b", client=peer, **ids), proxy=proxy)
    if joined:
        world.lines("server-b", from_other("server-a", **ids))
    world.marks(2_000)
    world.tick()
    call = world.only()
    assert (call.origin, len(call.hops)) == (origin, 1 + joined)
    assert call.join.missing == (None if joined else "callee_half")


def test_named_sources_change_the_name_and_not_the_origin() -> None:
    import ipaddress

    nets = {"vpn": "10.8.0.0/16", "office": "10.8.1.0/24"}
    world = World(sources=[(name, ipaddress.ip_network(net)) for name, net in nets.items()])
    world.join("server-a")
    world.lines("server-a", row(0, client="10.8.1.9"), row(1, client="10.8.2.9"))
    world.lines("server-a", row(2, client="10.8.1.9"), proxy="public")
    assert [(call.origin, call.from_.name) for call in world.calls()] == [
        ("outside", "office"),
        ("outside", "vpn"),
        ("public", "office"),
    ]
