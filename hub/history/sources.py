"""Where columns of sealed calls come from: a row group of a file, or calls that are in none yet.

Enters: names of columns. Leaves: Arrow tables, read when somebody asks for them; and what is known
of a column without reading it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from weakref import WeakMethod

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hub.history.files import trimmed
from hub.history.schema import COLUMNS, ID, TEXT

Column = NDArray[Any]
Places = Mapping[str, tuple[str, ...]]
LOG = ("hop0_log_sum", "hop1_log_sum")
"""Which hop is of which log; null where there is no such hop."""
PLACED = ("server", "proxy", "log")
"""What is the same in all hops of a log."""


class Lazy:
    """Columns that are read once, when they are asked for, by a method of their owner: who drops
    that gets the memory back at once, not when cycles are looked for."""

    first = 0

    def __init__(self, read: Callable[[str], Column]) -> None:
        self._read = WeakMethod(read)
        self._columns: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        column = self._columns.get(name)
        if column is None:
            read = self._read()
            assert read is not None, "whose columns they are is gone"
            column = self._columns[name] = read(name)
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
        one, nulls = self._only(name)
        return one if nulls in (0, self.count) else None

    def usual(self, name: str) -> tuple[Any] | None:
        """The one value of all calls that have one at all."""
        return self._only(name)[0]

    def _only(self, name: str) -> tuple[tuple[Any] | None, int]:
        """That value, if it is known, and how many calls have none."""
        if name not in self._places:
            return (None,), self.count
        meta = self._meta.column(self._places[name])
        if not meta.is_stats_set:
            return None, 0
        told = meta.statistics
        if told.null_count == self.count:
            return (None,), self.count
        if not told.has_min_max or COLUMNS[name] in (ID, pa.float32()):
            return None, told.null_count
        return (told.min,) if told.min == told.max else None, told.null_count


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


def picked(
    source: Stored | Loose, numbers: NDArray[np.integer], places: Places, wanted: Collection[str]
) -> Loose:
    """These calls with these of their columns, read at once, and null in all others; nothing else
    stays in memory. What can be
    known without is not read: of few calls most columns cost as much as of all. `places`: by the
    sum of a log what the columns `PLACED` say of it."""
    known = {name: one[0] for name in COLUMNS if (one := source.constant(name))}
    if isinstance(source, Stored):
        second = {name: source.usual(name) for name in COLUMNS if name.startswith("hop1_")}
        known |= {name: one[0] for name, one in second.items() if one and name != LOG[1]}
    known |= {name: None for name in COLUMNS if name not in wanted}
    placed = [f"hop{hop}_{name}" for hop in (0, 1) for name in PLACED]
    apart = {*known, *placed} - {*LOG}
    chosen = pa.array(numbers)
    read = trimmed(source.arrow(*(name for name in COLUMNS if name not in apart)).take(chosen))
    columns = {name: read[name].combine_chunks() for name in read.column_names}
    two = np.asarray(columns[LOG[1]].is_valid())
    if not all(
        sum in places for name in LOG for sum in columns[name].dictionary.to_pylist()
    ):  # a log that the hub does not know any more
        more = source.arrow(*placed).take(chosen)
        columns |= {name: more[name].combine_chunks() for name in placed}
    for name in sorted({*COLUMNS} - {*columns}):
        second_hop = name.startswith("hop1_")
        if name in placed:
            place = PLACED.index(name[len("hop0_") :])
            sums = columns[LOG[second_hop]]
            told = [places[sum][place] for sum in sums.dictionary.to_pylist()]
            columns[name] = pa.DictionaryArray.from_arrays(
                sums.indices, pa.array(told, pa.string())
            )
        else:
            there = two if second_hop else np.ones(len(two), np.bool_)
            columns[name] = _repeated(known[name], there, COLUMNS[name])
    return Loose(pa.table({name: columns[name] for name in COLUMNS}))


def _repeated(value: Any, there: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """This value where it is there, else null."""
    if value is None:
        return pa.nulls(len(there), kind)
    if kind == TEXT:
        codes = pa.array(np.zeros(len(there), np.int32), mask=~there)
        return pa.DictionaryArray.from_arrays(codes, pa.array([value], pa.string()))
    return pa.array(np.full(len(there), value), kind, mask=~there)
