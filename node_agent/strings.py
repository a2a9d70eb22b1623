"""One column of strings as the protocol's dictionary: distinct values, and a code a row.

Values come in portions, as their lines are read. Each distinct value is stored once, and changed
(redacted, shortened) once, when the column is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from struct import pack, unpack

from hopwatch.v1 import ingest_pb2 as pb

NARROW = 256
"""Up to so many values a code takes one byte, else two."""


class Strings:
    """One growing column."""

    __slots__ = ("_codes", "_table")

    def __init__(self) -> None:
        self._table: dict[str, int] = {}
        self._codes = bytearray()
        """Two bytes a row, little-endian."""

    def add(self, values: Sequence[str]) -> int:
        """More rows; the bytes of the values that were not known before, in UTF-8."""
        table, first = self._table, values[0]
        # To compare costs less than to hash, and most columns say one thing.
        distinct = {first} if values.count(first) == len(values) else set(values)
        size = 0
        if not distinct <= table.keys():
            fresh = distinct.difference(table)
            table.update(zip(fresh, count(len(table)), strict=False))
            size = len("".join(fresh).encode())
        if len(distinct) == 1:
            self._codes += pack("<H", table[first]) * len(values)
        else:
            self._codes += pack(f"<{len(values)}H", *map(table.__getitem__, values))
        return size

    def fill(self, message: pb.Dictionary, change: Callable[[str], str] | None) -> None:
        """The whole column; nothing where all of it is "". What `change` makes equal is one."""
        values = list(map(change, self._table)) if change else list(self._table)
        codes = bytes(self._codes)
        if len(final := dict.fromkeys(values)) < len(values):
            code_of = dict(zip(final, count(), strict=False))
            moved = [code_of[value] for value in values]
            rows = len(codes) // 2
            codes = pack(f"<{rows}H", *map(moved.__getitem__, unpack(f"<{rows}H", codes)))
            values = list(final)
        if values != [""]:
            message.values.extend(values)
            message.codes = codes[::2] if len(values) <= NARROW else codes
