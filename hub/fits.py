"""Whether a caller's and a callee's half can be the two halves of one call.

Enters: pairs of rows, as two columns. Leaves: masks over the pairs. Never by client port, span id
or equal status.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.defaults import ASSUMED_GAP_MS, NESTING_TOLERANCE_MS
from hub.enums import HalfState
from hub.halves import Halves, has_id
from hub.ids import Candidates

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Ids = NDArray[np.uint64]
"""Of 16 bytes each, shape (n, 2)."""

GAP_NS = ASSUMED_GAP_MS * 1_000_000
TOLERANCE_NS = NESTING_TOLERANCE_MS * 1_000_000


class Fits:
    """Questions about pairs of halves."""

    def __init__(self, halves: Halves) -> None:
        self._halves = halves

    def same_hop(self, pairs: Candidates) -> Mask:
        """The same hop id on two servers."""
        callers, callees = pairs
        same: Mask = _equal(self._halves.hop(callers), self._halves.hop(callees))
        differ = self._halves.server(callers) != self._halves.server(callees)
        same &= differ & self._unpaired(pairs)
        return same

    def same_trace(self, pairs: Candidates, skews: Numbers) -> Mask:
        """The same trace, between the same servers, not far from each other in time."""
        callers, callees = pairs
        fits: Mask = (
            _equal(self._halves.trace(callers), self._halves.trace(callees))
            & self._between_the_same(pairs)
            & _agree(self._halves.hop(callers), self._halves.hop(callees))
            & self.nested(pairs, skews, GAP_NS)
        )
        return fits

    def same_address(self, pairs: Candidates, skews: Numbers, claims: bool) -> Mask:
        """The same servers, method, path and time; with `claims` the forwarded address, too."""
        callers, callees = pairs
        halves = self._halves
        fits = (
            self._between_the_same(pairs)
            & _agree(halves.hop(callers), halves.hop(callees))
            & _agree(halves.trace(callers), halves.trace(callees))
            & self.nested(pairs, skews, TOLERANCE_NS)
        )
        if claims:
            fits &= halves.client(callers) == halves.client(callees)
        chosen = np.flatnonzero(fits)
        fits[chosen] = halves.path_ends_with(callers[chosen], callees[chosen])
        return fits

    def is_certain(self, pairs: Candidates, skews: Numbers) -> Mask:
        """Nothing that comes later could fit one of the two better."""
        return ~self._halves.unreached(pairs[0]) & self.nested(pairs, skews, TOLERANCE_NS)

    def nested(self, pairs: Candidates, skews: Numbers, tolerance_ns: int) -> Mask:
        """The callee's interval lies within the caller's, or sticks out a little."""
        before, after = self._margins(pairs, skews)
        return (before >= -tolerance_ns) & (after >= -tolerance_ns)

    def gap_ns(self, pairs: Candidates, skews: Numbers) -> Numbers:
        """How loosely the callee's interval sits in the caller's: the network's part in the
        call."""
        before, after = self._margins(pairs, skews)
        return np.abs(before) + np.abs(after)

    def _margins(self, pairs: Candidates, skews: Numbers) -> tuple[Numbers, Numbers]:
        """From the caller's start to the callee's, and from the callee's end to the caller's."""
        callers, callees = pairs
        halves = self._halves
        before = halves.start_ns(callees, skews) - halves.start_ns(callers, skews)
        after = halves.end_ns(callers, skews) - halves.end_ns(callees, skews)
        return before, after

    def _between_the_same(self, pairs: Candidates) -> Mask:
        callers, callees = pairs
        halves = self._halves
        calling, called = halves.server(callers), halves.server(callees)
        to, by = halves.other(callers), halves.other(callees)
        fits: Mask = (
            (calling != called)
            & ((to == called) | (to < 0))
            & ((by == calling) | (by < 0))
            & (halves.take("method", callers) == halves.take("method", callees))
            & self._unpaired(pairs)
        )
        return fits

    def _unpaired(self, pairs: Candidates) -> Mask:
        states = self._halves.state(pairs[0]), self._halves.state(pairs[1])
        unpaired: Mask = (states[0] != HalfState.JOINED) & (states[1] != HalfState.JOINED)
        return unpaired


def _equal(ones: Ids, others: Ids) -> Mask:
    equal: Mask = (ones[:, 0] == others[:, 0]) & (ones[:, 1] == others[:, 1])
    return equal


def _agree(ones: Ids, others: Ids) -> Mask:
    """An id that both have and that differs says: not the same call."""
    return _equal(ones, others) | ~has_id(ones) | ~has_id(others)
