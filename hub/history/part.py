"""A row group of sealed calls, in the columns of the core: so filters are tried as they are there.

Enters: a file's row group. Leaves: `calls.table` and `rows.table` with `take`, strings by code, and
the graph and the logs of the core. A column is read when somebody asks for it. Calls are numbered
from 0; the first hop of call n is row n, its second one row n + count.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hub.enums import JoinKey, Missing, Origin
from hub.history.schema import COLUMNS, ID, IDS, NUMBERS, SAME, TEXT, TEXTS, TWINS
from hub.order import Keys
from hub.pipeline import Pipeline

Column = NDArray[Any]
Numbers = NDArray[np.int64]

_WORDS: dict[str, tuple[str, Any]] = {
    "origin": ("origin", Origin),
    "by": ("join_by", JoinKey),
    "missing": ("missing", Missing),
}
"""Columns of calls that are words in a file: there, and as an enum."""


class Lazy:
    """Columns that are read once, when they are asked for."""

    first = 0

    def __init__(self, read: Callable[[str], Column]) -> None:
        self._read = read
        self._columns: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._read(name)
        return column

    def take(self, name: str, numbers: NDArray[np.integer]) -> Column:
        """The values of the rows of these numbers."""
        column: Column = self[name][numbers]
        return column


class Stored:
    """One row group of a file."""

    def __init__(self, file: pq.ParquetFile, group: int) -> None:
        self._file = file
        self._group = group
        self._meta = file.metadata.row_group(group)
        self._places = {name: place for place, name in enumerate(file.schema_arrow.names)}
        self.count: int = self._meta.num_rows

    def arrow(self, *names: str) -> pa.Table:
        """Columns, read; one that the file lacks is null."""
        there = [name for name in names if name in self._places]
        table = self._file.read_row_group(self._group, columns=there, use_threads=False)
        for name in names:
            if name not in self._places:
                table = table.append_column(name, pa.nulls(self.count, COLUMNS[name]))
        return table.select(list(names)) if len(there) < len(names) else table

    def constant(self, name: str) -> tuple[Any] | None:
        """The one value of all calls, where the statistics say that there is only one."""
        if name not in self._places:
            return (None,)
        meta = self._meta.column(self._places[name])
        if not meta.is_stats_set:
            return None
        told = meta.statistics
        if told.null_count == self.count:
            return (None,)
        if told.null_count or not told.has_min_max or COLUMNS[name] in (ID, pa.float32()):
            return None
        return (told.min,) if told.min == told.max else None


class Loose:
    """Calls that are in no file yet."""

    def __init__(self, calls: pa.Table) -> None:
        self._calls = calls
        self.count: int = calls.num_rows

    def arrow(self, *names: str) -> pa.Table:
        """Columns."""
        return self._calls.select(list(names))

    def constant(self, name: str) -> tuple[Any] | None:
        """The one value of all calls, where that is known: that there is none."""
        return (None,) if self._calls[name].null_count == self.count else None


class Part:
    """Sealed calls, or calls as they would be sealed."""

    def __init__(self, pipeline: Pipeline, source: Stored | Loose) -> None:
        self.graph = pipeline.graph
        self.rates: NDArray[np.float64] = np.zeros(0)
        """Of edges now, requests/s."""
        self.rollup = SimpleNamespace(rates=lambda: self.rates)
        self.ledger = pipeline.ledger
        self.logs = pipeline.settling.logs
        self.settling = self
        self.arrow = source.arrow
        self._constant = source.constant
        self.count = source.count
        self.calls = SimpleNamespace(table=Lazy(self._of_calls))
        self._strings: dict[str, SimpleNamespace] = {}
        self._numbers: dict[str, Column] = {}
        self._texts: dict[str, tuple[list[Any], Column]] = {}
        self.rows = SimpleNamespace(table=Lazy(self._of_rows), strings=_Strings(self), epoch=0)

    def numbers(self, name: str) -> Column:
        """A column of numbers of the file, 0 where it is null."""
        known = self._numbers.get(name)
        if known is None and (one := self._constant(name)):
            kind = COLUMNS[name].to_pandas_dtype()
            known = self._numbers[name] = np.full(self.count, one[0] or 0, kind)
        if known is None:
            column = self.arrow(name).column(0).combine_chunks()
            if column.null_count:
                column = column.fill_null(False if COLUMNS[name] == pa.bool_() else 0)
            known = self._numbers[name] = np.asarray(column.to_numpy(zero_copy_only=False))
        return known

    def texts(self, name: str) -> tuple[list[Any], Column]:
        """A column of strings: its dictionary with null behind it, and codes."""
        known = self._texts.get(name)
        if known is None and (one := self._constant(name)):
            codes = np.full(self.count, one[0] is None, np.int32)
            known = self._texts[name] = [one[0] or "", None], codes
        if known is None:
            column = self.arrow(name).column(0).combine_chunks()
            if not isinstance(column, pa.DictionaryArray):
                column = column.dictionary_encode()
            values = [*column.dictionary.to_pylist(), None]
            codes = column.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
            known = self._texts[name] = values, codes
        return known

    def told(self, name: str, numbers: NDArray[np.integer]) -> list[Any]:
        """A column's values of these calls, as Python's; 0 for a number that is null."""
        kind = COLUMNS[name]
        if name in SAME:
            usual, bit = SAME[name]
            same = self.numbers("hop1_same")[numbers] & bit
            pairs = zip(self._ids_told(name, numbers), self.told(usual, numbers), strict=True)
            return [b if out else a for (a, b), out in zip(pairs, same.tolist(), strict=True)]
        if one := self._constant(name):
            value = 0 if one[0] is None and kind not in (TEXT, ID, pa.string()) else one[0]
            return [value] * len(numbers)
        few = (
            len(numbers) * 8 < self.count and name not in self._numbers.keys() | self._texts.keys()
        )
        if few and kind not in (ID, pa.string()):  # not worth keeping a whole column for
            some = self.arrow(name).column(0).take(pa.array(numbers)).to_pylist()
            return some if kind == TEXT else [0 if value is None else value for value in some]
        if kind == TEXT:
            values, codes = self.texts(name)
            return [values[code] for code in codes[numbers].tolist()]
        if kind in (ID, pa.string()):
            return self._ids_told(name, numbers)
        return self.numbers(name)[numbers].tolist()  # type: ignore[no-any-return]

    def _ids_told(self, name: str, numbers: NDArray[np.integer]) -> list[Any]:
        taken: list[Any] = self.arrow(name).column(0).take(pa.array(numbers)).to_pylist()
        return taken

    def empty(self, name: str) -> bool:
        """Whether no call has it."""
        return self._constant(name) == (None,) and (name not in SAME or self.empty(SAME[name][0]))

    # --- calls

    @cached_property
    def two(self) -> NDArray[np.bool_]:
        """Which calls have a second hop."""
        column = self.arrow("hop1_offset").column(0).combine_chunks()
        return ~np.asarray(column.is_null().to_numpy(zero_copy_only=False), np.bool_)

    @cached_property
    def keys(self) -> Keys:
        """Of all calls."""
        late = self.numbers("id_hop") == 1
        keys = Keys(
            self.numbers("start_ns").copy(), self._sums(0), self.numbers("hop0_offset").copy()
        )
        if late.any():
            keys.start_ns[late] = self.numbers("hop1_start_ns")[late]
            keys.log[late] = self._sums(1)[late]
            keys.offset[late] = self.numbers("hop1_offset")[late]
        return keys

    def _sums(self, hop: int) -> Numbers:
        values, codes = self.texts(f"hop{hop}_log_sum")
        return np.array([int(value or "0", 16) for value in values], np.int64)[codes]

    def _of_calls(self, name: str) -> Column:
        if name in _WORDS:
            column, enum = _WORDS[name]
            values, codes = self.texts(column)
            known = [enum[value.upper()] if value else 0 for value in values]
            return np.array(known, np.int64)[codes]
        if name in ("from_node", "to_node"):
            values, codes = self.texts(name)
            nodes = [self.graph.find(value) if value else None for value in values]
            return np.array([node.number if node else -1 for node in nodes], np.int64)[codes]
        if name in ("hop0", "id_row"):
            return np.arange(self.count)
        if name == "hop1":
            return np.where(self.two, np.arange(self.count) + self.count, -1)
        if name == "end_ns":
            return self["start_ns"] + self["duration_ns"] - self.numbers("clock_ns")
        if name == "gone":
            return np.zeros(self.count, np.bool_)
        return self.numbers(name)

    def __getitem__(self, name: str) -> Column:
        column: Column = self.calls.table[name]
        return column

    # --- rows

    def _of_rows(self, name: str) -> Column:
        if name == "log":
            return self._logs()
        if name in TEXTS:
            return np.asarray(self.strings(name).codes)
        if name in IDS:
            return np.concatenate([self._ids(f"hop{hop}_{name}") for hop in (0, 1)])
        assert name in NUMBERS or name in TWINS, name
        first = self[name] if name in TWINS else self.numbers(f"hop0_{name}")
        return np.concatenate([first, self.numbers(f"hop1_{name}")])

    def strings(self, name: str) -> SimpleNamespace:
        """The distinct strings of a column of rows, and the rows' codes."""
        known = self._strings.get(name)
        if known is None:
            values: dict[str, int] = {"": 0}
            codes = []
            for hop in (0, 1):
                dictionary, places = self.texts(f"hop{hop}_{name}")
                number = [values.setdefault(value or "", len(values)) for value in dictionary]
                codes.append(np.array(number, np.int64)[places])
            known = SimpleNamespace(values=list(values), codes=np.concatenate(codes))
            self._strings[name] = known
        return known

    def _ids(self, name: str) -> NDArray[np.uint64]:
        """16 bytes as two numbers; 0 where there is none."""
        if self.empty(name):
            return np.zeros((self.count, 2), np.uint64)
        if name in SAME:
            usual, bit = SAME[name]
            same = self.numbers("hop1_same") & bit != 0
            return np.where(same[:, None], self._stored_ids(usual), self._stored_ids(name))
        return self._stored_ids(name)

    def _stored_ids(self, name: str) -> NDArray[np.uint64]:
        column = self.arrow(name).column(0).combine_chunks()
        held = np.frombuffer(column.buffers()[1], "<u8").reshape(-1, 2)
        ids = held[column.offset : column.offset + len(column)].copy()
        ids[np.asarray(column.is_null().to_numpy(zero_copy_only=False))] = 0
        return ids

    def _logs(self) -> Numbers:
        known = {
            (key.server, key.proxy, key.fingerprint.hex()): number
            for number, key in enumerate(account.key for account in self.ledger.accounts)
        }
        result = []
        for hop in (0, 1):
            columns = [self.texts(f"hop{hop}_{name}") for name in ("server", "proxy", "log")]
            words = np.zeros(self.count, np.int64)
            for values, codes in columns:
                words = words * len(values) + codes.astype(np.int64)
            distinct, first, which = np.unique(words, return_index=True, return_inverse=True)
            numbers = np.zeros(len(distinct), np.int64)
            for place, row in enumerate(first.tolist()):
                key = tuple(values[codes[row]] for values, codes in columns)
                numbers[place] = known.get(key, 0)
            result.append(numbers[which])
        return np.concatenate(result)


class _Strings:
    """Interners by column, as `Rows.strings`."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __getitem__(self, name: str) -> SimpleNamespace:
        return self._part.strings(name)
