"""How much earlier and later a caller's proxy sees a call than the callee's: learnt from pairs.

Enters: pairs of halves that were joined. Leaves: how unusual a candidate's delays are between its
two servers, and by how much their clocks differ. Both margins are taken as the two clocks show
them, so an offset of the clocks is part of what is usual and does no harm. Medians of the last
pairs: some of these may be wrong ones, which lie anywhere. Always holds: `WINDOW` pairs are kept of
two servers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.join.half_view import HalfView

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW = 64
"""Pairs kept of two servers: a second of busy ones, in which clocks drift by 0.04 ms."""

ENOUGH = 5
"""Pairs from which on a median is believed."""

PEAK, PEAK_NS = 8, 400_000
"""Candidates within 0.4 ms that are believed to be calls, though each has rivals."""

MAX_AGE_NS = 30_000_000_000
"""Older pairs say nothing of clocks that drift."""

MIN_SPREAD_NS = 20_000.0
"""What two proxies' stamps scatter by on an idle machine."""

FAR = 20.0
"""Times the usual scatter, from which on a request was not sent then: or it was, in the bounds
below."""

EARLIEST_NS, LATEST_NS = 500_000.0, 50_000_000.0
"""A proxy passes a request on when it has its head, at once. How late the answer ends says nothing:
a client may read slowly."""

LATE_NS, CUT_NS = 1_000_000.0, 5_000_000.0
"""A callee's proxy begins before the caller's ends, and ends before it unless one of the two gave
the other up; but stamps scatter, those of ends more."""

EARLY = 3.0
"""A packet can be late by any time, but hardly earlier than usual."""


@dataclass(frozen=True, slots=True)
class ClockDifferences:
    """Of two servers each, by number: the second's clock minus the first's."""

    first: Numbers
    second: Numbers
    difference_ns: Floats
    deviation_ns: Floats
    """Standard deviation."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of pairs that may be calls."""

    unusual: Floats
    """0 for the usual delays, growing as the logarithm of how many times the usual scatter they are
    off; between servers of which nothing is known, how loosely the callee's interval sits in the
    caller's, in ns."""
    told: Mask
    """Enough is known of the two servers."""
    possible: Mask
    """The request may have been on its way for so long."""


class Delays:
    """Between any two servers that call each other."""

    def __init__(self) -> None:
        self._places = np.full((0, 0), -1, np.int64)
        """By caller's and callee's server; -1: no pair yet."""
        self._servers: list[tuple[int, int]] = []
        self._margins = np.full((0, 2, WINDOW), np.nan)
        """Before and after, in ns, by place."""
        self._seen_ns = np.zeros((0, WINDOW), np.int64)
        self._counts = np.zeros(0, np.int64)
        self._usual = np.full((0, 2), np.nan)
        self._spread = np.full((0, 2), np.nan)
        self._changed = False

    def learn(self, callers: HalfView, callees: HalfView) -> None:
        """Pairs were joined, and rightly."""
        if not len(callers):
            return
        places = self._places_of(callers.server, callees.server, make=True)
        order = np.argsort(places, kind="stable")
        places = places[order]
        rank = np.arange(len(places)) - np.searchsorted(places, places)
        slots = (self._counts[places] + rank) % WINDOW
        before, after = raw_margins(callers, callees)
        self._margins[places, 0, slots] = before[order]
        self._margins[places, 1, slots] = after[order]
        self._seen_ns[places, slots] = np.maximum(callers.seen_ns, callees.seen_ns)[order]
        np.add.at(self._counts, places, 1)
        self._changed = True

    def explore(self, callers: HalfView, callees: HalfView) -> None:
        """Of servers of which nothing is known: learn from candidates that each have rivals. The
        right ones differ by the clocks' offset and nothing else, so they lie close together; wrong
        ones lie anywhere."""
        places = self._places_of(callers.server, callees.server, make=True)
        unknown = np.flatnonzero(np.isnan(self._usual[places, 0]))
        if len(unknown) < PEAK:
            return
        before, after = raw_margins(callers.at(unknown), callees.at(unknown))
        middle = (before - after) // 2
        close = []
        for place in np.unique(places[unknown]).tolist():
            mine = unknown[places[unknown] == place]
            peak = _peak(middle[places[unknown] == place])
            close.append(mine[peak])
        found = np.concatenate(close)
        if len(found):
            self.learn(callers.at(found), callees.at(found))
            self.refresh(int(self._seen_ns.max()))

    def refresh(self, now_ns: int) -> None:
        """Bring up to date what is usual."""
        if not self._changed:
            return
        self._changed = False
        fresh = (self._seen_ns > now_ns - MAX_AGE_NS)[:, None, :]
        margins = np.where(fresh, self._margins, np.nan)
        enough = np.flatnonzero((~np.isnan(margins[:, 0])).sum(axis=1) >= ENOUGH)
        self._usual[:] = self._spread[:] = np.nan
        usual = _medians(margins[enough])
        off = np.abs(margins[enough] - usual[:, :, None])
        self._usual[enough] = usual
        self._spread[enough] = np.maximum(1.5 * _medians(off), MIN_SPREAD_NS)

    def judge(self, callers: HalfView, callees: HalfView) -> Judgement:
        """What the delays say of pairs that may be calls."""
        places = self._places_of(callers.server, callees.server, make=False)
        before = callees.start_ns - callers.start_ns
        after = callers.end_ns - callees.end_ns
        unusual: Floats = (np.abs(before) + np.abs(after)).astype(np.float64)
        told = places >= 0
        told[told] = ~np.isnan(self._usual[places[told], 0])
        possible = np.ones(len(told), np.bool_)
        known = np.flatnonzero(told)
        if len(known):
            usual, spread = self._usual[places[known]], self._spread[places[known]]
            margins = np.stack(raw_margins(callers.at(known), callees.at(known)), axis=1)
            off_ns = margins - usual
            off = off_ns / spread
            off[off < 0] *= EARLY
            unusual[known] = np.log1p(off * off).sum(axis=1)
            sent_ns, likely_ns = off_ns[:, 0], FAR * spread[:, 0]
            possible[known] = sent_ns > -np.maximum(likely_ns, EARLIEST_NS)
            possible[known] &= sent_ns < np.maximum(likely_ns, LATEST_NS)
            possible[known] &= sent_ns < callers.duration_ns[known] + np.maximum(likely_ns, LATE_NS)
            answered = off_ns[:, 1] > -np.maximum(FAR * spread[:, 1], CUT_NS)
            possible[known] &= answered | (callers.cut_off | callees.cut_off)[known]
        return Judgement(unusual, told, possible)

    def clock_differences(self) -> ClockDifferences:
        """As the midpoints of the pairs tell them: the ways there and back take equally long."""
        known = np.flatnonzero(~np.isnan(self._usual[:, 0]))
        servers = np.array(self._servers, np.int64).reshape(-1, 2)[known]
        pairs = np.minimum(self._counts[known], WINDOW)
        return ClockDifferences(
            servers[:, 0],
            servers[:, 1],
            (self._usual[known, 0] - self._usual[known, 1]) / 2,
            self._spread[known].max(axis=1, initial=0) / np.sqrt(np.maximum(pairs, 1)),
        )

    def _places_of(
        self, callers: NDArray[np.int32], callees: NDArray[np.int32], *, make: bool
    ) -> Numbers:
        servers = int(max(callers.max(initial=-1), callees.max(initial=-1))) + 1
        if servers > len(self._places):
            places = np.full((servers, servers), -1, np.int64)
            places[: len(self._places), : len(self._places)] = self._places
            self._places = places
        found = self._places[callers, callees]
        if make and (found < 0).any():
            new = sorted(set(zip(callers.tolist(), callees.tolist(), strict=True)))
            for pair in new:
                if self._places[pair] < 0:
                    self._places[pair] = len(self._servers)
                    self._servers.append(pair)
            self._grow()
            found = self._places[callers, callees]
        return found

    def _grow(self) -> None:
        more = len(self._servers) - len(self._counts)
        self._margins = np.concatenate([self._margins, np.full((more, 2, WINDOW), np.nan)])
        self._seen_ns = np.concatenate([self._seen_ns, np.zeros((more, WINDOW), np.int64)])
        self._counts = np.concatenate([self._counts, np.zeros(more, np.int64)])
        self._usual = np.concatenate([self._usual, np.full((more, 2), np.nan)])
        self._spread = np.concatenate([self._spread, np.full((more, 2), np.nan)])


def raw_margins(callers: HalfView, callees: HalfView) -> tuple[Numbers, Numbers]:
    """From the caller's start to the callee's, and from the callee's end to the caller's, as their
    servers' clocks show them."""
    before = callees.clock_ns - callers.clock_ns
    return before, callers.duration_ns - callees.duration_ns - before


def _medians(values: Floats) -> Floats:
    """Of the last axis, without its NaNs; `np.nanmedian` takes fifty times as long for a few."""
    ordered = np.sort(values, axis=-1)  # NaNs last
    count = np.count_nonzero(~np.isnan(ordered), axis=-1)[..., None]
    low, high = (
        np.take_along_axis(ordered, place, axis=-1) for place in ((count - 1) // 2, count // 2)
    )
    medians: Floats = ((low + high) / 2)[..., 0]
    return medians


def _peak(values: Numbers) -> NDArray[np.intp]:
    """Which of these lie in the fullest window, where it stands out; none otherwise."""
    order = np.argsort(values)
    ascending = values[order]
    until = np.searchsorted(ascending, ascending + PEAK_NS, side="right")
    counts = until - np.arange(len(values))
    fullest = int(np.argmax(counts)) if len(values) else 0
    if not len(values) or counts[fullest] < max(PEAK, 3 * np.median(counts)):
        return order[:0]
    return order[fullest : until[fullest]]
