"""Whether a caller's and a callee's half can be the two halves of one call.

Enters: pairs as two views of one length. Leaves: masks over the pairs. Never by client port, span
id or equal status. Pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.defaults import ASSUMED_GAP_MS, NESTING_TOLERANCE_MS
from hub.join.half_view import HalfView
from hub.join.halves import has_id
from hub.join.texts import Texts

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Ids = NDArray[np.uint64]
"""Of 16 bytes each, shape (n, 2)."""

GAP_NS = ASSUMED_GAP_MS * 1_000_000
TOLERANCE_NS = NESTING_TOLERANCE_MS * 1_000_000


def same_hop(caller: HalfView, callee: HalfView) -> Mask:
    """The same hop id on two servers."""
    fits: Mask = _equal(caller.hop, callee.hop)
    fits &= (caller.server != callee.server) & caller.unpaired & callee.unpaired
    return fits


def same_trace(caller: HalfView, callee: HalfView) -> Mask:
    """The same trace and method, between the same servers, not far from each other in time."""
    fits: Mask = _equal(caller.trace, callee.trace)
    fits &= (caller.server != callee.server) & caller.unpaired & callee.unpaired
    fits &= (caller.other == callee.server) | (caller.other < 0)
    fits &= (callee.other == caller.server) | (callee.other < 0)
    fits &= caller.method == callee.method
    fits &= agree(caller.hop, callee.hop)
    fits &= nested(caller, callee, GAP_NS)
    return fits


def same_address(caller: HalfView, callee: HalfView, texts: Texts) -> Mask:
    """Of pairs with the same key: the same time and path, and no id that differs."""
    fits: Mask = caller.unpaired & callee.unpaired
    fits &= nested(caller, callee, TOLERANCE_NS)
    fits &= agree(caller.hop, callee.hop)
    fits &= agree(caller.trace, callee.trace)
    chosen = np.flatnonzero(fits)
    fits[chosen] = texts.ends_with(caller.path[chosen], callee.path[chosen])
    return fits


def is_certain(caller: HalfView, callee: HalfView, texts: Texts) -> Mask:
    """Nothing that comes later is likely to fit one of the two better."""
    reached: Mask = ~caller.unreached & nested(caller, callee, TOLERANCE_NS)
    return reached & texts.ends_with(caller.path, callee.path)


def nested(caller: HalfView, callee: HalfView, tolerance_ns: int) -> Mask:
    """The callee's interval lies within the caller's, or sticks out a little."""
    before, after = margins(caller, callee)
    return (before >= -tolerance_ns) & (after >= -tolerance_ns)


def margins(caller: HalfView, callee: HalfView) -> tuple[Numbers, Numbers]:
    """From the caller's start to the callee's, and from the callee's end to the caller's."""
    return callee.start_ns - caller.start_ns, caller.end_ns - callee.end_ns


def _equal(ones: Ids, others: Ids) -> Mask:
    equal: Mask = (ones[:, 0] == others[:, 0]) & (ones[:, 1] == others[:, 1])
    return equal


def agree(ones: Ids, others: Ids) -> Mask:
    """An id that both have and that differs says: not the same call."""
    return _equal(ones, others) | ~has_id(ones) | ~has_id(others)
