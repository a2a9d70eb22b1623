"""How far each server's stream is complete, in completion time of the server's own clock.

Enters: watermarks of logs and of servers as a whole. Leaves: the time up to which a server has no
more lines to send. Never runs backwards for a log. What an agent said holds after it left: only
"nothing more will come" ends with it, since another one may go on with the same log.
"""

from __future__ import annotations

from collections import defaultdict

NOTHING_MORE = (1 << 63) - 1
"""The watermark of a server whose logs are all complete."""


class Watermarks:
    """The newest watermark of every log and server."""

    def __init__(self) -> None:
        self._logs: dict[str, dict[object, int]] = defaultdict(dict)
        self._complete: dict[str, set[object]] = defaultdict(set)
        self._whole: dict[str, int] = {}

    def advance(self, server: str, log: object | None, watermark_ns: int, complete: bool) -> None:
        """A log (None: every log of the server) is complete up to this time."""
        if log is None:
            self._whole[server] = max(self._whole.get(server, 0), watermark_ns)
            return
        known = self._logs[server]
        known[log] = max(known.get(log, 0), watermark_ns)
        if complete:
            self._complete[server].add(log)

    def forget(self, server: str) -> None:
        """The server's agent left: its logs are no longer waited for, nor known to be through."""
        self._complete.pop(server, None)
        logs = self._logs.pop(server, {})
        slowest = min(logs.values(), default=0)
        self._whole[server] = max(self._whole.get(server, 0), slowest)

    def of(self, server: str) -> int:
        """Complete up to here; 0: unknown."""
        logs, complete = self._logs.get(server, {}), self._complete.get(server, set())
        whole = self._whole.get(server, 0)
        if logs and logs.keys() <= complete:
            return NOTHING_MORE
        slowest = min((mark for log, mark in logs.items() if log not in complete), default=0)
        return max(slowest, whole)
