"""Every retained observation as one row: what the cores and the queries read.

Enters: committed batches. Leaves: row numbers, and columns by row number. Strings are interned over
all batches, so that a code means the same in every row and a pattern is tried once per distinct
string. `call` is the number of the one call that a row stands in; -1 while it waits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.interner import Interner
from hub.model import BatchCommitted
from hub.table import Column, Table
from hub.wire import STRINGS

NUMBERS: dict[str, Column] = {
    "start_ns": (np.int64, ()),
    "duration_ns": (np.int64, ()),
    "upstream_ns": (np.int64, ()),
    "overhead_ns": (np.int64, ()),
    "status": (np.uint16, ()),
    "upstream_status": (np.uint16, ()),
    "bytes_in": (np.int64, ()),
    "bytes_out": (np.int64, ()),
    "request_count": (np.uint64, ()),
    "client_port": (np.uint16, ()),
    "retries": (np.uint16, ()),
    "grpc_status": (np.int16, ()),
    "flags": (np.uint8, ()),
    "trace_id": (np.uint64, (2,)),
    "hop_id": (np.uint64, (2,)),
    "hop_parent": (np.uint64, (2,)),
}
"""Columns that go in as they came in the batch."""

OWN: dict[str, Column] = {
    "log": (np.int32, ()),
    "offset": (np.int64, ()),
    "seq": (np.int64, ()),
    "peer": (np.int32, ()),
    "callee": (np.int32, ()),
    "call": (np.int64, ()),
}
"""Columns of the hub's own: index of the log, absolute offset, journal entry, who called and was
called (numbers of `identity`), and the call."""

LATE_REBUILD = 65_536
"""Interned strings are dropped only where at least this many are no longer used."""


class Rows:
    """The table of observations."""

    def __init__(self) -> None:
        columns = NUMBERS | dict.fromkeys(STRINGS, (np.int32, ())) | OWN
        self.table = Table(columns)
        self.strings = {name: Interner() for name in STRINGS}

    def append(self, batch: BatchCommitted, log: int) -> NDArray[np.int64]:
        """Add a batch of the log of this index; the numbers of its rows."""
        entries = batch.observations
        values: dict[str, object] = {name: getattr(entries, name) for name in NUMBERS}
        for name in STRINGS:
            column = getattr(entries, name)
            values[name] = self.strings[name].codes(column.values)[column.codes]
        values["offset"] = entries.offset.astype(np.int64) + batch.first_offset
        values |= {"log": log, "seq": batch.seq, "peer": 0, "callee": 0, "call": -1}
        return self.table.append(entries.rows, values)

    def text(self, name: str, number: int) -> str:
        """The string of one row."""
        code: int = self.table.value(name, number)
        return self.strings[name].values[code]

    def forget_before(self, number: int) -> bool:
        """Let go of the rows below this number; true where codes were numbered anew."""
        self.table.forget_before(number)
        renumbered = False
        for name, strings in self.strings.items():
            if len(strings) < 2 * LATE_REBUILD:
                continue
            used = np.unique(self.table[name])
            if len(strings) - len(used) >= LATE_REBUILD:
                self.table[name][:] = strings.keep_only(used)[self.table[name]]
                renumbered = True
        return renumbered
