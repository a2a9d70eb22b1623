"""Who called, and who was called: addresses and upstreams resolved within (server, network), in
time.

Enters: rows of any logs. Leaves: numbers of `Peer`s and `Callee`s. An address is looked up once per
distinct string; where its owner changed, the spans of the inventory decide by each request's start.
An unknown address in a known subnet is an unnamed container; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from hub.answers import Answers, Codes, Dated, Lookup, Times
from hub.defaults import MAX_OUTSIDE_NODES
from hub.enums import CalleeKind, NodeKind, PeerKind
from hub.federation import (
    Address,
    Federation,
    ProxyRecord,
    ServerRecord,
    Span,
    Subnet,
    parse_address,
    span_at,
)
from hub.graph import Graph
from hub.logs import Logs
from hub.model import ProxyKind
from hub.rows import Rows
from hub.words import mixed

Numbers = NDArray[np.int64]

EVERYBODYS = frozenset(filter(None, map(parse_address, ("127.0.0.1", "::1"))))
"""Every host has these: who listens there is not who calls from there."""

NOBODY = -1
"""The node of an address that a server does not have."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A TCP peer: what it is, on which server (-1: none), and its node."""

    kind: PeerKind
    server: int
    node: int
    known_host: bool = False
    """It is an address of a registered server (its own included)."""


@dataclass(frozen=True, slots=True)
class Callee:
    """What a request was handed to: on which server (-1: outside of all), and its node."""

    kind: CalleeKind
    server: int
    node: int


class Identity:
    """Resolves peers and callees; its answers change only with the federation's generation."""

    def __init__(
        self, federation: Federation, graph: Graph, sources: Iterable[tuple[str, Subnet]] = ()
    ) -> None:
        self._federation = federation
        self._graph = graph
        self._sources = list(sources)
        self._outside: set[str] = set()
        self.peers: Answers[Peer] = Answers(("kind", "server", "node", "known_host"))
        self.callees: Answers[Callee] = Answers(("kind", "server", "node"))
        self._known_peers = Lookup()
        self._known_callees = Lookup()
        self._known_claims = Lookup()
        self._generation = 0
        self._generations: list[int] = []
        self._named: set[Address] = set()
        """Addresses that somebody is known to have."""

    def forget(self) -> None:
        """Codes were numbered anew, or the federation changed."""
        for known in (self._known_peers, self._known_callees, self._known_claims):
            known.clear()

    def _refresh(self) -> None:
        """Forget what a change of the federation, or of one server, may have made wrong."""
        servers = self._federation.servers
        now = [server.generation for server in servers]
        if self._generation != self._federation.generation:
            self.forget()
        elif self._generations != now:
            before = self._generations + [0] * (len(now) - len(self._generations))
            changed = {
                n for n, pair in enumerate(zip(before, now, strict=True)) if len({*pair}) > 1
            }
            for known in (self._known_peers, self._known_callees, self._known_claims):
                known.forget(changed.__contains__)
        if (self._generation, self._generations) != (self._federation.generation, now):
            self._generation, self._generations = self._federation.generation, now
            self._named = {address for server in servers for address in server.addresses()}

    def resolve_peers(self, rows: Rows, logs: Logs, numbers: Numbers) -> Codes:
        """Numbers of the peers of these rows."""
        self._refresh()
        texts = rows.strings["client"].values
        log, client = rows.table.take("log", numbers), rows.table.take("client", numbers)

        def resolve(row: int) -> Dated:
            asked = logs[log[row]]
            return self._dated_peer(asked.server, asked.proxy.kind, texts[client[row]])

        questions = logs.proxies(log) << 32 | client
        return self._known_peers.find(
            questions, logs.servers(log), rows.table.take("start_ns", numbers), resolve
        )

    def resolve_callees(self, rows: Rows, logs: Logs, numbers: Numbers) -> Codes:
        """Numbers of the callees of these rows."""
        self._refresh()
        take = rows.table.take
        services, upstreams = rows.strings["service"].values, rows.strings["upstream"].values
        log, routed = take("log", numbers), take("router", numbers) != 0
        service, upstream = take("service", numbers), take("upstream", numbers)

        def resolve(row: int) -> Dated:
            server, proxy = logs[log[row]].server, logs[log[row]].proxy
            if not routed[row]:
                return self._nobody(server, proxy)
            texts = services[service[row]], upstreams[upstream[row]]
            return self._dated_callee(server, proxy, *texts)

        route = service.astype(np.int64) << 32 | upstream
        words = mixed(np.where(routed, route, -1), logs.proxies(log))
        return self._known_callees.find(
            words, logs.servers(log), take("start_ns", numbers), resolve
        )

    def resolve_claims(
        self,
        servers: NDArray[np.integer],
        headers: Codes,
        times: Times,
        address: Callable[[int], str],
    ) -> Codes:
        """Nodes that peer servers (-1: none) claim to speak for, by forwarded header; -1: none.

        `times` are in the clocks of these servers; `address` gives the one that a header names.
        """
        self._refresh()
        told = (headers != 0) & (servers >= 0)

        def resolve(row: int) -> Dated:
            if not told[row]:
                return Dated((0,), (NOBODY,))
            return self._dated_claim(self._federation.servers[servers[row]], address(headers[row]))

        questions = np.where(told, servers.astype(np.int64) << 32 | headers, -1)
        return self._known_claims.find(questions, servers, times, resolve)

    # --- claims

    def _dated_claim(self, server: ServerRecord, text: str) -> Dated:
        address = parse_address(text)
        if address is None:
            return Dated((0,), (NOBODY,))
        spans = server.endpoints.get(address, [])
        times = _boundaries(spans)
        owners = [span_at(spans, at_ns) for at_ns in times]
        unnamed = NOBODY
        if None in owners and self._subnet_of(server, address):
            unnamed = self._unnamed(server, address)
        return Dated(tuple(times), tuple(span.node if span else unnamed for span in owners))

    # --- peers

    def _dated_peer(self, server: ServerRecord, kind: ProxyKind, text: str) -> Dated:
        address = parse_address(text)
        if address is None:
            return Dated((0,), (self.peers.number(self._elsewhere(kind, None, text or "unknown")),))
        if address not in self._named:  # most of what a public proxy sees
            peer = (
                self._loopback(server, address)
                or self._unknown(server, address)
                or self._elsewhere(kind, address, str(address))
            )
            return Dated((0,), (self.peers.number(peer),))
        times = _boundaries(
            span
            for record in self._federation.servers
            for span in record.endpoints.get(address, [])
        )
        peers = [self._peer_at(server, kind, address, at_ns) for at_ns in times]
        return Dated(tuple(times), tuple(map(self.peers.number, peers)))

    def _peer_at(self, server: ServerRecord, kind: ProxyKind, address: Address, at_ns: int) -> Peer:
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
            return Peer(PeerKind.GATEWAY, server.number, self._graph_gateway(server))
        if address in server.hosts:
            node = self._graph_gateway(server)
            return Peer(PeerKind.OWN_HOST, server.number, node, known_host=True)
        return None

    def _other_host(self, server: ServerRecord, address: Address) -> Peer | None:
        for other in self._federation.servers:
            if other is not server and address in other.hosts:
                node = self._server_node(other)
                return Peer(PeerKind.OTHER_INTERNAL, other.number, node, known_host=True)
        return None

    def _own_container(self, server: ServerRecord, address: Address, at_ns: int) -> Peer | None:
        span = span_at(server.endpoints.get(address, []), at_ns)
        if span is not None:
            return Peer(PeerKind.OWN_ENDPOINT, server.number, span.node)
        proxy = server.proxy_addresses.get(address)
        if proxy is not None and address not in EVERYBODYS:
            return Peer(PeerKind.OWN_ENDPOINT, server.number, proxy)
        return None

    def _other_container(self, server: ServerRecord, address: Address, at_ns: int) -> Peer | None:
        """On a network that both servers' containers share."""
        for other in self._federation.servers:
            if other is server:
                continue
            span = span_at(other.endpoints.get(address, []), at_ns)
            if span is not None and span.shared:
                return Peer(PeerKind.OTHER_SHARED, other.number, span.node, known_host=True)
        return None

    def _loopback(self, server: ServerRecord, address: Address) -> Peer | None:
        """Of nobody in particular."""
        if address.is_loopback:
            return Peer(PeerKind.LOOPBACK, server.number, self._graph_gateway(server))
        return None

    def _unknown(self, server: ServerRecord, address: Address) -> Peer | None:
        """An address of an own network that nobody is known to have."""
        if self._subnet_of(server, address):
            return Peer(PeerKind.OWN_SUBNET, server.number, self._unnamed(server, address))
        return None

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

    # --- callees

    def _nobody(self, server: ServerRecord, proxy: ProxyRecord) -> Dated:
        """Without a router the proxy itself answers."""
        callee = Callee(CalleeKind.PROXY, server.number, proxy.node)
        return Dated((0,), (self.callees.number(callee),))

    def _dated_callee(
        self, server: ServerRecord, proxy: ProxyRecord, service: str, upstream: str
    ) -> Dated:
        host, port = host_and_port(upstream)
        address = parse_address(host)
        own = server.endpoints.get(address, []) if address else server.names.get(host, [])
        others = [
            span
            for other in self._federation.servers
            for span in (other.endpoints.get(address, []) if address else [])
        ]
        times = _boundaries([*own, *others])
        callees = [
            self._callee_at(server, proxy, service, host, address, port, own, at_ns)
            for at_ns in times
        ]
        return Dated(tuple(times), tuple(map(self.callees.number, callees)))

    def _callee_at(
        self,
        server: ServerRecord,
        proxy: ProxyRecord,
        service: str,
        host: str,
        address: Address | None,
        port: int,
        own: list[Span],
        at_ns: int,
    ) -> Callee:
        span = span_at(own, at_ns)
        if span is not None:
            return Callee(CalleeKind.SERVICE, server.number, span.node)
        if service.endswith("@internal"):
            return Callee(CalleeKind.PROXY, server.number, proxy.node)
        if address is not None:
            found = self._callee_by_address(server, address, port, at_ns)
            if found is not None:
                return found
        if self._is_external(server, host, address):
            node = self._graph.node(f"external:{host}", NodeKind.EXTERNAL, None, host)
            return Callee(CalleeKind.EXTERNAL, -1, node.number)
        name = service.partition("@")[0] if address or not host else host
        node = self._graph.node(f"{server.id}/{name}", NodeKind.SERVICE, server.id, name)
        return Callee(CalleeKind.SERVICE, server.number, node.number)

    def _callee_by_address(
        self, server: ServerRecord, address: Address, port: int, at_ns: int
    ) -> Callee | None:
        """What is this server's own comes first: container networks overlap between servers."""
        others = [other for other in self._federation.servers if other is not server]
        for other in others:
            if address in other.hosts:
                return Callee(CalleeKind.OTHER_SERVER, other.number, self._server_node(other))
        listens = server.listening.get((address, port))
        if listens is None and address not in EVERYBODYS:
            listens = server.proxy_addresses.get(address)
        if (node := listens) is not None:
            return Callee(CalleeKind.PROXY, server.number, node)
        if address in server.hosts or self._subnet_of(server, address):
            return None
        for other in others:
            if (address, port) in other.listening:
                return Callee(CalleeKind.OTHER_SERVER, other.number, self._server_node(other))
        for other in others:
            span = span_at(other.endpoints.get(address, []), at_ns)
            if span is not None and span.shared:
                return Callee(CalleeKind.SERVICE, other.number, span.node)
        return None

    def _is_external(self, server: ServerRecord, host: str, address: Address | None) -> bool:
        if address is not None:
            own = any(network.holds(address) for network in server.networks)
            return not (own or address in server.hosts or address.is_loopback)
        return "." in host

    # --- nodes

    def _subnet_of(self, server: ServerRecord, address: Address) -> bool:
        return any(not net.shared and net.holds(address) for net in server.networks)

    def _unnamed(self, server: ServerRecord, address: Address) -> int:
        node = self._graph.node(f"{server.id}/{address}", NodeKind.SERVICE, server.id, None)
        node.addresses.add(str(address))
        return node.number

    def _graph_gateway(self, server: ServerRecord) -> int:
        return self._graph.node(
            f"{server.id}/gateway", NodeKind.GATEWAY, server.id, f"host of {server.id}"
        ).number

    def _server_node(self, server: ServerRecord) -> int:
        return self._graph.node(server.id, NodeKind.SERVER, server.id, server.id).number


def _boundaries(spans: Iterable[Span]) -> list[int]:
    """The times at which an answer can change, the beginning of time first."""
    times = {time for span in spans for time in (span.from_ns, span.to_ns) if time}
    return [0, *sorted(times)]


def host_and_port(upstream: str) -> tuple[str, int]:
    """Of an upstream's URL; port 0 where it is none."""
    try:
        parts = urlsplit(upstream)
        port = parts.port
    except ValueError:
        return upstream, 0
    return parts.hostname or "", port or (443 if parts.scheme in ("https", "wss") else 80)
