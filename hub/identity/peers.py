"""Who a TCP peer is, seen from a server, and from when to when.

Enters: a server, the kind of its proxy, an address. Leaves: `Peer`s, dated. An unknown address in a
known subnet is an unnamed container; nothing is guessed. At a public proxy a trusted peer's word
counts for whom it forwards. Who comes from the internet is one node; the edges of the busiest
addresses begin at nodes of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

from hub.columns.answers import Answers, Dated
from hub.defaults import MAX_OUTSIDE_NODES
from hub.enums import NodeKind, PeerKind
from hub.graph.graph import Graph
from hub.identity.addresses import Address, Subnet, parse_address
from hub.identity.busiest import EVER, Busiest
from hub.identity.federation import ProxyRecord, ServerRecord
from hub.identity.forwarded import believed, within
from hub.identity.places import EVERYBODYS, Places
from hub.identity.tenures import NO_SPANS, boundaries
from hub.model import ProxyKind


@dataclass(frozen=True, slots=True)
class Peer:
    """A TCP peer: what it is, on which server (-1: none), and its node."""

    kind: PeerKind
    server: int
    node: int
    known_host: bool = False
    """It is an address of a registered server (its own included)."""
    ignored: bool = False
    """It called on a network that is none of the relevant ones."""
    trusted: bool = False
    """Whom a trusted proxy forwards, not the TCP peer itself."""
    stranger: bool = False
    """Somebody of the internet with an address."""
    begins_at: int = -1
    """The node where its edges begin; -1: its own."""


class Peers:
    """Finds them, and gives them numbers."""

    def __init__(
        self,
        graph: Graph,
        places: Places,
        sources: Iterable[tuple[str, Subnet]],
    ) -> None:
        self.answers: Answers[Peer] = Answers(
            (
                "kind", "server", "node", "known_host", "ignored", "trusted", "stranger",
                "begins_at",
            )
        )  # fmt: skip
        self.busiest = Busiest()
        self._graph = graph
        self._places = places
        self._sources = list(sources)
        self._outside: set[str] = set()

    def dated(self, server: ServerRecord, proxy: ProxyRecord, text: str, header: str) -> Dated:
        """Who had this address; `header`: for whom it says it forwards ("": it does not)."""
        address = parse_address(text)
        if header and proxy.kind is ProxyKind.PUBLIC and address and within(address, proxy.trusted):
            return self._forwarded(server, proxy, believed(header, proxy.trusted))
        if address is None:
            return self._once(self._elsewhere(proxy.kind, None, text or "unknown"))
        if not self._places.is_named(address):  # most of what a public proxy sees
            near = self._loopback(server, address) or self._unknown(server, address)
            return self._once(near) if near else self._from_elsewhere(proxy.kind, address)
        owners = {server.number: server} | {
            other.number: other for other in self._places.shared(address)
        }
        spans = [owner.endpoints.get(address, NO_SPANS) for owner in owners.values()]
        times = boundaries(chain.from_iterable(spans))
        peers = [self._at(server, proxy.kind, address, at_ns) for at_ns in times]
        return Dated(tuple(times), tuple(map(self.answers.number, peers)))

    def _forwarded(self, server: ServerRecord, proxy: ProxyRecord, text: str) -> Dated:
        """Hosts only: what a container's address means on the other side, nobody knows."""
        address = parse_address(text)
        host = None
        if address is not None:
            host = self._own_host(server, address) or self._other_host(server, address)
            if host is None:
                return self._from_elsewhere(proxy.kind, address, trusted=True)
        peer = host or self._elsewhere(proxy.kind, address, text)
        return self._once(replace(peer, trusted=True))

    def _once(self, peer: Peer) -> Dated:
        return Dated((0,), (self.answers.number(peer),))

    def _at(self, server: ServerRecord, kind: ProxyKind, address: Address, at_ns: int) -> Peer:
        return (
            self._own_host(server, address)
            or self._other_host(server, address)
            or self._own_container(server, address, at_ns)
            or self._other_container(server, address, at_ns)
            or self._loopback(server, address)
            or self._unknown(server, address)
            or self._elsewhere(kind, address, str(address))
        )

    def _own_host(self, server: ServerRecord, address: Address) -> Peer | None:
        if any(address in network.gateways for network in server.networks):
            return Peer(PeerKind.GATEWAY, server.number, self._places.gateway(server))
        if address in server.hosts:
            node = self._places.gateway(server)
            return Peer(PeerKind.OWN_HOST, server.number, node, known_host=True)
        return None

    def _other_host(self, server: ServerRecord, address: Address) -> Peer | None:
        for other in self._places.hosts(address):
            if other is not server:
                node = self._places.server(other)
                return Peer(PeerKind.OTHER_INTERNAL, other.number, node, known_host=True)
        return None

    def _own_container(self, server: ServerRecord, address: Address, at_ns: int) -> Peer | None:
        span = server.endpoints.get(address, NO_SPANS).at(at_ns)
        if span is not None:
            return Peer(PeerKind.OWN_ENDPOINT, server.number, span.node, ignored=span.ignored)
        proxy = server.proxy_addresses.get(address)
        if proxy is not None and address not in EVERYBODYS:
            return Peer(PeerKind.OWN_ENDPOINT, server.number, proxy)
        return None

    def _other_container(self, server: ServerRecord, address: Address, at_ns: int) -> Peer | None:
        """On a network that both servers' containers share."""
        for other in self._places.shared(address):
            if other is server:
                continue
            span = other.endpoints.get(address, NO_SPANS).at(at_ns)
            if span is not None and span.shared:
                return Peer(PeerKind.OTHER_SHARED, other.number, span.node, known_host=True)
        return None

    def _loopback(self, server: ServerRecord, address: Address) -> Peer | None:
        """Of nobody in particular."""
        if address.is_loopback:
            return Peer(PeerKind.LOOPBACK, server.number, self._places.gateway(server))
        return None

    def _unknown(self, server: ServerRecord, address: Address) -> Peer | None:
        """An address of an own network that nobody is known to have."""
        network = self._places.network(server, address)
        if network is None:
            return None
        node = self._places.unnamed(server, address, network)
        return Peer(PeerKind.OWN_SUBNET, server.number, node, ignored=network.ignored)

    def _from_elsewhere(self, kind: ProxyKind, address: Address, *, trusted: bool = False) -> Dated:
        """Of no server; at times among the busiest of the internet."""
        peer = replace(self._elsewhere(kind, address, str(address)), trusted=trusted)
        if kind is not ProxyKind.PUBLIC or self._source_name(address) is not None:
            return self._once(peer)
        peer = replace(peer, stranger=True)
        spans = self.busiest.spans(str(address))
        if not spans:
            return self._once(peer)
        node = self._graph.node(
            f"internet:{address}", NodeKind.EXTERNAL, None, str(address), within=peer.node
        )
        node.addresses.add(str(address))
        own = replace(peer, begins_at=node.number)
        changes: dict[int, Peer] = {0: peer}
        for begin, end in spans:
            changes |= {begin: own, end: peer}
        changes.pop(EVER, None)
        return Dated(tuple(changes), tuple(map(self.answers.number, changes.values())))

    def _elsewhere(self, kind: ProxyKind, address: Address | None, text: str) -> Peer:
        return Peer(PeerKind.ELSEWHERE, -1, self._source_node(kind, address, text))

    def _source_node(self, kind: ProxyKind, address: Address | None, text: str) -> int:
        name = self._source_name(address)
        if kind is ProxyKind.PUBLIC:
            if name is None:
                return self._graph.node("internet", NodeKind.EXTERNAL, None, "internet").number
            return self._graph.node(f"source:{name}", NodeKind.EXTERNAL, None, name).number
        if name is None and text not in self._outside:
            if len(self._outside) >= MAX_OUTSIDE_NODES:
                text = "others"
            self._outside.add(text)
        node = self._graph.node(f"outside:{name or text}", NodeKind.OUTSIDE, None, name or text)
        if address is not None and str(address) not in node.addresses and len(node.addresses) < 20:
            node.addresses.add(str(address))
            self._graph.changed(node)
        return node.number

    def _source_name(self, address: Address | None) -> str | None:
        if address is None:
            return None
        fitting = [
            (subnet.prefixlen, name)
            for name, subnet in self._sources
            if subnet.version == address.version and address in subnet
        ]
        return max(fitting)[1] if fitting else None
