"""The edge of each call: found in the graph once per distinct (ends, origin, way).

Enters: columns of calls. Leaves: edge numbers. A busy address of the internet has edges of its own;
the call's caller is the internet all the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.columns.answers import remembered
from hub.columns.rows import Rows
from hub.columns.words import mixed
from hub.enums import Origin
from hub.graph.graph import Graph
from hub.identity.identity import Identity
from hub.identity.logs import Logs
from hub.settle.verdict import Values


class EdgeFinder:
    """Remembers what it found."""

    def __init__(self, graph: Graph, rows: Rows, logs: Logs, identity: Identity) -> None:
        self._graph = graph
        self._identity = identity
        self._rows = rows
        self._logs = logs
        self._known: dict[int, int] = {}

    def find(self, values: Values) -> NDArray[np.int64]:
        """The edges of calls with these columns."""
        callers, callees, origins = self._begins(values), values["to_node"], values["origin"]
        hop0, hop1 = values["hop0"], values["hop1"]
        take = self._rows.table.take
        first = self._logs.proxies(take("log", hop0))
        second = self._logs.proxies(take("log", np.where(hop1 >= 0, hop1, hop0)))
        second = np.where(hop1 >= 0, second, -1)
        ignored = values["ignored"] != 0
        way = first << 4 | ignored.astype(np.int64) << 3 | origins.astype(np.int64)
        words = mixed(callers, callees, way, second)

        def make(row: int) -> int:
            via = tuple(int(node) for node in (first[row], second[row]) if node >= 0)
            origin = Origin(int(origins[row]))
            ends = int(callers[row]), int(callees[row])
            return self._graph.edge(*ends, origin, via, bool(ignored[row])).number

        return remembered(self._known, words, make)

    def _begins(self, values: Values) -> NDArray[np.int64]:
        peers, column = self._rows.table.take("peer", values["hop0"]), self._identity.peers.column
        own = column("begins_at", peers)
        callers = values["from_node"]
        begins: NDArray[np.int64] = np.where(
            (own >= 0) & (column("node", peers) == callers), own, callers
        )
        return begins
