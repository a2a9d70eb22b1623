"""Nodes and edges by number: the registry that calls, rollups and frames refer to.

Numbers are dense, given in the order of appearance and never used again. Every change of what the
topology shows gets a new version, so a reader that knows version v asks for `changes_since(v)`.
First and last seen times do not count as changes; they are kept in columns, not in the records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hub.enums import NodeKind, Origin
from hub.graph.sightings import Sightings
from hub.model import ProxyKind


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
    within: int = -1
    """The node of many that it is one of: of the internet; -1: none. Its edges are its own."""
    addresses: set[str] = field(default_factory=set)
    containers: list[Container] = field(default_factory=list)
    in_inventory: bool = False
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
    ignored: bool = False
    """An end is on a network that is none of the relevant ones: out of the view."""
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
        self._edges: dict[tuple[int, int, Origin, bool], EdgeRecord] = {}
        self._ignored = np.zeros(64, np.bool_)
        """By edge."""
        self.sightings = Sightings()
        self._whole = np.zeros(64, np.bool_)
        """By edge: it is shown, and so are its ends and its way."""

    def node(
        self,
        id: str,
        kind: NodeKind,
        server: str | None,
        name: str | None,
        proxy_kind: ProxyKind | None = None,
        *,
        shown: bool = True,
        within: int = -1,
    ) -> NodeRecord:
        """The node of this id, made where it is new; one that is not `shown` is first shown when a
        call on a relevant network is seen."""
        record = self._nodes.get(id)
        if record is None:
            number = len(self.nodes)
            record = NodeRecord(number, id, kind, server, name, proxy_kind, within, present=shown)
            self.nodes.append(record)
            self._nodes[id] = record
            self.changed(record)
        return record

    def find(self, id: str) -> NodeRecord | None:
        """The node of this id, if there is one."""
        return self._nodes.get(id)

    def edge(
        self,
        from_node: int,
        to_node: int,
        origin: Origin,
        via: tuple[int, ...],
        ignored: bool = False,
    ) -> EdgeRecord:
        """The edge between two nodes; the longest way that any of its calls took is kept."""
        key = (from_node, to_node, origin, ignored)
        record = self._edges.get(key)
        if record is None:
            id = f"{self.nodes[from_node].id}>{self.nodes[to_node].id}:{origin.name.lower()}"
            if ignored:
                id += ":ignored"
            record = EdgeRecord(
                len(self.edges), id, from_node, to_node, origin, via, ignored, not ignored
            )
            self.edges.append(record)
            self._edges[key] = record
            self._goes(record)
        elif len(via) > len(record.via):
            record.via = via
            self._goes(record)
        return record

    def _goes(self, edge: EdgeRecord) -> None:
        self.sightings.goes(edge.number, self.way(edge))
        if len(self._whole) <= edge.number:
            self._whole = np.concatenate([self._whole, np.zeros_like(self._whole)])
            self._ignored = np.concatenate([self._ignored, np.zeros_like(self._ignored)])
        self._whole[edge.number] = False
        self._ignored[edge.number] = edge.ignored
        self.changed(edge)

    def way(self, edge: EdgeRecord) -> tuple[int, ...]:
        """Nodes that its calls pass: where they begin, and whom they begin within; where they end;
        proxies."""
        return (*self.callers(edge), edge.to_node, *edge.via)

    def callers(self, edge: EdgeRecord) -> tuple[int, ...]:
        """Where its calls begin, and whom they begin within."""
        within = self.nodes[edge.from_node].within
        return (edge.from_node,) if within < 0 else (edge.from_node, within)

    def changed(self, record: NodeRecord | EdgeRecord) -> None:
        """Note that a record's shown form changed."""
        self.version += 1
        record.version = self.version

    def ignored(self, edges: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of these are out of the view."""
        ignored: NDArray[np.bool_] = self._ignored[edges]
        return ignored

    def seen(self, edges: NDArray[np.int64], end_ns: NDArray[np.int64]) -> None:
        """Calls on these edges, none of them ignored, ended at these times; both ends and the edge
        are alive."""
        self.sightings.add(edges, end_ns)
        whole = self._whole[edges]
        if not whole.all():
            for number in np.unique(edges[~whole]).tolist():
                edge = self.edges[number]
                self._revive(edge)
                for node in self.way(edge):
                    self._revive(self.nodes[node])
                self._whole[number] = True

    def times(self, node: NodeRecord) -> tuple[int, int]:
        """When the first and the last call of this node ended; 0: never."""
        return self.sightings.node(node.number)

    def _revive(self, record: NodeRecord | EdgeRecord) -> None:
        if not record.present:
            record.present = True
            self.changed(record)

    def retire(self, before_ns: int) -> None:
        """Stop showing edges without a call since then, and nodes that are in no inventory
        either."""
        for number in self.sightings.edges_before(before_ns):
            edge = self.edges[number]
            self._whole[number] = False
            if edge.present:
                edge.present = False
                self.changed(edge)
        kept = self.sightings.nodes_since(before_ns)
        gone = [
            node
            for node in self.nodes
            if node.present and not node.in_inventory and node.number not in kept
        ]
        for node in gone:
            node.present = False
            self.changed(node)
        if gone:
            self._whole[self.sightings.passing([node.number for node in gone])] = False

    def changes_since(self, version: int) -> tuple[list[NodeRecord], list[EdgeRecord]]:
        """Records that changed after this version, gone ones included."""
        return _newer(self.nodes, version), _newer(self.edges, version)


def _newer(records: Iterable[_Record], version: int) -> list[_Record]:
    return [record for record in records if record.version > version]
