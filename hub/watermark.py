"""How far each server's stream is complete, in completion time of the server's own clock.

Enters: watermarks of logs and of servers as a whole. Leaves: the time up to which a server has no
more lines to send. Never runs backwards for a log.
"""

from __future__ import annotations

from collections import defaultdict

NOTHING_MORE = (1 << 63) - 1
"""The watermark of a log that is complete."""


class Watermarks:
    """The newest watermark of every log and server."""

    def __init__(self) -> None:
        self._logs: dict[str, dict[object, int]] = defaultdict(dict)
        self._whole: dict[str, int] = {}

    def advance(self, server: str, log: object | None, watermark_ns: int, complete: bool) -> None:
        """A log (None: every log of the server) is complete up to this time."""
        if complete:
            watermark_ns = NOTHING_MORE
        if log is None:
            self._whole[server] = max(self._whole.get(server, 0), watermark_ns)
        else:
            known = self._logs[server]
            known[log] = max(known.get(log, 0), watermark_ns)

    def forget(self, server: str) -> None:
        """The server's agent left: what it said holds for what it sent, but no longer for now."""
        self._logs.pop(server, None)
        self._whole.pop(server, None)

    def of(self, server: str) -> int:
        """Complete up to here; 0: unknown."""
        logs = self._logs.get(server)
        slowest = min(logs.values()) if logs else 0
        return max(slowest, self._whole.get(server, 0))
