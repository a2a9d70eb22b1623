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

from hub.defaults import MAX_TRACE_HALVES
from hub.halves import Halves

Numbers = NDArray[np.int64]
Candidates = tuple[Numbers, Numbers]
"""Callers' halves, and callees' halves of the same length."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""So that two words that are both counters do not cancel out."""


def words(ids: NDArray[np.uint64]) -> list[int]:
    """One word for each id of two; 0: no id."""
    mixed: list[int] = (ids[:, 0] ^ (ids[:, 1] * _ODD)).tolist()
    return mixed


class Ids:
    """All ids of halves that wait or are remembered."""

    def __init__(self, halves: Halves) -> None:
        self._halves = halves
        self._hops: tuple[dict[int, int], dict[int, int]] = ({}, {})
        """Rows by word; of callees and of callers."""
        self._traces: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._hops)) + sum(map(len, self._traces.values()))

    def add_hops(self, rows: Numbers) -> Candidates:
        """Note the hop ids of these; those that meet their other half."""
        callers, callees = [], []
        parts = zip(
            words(self._halves.hop(rows)),
            self._halves.is_caller(rows).tolist(),
            rows.tolist(),
            strict=True,
        )
        for word, is_caller, row in parts:
            if not word:
                continue
            other = self._hops[not is_caller].pop(word, None)
            if other is None:
                self._hops[is_caller].setdefault(word, row)
            else:
                callers.append(row if is_caller else other)
                callees.append(other if is_caller else row)
        return _numbers(callers), _numbers(callees)

    def add_traces(self, rows: Numbers) -> Candidates:
        """Note the trace ids of these; all pairs of the traces that have several halves now."""
        touched = set()
        for word, row in zip(words(self._halves.trace(rows)), rows.tolist(), strict=True):
            if not word:
                continue
            group = self._traces.get(word)
            if group is None:
                self._traces[word] = [row]
                continue
            group.append(row)
            touched.add(word)
            if len(group) > MAX_TRACE_HALVES:
                del group[0]  # it is found by its hop id and addresses only from now on
        return self._pairs(touched)

    def of_one_trace(self, rows: Numbers) -> Candidates:
        """All pairs of the traces of these."""
        return self._pairs(set(words(self._halves.trace(rows))) - {0})

    def remove(self, rows: Numbers) -> None:
        """Forget these halves."""
        parts = zip(
            words(self._halves.hop(rows)),
            words(self._halves.trace(rows)),
            self._halves.is_caller(rows).tolist(),
            rows.tolist(),
            strict=True,
        )
        for hop, trace, is_caller, row in parts:
            if hop and self._hops[is_caller].get(hop) == row:
                del self._hops[is_caller][hop]
            group = self._traces.get(trace) if trace else None
            if group is not None and row in group:
                group.remove(row)
                if not group:
                    del self._traces[trace]

    def _pairs(self, traces: Iterable[int]) -> Candidates:
        """One caller and one callee each."""
        ones, others = [], []
        for trace in traces:
            group = self._traces.get(trace, ())
            if len(group) == 2:
                ones.append(group[0])
                others.append(group[1])
            else:
                for one, other in combinations(group, 2):
                    ones.append(one)
                    others.append(other)
        first, second = _numbers(ones), _numbers(others)
        leads = self._halves.is_caller(first)
        mixed = leads != self._halves.is_caller(second)
        callers, callees = np.where(leads, first, second), np.where(leads, second, first)
        return callers[mixed], callees[mixed]


def _numbers(values: list[int]) -> Numbers:
    return np.array(values, np.int64)
