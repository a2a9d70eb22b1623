"""Halves that settled alone, in the order in which they did: what is to be let go of first.

Enters: rows. Leaves: rows that are too many or too old. Some of them may have been joined since;
who gets them looks at their state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.defaults import LATE_HALF_S, MAX_LATE_HALVES
from hub.enums import HalfState
from hub.join.halves import Halves

Numbers = NDArray[np.int64]

SECOND = 1_000_000_000


class Remembered:
    """A queue of rows."""

    def __init__(self, halves: Halves) -> None:
        self.count = 0
        """Of those that are remembered still; kept by who changes their state."""
        self._halves = halves
        self._rows: Numbers = np.zeros(0, np.int64)
        self._first_row = 0

    def add(self, rows: Numbers) -> Numbers:
        """Remember those of these that have the state for it; what there is too much."""
        rows = rows[self._halves.state(rows) == HalfState.REMEMBERED]
        if len(rows):
            self._rows = np.concatenate([self._rows, rows])
        excess = max(self.count - MAX_LATE_HALVES, 0)
        if excess or len(self._rows) > 2 * MAX_LATE_HALVES:
            self._rows = self._rows[self._halves.state(self._rows) == HalfState.REMEMBERED]
        return self._take(np.arange(len(self._rows)) < excess) if excess else self._rows[:0]

    def too_old(self, now_ns: int, first_row: int) -> Numbers:
        """Those that settled too long ago, and those below the first row that is kept."""
        old = np.zeros(len(self._rows), np.bool_)
        if first_row > self._first_row:
            self._first_row = first_row
            old = self._rows < first_row
        oldest_ns = now_ns - LATE_HALF_S * SECOND
        if len(old) and self._seen_ns(self._rows[:1])[0] <= oldest_ns:
            old |= self._seen_ns(self._rows) <= oldest_ns
        return self._take(old) if old.any() else self._rows[:0]

    def _take(self, chosen: NDArray[np.bool_]) -> Numbers:
        rows, self._rows = self._rows[chosen], self._rows[~chosen]
        return rows

    def _seen_ns(self, rows: Numbers) -> Numbers:
        seen_ns: Numbers = self._halves.rows.table.take("seen_ns", rows)
        return seen_ns
