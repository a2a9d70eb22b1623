"""Who called, and who was called: addresses and upstreams resolved within (server, network), in
time.

Enters: codes of peer addresses, and of (router, service, upstream), with the start times of the
requests. Leaves: numbers of `Peer`s and `Callee`s. An address is looked up once per distinct
string; where its owner changed, the spans of the inventory decide by each request's start. An
unknown address in a known subnet is an unnamed container; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from hub.defaults import MAX_OUTSIDE_NODES, MAX_RESOLVED
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
from hub.model import ProxyKind

Codes = NDArray[np.int32]
Times = NDArray[np.int64]
T = TypeVar("T")
K = TypeVar("K")

LOW_WORD = 0xFFFFFFFF


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


@dataclass(frozen=True, slots=True)
class _Dated:
    """Numbers of answers, each of which holds from some time on; the first one since ever."""

    from_ns: tuple[int, ...]
    numbers: tuple[int, ...]


def _at(answers: Sequence[_Dated], where: NDArray[np.intp], times: Times) -> Codes:
    """The number of `answers[where[i]]` that holds at `times[i]`."""
    result = np.array([dated.numbers[0] for dated in answers], np.int32)[where]
    for position, dated in enumerate(answers):
        if len(dated.numbers) > 1:
            chosen = where == position
            since = np.searchsorted(np.array(dated.from_ns), times[chosen], side="right") - 1
            result[chosen] = np.array(dated.numbers, np.int32)[since]
    return result


class _Answers(Generic[T]):
    """Distinct answers by number, with columns for the vectorised readers."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.items: list[T] = []
        self._numbers: dict[T, int] = {}
        self._columns = {name: np.zeros(64, np.int32) for name in columns}

    def number(self, item: T) -> int:
        number = self._numbers.get(item)
        if number is None:
            number = self._numbers[item] = len(self.items)
            self.items.append(item)
            for name, column in self._columns.items():
                if number == len(column):
                    self._columns[name] = column = np.concatenate([column, np.zeros_like(column)])
                column[number] = getattr(item, name)
        return number

    def column(self, name: str, numbers: Codes) -> Codes:
        return self._columns[name][numbers]


class Identity:
    """Resolves peers and callees; its answers change only with the federation's generation."""

    def __init__(
        self, federation: Federation, graph: Graph, sources: Iterable[tuple[str, Subnet]] = ()
    ) -> None:
        self._federation = federation
        self._graph = graph
        self._sources = list(sources)
        self._outside: set[str] = set()
        self.peers: _Answers[Peer] = _Answers(("kind", "server", "node", "known_host"))
        self.callees: _Answers[Callee] = _Answers(("kind", "server", "node"))
        self._peer_cache: dict[tuple[int, ProxyKind, int], _Dated] = {}
        self._callee_cache: dict[tuple[int, int], _Dated] = {}
        self._generation = 0

    def forget(self) -> None:
        """Codes were numbered anew, or the federation changed."""
        self._peer_cache.clear()
        self._callee_cache.clear()
        self._generation = self._federation.generation

    def resolve_peers(
        self,
        server: ServerRecord,
        kind: ProxyKind,
        codes: Codes,
        times: Times,
        text: Callable[[int], str],
    ) -> Codes:
        """Numbers of the peers of requests to a proxy of this kind."""
        self._refresh()
        distinct, where = np.unique(codes, return_inverse=True)
        answers = [
            self._cached(
                self._peer_cache,
                (server.number, kind, code),
                partial(self._dated_peer, server, kind, text(code)),
            )
            for code in distinct.tolist()
        ]
        return _at(answers, where, times)

    def resolve_callees(
        self,
        server: ServerRecord,
        proxy: ProxyRecord,
        routed: NDArray[np.bool_],
        services: Codes,
        upstreams: Codes,
        times: Times,
        text: Callable[[int, int], tuple[str, str]],
    ) -> Codes:
        """Numbers of the callees; `text` gives the strings of a service's and an upstream's
        code."""
        self._refresh()
        nobody = self.callees.number(Callee(CalleeKind.PROXY, server.number, proxy.node))
        keys = np.where(routed, services.astype(np.int64) << 32 | upstreams, -1)
        distinct, where = np.unique(keys, return_inverse=True)
        answers = [
            self._cached(
                self._callee_cache,
                (proxy.node, key),
                partial(self._dated_callee, server, proxy, *text(key >> 32, key & LOW_WORD)),
            )
            if key >= 0
            else _Dated((0,), (nobody,))
            for key in distinct.tolist()
        ]
        return _at(answers, where, times)

    def _cached(self, cache: dict[K, _Dated], key: K, resolve: Callable[[], _Dated]) -> _Dated:
        """The answer of this key, resolved once; a public proxy sees any number of addresses."""
        answer = cache.get(key)
        if answer is None:
            if len(cache) >= MAX_RESOLVED:
                cache.clear()
            answer = cache[key] = resolve()
        return answer

    def claimed(self, server: ServerRecord, address: str, at_ns: int) -> Peer | None:
        """The container that a peer server claims to speak for; None where it has no such
        address."""
        parsed = parse_address(address)
        span = span_at(server.endpoints.get(parsed, []), at_ns) if parsed else None
        if span is not None:
            return Peer(PeerKind.OTHER_SHARED, server.number, span.node)
        if parsed and self._subnet_of(server, parsed):
            return Peer(PeerKind.OTHER_SHARED, server.number, self._unnamed(server, parsed))
        return None

    # --- peers

    def _dated_peer(self, server: ServerRecord, kind: ProxyKind, text: str) -> _Dated:
        address = parse_address(text)
        if address is None:
            return _Dated(
                (0,), (self.peers.number(self._elsewhere(kind, None, text or "unknown")),)
            )
        times = _boundaries(
            span
            for record in self._federation.servers
            for span in record.endpoints.get(address, [])
        )
        peers = [self._peer_at(server, kind, address, at_ns) for at_ns in times]
        return _Dated(tuple(times), tuple(map(self.peers.number, peers)))

    def _peer_at(self, server: ServerRecord, kind: ProxyKind, address: Address, at_ns: int) -> Peer:
        return (
            self._own_host(server, address)
            or self._other_host(server, address)
            or self._own_container(server, address, at_ns)
            or self._other_container(server, address, at_ns)
            or self._hidden(server, address)
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
        if (proxy := server.proxy_addresses.get(address)) is not None:
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

    def _hidden(self, server: ServerRecord, address: Address) -> Peer | None:
        """Loopback, or an address of an own network that nobody is known to have."""
        if address.is_loopback:
            return Peer(PeerKind.LOOPBACK, server.number, self._graph_gateway(server))
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

    def _dated_callee(
        self, server: ServerRecord, proxy: ProxyRecord, service: str, upstream: str
    ) -> _Dated:
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
        return _Dated(tuple(times), tuple(map(self.callees.number, callees)))

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
        if (node := server.proxy_addresses.get(address)) is not None:
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

    def _refresh(self) -> None:
        if self._generation != self._federation.generation:
            self.forget()


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
