"""Nodes and edges by number: the registry that calls, rollups and frames refer to.

Numbers are dense, given in the order of appearance and never used again. Every change of what the
topology shows gets a new version, so a reader that knows version v asks for `changes_since(v)`.
First and last seen times do not count as changes: `seen` only notes them, and the records are
brought up to date where `retire` and `times` read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hub.enums import NodeKind, Origin
from hub.model import ProxyKind
from hub.sightings import Sightings


@dataclass(slots=True)
class Container:
    """A container (or its stand-in) of a service."""

    name: str
    address: str
    network: str
    image: str | None


@dataclass(slots=True)
class NodeRecord:
    """Something that calls or is called."""

    number: int
    id: str
    kind: NodeKind
    server: str | None
    name: str | None
    proxy_kind: ProxyKind | None
    addresses: set[str] = field(default_factory=set)
    containers: list[Container] = field(default_factory=list)
    in_inventory: bool = False
    first_seen_ns: int = 0
    """This and `last_seen_ns` as of the last reading; ask `Graph.times`."""
    last_seen_ns: int = 0
    present: bool = True
    version: int = 0


@dataclass(slots=True)
class EdgeRecord:
    """All calls from one node to another by one way."""

    number: int
    id: str
    from_node: int
    to_node: int
    origin: Origin
    via: tuple[int, ...]
    last_seen_ns: int = 0
    present: bool = True
    version: int = 0


_Record = TypeVar("_Record", NodeRecord, EdgeRecord)


class Graph:
    """All nodes and edges that were ever seen, and which of them are shown."""

    def __init__(self) -> None:
        self.version = 0
        self.nodes: list[NodeRecord] = []
        self.edges: list[EdgeRecord] = []
        self._nodes: dict[str, NodeRecord] = {}
        self._edges: dict[tuple[int, int, Origin], EdgeRecord] = {}
        self._sightings = Sightings()
        self._whole = np.zeros(64, np.bool_)
        """By edge: it is shown, and so are its ends and its way."""

    def node(
        self,
        id: str,
        kind: NodeKind,
        server: str | None,
        name: str | None,
        proxy_kind: ProxyKind | None = None,
    ) -> NodeRecord:
        """The node of this id, made where it is new."""
        record = self._nodes.get(id)
        if record is None:
            record = NodeRecord(len(self.nodes), id, kind, server, name, proxy_kind)
            self.nodes.append(record)
            self._nodes[id] = record
            self.changed(record)
        return record

    def find(self, id: str) -> NodeRecord | None:
        """The node of this id, if there is one."""
        return self._nodes.get(id)

    def edge(
        self, from_node: int, to_node: int, origin: Origin, via: tuple[int, ...]
    ) -> EdgeRecord:
        """The edge between two nodes; the longest way that any of its calls took is kept."""
        key = (from_node, to_node, origin)
        record = self._edges.get(key)
        if record is None:
            id = f"{self.nodes[from_node].id}>{self.nodes[to_node].id}:{origin.name.lower()}"
            record = EdgeRecord(len(self.edges), id, from_node, to_node, origin, via)
            self.edges.append(record)
            self._edges[key] = record
            self._make_room()
            self.changed(record)
        elif len(via) > len(record.via):
            self._update_times()  # what was seen until now went the old way
            record.via = via
            self._whole[record.number] = False
            self.changed(record)
        return record

    def _make_room(self) -> None:
        self._sightings.make_room(len(self.edges))
        if len(self._whole) < len(self.edges):
            self._whole = np.concatenate([self._whole, np.zeros_like(self._whole)])

    def changed(self, record: NodeRecord | EdgeRecord) -> None:
        """Note that a record's shown form changed."""
        self.version += 1
        record.version = self.version

    def seen(self, edges: NDArray[np.int64], end_ns: NDArray[np.int64]) -> None:
        """Calls on these edges ended at these times; both ends and the edge are alive."""
        self._sightings.add(edges, end_ns)
        whole = self._whole[edges]
        if not whole.all():
            for number in np.unique(edges[~whole]).tolist():
                edge = self.edges[number]
                for record in (edge, *self._nodes_of(edge)):
                    self._revive(record)
                self._whole[number] = True

    def times(self, node: NodeRecord) -> tuple[int, int]:
        """When the first and the last call of this node ended; 0: never."""
        self._update_times()
        return node.first_seen_ns, node.last_seen_ns

    def _update_times(self) -> None:
        for number, first_ns, last_ns in self._sightings.take():
            edge = self.edges[number]
            edge.last_seen_ns = max(edge.last_seen_ns, last_ns)
            for node in self._nodes_of(edge):
                node.last_seen_ns = max(node.last_seen_ns, last_ns)
                node.first_seen_ns = min(node.first_seen_ns or first_ns, first_ns)

    def _nodes_of(self, edge: EdgeRecord) -> list[NodeRecord]:
        return [self.nodes[number] for number in (edge.from_node, edge.to_node, *edge.via)]

    def _revive(self, record: NodeRecord | EdgeRecord) -> None:
        if not record.present:
            record.present = True
            self.changed(record)

    def retire(self, before_ns: int) -> None:
        """Stop showing edges without a call since then, and nodes that are in no inventory
        either."""
        self._update_times()
        for edge in self.edges:
            if edge.present and edge.last_seen_ns < before_ns:
                edge.present = False
                self.changed(edge)
        for node in self.nodes:
            if node.present and not node.in_inventory and node.last_seen_ns < before_ns:
                node.present = False
                self.changed(node)
        for edge in self.edges:
            if not (edge.present and all(node.present for node in self._nodes_of(edge))):
                self._whole[edge.number] = False

    def changes_since(self, version: int) -> tuple[list[NodeRecord], list[EdgeRecord]]:
        """Records that changed after this version, gone ones included."""
        return _newer(self.nodes, version), _newer(self.edges, version)


def _newer(records: Iterable[_Record], version: int) -> list[_Record]:
    return [record for record in records if record.version > version]
