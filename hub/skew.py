"""Each server's clock minus the hub's, from clock probes.

Enters: measured offsets with their uncertainty (half the round trip). Leaves: one estimate per
server: the probe with the smallest uncertainty among the last few, which a queue on the way has
disturbed least (as NTP's clock filter does).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW = 8
"""Probes looked at: 40 s at one each 5 s, so that a drifting clock is followed."""


@dataclass(frozen=True, slots=True)
class Offset:
    """A server's clock minus the hub's, in ns, and how far it can be off."""

    skew_ns: int
    uncertainty_ns: int


class Skews:
    """The newest estimate of every server."""

    def __init__(self) -> None:
        self._probes: dict[str, deque[Offset]] = {}

    def measured(self, server: str, skew_ns: int, uncertainty_ns: int) -> None:
        """A probe came back."""
        probes = self._probes.setdefault(server, deque(maxlen=WINDOW))
        probes.append(Offset(skew_ns, uncertainty_ns))

    def estimate(self, server: str) -> Offset | None:
        """The best of the last probes; None: never measured."""
        probes = self._probes.get(server)
        return min(probes, key=lambda probe: probe.uncertainty_ns) if probes else None

    def ns(self, server: str) -> int:
        """The estimate, 0 where nothing is known."""
        offset = self.estimate(server)
        return offset.skew_ns if offset else 0
