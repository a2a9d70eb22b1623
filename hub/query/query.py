"""Finds settled calls: by filters, newest first, page by page, or one by its id.

Enters: filters and a cursor. Leaves: call numbers. Conditions are tried on columns; a pattern once
per distinct string. Calls are ordered by their ids, which begin with the time and never change, and
the cursor is the last call's: newer calls may come and others be amended, the pages behind it stay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers, log_checksum, parse_call_id
from hub.graph.graph import NodeRecord
from hub.query.conditions import Conditions
from hub.query.filters import Filters
from hub.query.order import Keys, position
from hub.query.subjects import SettledCalls
from hub.settle.pipeline import Pipeline

Mask = NDArray[np.bool_]


class Query:
    """Reads the tables of calls and rows."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._calls = pipeline.settling.calls
        self._rows = pipeline.settling.rows

    def page(self, filters: Filters, limit: int, cursor: str | None = None) -> tuple[Numbers, bool]:
        """At most `limit` calls behind the cursor, newest first, and whether there are more.

        Of those that memory answers for; `hub.history.pages` adds what history has.
        """
        numbers = self.matching(filters, self._calls.served(self._pipeline.cut))
        keys = self.keys(numbers)
        if cursor:
            behind = keys.before(position(cursor))
            numbers, keys = numbers[behind], keys.at(behind)
        order = keys.newest(limit)
        return numbers[order], len(numbers) > limit

    def keys(self, numbers: Numbers) -> Keys:
        """What orders these calls."""
        rows = self._rows.table
        id_row = self._calls.table.take("id_row", numbers)
        accounts = self._pipeline.ledger.accounts
        sums = np.array([log_checksum(account.key) for account in accounts], np.int64)
        logs = rows.take("log", id_row)
        return Keys(rows.take("start_ns", id_row), sums[logs], rows.take("offset", id_row))

    def by_id(self, id: str) -> int | None:
        """The call that bears this id, or one of whose hops does; None: it is not kept."""
        try:
            row = self._row_of(id)
        except ValueError:
            return None
        if row is None:
            return None
        call = self._rows.table.value("call", row)
        known = call >= self._calls.table.first and not self._calls.table.value("gone", call)
        return call if known else None

    def matching(self, filters: Filters, numbers: Numbers) -> Numbers:
        """Of these calls those that all filters hold for."""
        for condition in self._conditions(filters):
            if not len(numbers):
                break
            numbers = numbers[condition(numbers)]
        return numbers

    # --- conditions, the cheap and sharp ones first

    def _conditions(self, filters: Filters) -> list[Callable[[Numbers], Mask]]:
        take = self._calls.table.take
        conditions: list[Callable[[Numbers], Mask]] = []
        if (since := filters.since_ns) is not None:
            conditions.append(lambda calls: take("start_ns", calls) >= since)
        if (until := filters.until_ns) is not None:
            conditions.append(lambda calls: take("start_ns", calls) < until)
        if (origin := filters.origin) is not None:
            conditions.append(lambda calls: take("origin", calls) == origin)
        if (join := filters.join) is not None:
            conditions.append(lambda calls: take("by", calls) == join)
        if (spoofed := filters.spoofed) is not None:
            conditions.append(lambda calls: (take("claims", calls) != 0) == spoofed)
        if filters.status is not None:
            conditions.append(self._status(filters.status))
        if filters.edge is not None:
            edges = [edge.number for edge in self._pipeline.graph.edges if edge.id == filters.edge]
            conditions.append(lambda calls: np.isin(take("edge", calls), edges))
        conditions += self._node_conditions(filters)
        conditions += self._line_conditions(filters)
        return conditions

    def _status(self, status: str) -> Callable[[Numbers], Mask]:
        take = self._calls.table.take
        if status in ("error", "ok"):
            return lambda calls: take("ok", calls) == (status == "ok")
        if status.endswith("xx"):
            return lambda calls: take("status", calls) // 100 == int(status[0])
        return lambda calls: take("status", calls) == int(status)

    def _node_conditions(self, filters: Filters) -> list[Callable[[Numbers], Mask]]:
        take = self._calls.table.take
        conditions: list[Callable[[Numbers], Mask]] = []

        def at(ends: tuple[str, ...], nodes: list[int]) -> None:
            conditions.append(
                lambda calls: np.any([np.isin(take(end, calls), nodes) for end in ends], axis=0)
            )

        both = ("from_node", "to_node")
        if (name := filters.from_) is not None:
            callers = self._nodes(lambda node: name in (node.id, node.name))
            if any(self._pipeline.graph.nodes[caller].within >= 0 for caller in callers):
                conditions.append(self._begins_at(callers))  # such are callers of edges only
            else:
                at(("from_node",), callers)
        if (callee := filters.to) is not None:
            at(("to_node",), self._nodes(lambda node: callee in (node.id, node.name)))
        if (service := filters.service) is not None:
            at(both, self._nodes(lambda node: node.name == service))
        if (id := filters.node) is not None:
            conditions.append(self._touches(id))
        return conditions

    def _touches(self, id: str) -> Callable[[Numbers], Mask]:
        """The node is an end of the call, or a proxy on its way."""
        graph = self._pipeline.graph
        node = graph.find(id)
        number = node.number if node else -1
        edges = [edge.number for edge in graph.edges if number in graph.way(edge)]
        return lambda calls: np.isin(self._calls.table.take("edge", calls), edges)

    def _begins_at(self, nodes: list[int]) -> Callable[[Numbers], Mask]:
        graph = self._pipeline.graph
        edges = [
            edge.number for edge in graph.edges if not {*graph.callers(edge)}.isdisjoint(nodes)
        ]
        return lambda calls: np.isin(self._calls.table.take("edge", calls), edges)

    def _line_conditions(self, filters: Filters) -> list[Callable[[Numbers], Mask]]:
        conditions: list[Callable[[Numbers], Mask]] = []
        if filters.server is not None:
            conditions.append(self._on_server(filters.server))
        if (method := filters.method) is not None:
            conditions.append(self._text("method", lambda text: text == method))
        if (path := filters.path) is not None:
            conditions.append(self._text("path", lambda text: path.match(text) is not None))
        if (trace := filters.trace_id) is not None:
            words = np.frombuffer(trace, "<u8")
            conditions.append(
                lambda calls: self._any_hop(
                    calls,
                    lambda rows: (self._rows.table.take("trace_id", rows) == words).all(axis=1),
                )
            )
        if filters.q is not None:
            fits = Conditions(self._pipeline).of(filters.q)
            conditions.append(lambda calls: fits(SettledCalls(self._pipeline, calls)))
        return conditions

    def _on_server(self, server: str) -> Callable[[Numbers], Mask]:
        logs = [
            number
            for number, log in enumerate(self._pipeline.settling.logs)
            if log.server.id == server
        ]
        return lambda calls: self._any_hop(
            calls, lambda rows: np.isin(self._rows.table.take("log", rows), logs)
        )

    def _text(self, column: str, fits: Callable[[str], bool]) -> Callable[[Numbers], Mask]:
        def holds(rows: Numbers) -> Mask:
            codes, where = np.unique(self._rows.table.take(column, rows), return_inverse=True)
            values = self._rows.strings[column].values
            fitting = np.fromiter(
                (fits(values[code]) for code in codes.tolist()), np.bool_, len(codes)
            )
            return fitting[where]

        return lambda calls: self._any_hop(calls, holds)

    def _any_hop(self, calls: Numbers, holds: Callable[[Numbers], Mask]) -> Mask:
        hop0 = self._calls.table.take("hop0", calls)
        hop1 = self._calls.table.take("hop1", calls)
        second = hop1 >= 0
        result = holds(hop0)
        result[second] |= holds(hop1[second])
        return result

    def _nodes(self, fits: Callable[[NodeRecord], bool]) -> list[int]:
        return [node.number for node in self._pipeline.graph.nodes if fits(node)]

    # --- ids

    def _row_of(self, id: str) -> int | None:
        start_ns, checksum, offset = parse_call_id(id)
        table = self._rows.table
        fitting = np.flatnonzero((table["start_ns"] == start_ns) & (table["offset"] == offset))
        for row in (fitting + table.first).tolist():
            if (
                log_checksum(self._pipeline.ledger.accounts[table.value("log", row)].key)
                == checksum
            ):
                return int(row)
        return None
