"""Which groups each edge counts for: nodes, servers.

Enters: edges. Leaves: pairs of edge and group, as columns. Found once per edge, and again where it
changed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hub.graph.graph import EdgeRecord, Graph
from hub.graph.rollup import Ints


class Groups:
    """One way to group edges."""

    def __init__(self, graph: Graph, of: Callable[[EdgeRecord], set[int]]) -> None:
        self._graph, self._of = graph, of
        self._known: list[set[int]] = []
        self._version = -1
        self._edges = self._groups = np.zeros(0, np.int64)

    def members(self, edges: Ints) -> tuple[Ints, Ints]:
        """Positions in `edges`, and the group that each counts for."""
        self._refresh()
        position = np.full(len(self._known), -1)
        position[edges] = np.arange(len(edges))
        members = position[self._edges]
        return members[members >= 0], self._groups[members >= 0]

    def _refresh(self) -> None:
        if self._version == self._graph.version:
            return
        news = False
        for edge in self._graph.changes_since(self._version)[1]:
            groups = self._of(edge)
            if edge.number == len(self._known):
                self._known.append(groups)
                news = True
            elif groups != self._known[edge.number]:
                self._known[edge.number], news = groups, True
        self._version = self._graph.version
        if news:
            self._edges = np.repeat(np.arange(len(self._known)), [*map(len, self._known)])
            self._groups = np.array([one for groups in self._known for one in groups], np.int64)
