"""When calls were seen on edges and at nodes, in columns.

Enters: the way of each edge; edge numbers and end times, hundreds at once. Leaves: the first and
last time of each node, the last of each edge. Noting a call costs some 10 ns; nodes learn of it
when somebody asks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

WAY = 5
"""Nodes that a call passes: both ends, a proxy beside each, and whom its caller is within."""

_NEVER = (1 << 63) - 1
"""The first sighting of what was not seen."""


class Sightings:
    """First and last end of a call, by edge and node number."""

    def __init__(self) -> None:
        self._edges = 0
        self._ways = np.zeros((0, WAY), np.int64)
        self._edge_last = np.zeros(0, np.int64)
        self._new_first = np.zeros(0, np.int64)  # of edges, not yet told to their nodes
        self._new_last = np.zeros(0, np.int64)
        self._node_first = np.zeros(0, np.int64)
        self._node_last = np.zeros(0, np.int64)
        self._any_new = False

    def goes(self, edge: int, nodes: tuple[int, ...]) -> None:
        """From now on calls on this edge pass these nodes."""
        self._update()  # what was seen until now went the old way
        self._edges = max(self._edges, edge + 1)
        self._ways = _long_enough(self._ways, edge, 0)
        self._edge_last = _long_enough(self._edge_last, edge, 0)
        self._new_first = _long_enough(self._new_first, edge, _NEVER)
        self._new_last = _long_enough(self._new_last, edge, 0)
        self._node_first = _long_enough(self._node_first, max(nodes), _NEVER)
        self._node_last = _long_enough(self._node_last, max(nodes), 0)
        self._ways[edge] = nodes + nodes[:1] * (WAY - len(nodes))

    def add(self, edges: Ints, end_ns: Ints) -> None:
        """Calls on these edges ended at these times."""
        np.minimum.at(self._new_first, edges, end_ns)
        np.maximum.at(self._new_last, edges, end_ns)
        self._any_new = True

    def node(self, number: int) -> tuple[int, int]:
        """First and last; 0: never."""
        self._update()
        if number >= len(self._node_first) or self._node_first[number] == _NEVER:
            return 0, 0
        return int(self._node_first[number]), int(self._node_last[number])

    def columns(self) -> tuple[Ints, Ints, Ints]:
        """Last of each edge; first and last of each node."""
        self._update()
        return (
            self._edge_last[: self._edges].copy(),
            self._node_first.copy(),
            self._node_last.copy(),
        )

    def restore(self, edge_last: Ints, node_first: Ints, node_last: Ints) -> None:
        """As `columns` gave them; the edges' ways are known."""
        self._update()
        self._edge_last[: len(edge_last)] = edge_last
        for column, saved in ((self._node_first, node_first), (self._node_last, node_last)):
            count = min(len(column), len(saved))  # behind it nobody was seen
            column[:count] = saved[:count]

    def edges_before(self, ns: int) -> list[int]:
        """Edges that were last seen before this time, or never."""
        self._update()
        return np.flatnonzero(self._edge_last[: self._edges] < ns).tolist()

    def nodes_since(self, ns: int) -> set[int]:
        """Nodes that were seen at this time or later."""
        self._update()
        return set(np.flatnonzero(self._node_last >= ns).tolist())

    def passing(self, nodes: list[int]) -> Ints:
        """Edges whose calls pass any of these nodes."""
        return np.flatnonzero(np.isin(self._ways[: self._edges], nodes).any(axis=1))

    def _update(self) -> None:
        if not self._any_new:
            return
        seen = np.flatnonzero(self._new_first != _NEVER)
        first, last = self._new_first[seen], self._new_last[seen]
        for nodes in self._ways[seen].T:
            np.minimum.at(self._node_first, nodes, first)
            np.maximum.at(self._node_last, nodes, last)
        self._edge_last[seen] = np.maximum(self._edge_last[seen], last)
        self._new_first[seen], self._new_last[seen], self._any_new = _NEVER, 0, False


def _long_enough(column: Ints, number: int, fill: int) -> Ints:
    """The column, with a place of this number."""
    if number < len(column):
        return column
    longer = np.full((max(2 * number, 64), *column.shape[1:]), fill, np.int64)
    longer[: len(column)] = column
    return longer
