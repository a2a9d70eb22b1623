"""Which requests of a proxy have no line, by Traefik's own count of requests.

Enters: request numbers and start times, as lines arrive (completion order). Leaves: how many are
outstanding (begun, not logged: a long request, a WebSocket, or a line on its way) and missing
(their process ended without a line). `RequestCount` numbers the starts of one Traefik process from
1 without gaps, each once. So a number that comes back with a later start belongs to a new process,
and what was outstanding then is missing. Traefik takes the start's time and the number one after
the other, so two requests at once may have them the other way round: up to `RACE_NS` prove nothing.
Requests before the first one seen, and late lines of a former process, are not judged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_OUTSTANDING = 100_000
"""Numbers remembered of one proxy; more at once are counted as missing."""

RACE_NS = 1_000_000_000
"""How far start times may contradict the numbers: long pauses of a loaded process."""


class Sequence:
    """The request numbers of one proxy."""

    def __init__(self) -> None:
        self.missing = 0
        self._first = 0
        self._newest = 0
        self._newest_start_ns = 0
        self._outstanding: dict[int, None] = {}  # ordered, ascending

    @property
    def outstanding(self) -> int:
        """Requests that began and have no line yet."""
        return len(self._outstanding)

    def add(self, numbers: NDArray[np.uint64], start_ns: NDArray[np.int64]) -> None:
        """Lines of one log arrived; 0 means that a line has no number."""
        if self._add_ordinary(numbers.astype(np.int64), start_ns):
            return
        for number, start in zip(numbers.tolist(), start_ns.tolist(), strict=True):
            if number:
                self._add(number, start)

    def _add_ordinary(self, numbers: NDArray[np.int64], start_ns: NDArray[np.int64]) -> bool:
        """All at once what fits the running process: each number new or outstanding, and once."""
        new = numbers > self._newest
        fresh, late = np.sort(numbers[new]), numbers[~new].tolist()
        if not (self._newest and len(fresh)) or not all(n in self._outstanding for n in late):
            return False
        newest = int(fresh[-1])
        gaps = newest - self._newest - len(fresh)
        once = bool((np.diff(fresh) > 0).all()) and len(set(late)) == len(late)
        in_time = start_ns[new].min() > self._newest_start_ns - RACE_NS
        in_time &= not late or start_ns[~new].max() <= self._newest_start_ns + RACE_NS
        if not (once and in_time) or gaps + len(self._outstanding) > MAX_OUTSTANDING:
            return False
        for number in late:
            del self._outstanding[number]
        if gaps:
            begun = np.setdiff1d(np.arange(self._newest + 1, newest), fresh, assume_unique=True)
            self._outstanding.update(dict.fromkeys(begun.tolist()))
        self._newest = newest
        self._newest_start_ns = max(int(start_ns[new].max()), self._newest_start_ns)
        return True

    def _add(self, number: int, start_ns: int) -> None:
        if self._is_of_a_new_process(number, start_ns):
            self.missing += len(self._outstanding)
            self._outstanding.clear()
            self._newest = 0
        if not self._newest:
            self._first = self._newest = number
            self._newest_start_ns = start_ns
        elif number <= self._newest:
            self._outstanding.pop(number, None)
        elif start_ns > self._newest_start_ns - RACE_NS:
            self._begin(range(self._newest + 1, number))
            self._newest, self._newest_start_ns = number, max(start_ns, self._newest_start_ns)

    def _is_of_a_new_process(self, number: int, start_ns: int) -> bool:
        if number > self._newest or start_ns <= self._newest_start_ns:
            return False
        had_its_line = number >= self._first and number not in self._outstanding
        return had_its_line or start_ns > self._newest_start_ns + RACE_NS

    def _begin(self, numbers: range) -> None:
        """These began before one that has its line."""
        kept = numbers[-MAX_OUTSTANDING:]
        self.missing += kept.start - numbers.start
        self._outstanding.update(dict.fromkeys(kept))
        while len(self._outstanding) > MAX_OUTSTANDING:
            del self._outstanding[next(iter(self._outstanding))]
            self.missing += 1
