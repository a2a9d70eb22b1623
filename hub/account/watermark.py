"""How far each server's stream is complete, in completion time of the server's own clock.

Enters: watermarks of logs and of servers as a whole. Leaves: the time up to which a server has no
more lines to send. Never runs backwards for a log. What an agent said holds after it left: only
"nothing more will come" ends with it, since another one may go on with the same log.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NOTHING_MORE = (1 << 63) - 1
"""The watermark of a server whose logs are all complete."""


class Watermarks:
    """The newest watermark of every log and server."""

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}

    def advance(self, server: str, log: object | None, watermark_ns: int, complete: bool) -> None:
        """A log (None: every log of the server) is complete up to this time."""
        known = self._servers.get(server)
        if known is None:
            known = self._servers[server] = _Server()
        known.advance(log, watermark_ns, complete)

    def forget(self, server: str) -> None:
        """The server's agent left: its logs are no longer waited for, nor known to be through."""
        if server in self._servers:
            self._servers[server] = _Server(self._servers[server].up_to())

    def of(self, server: str) -> int:
        """Complete up to here; 0: unknown."""
        known = self._servers.get(server)
        return known.mark() if known else 0


@dataclass(slots=True)
class _Server:
    """One server's: asked for at every step, so it remembers its answer."""

    whole: int = 0
    """Up to here all its logs are complete."""
    running: dict[object, int] = field(default_factory=dict)
    through: dict[object, int] = field(default_factory=dict)
    """Logs that nothing more will come of."""
    known: int | None = None

    def advance(self, log: object | None, watermark_ns: int, complete: bool) -> None:
        self.known = None
        if log is None:
            self.whole = max(self.whole, watermark_ns)
            return
        logs = self.through if log in self.through else self.running
        logs[log] = max(logs.get(log, 0), watermark_ns)
        if complete and logs is self.running:
            self.through[log] = logs.pop(log)

    def up_to(self) -> int:
        """Where the slowest log is, or the server as a whole."""
        return max(self.whole, min((*self.running.values(), *self.through.values()), default=0))

    def mark(self) -> int:
        if self.known is None:
            slowest = min(self.running.values(), default=0)
            nothing_more = self.through and not self.running
            self.known = NOTHING_MORE if nothing_more else max(slowest, self.whole)
        return self.known
