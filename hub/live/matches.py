"""How many calls a query fits, by edge.

Enters: numbers of calls that it fits, and of those that changed. Leaves: cumulative counts. The
newest counted calls are remembered with what was counted of them, so that a call that moves to
another edge, or no longer fits, moves in the counts too.
"""

from __future__ import annotations

import numpy as np

from hub import forms
from hub.columns.calls import Numbers
from hub.columns.table import Table
from hub.defaults import MATCHED_CALLS

NONE = np.zeros(0, np.int64)


class Matches:
    """Counts of the calls that ended since a time, or were told since."""

    def __init__(self, calls: Table, since_ns: int) -> None:
        self._calls = calls
        self.since_ns = since_ns
        self._counts = np.zeros((2, 64), np.int64)  # calls, errors
        self._counted = np.zeros((3, 0), np.int64)  # numbers, ascending; their edges; whether ok
        self._forgotten = 0

    def update(self, fitting: Numbers, withdrawn: Numbers = NONE) -> forms.EdgeMatches:
        """Count the calls that fit (ascending; new, or amended), after those that were amended or
        merged away are taken back; the edges whose counts that changed."""
        fitting = fitting[fitting >= self._forgotten]
        back = np.isin(self._counted[0], withdrawn)
        added = np.stack(
            [fitting, self._calls.take("edge", fitting), self._calls.take("ok", fitting)]
        ).astype(np.int64)
        self._add(self._counted[:, back], -1)
        self._add(added, 1)
        touched = np.union1d(self._counted[1, back], added[1])
        counted = np.concatenate([self._counted[:, ~back], added], axis=1)
        counted = counted[:, np.argsort(counted[0], kind="stable")]
        if counted.shape[1] > MATCHED_CALLS:
            counted = counted[:, -MATCHED_CALLS:]
            self._forgotten = int(counted[0, 0])
        self._counted = counted
        return self._form(touched)

    def known(self, edges: Numbers) -> Numbers:
        """Of these edges those with a call."""
        edges = edges[edges < self._counts.shape[1]]
        found: Numbers = edges[self._counts[0, edges] > 0]
        return found

    def form(self) -> forms.EdgeMatches:
        """All edges with a call."""
        return self._form(np.flatnonzero(self._counts[0]))

    def _add(self, columns: Numbers, sign: int) -> None:
        _, edges, ok = columns
        while len(edges) and self._counts.shape[1] <= edges.max():
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)], axis=1)
        np.add.at(self._counts[0], edges, sign)
        np.add.at(self._counts[1], edges[ok == 0], sign)

    def _form(self, edges: Numbers) -> forms.EdgeMatches:
        calls, errors = self._counts[:, edges].tolist()
        return forms.EdgeMatches(edge=edges.tolist(), calls=calls, errors=errors)
