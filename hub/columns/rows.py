"""Every retained observation as one row: what the cores and the queries read.

Enters: committed batches. Leaves: row numbers, and columns by row number. Strings are interned over
all batches, so that a code means the same in every row and a pattern is tried once per distinct
string. `call` is the number of the one call that a row stands in; -1 while it waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.columns.interner import Interner
from hub.columns.table import Column, Table
from hub.columns.wire import STRINGS
from hub.model import BatchCommitted, Observations

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
    "claims": (np.uint8, ()),
    "call": (np.int64, ()),
    "half": (np.uint8, ()),
    "role": (np.uint8, ()),
    "other": (np.int16, ()),
    "by_address": (np.bool_, ()),
    "key": (np.uint64, ()),
    "claim": (np.uint64, ()),
    "seen_ns": (np.int64, ()),
    "shown_edge": (np.int32, ()),
    "before": (np.int64, ()),
    "sealed": (np.bool_, ()),
}
"""Columns of the hub's own: index of the log, absolute offset, journal entry; who called and was
called (numbers of `identity`), what its headers claim in vain (`Claim` bits); the call, what
`halves` says of a row that may be half of one, the row of the attempt before this one, and whether
history has the row in a call.
"""

_UNKNOWN = {
    "peer": 0,
    "callee": 0,
    "claims": 0,
    "call": -1,
    "half": 0,
    "role": 0,
    "other": -1,
    "by_address": False,
    "key": 0,
    "claim": 0,
    "shown_edge": -1,
    "before": -1,
    "sealed": False,
}

LATE_REBUILD = 65_536
"""Interned strings are dropped only where at least this many are no longer used."""


class Rows:
    """The table of observations."""

    def __init__(self) -> None:
        columns = NUMBERS | dict.fromkeys(STRINGS, (np.int32, ())) | OWN
        self.table = Table(columns)
        self.strings = {name: Interner() for name in STRINGS}
        self.epoch = 0
        """Grows when codes are numbered anew."""

    def append(
        self, batches: Sequence[BatchCommitted], logs: Sequence[int], now_ns: int
    ) -> NDArray[np.int64]:
        """Add batches, each of the log of its number; the numbers of their rows."""
        entries = [batch.observations for batch in batches]
        counts = [entry.rows for entry in entries]
        values: dict[str, object] = {name: [*map(attrgetter(name), entries)] for name in NUMBERS}
        values |= self._codes(entries, counts)
        first = np.repeat(np.array([batch.first_offset for batch in batches], np.int64), counts)
        values["offset"] = first + np.concatenate([entry.offset for entry in entries])
        values["log"] = np.repeat(np.array(logs, np.int32), counts)
        values["seq"] = np.repeat(np.array([batch.seq for batch in batches], np.int64), counts)
        return self.table.append(sum(counts), values | _UNKNOWN | {"seen_ns": now_ns})

    def restore(self, count: int, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Add rows that were here before, strings as codes; their numbers."""
        return self.table.append(count, {**_UNKNOWN, **columns, "half": 0})

    def _codes(
        self, entries: Sequence[Observations], counts: Sequence[int]
    ) -> dict[str, NDArray[np.int32]]:
        """All columns of strings: their dictionaries are looked up one by one, their codes are
        translated at once."""
        known: list[int] = []
        begin: list[int] = []
        codes: list[NDArray[np.uint16]] = []
        for name in STRINGS:
            translate = self.strings[name].translate
            for column in map(attrgetter(name), entries):
                begin.append(len(known))
                known += map(translate, column.values)
                codes.append(column.codes)
        places = np.repeat(np.array(begin), np.tile(counts, len(STRINGS)))
        places += np.concatenate(codes)
        rows = np.array(known, np.int32)[places].reshape(len(STRINGS), -1)
        return dict(zip(STRINGS, rows, strict=True))

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
        self.epoch += renumbered
        return renumbered
