"""Rates, error shares and percentiles of the last minute, for edges, nodes and servers.

Enters: the rollup and the graph. Leaves: the live view's `Stats`. Rates are over the last 10 whole
seconds, everything else over the last 60 and the running one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.graph.graph import EdgeRecord, Graph
from hub.graph.groups import Groups
from hub.graph.rollup import RATE_S, Ints, Rollup, Window

Made = TypeVar("Made")

STATS_S = 60
SHARES = (0.5, 0.95, 0.99)


class Stats:
    """Figures of the last minute."""

    def __init__(self, rollup: Rollup, graph: Graph) -> None:
        self._rollup = rollup
        self._graph = graph
        self._servers_known: list[str] = []
        self._called = Groups(graph, lambda edge: {edge.to_node, *edge.via})
        self._arrived = Groups(graph, self._arrived_at)

    def form(self, now_ns: int) -> forms.Stats:
        """The figures as of now."""
        return last_of(self.making(now_ns))

    def making(self, now_ns: int) -> Generator[None, None, forms.Stats]:
        """The same in some turns: with 5,000 edges it takes 0.1 s. They are as of the first one."""
        second = now_ns // 1_000_000_000
        minute = self._rollup.window(second - STATS_S, second + 1)
        recent = self._rollup.window(second - RATE_S, second)
        yield
        rates = np.zeros(len(self._graph.edges) + 1)
        rates[recent.edges] = recent.counts[:, 0] / RATE_S
        calls, errors = minute.counts[:, 0].sum(), minute.counts[:, 1].sum()
        edges = self._edges(minute, rates)
        yield
        nodes = self._nodes(minute, rates)
        yield
        return forms.Stats(
            edges=edges,
            nodes=nodes,
            servers=self._servers(minute, rates),
            rate=round(float(rates.sum()), 2),
            error_share=round(float(errors / calls), 4) if calls else 0.0,
            p95_ms=round(minute.percentile_of_all(0.95), 3) if calls else None,
        )

    def _edges(self, minute: Window, rates: NDArray[np.float64]) -> forms.EdgeStats:
        latencies = minute.percentiles(SHARES)
        return forms.EdgeStats(
            edge=minute.edges.tolist(),
            rate=_figures(rates[minute.edges]),
            **_counted(minute.counts, latencies),
        )

    def _nodes(self, minute: Window, rates: NDArray[np.float64]) -> forms.NodeStats:
        nodes, figures = _by(minute, rates, self._called)
        return forms.NodeStats(node=[self._graph.nodes[number].id for number in nodes], **figures)

    def _servers(self, minute: Window, rates: NDArray[np.float64]) -> forms.ServerStats:
        servers, figures = _by(minute, rates, self._arrived)
        return forms.ServerStats(
            server=[self._servers_known[number] for number in servers], **figures
        )

    def _arrived_at(self, edge: EdgeRecord) -> set[int]:
        """The server whose proxy a call came to last, by number."""
        server = self._graph.nodes[edge.via[-1] if edge.via else edge.to_node].server
        if server is None:
            return set()
        if server not in self._servers_known:
            self._servers_known.append(server)
        return {self._servers_known.index(server)}


def last_of(turns: Generator[None, None, Made]) -> Made:
    """What these turns make, at once."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            made: Made = end.value
            return made


def _by(minute: Window, rates: NDArray[np.float64], of: Groups) -> tuple[list[int], dict[str, Any]]:
    """Figures of groups of edges."""
    members, groups = of.members(minute.edges)
    distinct, group = np.unique(groups, return_inverse=True)
    counts, latencies = minute.grouped(members, group, len(distinct), SHARES)
    rate = np.bincount(group, rates[minute.edges[members]], len(distinct))
    return distinct.tolist(), {"rate": _figures(rate), **_counted(counts, latencies)}


def _counted(counts: Ints, latencies: NDArray[np.float64]) -> dict[str, Any]:
    """Columns of figures: counts (rows, 4), latencies by `SHARES`."""
    p50, p95, p99 = map(_figures, latencies.T)
    return {
        "calls": counts[:, 0].tolist(),
        "errors": counts[:, 1].tolist(),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "bytes": (counts[:, 2] + counts[:, 3]).tolist(),
    }


def _figures(values: NDArray[np.float64] | Ints) -> list[float]:
    """Rounded to what can be read."""
    result: list[float] = np.round(np.nan_to_num(values), 3).tolist()
    return result
