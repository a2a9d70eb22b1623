"""How far the servers' lines are here: what the settling of halves asks for.

Enters: watermarks, clock offsets and the ledger. Leaves: whether a server can still send the other
half of a call, and whether it may have lost it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.account.ledger import Ledger
from hub.account.watermark import NOTHING_MORE, Watermarks
from hub.defaults import CALLEE_MARGIN_MS, CALLER_MARGIN_MS
from hub.identity.federation import Federation
from hub.join.skew import Skews

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

CALLEE_MARGIN_NS = CALLEE_MARGIN_MS * 1_000_000
CALLER_MARGIN_NS = CALLER_MARGIN_MS * 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """All servers as they stand, in columns by number."""

    skews: Numbers
    """Their clocks minus the hub's, ns."""
    measured: Mask
    """Whose clocks were; when a line of the others was written, nobody knows."""
    marks: Numbers
    """Up to when their lines are all here, in the hub's clock; 0: unknown."""
    lacking: Callable[[NDArray[np.integer], Numbers], Mask]
    """`Progress.lines_lacking`."""

    def marks_for(self, servers: NDArray[np.integer], others: NDArray[np.integer]) -> Numbers:
        """For halves of `servers`: up to when the lines of `others` are here (-1: those of all
        other servers). 0 also where their own clock was not measured: nothing compares with it."""
        marks = np.where(others >= 0, self.marks[others], self._of_all_others()[servers])
        return np.where(self.measured[servers], marks, 0)

    def passed(
        self,
        servers: NDArray[np.integer],
        others: NDArray[np.integer],
        end_ns: Numbers,
        leads: Mask,
    ) -> Mask:
        """For halves of `servers`: whether `others` have sent their other halves, if they logged
        them at all (-1: whether all other servers have). `leads`: it is a caller's half."""
        passed: Mask = self.marks_for(servers, others) > end_ns + margin_ns(leads)
        return passed

    def _of_all_others(self) -> Numbers:
        """For each server the lowest mark of the others."""
        if len(self.marks) < 2:
            return np.full(len(self.marks), NOTHING_MORE)
        lowest = int(np.argmin(self.marks))
        others = np.full(len(self.marks), self.marks[lowest])
        others[lowest] = np.delete(self.marks, lowest).min()
        return others


def margin_ns(leads: Mask) -> Numbers:
    """How long after the end of a half the other one may be written: a callee's line comes before
    its caller's, a caller's somewhat later than its callee's."""
    return np.where(leads, CALLEE_MARGIN_NS, CALLER_MARGIN_NS)


class Progress:
    """Of all servers, by number."""

    def __init__(
        self, federation: Federation, watermarks: Watermarks, skews: Skews, ledger: Ledger
    ) -> None:
        self._federation = federation
        self._watermarks = watermarks
        self._skews = skews
        self._ledger = ledger

    def moment(self) -> Moment:
        """As they stand now."""
        servers = self._federation.servers
        skews = [self._skews.ns(record.id) for record in servers]
        marks = [self.watermark_ns(record.number) for record in servers]
        measured = [self._skews.estimate(record.id) is not None for record in servers]
        return Moment(
            np.array(skews, np.int64),
            np.array(measured, np.bool_),
            np.array(marks, np.int64),
            self.lines_lacking,
        )

    def watermark_ns(self, server: int) -> int:
        """Up to when the server's lines are all here, in the hub's clock; 0: unknown."""
        id = self._federation.servers[server].id
        mark, offset = self._watermarks.of(id), self._skews.estimate(id)
        if mark in (0, NOTHING_MORE):
            return mark
        return mark - offset.skew_ns if offset else 0

    def lines_lacking(self, servers: NDArray[np.integer], times: Numbers) -> Mask:
        """Whether requests that began at these times, in these servers' own clocks, may be among
        those whose line is outstanding or missing there; false for server -1."""
        lacking = np.zeros(len(servers), np.bool_)
        for server in np.unique(servers[servers >= 0]).tolist():
            chosen = servers == server
            id = self._federation.servers[server].id
            lacking[chosen] = self._ledger.lacks_at(id, times[chosen])
        return lacking
