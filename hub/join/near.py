"""Which halves overlap in time and have the same servers, method and end of the path: candidates
without an id.

Enters: halves. Leaves: places of pairs that may fit; `fits` decides. Halves of one key are sorted
by start, and each caller's range in them is found by bisection, so that nothing is compared with
everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.join.fits import TOLERANCE_NS
from hub.join.half_view import HalfView

Numbers = NDArray[np.int64]
Places = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Of callers' halves, and of callees' halves, pair by pair."""

MAX_CANDIDATES = 256
"""Callees looked at of one caller, the earliest first: a call that lasts for hours spans any number
of others."""

MICROSECOND = 1_000
TOLERANCE_US = TOLERANCE_NS // MICROSECOND + 1


def near_pairs(halves: HalfView, keys: NDArray[np.uint64]) -> Places:
    """Pairs of the same key that overlap in time."""
    callers, callees = np.flatnonzero(halves.leads), np.flatnonzero(~halves.leads)
    if not (len(callers) and len(callees)):
        return callers[:0], callees[:0]
    earliest = int(halves.start_ns.min())
    start = (halves.start_ns - earliest) // MICROSECOND + TOLERANCE_US
    end = (halves.end_ns - earliest) // MICROSECOND + TOLERANCE_US
    base = np.unique(keys, return_inverse=True)[1] * (int(end.max()) + 2 * TOLERANCE_US)
    places = base[callees] + start[callees]
    order = np.argsort(places)
    callees, places = callees[order], places[order]
    first = np.searchsorted(places, base[callers] + start[callers] - TOLERANCE_US)
    last = np.searchsorted(places, base[callers] + end[callers] + TOLERANCE_US, side="right")
    counts = np.minimum(last - first, MAX_CANDIDATES)
    begin = np.repeat(first - np.cumsum(counts) + counts, counts)
    picked = begin + np.arange(int(counts.sum()))
    return np.repeat(callers, counts), callees[picked]
