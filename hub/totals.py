"""Cumulative counts of every edge since the hub began: what the live frames carry.

Enters: settled calls, with sign -1 when they are taken back. Leaves: columns by edge number, and
which edges changed lately.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.calls import Counted

Ints = NDArray[np.int64]


class Totals:
    """Calls, errors and bytes by edge."""

    def __init__(self) -> None:
        self.counts = np.zeros((64, 3), np.int64)
        self._changed_ns = np.zeros(64, np.int64)

    def add(self, sign: int, calls: Counted, now_ns: int) -> None:
        """Count these calls, or take them back."""
        if not len(calls.edge):
            return
        self._make_room(int(calls.edge.max()) + 1)
        ones = np.ones_like(calls.edge)
        columns = np.stack([ones, ~calls.ok, calls.bytes_in + calls.bytes_out], axis=1)
        np.add.at(self.counts, calls.edge, sign * columns)
        self._changed_ns[calls.edge] = now_ns

    def changed_since(self, then_ns: int) -> Ints:
        """Edges whose totals changed at or after this time."""
        return np.flatnonzero(self._changed_ns >= max(then_ns, 1))

    def known(self) -> Ints:
        """Edges that ever had a call."""
        return np.flatnonzero(self._changed_ns)

    def _make_room(self, edges: int) -> None:
        while len(self.counts) < edges:
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
            self._changed_ns = np.concatenate([self._changed_ns, np.zeros_like(self._changed_ns)])
