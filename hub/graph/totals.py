"""Cumulative counts of every edge since the hub began: what the live frames carry.

Enters: settled calls, with sign -1 when they are taken back. Leaves: columns by edge number, and
which edges changed lately.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Counted

Ints = NDArray[np.int64]


class Totals:
    """Calls, errors and bytes by edge."""

    def __init__(self) -> None:
        self._columns = np.zeros((4, 64), np.int64)  # one column of counts behind the other
        self._changed = np.zeros(64, np.int64)  # version of the last change; 0: none
        self.version = 0
        """Grows with every change."""

    @property
    def counts(self) -> Ints:
        """By edge number, shape (edges, 3): calls, errors, bytes."""
        return self._columns[:3].T

    @property
    def spoofed(self) -> Ints:
        """By edge number: calls whose headers claim what they may not."""
        spoofed: Ints = self._columns[3]
        return spoofed

    def add(self, sign: int, calls: Counted) -> None:
        """Count these calls, or take them back."""
        if not len(calls.edge):
            return
        self._make_room(int(calls.edge.max()) + 1)
        count, errors, size, spoofed = self._columns
        np.add.at(count, calls.edge, sign)
        np.add.at(errors, calls.edge[~calls.ok], sign)
        np.add.at(size, calls.edge, sign * (calls.bytes_in + calls.bytes_out))
        if calls.spoofed.any():
            np.add.at(spoofed, calls.edge[calls.spoofed], sign)
        self.version += 1
        self._changed[calls.edge] = self.version

    def changed_since(self, version: int) -> Ints:
        """Edges whose totals changed after this version; 0: every edge that ever had a call."""
        return np.flatnonzero(self._changed > version)

    def state(self) -> tuple[Ints, Ints]:
        """All columns, and of which edges, for `restore`."""
        return self._columns.copy(), (self._changed > 0).astype(np.int64)

    def restore(self, columns: Ints, known: Ints) -> None:
        """As `state` gave them."""
        self._columns, self._changed, self.version = columns.copy(), known.copy(), 1

    def _make_room(self, edges: int) -> None:
        while len(self._changed) < edges:
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)], axis=1)
            self._changed = np.concatenate([self._changed, np.zeros_like(self._changed)])
