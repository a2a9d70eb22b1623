"""Settled calls as columns: one row a call, over the rows of its hops.

Enters: columns of new calls, and amendments. Leaves: call numbers and columns. Always holds: every
row of `Rows` stands in at most one call that is not `gone`; a call keeps its number and its id
through amendments, its `revision` grows. Clocks: `start_ns` is the first hop's server's, `end_ns`
the hub's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from hub.columns.table import Column, Table
from hub.model import LogKey

Numbers = NDArray[np.int64]

COLUMNS: dict[str, Column] = {
    "id_row": (np.int64, ()),  # the row whose id the call bears
    "start_ns": (np.int64, ()),
    "end_ns": (np.int64, ()),
    "duration_ns": (np.int64, ()),
    "status": (np.uint16, ()),
    "ok": (np.bool_, ()),
    "grpc_status": (np.int16, ()),
    "origin": (np.uint8, ()),
    "from_node": (np.int32, ()),
    "to_node": (np.int32, ()),
    "edge": (np.int32, ()),
    "by": (np.uint8, ()),
    "confidence": (np.float32, ()),
    "missing": (np.uint8, ()),
    "reason": (np.uint8, ()),
    "other": (np.int16, ()),  # number of the server that the missing half belongs to; -1: none
    "answered_by_service": (np.bool_, ()),
    "claims": (np.uint8, ()),  # what its headers claim and is not believed: `Claim` bits
    "ignored": (np.bool_, ()),  # it is on a network that is none of the relevant ones
    "bytes_in": (np.int64, ()),
    "bytes_out": (np.int64, ()),
    "hop0": (np.int64, ()),  # rows; -1: none
    "hop1": (np.int64, ()),
    "passed_by": (np.int64, ()),  # row of the proxy's line that passed it on; -1: none
    "low": (np.int64, ()),  # the lowest of its rows
    "revision": (np.uint16, ()),
    "sealed": (np.uint16, ()),  # the revision that history has; 0: none
    "gone": (np.bool_, ()),  # merged into another call
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What totals and rollups count of calls; to take back when the calls are amended."""

    edge: Numbers
    end_ns: Numbers
    duration_ns: Numbers
    ok: NDArray[np.bool_]
    bytes_in: Numbers
    bytes_out: Numbers
    spoofed: NDArray[np.bool_]
    """Headers claim what they may not."""

    def part(self, mask: NDArray[np.bool_]) -> Counted:
        """Of some of the calls."""
        return Counted(*(getattr(self, name)[mask] for name in self.__slots__))


class Calls:
    """The table of settled calls."""

    def __init__(self) -> None:
        self.table = Table(COLUMNS)

    def add(self, count: int, **values: Any) -> Numbers:
        """Append calls; their numbers."""
        return self.table.append(count, {"revision": 1, "sealed": 0, "gone": False, **values})

    def amend(self, numbers: Numbers, **values: Any) -> None:
        """Replace columns of these calls by later knowledge."""
        for name, value in values.items():
            self.table.put(name, numbers, value)
        self.table.put("revision", numbers, self.table.take("revision", numbers) + 1)

    def counted(self, numbers: Numbers) -> Counted:
        """These calls as they stand now."""
        take = self.table.take
        return Counted(
            take("edge", numbers).astype(np.int64),
            take("end_ns", numbers),
            take("duration_ns", numbers),
            take("ok", numbers),
            take("bytes_in", numbers),
            take("bytes_out", numbers),
            take("claims", numbers) != 0,
        )

    def hops(self, number: int, rows: Table) -> list[int]:
        """The rows of a call, in their order: the caller's side, then each attempt at the
        callee's."""
        first, last = self.table.value("hop0", number), self.table.value("hop1", number)
        attempts = []
        while last >= rows.first and last >= 0:
            attempts.append(last)
            last = rows.value("before", last)
        return [first, *reversed(attempts)]

    def kept(self) -> Numbers:
        """Numbers of all calls that stand."""
        return np.flatnonzero(~self.table["gone"]) + self.table.first

    def unsealed(self) -> Numbers:
        """Numbers of those that stand and that history does not have as they are now."""
        table = self.table
        return np.flatnonzero((table["revision"] > table["sealed"]) & ~table["gone"]) + table.first

    def served(self, cut: int) -> Numbers:
        """Numbers of those that memory answers for: history answers for what it has, where a line
        is below row `cut`."""
        table = self.table
        standing = ~table["gone"]
        if cut:
            standing &= (table["low"] >= cut) | (table["revision"] > table["sealed"])
        return np.flatnonzero(standing) + table.first

    def superseded(self) -> Numbers:
        """Numbers of those that history has in an earlier revision, or that are gone since."""
        table = self.table
        changed = (table["revision"] > table["sealed"]) | table["gone"]
        return np.flatnonzero((table["sealed"] > 0) & changed) + table.first


def call_id(start_ns: int, log: LogKey, offset: int) -> str:
    """The id of the call that this line stands in: sorts by time, and leads to it after a restart.

    19 digits of nanoseconds, then 8 hexadecimal digits of the log's identity and the line's offset.
    """
    return f"{start_ns:019d}-{log_checksum(log):08x}-{offset:x}"


def log_checksum(log: LogKey) -> int:
    """A log's part in a call id."""
    return crc32(f"{log.server}/{log.proxy}/".encode() + log.fingerprint)


def parse_call_id(text: str) -> tuple[int, int, int]:
    """Start, checksum of the log, and offset. Raises `ValueError` where the text is no id."""
    start, log, offset = text.split("-")
    if len(start) != 19 or len(log) != 8:
        raise ValueError(text)
    return int(start), int(log, 16), int(offset, 16)


def column(value: object, count: int) -> Numbers:
    """A value of all rows as a column, or the column that it is."""
    return np.broadcast_to(np.asarray(value, np.int64), (count,))
