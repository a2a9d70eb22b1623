"""Wrong tokens by address: who tried too often must wait.

Enters: addresses and the time in s. Leaves: how long to wait. An IPv6 address stands for its /64:
that is what one subscriber has. Bounded: the address that failed longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import ip_address, ip_network


class Attempts:
    """Failures within the window, `limit` per address."""

    def __init__(self, limit: int, window_s: float, max_addresses: int) -> None:
        self._limit = limit
        self._window_s = window_s
        self._max_addresses = max_addresses
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """How long this address must wait before it may try; 0: it may."""
        failures = self._failures.get(_group(address))
        if failures is None or len(failures) < self._limit:
            return 0.0
        return max(0.0, failures[0] + self._window_s - now_s)

    def failed(self, address: str, now_s: float) -> None:
        """A wrong token."""
        group = _group(address)
        failures = self._failures.setdefault(group, deque(maxlen=self._limit))
        failures.append(now_s)
        self._failures.move_to_end(group)
        if len(self._failures) > self._max_addresses:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """The right one."""
        self._failures.pop(_group(address), None)


def _group(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
