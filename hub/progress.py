"""How far the servers' lines are here: what the settling of halves asks for.

Enters: watermarks, clock offsets and the ledger. Leaves: whether a server can still send the other
half of a call, and whether it may have lost it.
"""

from __future__ import annotations

from collections.abc import Callable

from hub.defaults import CALLEE_MARGIN_MS, CALLER_MARGIN_MS
from hub.enums import Role
from hub.federation import Federation
from hub.join import Half
from hub.ledger import Ledger
from hub.skew import Skews
from hub.watermark import NOTHING_MORE, Watermarks

MARGIN_NS = {Role.CALLER: CALLEE_MARGIN_MS * 1_000_000, Role.CALLEE: CALLER_MARGIN_MS * 1_000_000}
"""How long after a half's end the other half's line may be written; by the role of the waiting one.
"""


class Progress:
    """Of all servers, by number."""

    def __init__(
        self, federation: Federation, watermarks: Watermarks, skews: Skews, ledger: Ledger
    ) -> None:
        self._federation = federation
        self._watermarks = watermarks
        self._skews = skews
        self._ledger = ledger

    def skew_ns(self, server: int) -> int:
        """The server's clock minus the hub's."""
        return self._skews.ns(self._id(server))

    def watermark_ns(self, server: int) -> int:
        """Up to when the server's lines are all here, in the hub's clock; 0: unknown."""
        mark = self._watermarks.of(self._id(server))
        return mark - self.skew_ns(server) if mark not in (0, NOTHING_MORE) else mark

    def passed(self, server: int, half: Half) -> bool:
        """Whether the server has sent the other half of a call, if it logged it at all."""
        return self.watermark_ns(server) > half.end_ns + MARGIN_NS[half.role]

    def passing(self) -> Callable[[int, Half], bool]:
        """`passed` as of now, for asking of many halves."""
        marks = [self.watermark_ns(record.number) for record in self._federation.servers]
        return lambda server, half: marks[server] > half.end_ns + MARGIN_NS[half.role]

    def lines_lost(self, server: int) -> bool:
        """Whether a line of the server is outstanding or missing."""
        return self._ledger.lost(self._id(server))

    def _id(self, server: int) -> str:
        return self._federation.servers[server].id
