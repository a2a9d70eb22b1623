"""Lines that are not through when history is sealed: those that wait for their other half, and
those that an id may still join to a late one.

Enters: the core. Leaves: bytes, and after a restart their rows in the core again, with the calls
that they stand in: those are sealed, counted and listed already. At most the halves that wait and
`MAX_LATE_HALVES`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import COLUMNS, Numbers
from hub.columns.rows import NUMBERS
from hub.columns.wire import STRINGS
from hub.enums import HalfState
from hub.history.columns import compressed, decompressed, pack, unpack
from hub.settle.pipeline import Pipeline

ROW_COLUMNS = (*NUMBERS, "log", "offset", "seq", "seen_ns", "half", "sealed")
OF_ROWS = ("id_row", "hop0", "hop1", "low")
CALL_COLUMNS = tuple(name for name in COLUMNS if name not in ("gone", *OF_ROWS))


class Carry(msgspec.Struct, frozen=True):
    """Rows and calls in columns, the strings by themselves."""

    rows: bytes
    calls: bytes
    strings: dict[str, list[str]]


def take(pipeline: Pipeline) -> bytes:
    """The lines to carry, as they stand once everything that is settled is sealed."""
    settling = pipeline.settling
    table, calls = settling.rows.table, settling.calls.table
    half = table["half"]
    unfinished = (half == HalfState.WAITING) | (half == HalfState.REMEMBERED) | (table["call"] < 0)
    numbers = np.flatnonzero(unfinished) + table.first
    owners = settling.calls_of(numbers)
    standing = owners >= 0
    columns = {name: table.take(name, numbers) for name in ROW_COLUMNS}
    columns["sealed"] = standing
    columns["owner"] = np.where(standing, np.cumsum(standing) - 1, -1)
    strings: dict[str, list[str]] = {}
    for name in STRINGS:
        used, codes = np.unique(table.take(name, numbers), return_inverse=True)
        columns[name] = codes.astype(np.int32)
        strings[name] = [settling.rows.strings[name].values[code] for code in used.tolist()]
    own = owners[standing]
    of_calls = {name: calls.take(name, own) for name in CALL_COLUMNS}
    of_calls["sealed"] = of_calls["revision"]
    return compressed(msgspec.msgpack.encode(Carry(pack(columns), pack(of_calls), strings)))


def restore(pipeline: Pipeline, body: bytes, end: int) -> None:
    """Give the core its rows back, before any other; `end` is the number of the next new row."""
    carry = msgspec.msgpack.decode(decompressed(body), type=Carry)
    columns, calls = unpack(carry.rows), unpack(carry.calls)
    settling = pipeline.settling
    owner = columns.pop("owner")
    for name in STRINGS:
        codes = settling.rows.strings[name].codes(carry.strings[name])
        columns[name] = codes[columns[name]] if len(codes) else columns[name]
    rows = _append(pipeline, columns, end)
    bearers = rows[owner >= 0]
    values: dict[str, NDArray[Any]] = dict(calls)
    values |= {"id_row": bearers, "hop0": bearers, "low": bearers}
    values["hop1"] = np.full(len(bearers), -1, np.int64)
    waits: Any = columns["half"] == HalfState.WAITING
    pipeline.carried(rows, waits, owner, values)


def _append(pipeline: Pipeline, columns: dict[str, NDArray[Any]], end: int) -> Numbers:
    count = len(columns["offset"])
    pipeline.settling.rows.table.begin_at(end - count)
    pipeline.restored = end
    return pipeline.settling.rows.restore(count, columns)
