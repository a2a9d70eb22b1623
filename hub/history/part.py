"""A row group of sealed calls, in the columns of the core: so filters are tried as they are there.

Enters: a file's row group. Leaves: `calls.table` and `rows.table` with `take`, strings by code, and
the graph and the logs of the core. A column is read when somebody asks for it. Calls are numbered
from 0; the first hop of call n is row n, its second one row n + count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from weakref import proxy

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hub.columns.calls import log_checksum
from hub.enums import JoinKey, Missing, Origin
from hub.history.schema import COLUMNS, ID, IDS, NUMBERS, SAME, TEXT, TEXTS, TWINS
from hub.history.sources import Lazy, Loose, Stored, picked
from hub.query.order import Keys
from hub.settle.pipeline import Pipeline

Column = NDArray[Any]
Numbers = NDArray[np.int64]

_WORDS: dict[str, tuple[str, Any]] = {
    "origin": ("origin", Origin),
    "by": ("join_by", JoinKey),
    "missing": ("missing", Missing),
}
"""Columns of calls that are words in a file: there, and as an enum."""


class Part:
    """Sealed calls, or calls as they would be sealed."""

    def __init__(self, pipeline: Pipeline, source: Stored | Loose) -> None:
        self.graph = pipeline.graph
        self.rates: NDArray[np.float64] = np.zeros(0)
        """Of edges now, requests/s."""
        self.ledger = pipeline.ledger
        self.logs = pipeline.settling.logs
        self._pipeline, self._source = pipeline, source
        self.arrow = source.arrow
        self._constant = source.constant
        self.count = source.count
        self.calls = SimpleNamespace(table=Lazy(self._of_calls))
        self._strings: dict[str, SimpleNamespace] = {}
        self._numbers: dict[str, Column] = {}
        self._coded: dict[str, tuple[pa.Array, Column]] = {}
        self._texts: dict[str, tuple[list[Any], Column]] = {}
        self.rows = SimpleNamespace(
            table=Lazy(self._of_rows), strings=_Strings(proxy(self)), epoch=0
        )

    @property
    def settling(self) -> Part:
        """As of the core: itself."""
        return self

    @property
    def rollup(self) -> SimpleNamespace:
        """As of the core, for rates."""
        rates = self.rates
        return SimpleNamespace(rates=lambda: rates)

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

    def only(self, numbers: NDArray[np.integer], wanted: Collection[str] = COLUMNS.keys()) -> Part:
        """These calls by themselves, with these columns."""
        keys = [account.key for account in self.ledger.accounts]
        places = {
            f"{log_checksum(key):08x}": (key.server, key.proxy, key.fingerprint.hex())
            for key in keys
        }
        return Part(self._pipeline, picked(self._source, numbers, places, wanted))

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Part:
        """The calls of all of these, one behind the other."""
        tables = [part.arrow(*COLUMNS) for part in parts]
        whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
        return cls(parts[0]._pipeline, Loose(whole))

    def coded(self, name: str) -> tuple[pa.Array, Column]:
        """A column of strings: its dictionary, and codes; -1 is null."""
        known = self._coded.get(name)
        if known is None and (one := self._constant(name)):
            codes = np.full(self.count, -1 if one[0] is None else 0, np.int32)
            known = self._coded[name] = pa.array([one[0] or ""]), codes
        if known is None:
            column = self.arrow(name).column(0).combine_chunks()
            if not isinstance(column, pa.DictionaryArray):
                column = column.dictionary_encode()
            codes = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)
            known = self._coded[name] = column.dictionary, codes
        return known

    def texts(self, name: str) -> tuple[list[Any], Column]:
        """A column of few distinct strings: these with null behind them, and codes."""
        known = self._texts.get(name)
        if known is None:
            dictionary, codes = self.coded(name)
            values = [*dictionary.to_pylist(), None]
            known = self._texts[name] = values, np.where(codes < 0, len(values) - 1, codes)
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
        there: NDArray[np.bool_] = self.coded("hop1_log_sum")[1] >= 0
        return there

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
        """The strings of a column of rows, each made when it is asked for, and the rows' codes."""
        known = self._strings.get(name)
        if known is None:
            (first, codes), (second, others) = (self.coded(f"hop{hop}_{name}") for hop in (0, 1))
            places = [codes + 1, np.where(others < 0, 0, others + 1 + len(first))]
            known = SimpleNamespace(values=_Values((first, second)), codes=np.concatenate(places))
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
            f"{log_checksum(account.key):08x}": number
            for number, account in enumerate(self.ledger.accounts)
        }
        result = []
        for hop in (0, 1):
            sums, codes = self.texts(f"hop{hop}_log_sum")
            result.append(np.array([known.get(sum, 0) for sum in sums], np.int64)[codes])
        return np.concatenate(result)


class _Values:
    """Strings by code: 0 is "", then one dictionary behind the other."""

    def __init__(self, dictionaries: tuple[pa.Array, pa.Array]) -> None:
        self._first, self._second = dictionaries

    def __getitem__(self, code: int) -> str:
        if not code:
            return ""
        place = code - 1 - len(self._first)
        value = self._second[place] if place >= 0 else self._first[code - 1]
        text: str = value.as_py()
        return text


class _Strings:
    """Interners by column, as `Rows.strings`."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __getitem__(self, name: str) -> SimpleNamespace:
        return self._part.strings(name)
