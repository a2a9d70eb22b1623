"""What the core knows beside lines and calls, as of one journal entry: graph, counts, accounts.

Enters: the core. Leaves: bytes, and after a restart an empty core as it was then: the same
numbers of nodes, edges and logs, the same totals, the ledger exact. What agents say anew
(addresses, clocks, watermarks, how far they read) is not kept: hellos and inventories stay in the
journal.
"""

from __future__ import annotations

import msgspec
import numpy as np

from hub import forms
from hub.account.sequence import Sequence, State
from hub.columns.calls import Numbers
from hub.enums import NodeKind, Origin
from hub.history.columns import compressed, decompressed, pack, unpack
from hub.identity import busiest
from hub.identity.federation import ProxyRecord
from hub.identity.logs import Log
from hub.model import LogKey, ProxyKind
from hub.settle.pipeline import Pipeline, Traffic


class Node(msgspec.Struct, array_like=True):
    """A node of the graph."""

    id: str
    kind: int
    server: str | None
    name: str | None
    proxy_kind: int | None
    addresses: list[str]
    present: bool
    within: int = -1


class Edge(msgspec.Struct, array_like=True):
    """An edge of the graph, between numbers of nodes."""

    from_node: int
    to_node: int
    origin: int
    via: tuple[int, ...]
    ignored: bool
    present: bool


class LogAccount(msgspec.Struct, array_like=True):
    """A log and its account."""

    server: str
    proxy: str
    kind: int
    node: int
    fingerprint: bytes
    path: str
    lines: int
    malformed: int
    let_go: int


class ServerAccount(msgspec.Struct, array_like=True):
    """A server, by its number."""

    id: str
    sequences: dict[str, State]
    samples: list[forms.MalformedForm]
    last_batch_ns: int
    rows: int


class Core(msgspec.Struct, frozen=True):
    """All of it."""

    nodes: list[Node]
    edges: list[Edge]
    logs: list[LogAccount]
    servers: list[ServerAccount]
    columns: bytes
    busiest: busiest.State | None = None
    """Null where an earlier version kept it."""


def take(pipeline: Pipeline, sealed_rows: Numbers) -> bytes:
    """The core as it is, these rows being sealed in calls."""
    graph = pipeline.graph
    edge_last, node_first, node_last = graph.sightings.columns()
    totals, changed = pipeline.totals.state()
    ignored, ignored_changed = pipeline.ignored.state()
    columns = {
        "edge_last": edge_last, "node_first": node_first, "node_last": node_last,
        "totals": totals, "changed": changed,
        "ignored": ignored, "ignored_changed": ignored_changed,
    }  # fmt: skip
    core = Core(
        [
            Node(
                node.id, node.kind, node.server, node.name, node.proxy_kind,
                sorted(node.addresses), node.present, node.within,
            )
            for node in graph.nodes
        ],
        [
            Edge(edge.from_node, edge.to_node, edge.origin, edge.via, edge.ignored, edge.present)
            for edge in graph.edges
        ],
        _logs(pipeline, sealed_rows),
        _servers(pipeline),
        pack(columns),
        pipeline.identity.busiest.state(),
    )  # fmt: skip
    return compressed(msgspec.msgpack.encode(core))


def restore_graph(pipeline: Pipeline, body: bytes) -> Core:
    """Nodes, edges and servers, into an empty core; before hellos and inventories."""
    core = msgspec.msgpack.decode(decompressed(body), type=Core)
    graph, columns = pipeline.graph, unpack(core.columns)
    for node in core.nodes:
        proxy_kind = ProxyKind(node.proxy_kind) if node.proxy_kind else None
        kind = NodeKind(node.kind)
        record = graph.node(
            node.id,
            kind,
            node.server,
            node.name,
            proxy_kind,
            shown=node.present,
            within=node.within,
        )
        record.addresses = set(node.addresses)
    for edge in core.edges:
        origin = Origin(edge.origin)
        made = graph.edge(edge.from_node, edge.to_node, origin, edge.via, edge.ignored)
        made.present = edge.present
    graph.sightings.restore(columns["edge_last"], columns["node_first"], columns["node_last"])
    for server in core.servers:
        pipeline.federation.server(server.id)
    if core.busiest is not None:
        pipeline.identity.busiest.restore(core.busiest)
    return core


def restore_counts(pipeline: Pipeline, core: Core) -> None:
    """Totals and accounts; behind hellos and inventories."""
    columns = unpack(core.columns)
    pipeline.totals.restore(columns["totals"], columns["changed"])
    pipeline.ignored.restore(columns["ignored"], columns["ignored_changed"])
    proxies: dict[tuple[str, str], ProxyRecord] = {}
    for log in core.logs:
        key = LogKey(log.server, log.proxy, log.fingerprint)
        account = pipeline.ledger.account(key)
        account.path, account.let_go = log.path, log.let_go
        account.journalled_lines, account.journalled_malformed = log.lines, log.malformed
        owner = pipeline.federation.server(log.server)
        gone = ProxyRecord(log.proxy, ProxyKind(log.kind), log.node)
        proxy = owner.proxies.get(log.proxy) or proxies.setdefault((log.server, log.proxy), gone)
        pipeline.settling.logs.append(Log(owner, proxy))
    for server in core.servers:
        states = server.sequences.items()
        sequences = {name: Sequence.restored(state) for name, state in states}
        pipeline.ledger.restore(server.id, sequences, server.samples)
        if server.rows:
            pipeline.traffic[server.id] = Traffic(server.last_batch_ns, server.rows)


def let_go(pipeline: Pipeline, below: dict[LogKey, tuple[int, int]]) -> None:
    """Of these logs entries were deleted before there was a history: their lines, and malformed
    ones, were in calls."""
    for key, (lines, malformed) in below.items():
        owner = pipeline.federation.find(key.server)
        if owner is None or key.proxy not in owner.proxies:
            continue  # none of its lines is left
        account = pipeline.ledger.account(key)
        account.journalled_lines += lines
        account.journalled_malformed += malformed
        account.let_go += lines - malformed
    pipeline.know_logs()


def _logs(pipeline: Pipeline, sealed_rows: Numbers) -> list[LogAccount]:
    accounts = pipeline.ledger.accounts
    logs = pipeline.settling.rows.table.take("log", sealed_rows)
    sealed = np.bincount(logs, minlength=len(accounts)).tolist()
    return [
        LogAccount(
            account.key.server, account.key.proxy, log.proxy.kind, log.proxy.node,
            account.key.fingerprint, account.path, account.journalled_lines,
            account.journalled_malformed, account.let_go + count,
        )
        for account, log, count in zip(accounts, pipeline.settling.logs, sealed, strict=True)
    ]  # fmt: skip


def _servers(pipeline: Pipeline) -> list[ServerAccount]:
    result = []
    for record in pipeline.federation.servers:
        sequences, samples = pipeline.ledger.state(record.id)
        traffic = pipeline.traffic.get(record.id, Traffic())
        states = {name: sequence.state() for name, sequence in sequences.items()}
        result.append(
            ServerAccount(record.id, states, samples, traffic.last_batch_ns, traffic.rows)
        )
    return result
