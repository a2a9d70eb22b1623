"""Which call a call was made for: the one that its caller was serving, as its ids tell.

Enters: calls. Leaves: calls. A service that passes on the hop id that its proxy gave the request
names the line itself; one that passes on a trace names the trace, and the call whose callee it is
and that was going on then is the parent. Nothing is guessed where neither is there. Only calls of
own containers have one: who comes from elsewhere was not seen serving anybody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers
from hub.enums import PeerKind
from hub.join.halves import has_id
from hub.join.ids import words
from hub.settle.pipeline import Pipeline

Mask = NDArray[np.bool_]

NO_CALL = -1


class Parents:
    """Looks for parents among the kept rows: some 10 ms with a million of them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._settling = pipeline.settling
        self._peers = pipeline.identity.peers

    def of(self, calls: Numbers) -> Numbers:
        """The parent of each call; `NO_CALL`: none is known."""
        table = self._settling.calls.table
        first, passed_by = table.take("hop0", calls), table.take("passed_by", calls)
        rows = self._settling.rows.table
        kinds = self._peers.column("kind", rows.take("peer", first))
        own = (kinds == PeerKind.OWN_ENDPOINT) | (kinds == PeerKind.OWN_SUBNET)
        kept = np.where(passed_by >= rows.first, passed_by, NO_CALL)
        parents = self._calls_of(kept, first)  # what a proxy passed on
        by_hop = np.flatnonzero(own & (parents < 0) & has_id(rows.take("hop_parent", first)))
        if len(by_hop):
            parents[by_hop] = self._by_hop(first[by_hop])
        by_trace = np.flatnonzero(own & (parents < 0) & has_id(rows.take("trace_id", first)))
        if len(by_trace):
            parents[by_trace] = self._by_trace(calls[by_trace], first[by_trace])
        return parents

    def _by_hop(self, first: Numbers) -> Numbers:
        """The calls of the lines whose hop ids these arrived with, on the same server."""
        rows = self._settling.rows.table
        named = self._bearing("hop_id", rows.take("hop_parent", first))
        found = [
            self._on(named.get(word, []), server)
            for word, server in zip(
                words(rows.take("hop_parent", first)), self._servers(first).tolist(), strict=True
            )
        ]
        return self._calls_of(np.array(found, np.int64), first)

    def _by_trace(self, calls: Numbers, first: Numbers) -> Numbers:
        """Of the calls of one trace, on the same server, the last begun one that was going on and
        whose callee is the caller."""
        rows, table = self._settling.rows.table, self._settling.calls.table
        named = self._bearing("trace_id", rows.take("trace_id", first))
        parents = []
        for call, row, word in zip(
            calls.tolist(), first.tolist(), words(rows.take("trace_id", first)), strict=True
        ):
            lines = np.array(named.get(word, ()), np.int64)
            owners = self._calls_of(lines, np.full(len(lines), row))
            lines, owners = lines[owners >= 0], owners[owners >= 0]
            start, begun = rows.value("start_ns", row), rows.take("start_ns", lines)
            fits = (begun <= start) & (begun + rows.take("duration_ns", lines) >= start)
            fits &= self._servers(lines) == self._servers(np.array([row]))
            fits &= table.take("to_node", owners) == table.value("from_node", call)
            best = np.flatnonzero(fits)
            parents.append(int(owners[best[np.argmax(begun[best])]]) if len(best) else NO_CALL)
        return np.array(parents, np.int64)

    def _bearing(self, column: str, ids: NDArray[np.uint64]) -> dict[int, list[int]]:
        """Kept rows with one of these ids in this column, by the id's word."""
        rows = self._settling.rows.table
        kept = rows[column]
        some = np.flatnonzero(np.isin(kept[:, 0], ids[:, 0]))
        found: dict[int, list[int]] = {}
        for word, place in zip(words(kept[some]), some.tolist(), strict=True):
            found.setdefault(word, []).append(place + rows.first)
        return found

    def _on(self, lines: list[int], server: int) -> int:
        """The first of these lines that this server logged; -1: none."""
        there = np.flatnonzero(self._servers(np.array(lines, np.int64)) == server)
        return lines[int(there[0])] if len(there) else -1

    def _servers(self, rows: Numbers) -> NDArray[np.int32]:
        return self._settling.logs.servers(self._settling.rows.table.take("log", rows))

    def _calls_of(self, lines: Numbers, children: Numbers) -> Numbers:
        """The calls of lines (-1: none) that are others than their children's."""
        owners = np.full(len(lines), NO_CALL, np.int64)
        there = np.flatnonzero(lines >= 0)
        owners[there] = self._settling.calls_of(lines[there])
        owners[owners == self._settling.calls_of(children)] = NO_CALL
        return owners
