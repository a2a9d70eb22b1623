"""Calls per edge, second and latency bin: counts that windows are summed from.

Enters: settled calls, and the same ones with the opposite sign when they are amended. Leaves: per
edge counts, errors, bytes and percentiles of any window within `ROLLUP_S`. Latencies are kept in
logarithmic bins; a percentile is its bin's geometric middle, within 2 % of the exact value
(Masson et al., "DDSketch", 2019, section 2).

Calls are put aside as they come, `MAX_ASIDE` at the most, and sorted into their seconds together:
when somebody reads and once a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Counted
from hub.defaults import HISTOGRAM_RATIO, ROLLUP_S

BINS = 640
"""From 1 us up to 22 hours at a ratio of 1.04."""

RATE_S = 10
"""Seconds that a rate of now is taken over."""

MAX_ASIDE = 8_192
"""Calls put aside: half a megabyte."""

MAX_PARTS = 8
"""Parts of one second that are not added up yet."""

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

    def of(self, edges: Ints) -> Deltas:
        """Those of these edges."""
        mine = np.isin(self.key // BINS, edges)
        return Deltas(self.key[mine], self.counts[mine])


@dataclass(frozen=True, slots=True)
class Window:
    """Sums of a window, by edge."""

    edges: Ints
    counts: Ints
    """Shape (edges, 4): calls, errors, bytes in, bytes out."""
    deltas: Deltas

    def percentiles(self, shares: Shares) -> NDArray[np.float64]:
        """Latencies in ms, shape (edges, shares)."""
        deltas = self.deltas
        owners = np.searchsorted(self.edges, deltas.key // BINS)
        calls = deltas.counts[:, 0]
        return _percentiles(owners, deltas.key % BINS, calls, len(self.edges), shares)

    def percentile_of_all(self, share: float) -> float:
        """Latency of all edges together, in ms; NaN without calls."""
        calls = np.bincount(self.deltas.key % BINS, self.deltas.counts[:, 0], BINS)
        every = np.arange(BINS)
        return float(_percentiles(np.zeros(BINS, np.int64), every, calls, 1, (share,))[0, 0])

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
        cells = np.repeat(groups, length) * BINS + self.deltas.key[picked] % BINS
        sums = np.bincount(cells, self.deltas.counts[picked, 0], count * BINS)
        cells = np.flatnonzero(sums)
        return counts, _percentiles(cells // BINS, cells % BINS, sums[cells], count, shares)


def latency_bins(duration_ns: Ints) -> Ints:
    """The bin of each duration."""
    microseconds = np.maximum(duration_ns / 1e3, 1.0)
    return np.minimum(np.log(microseconds) / _LOG_RATIO, BINS - 1).astype(np.int64)


class Rollup:
    """The last hour, second by second."""

    def __init__(self) -> None:
        self._seconds: dict[int, list[Deltas]] = {}
        self._aside: list[tuple[int, Counted]] = []
        self.calls_aside = 0
        self._now = 0
        self._rates: NDArray[np.float64] | None = None

    @property
    def parts(self) -> int:
        """Of all seconds."""
        return sum(map(len, self._seconds.values()))

    def add(self, sign: int, calls: Counted) -> None:
        """Count calls in the second of their end (sign -1: take them back)."""
        self._aside.append((sign, calls))
        self.calls_aside += len(calls.edge)
        if self.calls_aside >= MAX_ASIDE:
            self._sort_in()

    def restore(self, second: int, deltas: Deltas) -> None:
        """Counts of before a restart."""
        self._seconds.setdefault(second, []).append(deltas)

    def passed(self, second: int) -> None:
        """It is this second now: add up what came until then, let go of what is too old."""
        if second == self._now:
            return
        self._now, self._rates = second, None
        self._sort_in()
        for moment in [moment for moment in self._seconds if moment < second - ROLLUP_S]:
            del self._seconds[moment]
        for moment, parts in self._seconds.items():
            if len(parts) > 1:
                self._second(moment)

    def _sort_in(self) -> None:
        """Give each second its part of what was put aside."""
        aside = [(sign, calls) for sign, calls in self._aside if len(calls.edge)]
        self._aside, self.calls_aside = [], 0
        for moment, deltas in by_second(aside) if aside else ():
            if moment >= self._now - ROLLUP_S:
                parts = self._seconds.setdefault(moment, [])
                parts.append(deltas)
                if len(parts) >= MAX_PARTS:
                    self._second(moment)

    def window(self, since: int, until: int) -> Window:
        """Sums over the seconds [since, until)."""
        self._sort_in()
        span = range(max(since, until - ROLLUP_S), until)
        return window_of(
            sum_of([self._second(moment) for moment in span if moment in self._seconds])
        )

    def seconds(self, since: int, until: int) -> list[tuple[int, Deltas]]:
        """Each second of [since, until) that has calls."""
        self._sort_in()
        return [(at, self._second(at)) for at in sorted(self._seconds) if since <= at < until]

    def rates(self) -> NDArray[np.float64]:
        """Calls a second by edge number, over the last `RATE_S` whole seconds."""
        if self._rates is None:
            recent = self.window(self._now - RATE_S, self._now)
            self._rates = np.zeros(int(recent.edges.max(initial=-1)) + 1)
            self._rates[recent.edges] = recent.counts[:, 0] / RATE_S
        return self._rates

    def _second(self, moment: int) -> Deltas:
        parts = self._seconds[moment]
        if len(parts) > 1:
            parts[:] = [sum_of(parts)]
        return parts[0]


def window_of(deltas: Deltas) -> Window:
    """Sums by edge, of those with calls."""
    edges, first = np.unique(deltas.key // BINS, return_index=True)
    counts = np.add.reduceat(deltas.counts, first) if len(edges) else deltas.counts
    counted = counts[:, 0] > 0
    if not counted.all():
        keep = np.isin(deltas.key // BINS, edges[counted])
        deltas = Deltas(deltas.key[keep], deltas.counts[keep])
    return Window(edges[counted], counts[counted], deltas)


def p95_of(deltas: Deltas) -> float | None:
    """Of all edges together, in ms; None: no calls."""
    window = window_of(deltas)
    if not len(window.edges):
        return None
    return round(window.percentile_of_all(0.95), 3)


def by_second(aside: list[tuple[int, Counted]]) -> Iterator[tuple[int, Deltas]]:
    """The sums of each second."""
    parts = [calls for _, calls in aside]
    sign = np.repeat([sign for sign, _ in aside], [len(calls.edge) for calls in parts])
    second = np.concatenate([calls.end_ns for calls in parts]) // 1_000_000_000
    edge = np.concatenate([calls.edge for calls in parts])
    bins = latency_bins(np.concatenate([calls.duration_ns for calls in parts]))
    counts = [
        sign,
        sign * ~np.concatenate([calls.ok for calls in parts]),
        sign * np.concatenate([calls.bytes_in for calls in parts]),
        sign * np.concatenate([calls.bytes_out for calls in parts]),
    ]
    begin, width = int(second.min()), (int(edge.max()) + 1) * BINS
    sums = _merged((second - begin) * width + edge * BINS + bins, np.stack(counts, axis=1))
    moments, first = np.unique(sums.key // width, return_index=True)
    for moment, low, high in zip(
        (moments + begin).tolist(), first, [*first[1:], len(sums.key)], strict=True
    ):
        yield moment, Deltas(sums.key[low:high] % width, sums.counts[low:high])


def sum_of(parts: list[Deltas]) -> Deltas:
    if not parts:
        return Deltas(np.zeros(0, np.int64), np.zeros((0, len(_FIELDS)), np.int64))
    return _merged(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def _merged(keys: Ints, counts: Ints) -> Deltas:
    """Sums of equal keys."""
    order = np.argsort(keys)
    keys = keys[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    sums = [np.add.reduceat(column[order], first) for column in counts.T]
    return Deltas(keys[first], np.stack(sums, axis=1))


def _percentiles(
    owners: Ints, bins: Ints, calls: Ints | NDArray[np.float64], count: int, shares: Shares
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
