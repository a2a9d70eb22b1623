"""Calls per edge, second and latency bin: counts that windows are summed from.

Enters: settled calls, and the same ones with the opposite sign when they are amended. Leaves: per
edge counts, errors, bytes and percentiles of any window within `ROLLUP_S`. Latencies are kept in
logarithmic bins; a percentile is its bin's geometric middle, within 2 % of the exact value
(Masson et al., "DDSketch", 2019, section 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.calls import Counted
from hub.defaults import HISTOGRAM_RATIO, ROLLUP_S

BINS = 640
"""From 1 us up to 22 hours at a ratio of 1.04."""

_LOG_RATIO = math.log(HISTOGRAM_RATIO)
_FIELDS = ("calls", "errors", "bytes_in", "bytes_out")

Ints = NDArray[np.int64]
Shares = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Deltas:
    """Counts by (edge, bin), `key = edge * BINS + bin`, keys ascending."""

    key: Ints
    counts: Ints
    """Shape (keys, 4): calls, errors, bytes in, bytes out."""


@dataclass(frozen=True, slots=True)
class Window:
    """Sums of a window, by edge."""

    edges: Ints
    counts: Ints
    """Shape (edges, 4): calls, errors, bytes in, bytes out."""
    deltas: Deltas

    def percentiles(self, shares: Shares) -> NDArray[np.float64]:
        """Latencies in ms, shape (edges, shares)."""
        every = np.arange(len(self.edges))
        return self.grouped(every, every, len(self.edges), shares)[1]

    def grouped(
        self, members: Ints, groups: Ints, count: int, shares: Shares
    ) -> tuple[Ints, NDArray[np.float64]]:
        """Sums of groups of edges: counts (groups, 4), and latencies in ms (groups, shares).

        `edges[members[i]]` belongs to group `groups[i]`; an edge may belong to several.
        """
        counts = np.zeros((count, len(_FIELDS)), np.int64)
        np.add.at(counts, groups, self.counts[members])
        owner_of_key = self.deltas.key // BINS
        begin = np.searchsorted(owner_of_key, self.edges[members])
        length = np.searchsorted(owner_of_key, self.edges[members], side="right") - begin
        shift = np.repeat(begin - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
        picked = shift.astype(np.int64) + np.arange(int(length.sum()))
        owners = np.repeat(groups, length)
        bins = self.deltas.key[picked] % BINS
        order = np.lexsort((bins, owners))
        calls = self.deltas.counts[picked, 0]
        return counts, _percentiles(owners[order], bins[order], calls[order], count, shares)


def latency_bins(duration_ns: Ints) -> Ints:
    """The bin of each duration."""
    microseconds = np.maximum(duration_ns / 1e3, 1.0)
    return np.minimum(np.log(microseconds) / _LOG_RATIO, BINS - 1).astype(np.int64)


class Rollup:
    """The last hour, second by second."""

    def __init__(self) -> None:
        self._seconds: dict[int, list[Deltas]] = {}

    def add(self, sign: int, calls: Counted) -> None:
        """Count calls in the second of their end (sign -1: take them back)."""
        second = calls.end_ns // 1_000_000_000
        keys = calls.edge * BINS + latency_bins(calls.duration_ns)
        ones = np.ones_like(calls.edge)
        counts = sign * np.stack([ones, ~calls.ok, calls.bytes_in, calls.bytes_out], axis=1)
        for moment in np.unique(second).tolist():
            chosen = second == moment
            self._seconds.setdefault(moment, []).append(_merged(keys[chosen], counts[chosen]))

    def forget_before(self, second: int) -> None:
        """Let go of what is older."""
        for moment in [moment for moment in self._seconds if moment < second]:
            del self._seconds[moment]

    def window(self, since: int, until: int) -> Window:
        """Sums over the seconds [since, until)."""
        span = range(max(since, until - ROLLUP_S), until)
        deltas = _sum([self._second(moment) for moment in span if moment in self._seconds])
        edges, first = np.unique(deltas.key // BINS, return_index=True)
        counts = np.add.reduceat(deltas.counts, first) if len(edges) else deltas.counts
        counted = counts[:, 0] > 0
        if not counted.all():
            keep = np.isin(deltas.key // BINS, edges[counted])
            deltas = Deltas(deltas.key[keep], deltas.counts[keep])
        return Window(edges[counted], counts[counted], deltas)

    def _second(self, moment: int) -> Deltas:
        parts = self._seconds[moment]
        if len(parts) > 1:
            parts[:] = [_sum(parts)]
        return parts[0]


def _sum(parts: list[Deltas]) -> Deltas:
    if not parts:
        return Deltas(np.zeros(0, np.int64), np.zeros((0, len(_FIELDS)), np.int64))
    return _merged(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def _merged(keys: Ints, counts: Ints) -> Deltas:
    unique, where = np.unique(keys, return_inverse=True)
    sums = np.zeros((len(unique), len(_FIELDS)), np.int64)
    np.add.at(sums, where, counts)
    return Deltas(unique, sums)


def _percentiles(
    owners: Ints, bins: Ints, calls: Ints, count: int, shares: Shares
) -> NDArray[np.float64]:
    """Nearest-rank percentiles; `owners` ascend, and the bins within each."""
    calls = np.maximum(calls, 0)
    totals = np.bincount(owners, calls, count)
    before = np.concatenate([[0.0], np.cumsum(totals)[:-1]])
    running = np.cumsum(calls) - before[owners]
    result = np.full((count, len(shares)), np.nan)
    for column, share in enumerate(shares):
        reached = np.flatnonzero(running >= np.ceil(share * totals[owners]))[::-1]
        first = np.full(count, -1)
        first[owners[reached]] = reached
        found = (first >= 0) & (totals > 0)
        result[found, column] = np.exp((bins[first[found]] + 0.5) * _LOG_RATIO) / 1e3
    return result
