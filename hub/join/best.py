"""The best of several pairs, where a half fits more than one: the closest first, each half once.

Enters: pairs that fit, how close they are, and what is decided about their halves. Leaves: the
pairs to make, and the halves whose likely partner is not decided yet. Pure. In rounds: a pair that
is the closest of both of its halves is taken (or kept open, where more may come that is closer);
all others of its halves fall away. That is the order of a sorted list, without walking it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

CLEAR = 4.0
"""How many times as close a pair has to be as its rivals, where nothing is known of the delays."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the halves of candidates are, by their places."""

    waiting: Mask
    ready: Mask
    """Nothing more can come that fits better, or it may wait no longer."""
    due: Mask
    """It may wait no longer."""
    soon: Mask
    """Nothing more can come that fits better than what fits very well."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of the candidates."""

    taken: Numbers
    """Indices of candidates."""
    rivals: Numbers
    """For each of `taken`: the most candidates that one of its halves was in."""
    held: Mask
    """By place: which wait on although they are ready."""


def choose(
    callers: Numbers,
    callees: Numbers,
    gap: NDArray[np.number],
    standing: Standing,
    telling: Mask | None = None,
    sure: Mask | None = None,
    *,
    exchange: bool = False,
) -> Choice:
    """The closest pairs of these places; no place is a caller's and a callee's.

    `exchange`: but those that are the best together, which costs more.
    `telling`: candidates whose `gap` tells something. Others are taken only where a half has no
    choice, or may wait no longer. `sure`: candidates that fit very well.
    """
    order = np.argsort(gap, kind="stable")
    one, two = callers[order], callees[order]
    size = len(standing.waiting)
    counts = np.bincount(one, minlength=size) + np.bincount(two, minlength=size)
    rivals = np.maximum(counts[one], counts[two])
    settled = ~standing.waiting | standing.ready
    urgent = standing.waiting & standing.due
    decidable = settled[one] & settled[two]
    if telling is not None:
        decidable &= telling[order] | (rivals == 1)
    if sure is not None:
        soon = ~standing.waiting | standing.soon
        decidable |= sure[order] & soon[one] & soon[two]
    decidable |= urgent[one] | urgent[two]
    held = np.zeros(size, np.bool_)
    taken = []
    left = np.arange(len(order))
    while len(left):
        closest = _closest(one[left], two[left], size)
        decided = left[closest & decidable[left]]
        open_ = left[closest & ~decidable[left]]
        taken.append(decided)
        gone = np.zeros(size, np.bool_)
        gone[one[open_]] = gone[two[open_]] = True
        blocked = left[gone[one[left]] | gone[two[left]]]
        held[one[blocked]] = held[two[blocked]] = True
        gone[one[decided]] = gone[two[decided]] = True
        left = left[~(gone[one[left]] | gone[two[left]])]
    chosen = np.concatenate([np.zeros(0, np.int64), *taken])
    if exchange and 1 < len(chosen) < len(order):
        chosen = _exchanged(one, two, gap[order], chosen, size)
    held[one[chosen]] = held[two[chosen]] = False
    held &= standing.waiting & standing.ready & ~standing.due
    return Choice(order[chosen], rivals[chosen], held)


def _exchanged(
    one: Numbers, two: Numbers, gap: NDArray[np.number], chosen: Numbers, size: int
) -> Numbers:
    """The closest pair first is not the best for all: of two pairs whose callees, exchanged, fit
    better together, the exchanged ones."""
    pair_of = np.full(size, -1)
    pair_of[one[chosen]] = pair_of[two[chosen]] = chosen
    across = np.flatnonzero((pair_of[one] >= 0) & (pair_of[two] >= 0))
    across = across[pair_of[one[across]] != pair_of[two[across]]]
    if not len(across):
        return chosen
    # each candidate across two pairs, and the one the other way round
    mine, theirs = pair_of[one[across]], pair_of[two[across]]
    words, back = one[across] * size + two[across], one[theirs] * size + two[mine]
    order = np.argsort(words)
    place = order[np.minimum(np.searchsorted(words[order], back), len(order) - 1)]
    gain = gap[mine] + gap[theirs] - gap[across] - gap[across[place]]
    better = np.flatnonzero((words[place] == back) & (gain > 0))
    changed = np.zeros(len(one), np.bool_)
    into: list[int] = []
    for number in better[np.argsort(-gain[better], kind="stable")].tolist():
        if not changed[[mine[number], theirs[number]]].any():
            changed[[mine[number], theirs[number]]] = True
            into += across[[number, place[number]]].tolist()
    return np.concatenate([chosen[~changed[chosen]], np.array(into, np.int64)])


def stands_out(callers: Numbers, callees: Numbers, gap: NDArray[np.floating], size: int) -> Mask:
    """Which candidates are `CLEAR` times as close as any other one of both of their halves."""
    rival = np.minimum(_second(callers, gap, size)[callers], _second(callees, gap, size)[callees])
    clear: Mask = rival > CLEAR * gap
    return clear


def _second(places: Numbers, gap: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """The second smallest gap of each place; infinite where there is one candidate at the most."""
    order = np.lexsort((gap, places))
    ordered = places[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    again = again[::-1]  # the last assignment stays: the first repetition
    second = np.full(size, np.inf)
    second[ordered[again]] = gap[order][again]
    return second


def _closest(one: Numbers, two: Numbers, size: int) -> Mask:
    """Which pairs are the first, in their order, of both of their halves."""
    every = np.arange(len(one))
    first_of_one, first_of_two = np.zeros(size, np.int64), np.zeros(size, np.int64)
    first_of_one[one[::-1]] = every[::-1]  # the last assignment stays
    first_of_two[two[::-1]] = every[::-1]
    closest: Mask = (first_of_one[one] == every) & (first_of_two[two] == every)
    return closest
