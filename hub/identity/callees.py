"""What a proxy handed a request to: its upstream, seen from its server, and from when to when.

Enters: a proxy, the names of its service and its upstream. Leaves: `Callee`s, dated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from hub.columns.answers import Answers, Dated
from hub.enums import CalleeKind, NodeKind
from hub.graph.graph import Graph
from hub.identity.addresses import Address, parse_address
from hub.identity.federation import ProxyRecord, ServerRecord
from hub.identity.places import EVERYBODYS, Places
from hub.identity.tenures import NO_SPANS, Span, Spans, boundaries


@dataclass(frozen=True, slots=True)
class Callee:
    """What a request was handed to: on which server (-1: outside of all), and its node."""

    kind: CalleeKind
    server: int
    node: int
    ignored: bool = False
    """It was called on a network that is none of the relevant ones."""


class Callees:
    """Finds them, and gives them numbers."""

    def __init__(self, graph: Graph, places: Places) -> None:
        self.answers: Answers[Callee] = Answers(("kind", "server", "node", "ignored"))
        self._graph = graph
        self._places = places

    def nobody(self, server: ServerRecord, proxy: ProxyRecord) -> Dated:
        """Without a router the proxy itself answers."""
        callee = Callee(CalleeKind.PROXY, server.number, proxy.node)
        return Dated((0,), (self.answers.number(callee),))

    def dated(self, server: ServerRecord, proxy: ProxyRecord, service: str, upstream: str) -> Dated:
        """Who answered to this upstream."""
        host, port = host_and_port(upstream)
        address = parse_address(host)
        own = (server.endpoints.get(address) if address else server.names.get(host)) or NO_SPANS
        others: list[Span] = []
        if address is not None:
            for other in self._places.shared(address):
                others += other.endpoints[address]
        times = boundaries([*own, *others])
        callees = [
            self._at(server, proxy, service, host, address, port, own, at_ns) for at_ns in times
        ]
        return Dated(tuple(times), tuple(map(self.answers.number, callees)))

    def _at(
        self,
        server: ServerRecord,
        proxy: ProxyRecord,
        service: str,
        host: str,
        address: Address | None,
        port: int,
        own: Spans,
        at_ns: int,
    ) -> Callee:
        span = own.at(at_ns)
        if span is not None:
            return Callee(CalleeKind.SERVICE, server.number, span.node, span.ignored)
        if service.endswith("@internal"):
            return Callee(CalleeKind.PROXY, server.number, proxy.node)
        if address is not None:
            found = self._by_address(server, address, port, at_ns)
            if found is not None:
                return found
        if self._is_external(server, host, address):
            node = self._graph.node(f"external:{host}", NodeKind.EXTERNAL, None, host)
            return Callee(CalleeKind.EXTERNAL, -1, node.number)
        name = service.partition("@")[0] if address or not host else host
        network = self._places.network(server, address) if address else None
        ignored = network is not None and network.ignored
        id = f"{server.id}/{name}"
        node = self._graph.node(id, NodeKind.SERVICE, server.id, name, shown=not ignored)
        return Callee(CalleeKind.SERVICE, server.number, node.number, ignored)

    def _by_address(
        self, server: ServerRecord, address: Address, port: int, at_ns: int
    ) -> Callee | None:
        """What is this server's own comes first: container networks overlap between servers."""
        for other in self._places.hosts(address):
            if other is not server:
                return Callee(CalleeKind.OTHER_SERVER, other.number, self._places.server(other))
        listens = server.listening.get((address, port))
        if listens is None and address not in EVERYBODYS:
            listens = server.proxy_addresses.get(address)
        if (node := listens) is not None:
            return Callee(CalleeKind.PROXY, server.number, node)
        if address in server.hosts or self._places.network(server, address):
            return None
        for other in self._places.listening(address, port):
            if other is not server:
                return Callee(CalleeKind.OTHER_SERVER, other.number, self._places.server(other))
        for other in self._places.shared(address):
            span = other.endpoints.get(address, NO_SPANS).at(at_ns)
            if other is not server and span is not None and span.shared:
                return Callee(CalleeKind.SERVICE, other.number, span.node)
        return None

    def _is_external(self, server: ServerRecord, host: str, address: Address | None) -> bool:
        if address is not None:
            own = any(network.holds(address) for network in server.networks)
            return not (own or address in server.hosts or address.is_loopback)
        return "." in host


@lru_cache(maxsize=10_000)
def host_and_port(upstream: str) -> tuple[str, int]:
    """Of an upstream's URL; port 0 where it is none."""
    try:
        parts = urlsplit(upstream)
        port = parts.port
    except ValueError:
        return upstream, 0
    return parts.hostname or "", port or (443 if parts.scheme in ("https", "wss") else 80)
