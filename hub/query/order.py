"""The order of calls: by their ids, whose parts are start, log and offset.

Enters: ids as columns. Leaves: which are the newest, and which lie behind a cursor. An id never
changes, so neither does the order, whatever comes, is amended, sealed or restarted meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import parse_call_id
from hub.query.filters import BadFilter

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Key = tuple[int, int, int]
"""Start in ns, checksum of the log, offset."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Ids in columns."""

    start_ns: Numbers
    log: Numbers
    offset: Numbers

    def __len__(self) -> int:
        return len(self.start_ns)

    def at(self, chosen: Mask | NDArray[np.integer]) -> Keys:
        """Some of these."""
        return Keys(self.start_ns[chosen], self.log[chosen], self.offset[chosen])

    def key(self, place: int) -> Key:
        """One of these."""
        return int(self.start_ns[place]), int(self.log[place]), int(self.offset[place])

    def before(self, key: Key) -> Mask:
        """Which are older than this one."""
        start_ns, log, offset = key
        tied = self.start_ns == start_ns
        older: Mask = self.start_ns < start_ns
        if tied.any():
            older |= tied & ((self.log < log) | ((self.log == log) & (self.offset < offset)))
        return older

    def newest(self, limit: int) -> NDArray[np.int64]:
        """Places of the newest, newest first, at most `limit`."""
        places = np.arange(len(self))
        if len(self) > limit:  # only the newest need to be in order
            newest = np.argpartition(self.start_ns, len(self) - limit)[-limit:]
            places = np.flatnonzero(self.start_ns >= self.start_ns[newest].min())
        keys = self.at(places)
        return places[np.lexsort((keys.offset, keys.log, keys.start_ns))[::-1][:limit]]


def joined(parts: Sequence[Keys]) -> Keys:
    """The ids of all of these, one behind the other."""
    return Keys(
        np.concatenate([part.start_ns for part in parts]),
        np.concatenate([part.log for part in parts]),
        np.concatenate([part.offset for part in parts]),
    )


def id_of(key: Key) -> str:
    """As `hub.calls.call_id`."""
    start_ns, log, offset = key
    return f"{start_ns:019d}-{log:08x}-{offset:x}"


def position(cursor: str) -> Key:
    """Where a cursor stands. Raises `BadFilter`."""
    try:
        return parse_call_id(cursor)
    except ValueError:
        raise BadFilter(f'cursor = "{cursor[:100]}": must be next_cursor of an answer') from None
