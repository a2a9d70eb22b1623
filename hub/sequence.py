"""Which requests of a proxy have no line, by Traefik's own count of requests.

Enters: request numbers and start times, as lines arrive (completion order). Leaves: how many are
outstanding (begun, not logged: a long request, a WebSocket, or a line on its way) and missing
(their process ended without a line). `RequestCount` numbers the starts of one Traefik process from
1 without gaps, so a number that comes back with a later start belongs to a new process, and what
was outstanding then is missing. Requests before the first one seen are not judged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_OUTSTANDING = 100_000
"""Numbers remembered of one proxy; more at once are counted as missing."""


class Sequence:
    """The request numbers of one proxy."""

    def __init__(self) -> None:
        self.missing = 0
        self._newest = 0
        self._newest_start_ns = 0
        self._outstanding: set[int] = set()

    @property
    def outstanding(self) -> int:
        """Requests that began and have no line yet."""
        return len(self._outstanding)

    def add(self, numbers: NDArray[np.uint64], start_ns: NDArray[np.int64]) -> None:
        """Lines of one log arrived; 0 means that a line has no number."""
        for number, start in zip(numbers.tolist(), start_ns.tolist(), strict=True):
            if number:
                self._add(number, start)

    def _add(self, number: int, start_ns: int) -> None:
        if number < self._newest and start_ns > self._newest_start_ns:
            self._new_process()
        if not self._newest:
            self._newest, self._newest_start_ns = number, start_ns
        elif number > self._newest:
            self._outstanding.update(range(self._newest + 1, number))
            self._newest, self._newest_start_ns = number, start_ns
            self._bound()
        else:
            self._outstanding.discard(number)

    def _new_process(self) -> None:
        self.missing += len(self._outstanding)
        self._outstanding.clear()
        self._newest = self._newest_start_ns = 0

    def _bound(self) -> None:
        while len(self._outstanding) > MAX_OUTSTANDING:
            self._outstanding.remove(min(self._outstanding))
            self.missing += 1
