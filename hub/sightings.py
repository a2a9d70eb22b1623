"""When calls were seen on each edge, noted in columns until somebody asks.

Enters: edge numbers and end times, hundreds at once. Leaves: for each edge that was seen since the
last `take`, the first and the last of these times. Noting costs some 10 ns a call.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_NEVER = (1 << 63) - 1
"""The first sighting of an edge that was not seen since."""


class Sightings:
    """First and last end of a call, by edge number."""

    def __init__(self) -> None:
        self._first = np.full(64, _NEVER)
        self._last = np.full(64, -_NEVER)
        self._any = False

    def make_room(self, edges: int) -> None:
        """Edges below this number may be seen."""
        while len(self._first) < edges:
            self._first = np.concatenate([self._first, np.full_like(self._first, _NEVER)])
            self._last = np.concatenate([self._last, np.full_like(self._last, -_NEVER)])

    def add(self, edges: Ints, end_ns: Ints) -> None:
        """Calls on these edges ended at these times."""
        np.minimum.at(self._first, edges, end_ns)
        np.maximum.at(self._last, edges, end_ns)
        self._any = True

    def take(self) -> Iterator[tuple[int, int, int]]:
        """Edge, first and last time of each that was seen since the last call of this."""
        if not self._any:
            return iter(())
        seen = np.flatnonzero(self._first != _NEVER)
        first, last = self._first[seen].tolist(), self._last[seen].tolist()
        self._first[seen], self._last[seen], self._any = _NEVER, -_NEVER, False
        return zip(seen.tolist(), first, last, strict=True)
