"""Joins the two halves of a cross-server call: the caller's proxy's line and the callee's.

Enters: halves, in any order, and the progress of both servers. Leaves: pairs, and the halves that
waited long enough. Best key first: hop id, trace id, forwarded address, then address and time.
Always holds: a half is in at most one pair; what waits is bounded in time by `expire`, what is
remembered for late halves by count and age.

A hop id is certain at once. A trace can fan out to the same path several times, be retried, or meet
a callee that was never reached; an address join always can be ambiguous. So those wait until they
are complete: nothing more can come that would fit better. Then the best nested ones are taken, and
a half that is complete before its likely partner is waits for that one. Only a lone pair of one
trace that nests tightly is taken at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.best import Standing, choose
from hub.defaults import LATE_HALF_S, MAX_LATE_HALVES
from hub.enums import HalfState, JoinKey
from hub.fits import TOLERANCE_NS, Fits
from hub.halves import Halves, has_id
from hub.ids import Candidates, Ids
from hub.near import near_pairs
from hub.progress import Moment

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

NONE: Numbers = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Halves that are joined, as columns."""

    callers: Numbers
    callees: Numbers
    by: JoinKey
    confidence: NDArray[np.float64]


class Join:
    """All halves that wait or are remembered."""

    def __init__(self, halves: Halves) -> None:
        self.waiting: Numbers = NONE
        """Rows, in the order of their commit."""
        self._halves = halves
        self._fits = Fits(halves)
        self.ids = Ids(halves)
        """Those of all halves that wait or are remembered."""
        self._late: Numbers = NONE
        """Rows that settled alone, the longest remembered first; some of them were joined since."""
        self._late_count = 0
        self._first_row = 0
        self._held: Numbers = NONE
        """Complete, but a partner that may be theirs is not."""

    # --- in and out

    def add(self, rows: Numbers, waits: Mask, moment: Moment) -> list[Pairs]:
        """Take halves in, of which some wait and the others are only remembered; the pairs that
        are certain at once."""
        self.waiting = np.concatenate([self.waiting, rows[waits]])
        self._halves.put_state(rows[waits], HalfState.WAITING)
        self._put_remembered(rows[~waits])
        hops = self.ids.add_hops(rows)
        pairs = self._certain(hops, self._fits.same_hop(hops), JoinKey.HOP_ID)
        traces = self.ids.add_traces(rows[self._halves.state(rows) != HalfState.JOINED])
        if len(traces[0]):
            traces = _of(traces, self._fits.same_trace(traces, moment.skews))
            lone = _once(traces[0]) & _once(traces[1])
            settled = ~self._waits(traces[0]) & ~self._waits(traces[1])
            certain = self._fits.is_certain(traces, moment.skews) | settled
            pairs += self._certain(traces, lone & certain, JoinKey.TRACE)
        self._remember(rows[~waits])
        return pairs

    def complete(self, moment: Moment, due_ns: int) -> list[Pairs]:
        """Pair what was ambiguous and what only addresses can join, where nothing more can come, or
        may be waited for no longer: it was seen before `due_ns`."""
        self._held = NONE
        ready = self.waiting[self._is_ready(self.waiting, moment, due_ns)]
        if not len(ready):
            return []
        traces = self.ids.of_one_trace(ready)
        traces = _of(traces, self._fits.same_trace(traces, moment.skews))
        pairs = self._best(traces, JoinKey.TRACE, moment, due_ns)
        for claims, by in ((True, JoinKey.FORWARDED), (False, JoinKey.ADDRESS)):
            near = self._near(ready, moment, claims)
            near = _of(near, self._fits.same_address(near, moment.skews, claims))
            pairs += self._best(near, by, moment, due_ns)
        return pairs

    def expire(self, moment: Moment, due_ns: int) -> Numbers:
        """Halves that waited long enough, but for those whose likely partner `complete` found still
        waiting; their ids are remembered."""
        over = self._is_ready(self.waiting, moment, due_ns)
        over &= ~np.isin(self.waiting, self._held)
        rows, self.waiting = self.waiting[over], self.waiting[~over]
        self._put_remembered(rows)
        self._remember(rows)
        return rows

    def discard(self, rows: Numbers) -> None:
        """Forget the halves of these rows, where they have some."""
        states = self._halves.state(rows)
        there = rows[(states == HalfState.WAITING) | (states == HalfState.REMEMBERED)]
        self._take_out(there, HalfState.NONE)

    def forget(self, now_ns: int, first_row: int) -> None:
        """Let go of remembered halves that are too old, or whose row is."""
        if first_row > self._first_row:
            self._first_row = first_row
            gone = self._late < first_row
            self._let_go(self._late[gone])
            self._late = self._late[~gone]
        oldest_ns = now_ns - LATE_HALF_S * 1_000_000_000
        if len(self._late) and self._seen_ns(self._late[:1])[0] <= oldest_ns:
            old = self._seen_ns(self._late) <= oldest_ns
            self._let_go(self._late[old])
            self._late = self._late[~old]

    def remembered(self) -> int:
        """How many settled halves are remembered."""
        return self._late_count

    # --- the best of several

    def _best(self, pairs: Candidates, by: JoinKey, moment: Moment, due_ns: int) -> list[Pairs]:
        callers, callees = pairs
        if not len(callers):
            return []
        rows = np.unique(np.concatenate(pairs))
        standing = Standing(
            rows,
            self._waits(rows),
            self._is_ready(rows, moment, due_ns),
            self._seen_ns(rows) <= due_ns,
        )
        choice = choose(callers, callees, self._fits.gap_ns(pairs, moment.skews), standing)
        self._held = np.concatenate([self._held, choice.held])
        if by is JoinKey.TRACE:
            confidence = np.where(choice.rivals == 1, 1.0, 0.99)
        else:
            confidence = np.where(choice.rivals == 1, 0.99, np.round(0.99 / choice.rivals, 2))
        return self._joined((callers[choice.taken], callees[choice.taken]), by, confidence)

    def _near(self, ready: Numbers, moment: Moment, claims: bool) -> Candidates:
        """Waiting halves that only their addresses can join, begun before the last ready one
        ended."""
        ready = ready[self._waits(ready) & self._by_address(ready)]
        if not len(ready):
            return NONE, NONE
        until_ns = self._halves.end_ns(ready, moment.skews).max() + TOLERANCE_NS
        rows = self.waiting[self._by_address(self.waiting)]
        rows = rows[self._halves.start_ns(rows, moment.skews) <= until_ns]
        return near_pairs(self._halves, rows, ready, moment.skews, claims)

    def _is_ready(self, rows: Numbers, moment: Moment, due_ns: int) -> Mask:
        """Nothing more can come that would fit better, or it may wait no longer."""
        halves = self._halves
        ready: Mask = self._seen_ns(rows) <= due_ns
        open_ = np.flatnonzero(~ready)
        rest = rows[open_]
        ready[open_] = moment.passed(
            halves.server(rest),
            halves.other(rest),
            halves.end_ns(rest, moment.skews),
            halves.is_caller(rest),
        )
        return ready

    # --- states

    def _certain(self, pairs: Candidates, certain: Mask, by: JoinKey) -> list[Pairs]:
        pairs = _of(pairs, certain)
        return self._joined(pairs, by, np.ones(len(pairs[0])))

    def _joined(
        self, pairs: Candidates, by: JoinKey, confidence: NDArray[np.float64]
    ) -> list[Pairs]:
        if not len(pairs[0]):
            return []
        self._take_out(np.concatenate(pairs), HalfState.JOINED)
        return [Pairs(*pairs, by, confidence)]

    def _take_out(self, rows: Numbers, state: HalfState) -> None:
        """They are neither waited for nor remembered any more."""
        before = self._halves.state(rows)
        self._late_count -= int((before == HalfState.REMEMBERED).sum())
        self._halves.put_state(rows, state)
        self.ids.remove(rows)
        if (before == HalfState.WAITING).any():
            self.waiting = self.waiting[self._waits(self.waiting)]

    def _put_remembered(self, rows: Numbers) -> None:
        """An id may join them; without one they are halves no longer."""
        findable = has_id(self._halves.hop(rows)) | has_id(self._halves.trace(rows))
        self._halves.put_state(rows, np.where(findable, HalfState.REMEMBERED, HalfState.NONE))
        self._late_count += int(findable.sum())

    def _remember(self, rows: Numbers) -> None:
        """Note those that are to be remembered, and let the oldest go where there are too many."""
        rows = rows[self._is_remembered(rows)]
        if not len(rows):
            return
        self._late = np.concatenate([self._late, rows])
        excess = self._late_count - MAX_LATE_HALVES
        if excess > 0 or len(self._late) > 2 * MAX_LATE_HALVES:
            self._late = self._late[self._is_remembered(self._late)]
            excess = max(excess, 0)
            self._let_go(self._late[:excess])
            self._late = self._late[excess:]

    def _let_go(self, rows: Numbers) -> None:
        """Forget those of these that are remembered still."""
        self._take_out(rows[self._is_remembered(rows)], HalfState.NONE)

    def _waits(self, rows: Numbers) -> Mask:
        waits: Mask = self._halves.state(rows) == HalfState.WAITING
        return waits

    def _is_remembered(self, rows: Numbers) -> Mask:
        remembered: Mask = self._halves.state(rows) == HalfState.REMEMBERED
        return remembered

    def _by_address(self, rows: Numbers) -> Mask:
        may: Mask = self._halves.take("by_address", rows)
        return may

    def _seen_ns(self, rows: Numbers) -> Numbers:
        seen_ns: Numbers = self._halves.take("seen_ns", rows)
        return seen_ns


def _of(pairs: Candidates, chosen: Mask) -> Candidates:
    return pairs[0][chosen], pairs[1][chosen]


def _once(rows: Numbers) -> Mask:
    """Which of these occur once."""
    _, where, counts = np.unique(rows, return_inverse=True, return_counts=True)
    once: Mask = counts[where] == 1
    return once
