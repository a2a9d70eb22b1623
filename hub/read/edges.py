"""`/api/v1/edges`: rate, errors and percentiles of every edge in a window; and which edges filters
choose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hub import forms
from hub.graph.graph import EdgeRecord, Graph
from hub.graph.rollup import Window
from hub.query.filters import Filters
from hub.settle.pipeline import Pipeline
from hub.stamps import SECOND, rfc3339


def edge_rates(pipeline: Pipeline, window_s: int, now_ns: int) -> forms.Edges:
    """The edges that had calls in the last `window_s` whole seconds and the running one."""
    until = now_ns // SECOND + 1
    window = pipeline.rollup.window(until - window_s, until)
    return form_of(pipeline.graph, window, until - window_s, until)


def form_of(graph: Graph, window: Window, since: int, until: int) -> forms.Edges:
    """A window of the seconds [since, until), as a form."""
    latencies = np.round(window.percentiles((0.5, 0.95, 0.99)), 3).tolist()
    window_s = until - since
    rates = []
    for edge, counts, (p50, p95, p99) in zip(
        window.edges.tolist(), window.counts.tolist(), latencies, strict=True
    ):
        record = graph.edges[edge]
        calls, errors, bytes_in, bytes_out = counts
        rates.append(
            forms.EdgeRate(
                id=record.id,
                from_=graph.nodes[record.from_node].id,
                to=graph.nodes[record.to_node].id,
                origin=record.origin.name.lower(),
                calls=calls,
                rate=round(calls / window_s, 4),
                errors=errors,
                error_share=round(errors / calls, 4),
                p50_ms=p50,
                p95_ms=p95,
                p99_ms=p99,
                bytes_in=bytes_in,
                bytes_out=bytes_out,
            )
        )
    return forms.Edges(
        since=rfc3339(since * SECOND),
        until=rfc3339(until * SECOND),
        window_s=float(window_s),
        edges=sorted(rates, key=lambda rate: -rate.calls),
    )


OF_EDGES = ("from_", "to", "service", "node", "edge", "origin")


def edges_of(graph: Graph, filters: Filters) -> list[int] | None:
    """The edges whose calls are what these filters choose; None: they ask for more than edges."""
    if replace(filters, **dict.fromkeys(OF_EDGES)) != Filters():
        return None
    return [edge.number for edge in graph.edges if _fits(graph, edge, filters)]


def _fits(graph: Graph, edge: EdgeRecord, filters: Filters) -> bool:
    caller, callee = graph.nodes[edge.from_node], graph.nodes[edge.to_node]
    touched = {graph.nodes[number].id for number in (edge.from_node, edge.to_node, *edge.via)}
    return (
        filters.edge in (None, edge.id)
        and filters.origin in (None, edge.origin)
        and filters.from_ in (None, caller.id, caller.name)
        and filters.to in (None, callee.id, callee.name)
        and filters.service in (None, caller.name, callee.name)
        and filters.node in (None, *touched)
    )
