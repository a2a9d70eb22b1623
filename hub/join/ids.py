"""Which unpaired halves bear which hop or trace id.

Enters: halves with their ids, as they come and go. Leaves: pairs that bear the same id; whether
they are the two halves of one call is for the join to check. An id of 16 bytes is kept as one word:
two that differ share a word once in 2**64, and the join compares the ids themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hub.columns.words import mixed
from hub.defaults import MAX_TRACE_HALVES
from hub.join.half_view import HalfView

Numbers = NDArray[np.int64]
Candidates = tuple[Numbers, Numbers]
"""Rows, pair by pair."""


def words(ids: NDArray[np.uint64]) -> list[int]:
    """One word for each id of two; 0: no id."""
    found: list[int] = mixed(ids[:, 0], ids[:, 1]).tolist()
    return found


class Ids:
    """All ids of halves that wait or are remembered."""

    def __init__(self) -> None:
        self._hops: tuple[dict[int, int], dict[int, int]] = ({}, {})
        """Rows by word; of callees and of callers."""
        self._traces: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._hops)) + sum(map(len, self._traces.values()))

    def add_hops(self, halves: HalfView) -> Candidates:
        """Note the hop ids of these; those that meet their other half."""
        callers, callees = [], []
        hops = self._hops
        rows = halves.rows.tolist()
        for word, is_caller, row in zip(
            words(halves.hop), halves.leads.tolist(), rows, strict=True
        ):
            if not word:
                continue
            other = hops[not is_caller].pop(word, None)
            if other is None:
                hops[is_caller].setdefault(word, row)
            elif is_caller:
                callers.append(row)
                callees.append(other)
            else:
                callers.append(other)
                callees.append(row)
        return _numbers(callers), _numbers(callees)

    def add_traces(self, halves: HalfView) -> Candidates:
        """Note the trace ids of these; all pairs of the traces that have several halves now."""
        touched: dict[int, None] = {}  # a set whose order is always the same
        traces = self._traces
        for word, row in zip(words(halves.trace), halves.rows.tolist(), strict=True):
            if not word:
                continue
            group = traces.get(word)
            if group is None:
                traces[word] = [row]
                continue
            group.append(row)
            touched[word] = None
            if len(group) > MAX_TRACE_HALVES:
                del group[0]  # it is found by its hop id and addresses only from now on
        return self._pairs(touched)

    def of_one_trace(self, halves: HalfView) -> Candidates:
        """All pairs of the traces of these."""
        found = dict.fromkeys(words(halves.trace))
        found.pop(0, None)
        return self._pairs(found)

    def remove(self, halves: HalfView, *, met_by_hop: bool = False) -> None:
        """Forget these; `met_by_hop`: `add_hops` gave them, and has forgotten their hop ids."""
        hops, traces = self._hops, self._traces
        rows = halves.rows.tolist()
        if not met_by_hop and any(hops):
            leads = halves.leads.tolist()
            for word, is_caller, row in zip(words(halves.hop), leads, rows, strict=True):
                if word and hops[is_caller].get(word) == row:
                    del hops[is_caller][word]
        if not traces:
            return
        for word, row in zip(words(halves.trace), rows, strict=True):
            group = traces.get(word) if word else None
            if group is None or row not in group:
                continue
            if len(group) == 1:
                del traces[word]
            else:
                group.remove(row)

    def _pairs(self, traces: Iterable[int]) -> Candidates:
        """Any two of each; the join tells callers from callees."""
        ones: list[int] = []
        others: list[int] = []
        for trace in traces:
            group = self._traces.get(trace, ())
            if len(group) == 2:
                ones.append(group[0])
                others.append(group[1])
            else:
                for one, other in combinations(group, 2):
                    ones.append(one)
                    others.append(other)
        return _numbers(ones), _numbers(others)


def _numbers(values: list[int]) -> Numbers:
    return np.array(values, np.int64)
