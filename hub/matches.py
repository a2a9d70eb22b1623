"""How many calls a query fits, by edge.

Enters: numbers of calls that it fits, each once. Leaves: cumulative counts.
"""

from __future__ import annotations

import numpy as np

from hub import forms
from hub.calls import Numbers
from hub.table import Table


class Matches:
    """Counts of the calls that ended since a time."""

    def __init__(self, calls: Table, since_ns: int) -> None:
        self._calls = calls
        self.since_ns = since_ns
        self._counts = np.zeros((2, 64), np.int64)  # calls, errors

    def add(self, numbers: Numbers) -> forms.EdgeMatches:
        """Count these; the edges that they lie on."""
        edges = self._calls.take("edge", numbers)
        while len(edges) and self._counts.shape[1] <= edges.max():
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)], axis=1)
        np.add.at(self._counts[0], edges, 1)
        np.add.at(self._counts[1], edges[~self._calls.take("ok", numbers)], 1)
        return self._form(np.unique(edges))

    def known(self, edges: Numbers) -> Numbers:
        """Of these edges those with a call."""
        edges = edges[edges < self._counts.shape[1]]
        found: Numbers = edges[self._counts[0, edges] > 0]
        return found

    def form(self) -> forms.EdgeMatches:
        """All edges with a call."""
        return self._form(np.flatnonzero(self._counts[0]))

    def _form(self, edges: Numbers) -> forms.EdgeMatches:
        calls, errors = self._counts[:, edges].tolist()
        return forms.EdgeMatches(edge=edges.tolist(), calls=calls, errors=errors)
