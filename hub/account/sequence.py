"""Which requests of a proxy have no line, by Traefik's own count of requests.

Enters: request numbers and start times, as lines arrive (completion order). Leaves: how many are
outstanding (begun, not logged: a long request, a WebSocket, or a line on its way) and missing
(their process ended without a line). `RequestCount` numbers the starts of one Traefik process from
1 without gaps, each once. So a number that comes back with a later start belongs to a new process,
and what was outstanding then is missing. Traefik takes the start's time and the number one after
the other, so two requests at once may have them the other way round: up to `RACE_NS` prove nothing.
Requests before the first one seen, and late lines of a former process, are not judged.

Lines are put aside and judged in bulk, in their order, when somebody reads or `MAX_ASIDE` wait: a
small batch costs a copy. Bulk or one by one, the result is the same.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_OUTSTANDING = 100_000
"""Numbers remembered of one proxy; more at once are counted as missing."""

RACE_NS = 1_000_000_000
"""How far start times may contradict the numbers: long pauses of a loaded process."""


NEAR_NS = 20_000_000
"""How far a start that the other half tells may be off: a network, and two clocks."""

MAX_LOST = 1_000
"""Missing requests whose time is remembered of one proxy."""

Begun = tuple[int, int]
"""Starts of the requests before and after it, in ns; either may be the earlier one."""

MAX_ASIDE = 4_096
"""Lines put aside: 64 KiB of each proxy."""

FEW = 128
"""So many are judged faster one by one than in columns."""


class State(NamedTuple):
    """A sequence's knowledge, as it is kept."""

    missing: int
    first: int
    newest: int
    newest_start_ns: int
    outstanding: list[tuple[int, int, int]]
    """Number, and starts of the requests before and after it."""
    lost: list[Begun]


class Sequence:
    """The request numbers of one proxy."""

    def __init__(self) -> None:
        self._missing = 0
        self._first = 0
        self._newest = 0
        self._newest_start_ns = 0
        self._outstanding: dict[int, Begun] = {}  # ordered, ascending
        self._lost: deque[Begun] = deque(maxlen=MAX_LOST)
        self._aside: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
        self.rows_aside = 0

    @property
    def missing(self) -> int:
        """Requests whose process ended before their line came."""
        self._judge()
        return self._missing

    @property
    def outstanding(self) -> int:
        """Requests that began and have no line yet."""
        self._judge()
        return len(self._outstanding)

    def state(self) -> State:
        """All that is known, for `restored`."""
        self._judge()
        outstanding = [(number, *begun) for number, begun in self._outstanding.items()]
        counts = (self._missing, self._first, self._newest, self._newest_start_ns)
        return State(*counts, outstanding, list(self._lost))

    @classmethod
    def restored(cls, state: State) -> Sequence:
        """As it was."""
        sequence = cls()
        sequence._missing, sequence._first = state.missing, state.first
        sequence._newest, sequence._newest_start_ns = state.newest, state.newest_start_ns
        sequence._outstanding = {number: (a, b) for number, a, b in state.outstanding}
        sequence._lost.extend(state.lost)
        return sequence

    def lacks_at(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a request that began at these times, in the server's clock, may lack its line:
        one that is outstanding or missing began between its neighbours by number."""
        self._judge()
        begun = [*self._lost, *self._outstanding.values()]
        if not begun:
            return np.zeros(len(times), np.bool_)
        spans = np.sort(np.array(begun, np.int64), axis=1)
        spans = spans[np.argsort(spans[:, 0])] + np.array([-NEAR_NS, NEAR_NS])
        latest = np.append(np.iinfo(np.int64).min, np.maximum.accumulate(spans[:, 1]))
        lacks: NDArray[np.bool_] = (
            latest[np.searchsorted(spans[:, 0], times, side="right")] >= times
        )
        return lacks

    def add(self, numbers: NDArray[np.uint64], start_ns: NDArray[np.int64]) -> None:
        """Lines of one log arrived; 0 means that a line has no number."""
        self._aside.append((numbers.copy(), start_ns.copy()))  # not their whole batch
        self.rows_aside += len(numbers)
        if self.rows_aside >= MAX_ASIDE:
            self._judge()

    def _judge(self) -> None:
        """Take in what was put aside."""
        if self._aside:
            aside, self._aside, self.rows_aside = self._aside, [], 0
            numbers = np.concatenate([numbers for numbers, _ in aside])
            self._add_all(numbers, np.concatenate([start_ns for _, start_ns in aside]))

    def _add_all(self, numbers: NDArray[np.uint64], start_ns: NDArray[np.int64]) -> None:
        if len(numbers) <= FEW:
            self._add_few(numbers.tolist(), start_ns.tolist())
        elif not self._add_ordinary(numbers[numbers > 0].astype(np.int64), start_ns[numbers > 0]):
            half = len(numbers) // 2
            self._add_all(numbers[:half], start_ns[:half])
            self._add_all(numbers[half:], start_ns[half:])

    def _add_ordinary(self, numbers: NDArray[np.int64], start_ns: NDArray[np.int64]) -> bool:
        """All at once what fits the running process: each number new or outstanding, and once."""
        if not len(numbers):
            return True
        newest = max(int(numbers.max()), self._newest)
        span = newest - self._newest
        countable = 0 < self._newest <= newest < 1 << 63 and numbers.min() > 0
        if not countable or span + len(self._outstanding) > MAX_OUTSTANDING:
            return False
        newest_start_ns = self._start_behind(numbers, start_ns)
        new = numbers > self._newest
        late = numbers[~new].tolist()
        came = np.zeros(span, np.bool_)
        came[numbers[new] - self._newest - 1] = True
        starts = np.zeros(span, np.int64)
        starts[numbers[new] - self._newest - 1] = start_ns[new]
        once = np.count_nonzero(came) + len(set(late)) == len(numbers)
        if newest_start_ns is None or not once or not self._outstanding.keys() >= set(late):
            return False
        for number in late:
            del self._outstanding[number]
        gaps, there = np.flatnonzero(~came), np.flatnonzero(came)
        behind = np.searchsorted(there, gaps)  # the newest one came, so there always is a later one
        before = np.append(self._newest_start_ns, starts[there])[behind].tolist()
        after = starts[there[behind]].tolist() if len(gaps) else []
        begun = zip(before, after, strict=True)
        self._outstanding.update(zip((gaps + self._newest + 1).tolist(), begun, strict=True))
        self._newest, self._newest_start_ns = newest, newest_start_ns
        return True

    def _start_behind(self, numbers: NDArray[np.int64], start_ns: NDArray[np.int64]) -> int | None:
        """The newest number's start when all of these are in; None: they are of two processes."""
        newest = np.maximum.accumulate(np.append(self._newest, numbers))[:-1]
        leads = numbers > newest
        starts = np.append(self._newest_start_ns, np.where(leads, start_ns, self._newest_start_ns))
        newest_start = np.maximum.accumulate(starts)
        ahead_ns = start_ns - newest_start[:-1]
        one_process = np.where(leads, ahead_ns > -RACE_NS, ahead_ns <= RACE_NS).all()
        return int(newest_start[-1]) if one_process else None

    def _add_few(self, numbers: list[int], starts_ns: list[int]) -> None:
        """One by one, as `_add` would; what is ordinary without calling it."""
        newest, newest_start_ns, outstanding = (
            self._newest,
            self._newest_start_ns,
            self._outstanding,
        )
        room = newest > 0 and len(outstanding) <= MAX_OUTSTANDING - FEW * FEW
        for number, start_ns in zip(numbers, starts_ns, strict=True):
            ahead_ns = start_ns - newest_start_ns
            if room and newest < number <= newest + FEW and ahead_ns > -RACE_NS:
                for begun in range(newest + 1, number):
                    outstanding[begun] = newest_start_ns, start_ns
                newest = number
                if ahead_ns > 0:
                    newest_start_ns = start_ns
            elif ahead_ns <= RACE_NS and number in outstanding:
                del outstanding[number]
            elif number:
                self._newest, self._newest_start_ns = newest, newest_start_ns
                self._add(number, start_ns)
                newest, newest_start_ns = self._newest, self._newest_start_ns
                room = len(outstanding) <= MAX_OUTSTANDING - FEW * FEW
        self._newest, self._newest_start_ns = newest, newest_start_ns

    def _add(self, number: int, start_ns: int) -> None:
        ahead_ns = start_ns - self._newest_start_ns
        if number > self._newest:
            if not self._newest:
                self._start_over(number, start_ns)
            elif ahead_ns > -RACE_NS:
                if number > self._newest + 1:
                    self._begin(range(self._newest + 1, number), start_ns)
                self._newest = number
                self._newest_start_ns += max(ahead_ns, 0)
        elif ahead_ns > RACE_NS or (ahead_ns > 0 and self._had_its_line(number)):
            self._missing += len(self._outstanding)
            self._lost.extend(self._outstanding.values())
            self._outstanding.clear()
            self._start_over(number, start_ns)
        else:
            self._outstanding.pop(number, None)

    def _start_over(self, number: int, start_ns: int) -> None:
        """The first line of a process."""
        self._first = self._newest = number
        self._newest_start_ns = start_ns

    def _had_its_line(self, number: int) -> bool:
        """So that its coming back means a new process."""
        return number >= self._first and number not in self._outstanding

    def _begin(self, numbers: range, start_ns: int) -> None:
        """These began before one that has its line and began then."""
        kept = numbers[-MAX_OUTSTANDING:]
        self._missing += kept.start - numbers.start
        self._outstanding.update(dict.fromkeys(kept, (self._newest_start_ns, start_ns)))
        while len(self._outstanding) > MAX_OUTSTANDING:
            del self._outstanding[next(iter(self._outstanding))]
            self._missing += 1
