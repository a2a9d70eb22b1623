"""Which waiting halves overlap in time and have the same ends, method and path: candidates without
an id.

Enters: halves and their columns. Leaves: pairs that may fit; `fits` decides. Halves of one key are
sorted by start, and each caller's range in them is found by bisection, so that nothing is compared
with everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.fits import TOLERANCE_NS
from hub.halves import Halves
from hub.ids import Candidates

Numbers = NDArray[np.int64]

MAX_CANDIDATES = 256
"""Callees looked at of one caller, the earliest first: a call that lasts for hours spans any number
of others."""

MICROSECOND = 1_000
TOLERANCE_US = TOLERANCE_NS // MICROSECOND + 1

_FACTORS = tuple(
    np.uint64(factor)
    for factor in (
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x27D4EB2F165667C5,
        0x85EBCA77C2B2AE63,
    )
)


def near_pairs(
    halves: Halves, rows: Numbers, wanted: Numbers, skews: Numbers, claims: bool
) -> Candidates:
    """Pairs among `rows` that overlap in time, of those keys that one of `wanted` has.

    With `claims` only halves that have a client are looked at, and it is part of the key.
    """
    if claims:
        rows = rows[halves.client(rows) != 0]
        wanted = wanted[halves.client(wanted) != 0]
    keys = _keys(halves, rows, claims)
    asked = np.isin(keys, _keys(halves, wanted, claims))
    rows, keys = rows[asked], keys[asked]
    leads = halves.is_caller(rows)
    if leads.all() or not leads.any():
        return rows[:0], rows[:0]
    start = halves.start_ns(rows, skews) // MICROSECOND
    end = halves.end_ns(rows, skews) // MICROSECOND
    span = int(end.max() - start.min()) + 4 * TOLERANCE_US
    base = np.unique(keys, return_inverse=True)[1] * span
    start, end = start - start.min() + TOLERANCE_US, end - start.min() + TOLERANCE_US
    callers, callees = np.flatnonzero(leads), np.flatnonzero(~leads)
    places = base[callees] + start[callees]
    order = np.argsort(places)
    callees, places = callees[order], places[order]
    first = np.searchsorted(places, base[callers] + start[callers] - TOLERANCE_US)
    last = np.searchsorted(places, base[callers] + end[callers] + TOLERANCE_US, side="right")
    counts = np.minimum(last - first, MAX_CANDIDATES)
    begin = np.repeat(first - np.cumsum(counts) + counts, counts)
    picked = begin + np.arange(int(counts.sum()))
    return rows[np.repeat(callers, counts)], rows[callees[picked]]


def _keys(halves: Halves, rows: Numbers, claims: bool) -> NDArray[np.uint64]:
    """What both halves of a call have the same, mixed into one word; `fits` compares the parts."""
    leads = halves.is_caller(rows)
    own, other = halves.server(rows), halves.other(rows)
    parts = [
        np.where(leads, own, other),
        np.where(leads, other, own),
        halves.take("method", rows),
        halves.tail(rows),
    ]
    if claims:
        parts.append(halves.client(rows))
    key = np.zeros(len(rows), np.uint64)
    for part, factor in zip(parts, _FACTORS, strict=False):
        key ^= (part.astype(np.uint64) + np.uint64(1)) * factor
        key ^= key >> np.uint64(29)
    return key
