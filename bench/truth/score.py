"""How right an answer is, against the truth.

Enters: `Truth`, `Lines`, `Answer`. Leaves: `Score`. A pair is right where both of its lines are of
one request, the caller's first. A caller is judged by the call that a request's last written line
stands in, a callee by that of the first one, an origin by that of every line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.truth.answer import Answer
from bench.truth.lines import Lines
from bench.truth.scenario import Key, Kind
from bench.truth.truth import NOT_JUDGED, Fan, Mask, Numbers, Truth
from hub.enums import Reason

RIVALS = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 1_000))


@dataclass(frozen=True)
class Ratio:
    """So many of so many."""

    right: int
    of: int

    @property
    def share(self) -> float:
        """1 where there was nothing to get wrong."""
        return self.right / self.of if self.of else 1.0


@dataclass(frozen=True)
class Pairs:
    """Pairs of a part of the requests."""

    precision: Ratio
    recall: Ratio


@dataclass(frozen=True)
class Score:
    """All of a run."""

    lines: int
    requests: int
    pairs: Pairs
    tellable: Pairs
    """Without the requests whose pair nobody could tell for sure; see `limits`."""
    callers: Ratio
    callees: Ratio
    origins: Ratio
    missing: Ratio
    """Half-seen calls that name the missing half."""
    reasons: Ratio
    """Half-seen calls, direct ones included, that say why."""
    forced: int
    """Pairs with a line whose other half was never written."""
    forced_with_ids: int
    """Of them, those whose caller's half has an id."""
    edges_off: float
    """Calls that are counted on a wrong edge, as a share of all."""
    lines_off: int
    """Lines that do not stand in exactly one call."""
    by_key: dict[str, Pairs]
    by_rivals: dict[str, Pairs]
    by_trace: dict[str, Pairs]
    by_parent: dict[str, Pairs]
    origins_by_kind: dict[str, Ratio]


def score(truth: Truth, lines: Lines, answer: Answer, ambiguous: Mask | None = None) -> Score:
    """Compare."""
    tellable = ~ambiguous if ambiguous is not None else np.ones(len(truth), bool)
    line_call, copies = _calls_of_lines(lines, answer)
    first_line, last_line = _lines_of_requests(truth, lines)
    judged = last_line >= 0
    last_call = np.where(judged, line_call[last_line], -1)
    first_call = np.where(judged, line_call[first_line], -1)
    two = answer.second >= 0
    right = _right(lines, answer)
    request = lines.call[answer.first]
    lone = np.zeros(len(truth), bool)
    lone[lines.call] = ~truth.paired[lines.call]
    half_seen = judged & lone & ((truth.second.server >= 0) | (truth.reason != Reason.NONE))
    forced = two & (lone[request] | lone[lines.call[answer.second]])

    def ratio(good: Mask, among: Mask) -> Ratio:
        return Ratio(int(np.sum(good & among)), int(np.sum(among)))

    def told(column: Numbers, wanted: Numbers) -> Ratio:
        good = (first_call >= 0) & (column[first_call] == wanted)
        return ratio(good, half_seen & (wanted != NOT_JUDGED))

    def pairs(of: Mask) -> Pairs:
        """Of a part of the requests; a predicted pair belongs to its caller's half's."""
        found = two & of[request]
        good = int(np.sum(right & found))
        return Pairs(Ratio(good, int(np.sum(found))), Ratio(good, int(np.sum(of & truth.paired))))

    origin_good = (line_call >= 0) & (answer.origin[line_call] == truth.origin[lines.call])
    return Score(
        len(lines),
        len(truth),
        pairs(np.ones(len(truth), bool)),
        pairs(tellable),
        ratio((last_call >= 0) & (answer.caller[last_call] == truth.caller), judged),
        ratio((first_call >= 0) & (answer.callee[first_call] == truth.callee), judged),
        Ratio(int(np.sum(origin_good)), len(lines)),
        told(answer.missing, truth.missing),
        told(answer.reason, truth.reason),
        int(np.sum(forced)),
        int(np.sum(forced & (truth.key[request] <= Key.TRACE))),
        _edges_off(truth, judged, answer),
        int(np.sum(copies != 1)),
        {key.name.lower(): pairs(truth.key == key) for key in Key},
        {
            (f"{low}" if low == high else f"{low}-{high}"): pairs(
                (truth.rivals >= low) & (truth.rivals <= high)
            )
            for low, high in RIVALS
        },
        {
            "alone": pairs(truth.fan == Fan.ALONE),
            "in turn": pairs(truth.fan == Fan.IN_TURN),
            "at once": pairs(truth.fan == Fan.AT_ONCE),
        },
        {
            "none": pairs(truth.parent < 0),
            "told by ids": pairs(truth.parent >= 0),
        },
        {
            kind.name.lower(): ratio(origin_good, truth.kind[lines.call] == kind)
            for kind in Kind
            if (truth.kind == kind).any()
        },
    )


def _calls_of_lines(lines: Lines, answer: Answer) -> tuple[Numbers, Numbers]:
    """The call that each line stands in (-1: none), and in how many it does."""
    call, copies = np.full(len(lines), -1), np.zeros(len(lines), np.int64)
    numbers = np.arange(len(answer.first))
    two = answer.second >= 0
    for column, which in ((answer.first, numbers), (answer.second[two], numbers[two])):
        call[column] = which
        np.add.at(copies, column, 1)
    return call, copies


def _lines_of_requests(truth: Truth, lines: Lines) -> tuple[Numbers, Numbers]:
    """First and last written line of each request; -1: none was."""
    first, last = np.full(len(truth), -1), np.full(len(truth), -1)
    number = np.arange(len(lines))
    for second in (False, True):
        mine = lines.second == second
        last[lines.call[mine]] = number[mine]
    for second in (True, False):
        mine = lines.second == second
        first[lines.call[mine]] = number[mine]
    return first, last


def _right(lines: Lines, answer: Answer) -> Mask:
    same = lines.call[answer.first] == lines.call[answer.second]
    ordered = ~lines.second[answer.first] & lines.second[answer.second]
    good: Mask = (answer.second >= 0) & same & ordered
    return good


def _edges_off(truth: Truth, judged: Mask, answer: Answer) -> float:
    def counts(caller: Numbers, callee: Numbers, origin: Numbers) -> dict[int, int]:
        keys = (caller.astype(np.int64) << 34) + (callee.astype(np.int64) << 4) + origin
        distinct, times = np.unique(keys, return_counts=True)
        return dict(zip(distinct.tolist(), times.tolist(), strict=True))

    wanted = counts(truth.caller[judged], truth.callee[judged], truth.origin[judged])
    found = counts(answer.caller, answer.callee, answer.origin)
    off = sum(abs(wanted.get(key, 0) - found.get(key, 0)) for key in wanted.keys() | found.keys())
    return off / 2 / max(int(np.sum(judged)), 1)
