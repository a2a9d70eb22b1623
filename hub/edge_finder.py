"""The edge of each call: found in the graph once per distinct (ends, origin, way).

Enters: columns of calls. Leaves: edge numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.answers import distinct_tuples
from hub.enums import Origin
from hub.graph import Graph
from hub.logs import Logs
from hub.rows import Rows
from hub.verdict import Values


class EdgeFinder:
    """Remembers what it found."""

    def __init__(self, graph: Graph, rows: Rows, logs: Logs) -> None:
        self._graph = graph
        self._rows = rows
        self._logs = logs
        self._known: dict[tuple[int, ...], int] = {}

    def find(self, values: Values) -> NDArray[np.int32]:
        """The edges of calls with these columns."""
        hop0, hop1 = values["hop0"], values["hop1"]
        take = self._rows.table.take
        second = np.where(hop1 >= 0, take("log", np.maximum(hop1, self._rows.table.first)) + 1, 0)
        columns = (values["from_node"], values["to_node"], values["origin"], take("log", hop0))
        nodes, logs = len(self._graph.nodes), len(self._logs) + 1
        shape = (nodes, nodes, len(Origin), logs, logs)
        distinct, where = distinct_tuples((*columns, second), shape)
        return np.array([self._edge(way) for way in distinct], np.int32)[where]

    def _edge(self, way: tuple[int, ...]) -> int:
        number = self._known.get(way)
        if number is None:
            from_node, to_node, origin, first, last = way
            via = [self._logs[log].proxy.node for log in (first, last - 1) if log >= 0]
            edge = self._graph.edge(from_node, to_node, Origin(origin), tuple(via))
            number = self._known[way] = edge.number
        return number
