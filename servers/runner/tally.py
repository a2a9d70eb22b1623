"""Counts what the traffic sent. Enters: acts and their outcomes. Leaves: a plain dictionary.

What always holds: sent = answered + failed + under way, for each kind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from servers.runner.acts import Act


@dataclass(slots=True)
class Kind:
    """One kind of act."""

    sent: int = 0
    failed: int = 0
    """Without an answer: the connection broke or took too long."""
    statuses: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Tally:
    kinds: defaultdict[str, Kind] = field(default_factory=lambda: defaultdict(Kind))
    proxies: Counter[str] = field(default_factory=Counter)
    """Answered requests by `server/proxy`: lines that its log has from the traffic itself."""
    expected: Counter[str] = field(default_factory=Counter)
    """The same by the origin that the line must get."""

    def sent(self, act: Act) -> None:
        self.kinds[act.kind].sent += 1

    def answered(self, act: Act, status: int) -> None:
        self.kinds[act.kind].statuses[status] += 1
        self.proxies[act.proxy] += 1
        self.expected[act.expect] += 1

    def failed(self, act: Act) -> None:
        self.kinds[act.kind].failed += 1

    def summary(self) -> dict[str, Any]:
        kinds = {
            name: {
                "sent": kind.sent,
                "failed": kind.failed,
                "statuses": {str(status): n for status, n in sorted(kind.statuses.items())},
            }
            for name, kind in sorted(self.kinds.items())
        }
        return {
            "sent": sum(kind.sent for kind in self.kinds.values()),
            "failed": sum(kind.failed for kind in self.kinds.values()),
            "kinds": kinds,
            "lines_by_proxy": dict(sorted(self.proxies.items())),
            "lines_by_origin": dict(sorted(self.expected.items())),
        }
