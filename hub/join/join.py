"""Joins the two halves of a cross-server call: the caller's proxy's line and the callee's.

Enters: halves, in any order, and the progress of both servers. Leaves: pairs, and the halves that
waited long enough. Best key first: hop id, trace id, forwarded address, then address and time.
Always holds: a half is in at most one pair; what waits is bounded in time by `expire`, what is
remembered for late halves by count and age.

A hop id is certain at once. A trace can fan out to the same path several times, be retried, or meet
a callee that was never reached; an address join always can be ambiguous. So those wait until they
are complete: nothing more can come that would fit better. Then those are taken whose delays are the
most usual between the two servers (`delays`), and a half that is complete before its likely partner
is waits for that one. Only a lone pair of one trace that nests tightly is taken at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.columns.words import mixed
from hub.enums import HalfState, JoinKey
from hub.join import fits
from hub.join.best import Standing, choose, stands_out
from hub.join.delays import Delays, Judgement
from hub.join.half_view import HalfView
from hub.join.halves import Halves, has_id
from hub.join.ids import Candidates, Ids
from hub.join.near import Places, near_pairs
from hub.join.progress import CALLEE_MARGIN_NS, Moment, margin_ns
from hub.join.remembered import Remembered

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

NONE: Numbers = np.zeros(0, np.int64)
USUAL = 4.0
"""`Judgement.unusual` of nine in ten calls is less."""

ODD = 12.0
"""That of one in some ten thousand is more."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Halves that are joined, as columns."""

    callers: Numbers
    callees: Numbers
    by: JoinKey
    confidence: NDArray[np.float64]


class Join:
    """All halves that wait or are remembered."""

    def __init__(self, halves: Halves, delays: Delays) -> None:
        self.waiting: Numbers = NONE
        """Rows, in the order of their commit."""
        self.ids = Ids()
        """Those of all halves that wait or are remembered."""
        self._halves = halves
        self._delays = delays
        self._late = Remembered(halves)
        self._held: Numbers = NONE
        """Complete, but a partner that may be theirs is not."""

    # --- in and out

    def add(self, rows: Numbers, waits: Mask, moment: Moment) -> list[Pairs]:
        """Take halves in, of which some wait and the others are only remembered; the pairs that
        are certain at once."""
        halves = HalfView(self._halves, rows, moment.skews)
        states = np.where(waits, HalfState.WAITING, _state_alone(halves))
        self._halves.put_state(rows, states)
        self._late.count += int((states == HalfState.REMEMBERED).sum())
        self.waiting = np.concatenate([self.waiting, rows[waits]])
        callers, callees = self._views(self.ids.add_hops(halves), moment)
        pairs = self._certain(callers, callees, fits.same_hop(callers, callees), JoinKey.HOP_ID)
        pairs += self._by_trace(self.ids.add_traces(halves.at(halves.unpaired)), moment)
        self._remember(rows[~waits], moment)
        return pairs

    def complete(self, moment: Moment, due_ns: int) -> list[Pairs]:
        """Pair what was ambiguous and what only addresses can join, where nothing more can come, or
        may be waited for no longer: it was seen before `due_ns`."""
        self._held = NONE
        waiting = HalfView(self._halves, self.waiting, moment.skews)
        soon = _standing(waiting, moment, due_ns).soon
        if not soon.any():
            return []
        pairs = self._best_of_traces(waiting.at(soon), moment, due_ns)
        may = np.flatnonzero(waiting.by_address & _timed(waiting, moment))
        halves, soon = waiting.at(may), soon[may]
        for claims, by in ((True, JoinKey.FORWARDED), (False, JoinKey.ADDRESS)):
            pairs += self._best_near(halves, soon, claims, by, moment, due_ns)
        return pairs

    def expire(self, moment: Moment, due_ns: int) -> Numbers:
        """Halves that waited long enough, but for those whose likely partner `complete` found still
        waiting; their ids are remembered."""
        waiting = HalfView(self._halves, self.waiting, moment.skews)
        standing = _standing(waiting, moment, due_ns)
        over = standing.ready
        if len(self._held):
            over &= standing.due | ~np.isin(self.waiting, self._held)
        rows, self.waiting = self.waiting[over], self.waiting[~over]
        if len(rows):
            states = _state_alone(waiting.at(over))
            self._halves.put_state(rows, states)
            self._late.count += int((states == HalfState.REMEMBERED).sum())
            self._remember(rows, moment)
        return rows

    def discard(self, rows: Numbers, moment: Moment) -> None:
        """Forget the halves of these rows, where they have some."""
        states = self._halves.state(rows)
        there = (states == HalfState.WAITING) | (states == HalfState.REMEMBERED)
        self._take_out(HalfView(self._halves, rows[there], moment.skews), HalfState.NONE)

    def forget(self, now_ns: int, first_row: int, moment: Moment) -> None:
        """Let go of remembered halves that are too old, or whose row is."""
        self._let_go(self._late.too_old(now_ns, first_row), moment)

    def remembered(self) -> int:
        """How many settled halves are remembered."""
        return self._late.count

    # --- certain at once

    def _by_trace(self, candidates: Candidates, moment: Moment) -> list[Pairs]:
        """A lone pair of one trace that nests tightly, or that waits for nothing."""
        if not len(candidates[0]):
            return []
        callers, callees = self._views(candidates, moment)
        fit = fits.same_trace(callers, callees)
        callers, callees = callers.at(fit), callees.at(fit)
        judged = self._delays.judge(callers, callees)
        certain = fits.is_certain(callers, callees, self._halves.texts)
        certain &= ~judged.told | (judged.unusual < USUAL)
        certain |= ~(callers.waits | callees.waits)
        certain &= _once(callers.rows) & _once(callees.rows)
        return self._certain(callers, callees, certain, JoinKey.TRACE)

    def _certain(
        self, callers: HalfView, callees: HalfView, certain: Mask, by: JoinKey
    ) -> list[Pairs]:
        callers, callees = callers.at(certain), callees.at(certain)
        self._delays.learn(callers, callees)
        return self._joined(callers, callees, by, np.ones(len(callers)))

    # --- the best of several

    def _best_of_traces(self, soon: HalfView, moment: Moment, due_ns: int) -> list[Pairs]:
        candidates = self.ids.of_one_trace(soon)
        if not len(candidates[0]):
            return []
        callers, callees = self._views(candidates, moment)
        fit = fits.same_trace(callers, callees)
        callers, callees = callers.at(fit), callees.at(fit)
        rows = np.unique(np.concatenate([callers.rows, callees.rows]))
        halves = HalfView(self._halves, rows, moment.skews)
        places = np.searchsorted(rows, callers.rows), np.searchsorted(rows, callees.rows)
        return self._best(halves, places, JoinKey.TRACE, moment, due_ns)

    def _best_near(
        self,
        halves: HalfView,
        soon: Mask,
        claims: bool,
        by: JoinKey,
        moment: Moment,
        due_ns: int,
    ) -> list[Pairs]:
        """Of halves that addresses can join; with `claims` only those that say for whom."""
        asked = halves.waits & (halves.claim != 0) if claims else halves.waits
        soon = soon & asked
        if not soon.any() or (halves.leads | ~asked).all() or not (halves.leads & asked).any():
            return []
        keys = mixed(halves.key, halves.claim) if claims else halves.key
        asked &= np.isin(keys, keys[soon])
        asked &= halves.start_ns <= halves.end_ns[soon].max() + fits.TOLERANCE_NS
        halves, keys = halves.at(asked), keys[asked]
        one, two = near_pairs(halves, keys)
        if not len(one):
            return []
        fit = fits.same_address(halves.at(one), halves.at(two), self._halves.texts)
        return self._best(halves, (one[fit], two[fit]), by, moment, due_ns)

    def _best(
        self, halves: HalfView, places: Places, by: JoinKey, moment: Moment, due_ns: int
    ) -> list[Pairs]:
        if not len(places[0]):
            return []
        callers, callees = (halves.at(place) for place in places)
        self._delays.explore(callers, callees)
        judged = self._delays.judge(callers, callees)
        if not judged.possible.all():
            likely = judged.possible
            callers, callees = callers.at(likely), callees.at(likely)
            places = places[0][likely], places[1][likely]
            judged = Judgement(judged.unusual[likely], judged.told[likely], likely[likely])
        standing = _standing(halves, moment, due_ns)
        sure = judged.told & (judged.unusual < USUAL)
        telling = judged.told
        if not telling.all():
            telling = telling | stands_out(*places, judged.unusual, len(halves))
        trace = by is JoinKey.TRACE
        choice = choose(*places, judged.unusual, standing, telling, sure, exchange=trace)
        self._held = np.concatenate([self._held, halves.rows[choice.held]])
        taken, rivals = choice.taken, choice.rivals
        odd = judged.told[taken] & (judged.unusual[taken] > ODD)
        odd &= ~(callers.cut_off[taken] | callees.cut_off[taken])
        if odd.any():
            odd[odd] = _strangers(callers.at(taken[odd]), callees.at(taken[odd]), moment)
            apart = np.concatenate([callers.rows[taken[odd]], callees.rows[taken[odd]]])
            self._held = np.concatenate([self._held, apart])  # the lines may come yet
            taken, rivals = taken[~odd], rivals[~odd]
        callers, callees = callers.at(taken), callees.at(taken)
        lone = rivals == 1
        if trace:
            confidence = np.where(lone, 1.0, 0.99)
        else:
            confidence = np.where(lone, 0.99, np.round(0.99 / rivals, 2))
        right = lone | telling[taken]
        self._delays.learn(callers.at(right), callees.at(right))
        return self._joined(callers, callees, by, confidence)

    # --- states

    def _views(self, candidates: Candidates, moment: Moment) -> tuple[HalfView, HalfView]:
        """Pairs of rows that differ in their roles, the callers first."""
        one, two = (HalfView(self._halves, rows, moment.skews) for rows in candidates)
        differ = one.leads != two.leads
        callers = np.where(one.leads, one.rows, two.rows)[differ]
        callees = np.where(one.leads, two.rows, one.rows)[differ]
        return (
            HalfView(self._halves, callers, moment.skews),
            HalfView(self._halves, callees, moment.skews),
        )

    def _joined(
        self,
        callers: HalfView,
        callees: HalfView,
        by: JoinKey,
        confidence: NDArray[np.float64],
    ) -> list[Pairs]:
        if not len(callers):
            return []
        rows = np.concatenate([callers.rows, callees.rows])
        halves = HalfView(self._halves, rows, callers.skews)
        self._take_out(halves, HalfState.JOINED, met_by_hop=by is JoinKey.HOP_ID)
        return [Pairs(callers.rows, callees.rows, by, confidence)]

    def _take_out(self, halves: HalfView, state: HalfState, *, met_by_hop: bool = False) -> None:
        """They are neither waited for nor remembered any more."""
        before = self._halves.state(halves.rows)
        self._late.count -= int((before == HalfState.REMEMBERED).sum())
        self._halves.put_state(halves.rows, state)
        self.ids.remove(halves, met_by_hop=met_by_hop)
        if (before == HalfState.WAITING).any():
            self.waiting = self.waiting[self._halves.state(self.waiting) == HalfState.WAITING]

    def _remember(self, rows: Numbers, moment: Moment) -> None:
        self._let_go(self._late.add(rows), moment)

    def _let_go(self, rows: Numbers, moment: Moment) -> None:
        """Forget those of these that are remembered still."""
        if len(rows):
            rows = rows[self._halves.state(rows) == HalfState.REMEMBERED]
            self._take_out(HalfView(self._halves, rows, moment.skews), HalfState.NONE)


def _standing(halves: HalfView, moment: Moment, due_ns: int) -> Standing:
    marks, ends = moment.marks_for(halves.server, halves.other), halves.end_ns
    due = halves.seen_ns <= due_ns
    ready = due | (marks > ends + margin_ns(halves.leads))
    return Standing(halves.waits, ready, due, ready | (marks > ends + CALLEE_MARGIN_NS))


def _timed(halves: HalfView, moment: Moment) -> Mask:
    """Whose times can be compared with the other server's: both clocks were measured."""
    timed: Mask = moment.measured[halves.server] & moment.measured[halves.other]
    return timed


def _state_alone(halves: HalfView) -> NDArray[np.int64]:
    """What becomes of halves that do not wait: an id may join them; without one they are none."""
    findable = has_id(halves.hop) | has_id(halves.trace)
    return np.where(findable, HalfState.REMEMBERED, HalfState.NONE)


def _strangers(callers: HalfView, callees: HalfView, moment: Moment) -> Mask:
    """Which of these odd pairs are none: either server lacks a line that the other's half may
    belong to, so each of the two is rather the rest of a call whose other line was lost."""
    strangers = moment.lacking(callees.server, callers.start_ns + moment.skews[callees.server])
    strangers &= moment.lacking(callers.server, callees.start_ns + moment.skews[callers.server])
    return strangers


def _once(rows: Numbers) -> Mask:
    """Which of these occur once."""
    _, where, counts = np.unique(rows, return_inverse=True, return_counts=True)
    once: Mask = counts[where] == 1
    return once
