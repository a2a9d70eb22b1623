"""Rows and records in the words of the API: calls, nodes, edges, servers as `forms`.

Enters: numbers. Leaves: forms. Python objects are made here only, for what a person looks at.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from hub import forms
from hub.columns.calls import Numbers, call_id
from hub.columns.table import Table
from hub.enums import Claim, JoinKey, Missing, NodeKind, Origin, PeerKind, Reason
from hub.graph.graph import EdgeRecord, NodeRecord
from hub.identity.callees import host_and_port
from hub.identity.federation import ServerRecord
from hub.identity.forwarded import believed
from hub.identity.logs import Log
from hub.query.parents import Parents
from hub.settle.origin import why
from hub.settle.pipeline import Pipeline
from hub.stamps import rfc3339

MS = 1e6

_LINE_LOST = "{other} logged no such request; its request count shows that lines are not there"
REASONS = {
    Reason.NONE: None,
    Reason.DIRECT: "direct: no proxy of {other} logged this request",
    Reason.CALLER_SILENT: "the agent of {other} is silent",
    Reason.CALLER_LINE_LOST: _LINE_LOST,
    Reason.CALLEE_SILENT: "the agent of {other} is silent",
    Reason.CALLEE_UNREACHABLE: "{other} was not reached: the caller's proxy answered with an error",
    Reason.CALLEE_LINE_LOST: _LINE_LOST,
    Reason.UNKNOWN: "{other} logged no such request",
}


def word(value: Any) -> Any:
    """The API's word of an enum's member."""
    return value.name.lower()


class Describe:
    """Makes forms of what the pipeline holds."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._settling = pipeline.settling
        self._graph = pipeline.graph
        self._parents = Parents(pipeline)

    # --- calls

    def calls(self, numbers: Numbers) -> list[forms.Call]:
        """These calls with their hops, and with the ids of the calls that they were made for."""
        parents = self._parents.of(numbers).tolist()
        return [
            self._call(number, parent)
            for number, parent in zip(numbers.tolist(), parents, strict=True)
        ]

    def call(self, number: int) -> forms.Call:
        """One call."""
        return self.calls(np.array([number], np.int64))[0]

    def _call(self, number: int, parent: int) -> forms.Call:
        value = self._reader(self._settling.calls.table, number)
        hops = self._settling.calls.hops(number, self._settling.rows.table)
        rows = self._settling.rows
        start_ns = value("start_ns")
        first, last = hops[0], hops[-1]
        by, grpc_status = JoinKey(value("by")), value("grpc_status")
        return forms.Call(
            id=self.call_id(value("id_row")),
            start=rfc3339(start_ns),
            duration_ms=value("duration_ns") / MS,
            method=rows.text("method", first),
            host=rows.text("host", first),
            path=rows.text("path", last),
            status=value("status"),
            ok=value("ok"),
            from_=self._party(value("from_node"), self.caller_address(first)),
            to=self._party(value("to_node"), self.callee_address(last, value("to_node"))),
            origin=word(Origin(value("origin"))),
            answered_by="service" if value("answered_by_service") else "proxy",
            join=forms.Join(
                by=word(by),
                confidence=round(value("confidence"), 3),
                missing=self._missing(value("missing")),
                reason=self.reason(value("reason"), value("other")),
            ),
            parent=self._id(parent) if parent >= 0 else None,
            revision=value("revision"),
            grpc_status=grpc_status if grpc_status >= 0 else None,
            hops=[self.hop(hop, by) for hop in hops],
        )

    def summaries(self, numbers: Numbers) -> list[forms.CallSummary]:
        """These calls, as the live lists show them."""
        return [self._summary(number) for number in numbers.tolist()]

    def _summary(self, number: int) -> forms.CallSummary:
        value = self._reader(self._settling.calls.table, number)
        rows = self._settling.rows
        first = value("hop0")
        last = value("hop1") if value("hop1") >= 0 else first
        return forms.CallSummary(
            id=self.call_id(value("id_row")),
            edge=value("edge"),
            start_ms=(value("end_ns") - value("duration_ns")) / MS,
            duration_ms=value("duration_ns") / MS,
            method=rows.text("method", first),
            host=rows.text("host", first),
            path=rows.text("path", last),
            status=value("status"),
            ok=value("ok"),
            origin=word(Origin(value("origin"))),
            address=self.caller_address(first),
            answered_by="service" if value("answered_by_service") else "proxy",
            join=word(JoinKey(value("by"))),
            missing=self._missing(value("missing")),
            revision=value("revision"),
        )

    def access_log(self, number: int) -> forms.AccessLog:
        """A call as `WS /access_logs` tells it."""
        value = self._reader(self._settling.calls.table, number)
        rows = self._settling.rows
        last = value("hop1") if value("hop1") >= 0 else value("hop0")
        log = self._settling.logs[rows.table.value("log", last)]
        return forms.AccessLog(
            from_=self._shown_name(value("from_node")),
            to=self._shown_name(value("to_node")),
            status=value("status"),
            ms=value("duration_ns") / MS,
            network=next(iter(log.proxy.networks), ""),
            timestamp=rfc3339(value("start_ns")),
            path=rows.text("path", last),
            server=log.server.id,
            origin=word(Origin(value("origin"))),
        )

    def _id(self, number: int) -> str:
        return self.call_id(self._settling.calls.table.value("id_row", number))

    def call_id(self, row: int) -> str:
        """The id of the call that bears this row's."""
        table = self._settling.rows.table
        key = self._pipeline.ledger.accounts[table.value("log", row)].key
        return call_id(table.value("start_ns", row), key, table.value("offset", row))

    def hop(self, row: int, by: JoinKey) -> forms.Hop:
        """One line, in a call that was joined by this."""
        rows = self._settling.rows
        value = self._reader(rows.table, row)
        log = self._settling.logs[value("log")]
        trace = rows.table.take("trace_id", np.array([row]))[0]
        return forms.Hop(
            server=log.server.id,
            proxy=log.proxy.name,
            kind=word(log.proxy.kind),
            log=self._pipeline.ledger.accounts[value("log")].key.fingerprint.hex(),
            offset=value("offset"),
            start=rfc3339(value("start_ns")),
            duration_ms=value("duration_ns") / MS,
            upstream_ms=value("upstream_ns") / MS,
            overhead_ms=value("overhead_ns") / MS,
            status=value("status"),
            upstream_status=value("upstream_status"),
            client=host_port(rows.text("client", row), value("client_port")),
            forwarded=rows.text("forwarded", row) or None,
            spoofed=self._spoofed(row, by),
            entry_point=rows.text("entry_point", row) or None,
            router=rows.text("router", row) or None,
            service=rows.text("service", row) or None,
            upstream=rows.text("upstream", row) or None,
            path=rows.text("path", row),
            protocol=rows.text("protocol", row),
            user_agent=rows.text("user_agent", row) or None,
            bytes_in=value("bytes_in"),
            bytes_out=value("bytes_out"),
            request_count=value("request_count"),
            retries=value("retries"),
            trace_id=struct.pack("<QQ", *trace.tolist()).hex() if trace.any() else None,
            why=self.why(row, log, by),
        )

    def _spoofed(self, row: int, by: JoinKey) -> list[Literal["forwarded", "hop_id"]]:
        claims = self._settling.rows.table.value("claims", row)
        if by is JoinKey.HOP_ID:  # it is proven
            claims &= ~Claim.HOP_ID
        return [word(claim) for claim in Claim if claim & claims]

    def why(self, row: int, log: Log, by: JoinKey) -> str:
        """Why this line's call has its origin, and by what it was joined."""
        rows, kind = self._settling.rows, log.proxy.kind
        peer = self._pipeline.identity.peers.items[rows.table.value("peer", row)]
        other = self._pipeline.server(peer.server).id if peer.server >= 0 else None
        text = why(kind, peer.kind, other, peer.known_host)
        if peer.trusted:
            text = (
                f"public proxy; peer is a trusted proxy and forwards for {self._forwards(row, log)}"
            )
            text += f", which is {other}'s address" if other else ""
        if peer.ignored:
            text += "; its network is none of the relevant ones"
        if by is JoinKey.NONE or peer.kind in (PeerKind.OWN_ENDPOINT, PeerKind.OWN_SUBNET):
            return text
        matched = {
            JoinKey.HOP_ID: "hop id matches",
            JoinKey.TRACE: "trace id matches",
            JoinKey.FORWARDED: "forwarded address matches",
            JoinKey.ADDRESS: "addresses and time match",
            JoinKey.CONNTRACK: "its connection tracking names the caller",
        }
        return f"{text}; {matched[by]}"

    def _reader(self, table: Table, number: int) -> Callable[[str], Any]:
        return lambda name: table.value(name, number)

    def _forwards(self, row: int, log: Log) -> str:
        return believed(self._settling.rows.text("forwarded", row), log.proxy.trusted)

    def caller_address(self, row: int) -> str | None:
        """Who sent this line's request, as its proxy believes."""
        rows = self._settling.rows
        if self._pipeline.identity.peers.items[rows.table.value("peer", row)].trusted:
            return self._forwards(row, self._settling.logs[rows.table.value("log", row)])
        return rows.text("client", row) or None

    def callee_address(self, row: int, to_node: int) -> str | None:
        """Who answered this line's request."""
        node = self._graph.nodes[to_node]
        host, _ = host_and_port(self._settling.rows.text("upstream", row))
        return host if host in node.addresses else next(iter(sorted(node.addresses)), None)

    def _party(self, number: int, address: str | None) -> forms.Party:
        node = self._graph.nodes[number]
        return forms.Party(
            node=node.id, kind=word(node.kind), server=node.server, name=node.name, address=address
        )

    def _shown_name(self, number: int) -> str:
        node = self._graph.nodes[number]
        return node.name or node.id

    def _missing(self, value: int) -> Literal["caller_half", "callee_half"] | None:
        return word(Missing(value)) if value else None

    def reason(self, value: int, other: int) -> str | None:
        """Why a half is missing, in words."""
        text = REASONS[Reason(value)]
        return text.format(other=self._pipeline.server(other).id) if text and other >= 0 else text

    # --- topology

    def topology(self) -> forms.Topology:
        """Everything that is shown now."""
        return forms.Topology(
            version=self._graph.version,
            servers=self._servers(),
            nodes=[self.node(record) for record in self._graph.nodes if record.present],
            edges=[self.edge(record) for record in self._graph.edges if record.present],
        )

    def changes_since(self, version: int) -> forms.TopologyChange | None:
        """What changed after this version; None: nothing."""
        if self._graph.version == version:
            return None
        nodes, edges = self._graph.changes_since(version)
        return forms.TopologyChange(
            version=self._graph.version,
            servers=self._servers(),
            nodes=[self.node(record) for record in nodes if record.present],
            edges=[self.edge(record) for record in edges if record.present],
            removed_servers=[],
            removed_nodes=[record.id for record in nodes if not record.present],
            removed_edges=[record.number for record in edges if not record.present],
        )

    def _servers(self) -> list[forms.ServerForm]:
        """By id, so that every page draws them in the same order."""
        records = sorted(self._pipeline.federation.servers, key=lambda record: record.id)
        return [self.server(record) for record in records]

    def server(self, record: ServerRecord) -> forms.ServerForm:
        """A server."""
        proxies = sorted(record.proxies.values(), key=lambda proxy: (proxy.kind, proxy.name))
        return forms.ServerForm(
            id=record.id,
            connected=record.connected,
            internal_addresses=sorted(map(str, record.internal)),
            public_addresses=sorted(map(str, record.public)),
            networks=[
                forms.NetworkForm(
                    name=network.name,
                    subnets=list(map(str, network.subnets)),
                    shared=network.shared,
                )
                for network in record.networks
                if not network.ignored
            ],
            proxies=[self._graph.nodes[proxy.node].id for proxy in proxies],
        )

    def node(self, record: NodeRecord) -> forms.Node:
        """A node."""
        first_seen_ns, last_seen_ns = self._graph.times(record)
        return forms.Node(
            id=record.id,
            kind=word(record.kind),
            server=record.server,
            name=record.name or next(iter(record.addresses), record.id),
            proxy_kind=word(record.proxy_kind) if record.proxy_kind else None,
            within=self._graph.nodes[record.within].id if record.within >= 0 else None,
            addresses=sorted(record.addresses),
            containers=[
                forms.Container(
                    name=container.name,
                    address=container.address,
                    network=container.network,
                    image=container.image,
                )
                for container in record.containers
            ],
            first_seen=rfc3339(first_seen_ns) if first_seen_ns else None,
            last_seen=rfc3339(last_seen_ns) if last_seen_ns else None,
        )

    def edge(self, record: EdgeRecord) -> forms.Edge:
        """An edge."""
        nodes = self._graph.nodes
        return forms.Edge(
            id=record.id,
            index=record.number,
            from_=nodes[record.from_node].id,
            to=nodes[record.to_node].id,
            origin=word(record.origin),
            via=[nodes[number].id for number in record.via],
        )

    def network_info(self) -> dict[str, forms.NetworkInfo]:
        """Who is on which relevant network, over all servers."""
        answer = {}
        for server in self._pipeline.federation.servers:
            for network in (one for one in server.networks if not one.ignored):
                services = [
                    forms.NetworkService(
                        name=node.name or node.id, ip=container.address, server=server.id
                    )
                    for node in self._graph.nodes
                    if node.server == server.id and node.kind is NodeKind.SERVICE
                    for container in node.containers
                    if container.network == network.name
                ]
                key = f"{server.id}/{network.name}"
                answer[key] = forms.NetworkInfo(
                    id=key, server=server.id, network=network.name, services=services
                )
        return answer


def host_port(address: str, port: int) -> str:
    """As one text; without a port the address alone."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
