"""What requests claim in their headers: who is believed; the rest is counted and listed."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.live.notices import Notices
from hub.read.state import State

from .world import World, from_other, hello, ident, inventory, row, to_other

CDN = "173.245.48.9"
VISITOR = "203.0.113.9"


@pytest.fixture
def world() -> Any:
    """Two servers; a CDN stands before the second one's public proxy, a load balancer before
    that."""
    made = World(sources=[("office", ip_network("198.18.0.0/24"))])
    made.join("server-a")
    edge = pb.Proxy(
        name="public",
        kind=pb.PROXY_KIND_PUBLIC,
        addresses=["10.10.0.12:8080"],
        trusted_proxies=["173.245.48.0/20", "10.99.0.1/32"],
    )
    private = pb.Proxy(name="private", kind=pb.PROXY_KIND_PRIVATE, addresses=["10.10.0.12:80"])
    made.say(hello("server-b", proxies=[private, edge]), inventory("server-b"))
    made.skew("server-b", 0)
    made.sight("server-b")
    yield made
    made.check()


FORWARDED = [
    ("a visitor", VISITOR, "public", "internet", VISITOR),
    ("with a port", f"{VISITOR}:443", "public", "internet", VISITOR),
    ("a named range", "198.18.0.7", "public", "office", "198.18.0.7"),
    ("through two trusted ones", f"{VISITOR}, 10.99.0.1", "public", "internet", VISITOR),
    ("the visitor claims more", f"10.10.0.11, {VISITOR}", "public", "internet", VISITOR),
    ("trusted ones only", "173.245.48.1, 10.99.0.1", "public", "internet", "173.245.48.1"),
    ("another server, by way of the CDN", "198.51.100.11", "hairpin", "server-a", "198.51.100.11"),
    ("no address", "unknown", "public", "internet", "unknown"),
]


@pytest.mark.parametrize(
    ("what", "header", "origin", "name", "address"), FORWARDED, ids=lambda v: str(v)
)
def test_a_trusted_proxy_is_believed_for_whom_it_forwards(
    world: World, what: str, header: str, origin: str, name: str, address: str
) -> None:
    world.lines("server-b", row(client=CDN, forwarded=header), proxy="public")
    call = world.only()
    assert (call.origin, call.from_.name, call.from_.address) == (origin, name, address)
    (hop,) = call.hops
    assert hop.client == f"{CDN}:40000"
    assert f"trusted proxy and forwards for {address}" in hop.why
    assert not hop.spoofed


def test_two_visitors_behind_one_trusted_proxy_are_told_apart(world: World) -> None:
    world.lines(
        "server-b",
        row(0, client=CDN, forwarded=VISITOR),
        row(1, client=CDN, forwarded="198.18.0.7"),
        row(2, client=CDN),
        proxy="public",
    )
    assert [call.from_.name for call in world.calls()] == ["internet", "office", "internet"]
    assert world.calls()[2].from_.address == CDN


SPOOFS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("public", VISITOR, {"forwarded": "10.10.0.11"}, ["forwarded"]),
    ("public", "172.20.0.1", {"forwarded": "6.6.6.6, 7.7.7.7"}, ["forwarded"]),
    ("public", VISITOR, {"hop_parent": ident("made up")}, ["hop_id"]),
    ("public", CDN, {"forwarded": VISITOR, "hop_parent": ident("made up")}, ["hop_id"]),
    ("private", VISITOR, {"forwarded": "172.20.0.4"}, ["forwarded"]),
    (
        "private",
        VISITOR,
        {"forwarded": "172.20.0.4", "hop_parent": ident("made up")},
        ["forwarded", "hop_id"],
    ),
]


@pytest.mark.parametrize(("proxy", "peer", "headers", "spoofed"), SPOOFS, ids=lambda v: str(v))
def test_what_a_stranger_claims_is_not_believed_but_counted_and_listed(
    world: World, proxy: str, peer: str, headers: dict[str, Any], spoofed: list[str]
) -> None:
    notices = Notices(world.pipeline)
    plain = row(0, client=peer)
    world.lines("server-b", plain, row(5, client=peer, **headers), proxy=proxy)
    honest, liar = world.calls()
    assert liar.origin == honest.origin == ("outside" if proxy == "private" else "public")
    assert (honest.hops[0].spoofed, liar.hops[0].spoofed) == ([], spoofed)
    assert [call.id for call in world.calls(spoofed="true")] == [liar.id]
    assert [call.id for call in world.calls(spoofed="false")] == [honest.id]
    (_, state) = State(world.pipeline).servers(world.now_ns)
    assert state.calls_spoofed == 1
    notices.calls(world.pipeline.settling.calls.kept(), world.now_ns)
    (notice,) = [notice for notice in notices.all() if notice.kind == "spoof"]
    assert (notice.count, notice.server) == (1, "server-b")


BELIEVED: list[tuple[str, str, dict[str, Any]]] = [
    ("server-b", "private", row(client="172.20.0.4", hop_parent=ident("of what it serves"))),
    ("server-b", "private", from_other("server-a", forwarded="172.20.0.4")),
    ("server-b", "private", row(client="127.0.0.1", forwarded="172.20.0.4")),
    ("server-b", "public", row(client="198.51.100.11", forwarded="172.20.0.4")),
]


@pytest.mark.parametrize(("server", "proxy", "line"), BELIEVED, ids=lambda v: str(v)[:60])
def test_servers_and_their_containers_may_claim(
    world: World, server: str, proxy: str, line: dict[str, Any]
) -> None:
    world.lines(server, line, proxy=proxy)
    world.marks(5_000)
    world.settle()
    assert world.only().hops[0].spoofed == []
    assert not world.calls(spoofed="true")


def test_a_hop_id_that_a_server_gave_is_no_spoof_whoever_brings_it(world: World) -> None:
    world.lines("server-b", row(2, 6, client=VISITOR, hop_parent=ident("h")))
    assert world.only().hops[0].spoofed == ["hop_id"]
    world.lines("server-a", to_other("server-b", hop_id=ident("h")))
    call = world.only()
    assert (call.origin, call.join.by) == ("cross_server", "hop_id")
    assert [hop.spoofed for hop in call.hops] == [[], []]
    assert not any(state.calls_spoofed for state in State(world.pipeline).servers(world.now_ns))


def test_of_a_list_the_word_of_the_peer_itself_is_what_it_claims(world: World) -> None:
    world.lines("server-b", from_other("server-a", forwarded="6.6.6.6, 172.20.0.4"))
    world.marks(2_000)
    world.tick()
    assert world.only().from_.name == "communicating"
