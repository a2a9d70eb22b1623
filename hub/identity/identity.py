"""Who called, and who was called: addresses and upstreams resolved within (server, network), in
time.

Enters: rows of any logs. Leaves: numbers of `Peer`s and `Callee`s. A question is answered once per
distinct string; where an address changed its owner, the spans of the inventory decide by each
request's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from hub.columns.answers import Answers, Codes, Dated, Lookup, Times
from hub.columns.rows import Rows
from hub.columns.words import mixed
from hub.defaults import OWNER_MARGIN_MS
from hub.graph.graph import Graph
from hub.identity.addresses import Address, Subnet, parse_address
from hub.identity.busiest import Busiest, Caller
from hub.identity.callees import Callee, Callees
from hub.identity.federation import Federation, ServerRecord
from hub.identity.forwarded import believed
from hub.identity.logs import Logs
from hub.identity.peers import Peer, Peers
from hub.identity.places import Places
from hub.identity.tenures import NO_SPANS, boundaries

Numbers = NDArray[np.int64]

OWNER_MARGIN_NS = OWNER_MARGIN_MS * 1_000_000

NOBODY = -1
"""The node of an address that a server does not have."""


class Identity:
    """Resolves peers and callees; its answers change only with the federation's generation."""

    def __init__(
        self, federation: Federation, graph: Graph, sources: Iterable[tuple[str, Subnet]] = ()
    ) -> None:
        self._federation = federation
        self._graph = graph
        self._places = Places(graph)
        self._peers = Peers(graph, self._places, sources)
        self._callees = Callees(graph, self._places)
        self._known_peers = Lookup()
        self._known_callees = Lookup()
        self._known_claims = Lookup()
        self._generation = 0
        self._generations: list[int] = []

    @property
    def peers(self) -> Answers[Peer]:
        """By number."""
        return self._peers.answers

    @property
    def busiest(self) -> Busiest:
        """Of the internet."""
        return self._peers.busiest

    @property
    def callees(self) -> Answers[Callee]:
        """By number."""
        return self._callees.answers

    def forget(self) -> None:
        """Codes were numbered anew, or the federation changed."""
        for known in (self._known_peers, self._known_callees, self._known_claims):
            known.clear()

    def _refresh(self) -> None:
        """Forget what a change of the federation, or of one server, may have made wrong."""
        now = [server.generation for server in self._federation.servers]
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
            self._places.refresh(self._federation.servers)

    def resolve_peers(self, rows: Rows, logs: Logs, numbers: Numbers) -> Codes:
        """Numbers of the peers of these rows."""
        self._refresh()
        take = rows.table.take
        texts, headers = rows.strings["client"].values, rows.strings["forwarded"].values
        log, client = take("log", numbers), take("client", numbers)
        questions = logs.proxies(log) << 32 | client
        header = np.zeros_like(client)
        trusting = logs.trusting(log)
        if trusting.any():  # what the peers say matters too
            header = np.where(trusting, take("forwarded", numbers), 0)
            questions = np.where(header, mixed(questions, header).astype(np.int64), questions)

        def resolve(row: int) -> Dated:
            asked = logs[log[row]]
            said = headers[header[row]] if header[row] else ""
            return self._peers.dated(asked.server, asked.proxy, texts[client[row]], said)

        return self._known_peers.find(
            questions, logs.servers(log), take("start_ns", numbers), resolve
        )

    def note_strangers(self, rows: Rows, logs: Logs, numbers: Numbers, now_ns: int) -> None:
        """Of these new rows, resolved: who comes from the internet may become one of its busiest,
        from its next call on."""
        take, column = rows.table.take, self.peers.column
        numbers = numbers[column("stranger", take("peer", numbers)) != 0]
        if not len(numbers):
            return
        peers, log, client = take("peer", numbers), take("log", numbers), take("client", numbers)
        header = np.where(column("trusted", peers), take("forwarded", numbers), 0)
        words = np.where(header, mixed(header, log).astype(np.int64), client)
        _, first, which, calls = np.unique(
            words, return_index=True, return_inverse=True, return_counts=True
        )
        latest_ns = np.zeros(len(first), np.int64)
        np.maximum.at(latest_ns, which, take("start_ns", numbers))
        texts, headers = rows.strings["client"].values, rows.strings["forwarded"].values
        callers = []
        for row, many, at_ns in zip(
            first.tolist(), calls.tolist(), latest_ns.tolist(), strict=True
        ):
            text = texts[client[row]]
            if header[row]:
                text = believed(headers[header[row]], logs[log[row]].proxy.trusted)
            callers.append(Caller(str(parse_address(text)), many, at_ns))
        if self.busiest.count(callers, now_ns):
            self._known_peers.clear()

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
                return self._callees.nobody(server, proxy)
            texts = services[service[row]], upstreams[upstream[row]]
            return self._callees.dated(server, proxy, *texts)

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

    def _dated_claim(self, server: ServerRecord, text: str) -> Dated:
        address = parse_address(text)
        if address is None:
            return Dated((0,), (NOBODY,))
        spans = server.endpoints.get(address, NO_SPANS)
        times = boundaries(spans)
        owners = [spans.at(at_ns) for at_ns in times]
        unnamed = NOBODY
        network = self._places.network(server, address)
        if None in owners and network is not None:
            unnamed = self._places.unnamed(server, address, network)
        return Dated(tuple(times), tuple(span.node if span else unnamed for span in owners))

    def container_at(self, server: ServerRecord, address: Address, at_ns: int) -> int:
        """The node of the container that had this address of a server around a time of its own
        clock; NOBODY where that may be one of two, or is none of its networks' addresses."""
        self._refresh()
        spans = server.endpoints.get(address, NO_SPANS)
        times = (at_ns - OWNER_MARGIN_NS, at_ns, at_ns + OWNER_MARGIN_NS)
        owners = {span.node for time in times if (span := spans.at(time))}
        if owners:
            return owners.pop() if len(owners) == 1 else NOBODY
        network = self._places.network(server, address)
        return NOBODY if network is None else self._places.unnamed(server, address, network)

    def is_unnamed(self, node: int) -> bool:
        """Whether of this node only the address is known."""
        return self._graph.nodes[node].name is None
