"""Each server's clock minus the hub's: from clock probes, and from the calls between servers.

Enters: measured offsets with their uncertainty (half the round trip), and by how much two servers'
clocks differ as their joined calls show. Leaves: one estimate per server. Of the probes the one
with the smallest uncertainty among the last few counts, which a queue on the way has disturbed
least (as NTP's clock filter does). The calls know differences only, but those better: so one offset
per server is solved for, each observation weighed by its variance, and the probes say where the
whole lies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.join.delays import ClockDifferences

WINDOW = 8
"""Probes looked at: 40 s at one each 5 s, so that a drifting clock is followed."""

UNPROBED_NS = 1e9
"""How far a clock that nobody measured may be off."""

MIN_DEVIATION_NS = 10_000.0


@dataclass(frozen=True, slots=True)
class Offset:
    """A server's clock minus the hub's, in ns, and how far it can be off."""

    skew_ns: int
    uncertainty_ns: int


class Skews:
    """The newest estimate of every server."""

    def __init__(self) -> None:
        self._probes: dict[str, deque[Offset]] = {}
        self._estimates: dict[str, Offset] = {}
        self._solved: set[str] = set()

    def measured(self, server: str, skew_ns: int, uncertainty_ns: int) -> None:
        """A probe came back."""
        probes = self._probes.setdefault(server, deque(maxlen=WINDOW))
        probes.append(Offset(skew_ns, uncertainty_ns))
        if server not in self._solved:
            self._estimates[server] = self._probed(server)

    def solve(self, servers: Sequence[str], differences: ClockDifferences) -> None:
        """Servers, by number, and what is known of their clocks' differences."""
        self._solved.clear()
        if not len(differences.first):
            self._estimates = {server: self._probed(server) for server in self._probes}
            return
        probes = [self._probed(server) for server in servers]
        weights = np.array([probe.uncertainty_ns for probe in probes], float) ** -2.0
        matrix = np.diag(weights)
        wanted = weights * [probe.skew_ns for probe in probes]
        one, two = differences.first, differences.second
        weight = np.maximum(differences.deviation_ns, MIN_DEVIATION_NS) ** -2.0
        for first, second, sign in ((one, one, 1), (two, two, 1), (one, two, -1), (two, one, -1)):
            np.add.at(matrix, (first, second), sign * weight)
        np.add.at(wanted, two, weight * differences.difference_ns)
        np.subtract.at(wanted, one, weight * differences.difference_ns)
        variances = np.linalg.inv(matrix)
        offsets = variances @ wanted
        told = set(one.tolist()) | set(two.tolist())
        for number, server in enumerate(servers):
            if number in told:
                self._solved.add(server)
                uncertainty = int(np.sqrt(variances[number, number]))
                self._estimates[server] = Offset(round(offsets[number]), uncertainty)
            elif server in self._probes:
                self._estimates[server] = probes[number]

    def estimate(self, server: str) -> Offset | None:
        """The best that is known; None: nothing."""
        return self._estimates.get(server)

    def ns(self, server: str) -> int:
        """The estimate, 0 where nothing is known."""
        offset = self._estimates.get(server)
        return offset.skew_ns if offset else 0

    def _probed(self, server: str) -> Offset:
        probes = self._probes.get(server)
        if not probes:
            return Offset(0, int(UNPROBED_NS))
        best = min(probes, key=lambda probe: probe.uncertainty_ns)
        return Offset(best.skew_ns, max(best.uncertainty_ns, 1))
