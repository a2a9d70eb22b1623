"""The files of history, as row groups: which there are, what times they hold, and their columns.

Enters: entries of the catalogue. Leaves: `Group`s with the times that their statistics tell, and
`Part`s. In the history's thread only. What is open or decoded is bounded; what groups there are is
remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hub.defaults import KEPT_PARTS, OPEN_FILES
from hub.history.archive import State, hidden_in
from hub.history.files import FileEntry
from hub.history.part import Part
from hub.history.schema import COLUMNS, TEXT
from hub.history.snapshot import Hidden
from hub.history.sources import Stored
from hub.settle.pipeline import Pipeline

Numbers = NDArray[np.int64]

_TEXTS = [name for name, kind in COLUMNS.items() if kind == TEXT]


@dataclass(frozen=True, slots=True)
class Group:
    """A row group, and what times it holds: of starts, and of either hop's."""

    entry: FileEntry
    number: int
    first_ns: int
    last_ns: int
    earliest_ns: int
    latest_ns: int
    ended_from_ns: int
    ended_to_ns: int
    """No call ended outside of these, in the hub's clock."""
    calls: int


@dataclass(frozen=True, slots=True)
class Moment:
    """What history had to tell at one moment."""

    state: State
    hidden: Hidden
    cut: int
    rates: NDArray[np.float64]
    """Of edges now, requests/s: a query may ask for busy ones."""


class Shelf:
    """Opens files and remembers row groups."""

    def __init__(self, pipeline: Pipeline, directory: Path) -> None:
        self._pipeline = pipeline
        self._directory = directory
        self._files: OrderedDict[str, pq.ParquetFile] = OrderedDict()
        self._known: dict[str, list[Group]] = {}
        self._parts: OrderedDict[tuple[str, int], Part] = OrderedDict()

    def part(self, group: Group, moment: Moment) -> Part:
        """A row group's columns."""
        key = group.entry.name, group.number
        part = self._parts.pop(key, None)
        if part is None:
            part = Part(self._pipeline, Stored(self._open(group.entry), group.number))
        self._parts[key] = part
        while len(self._parts) > KEPT_PARTS:
            self._parts.popitem(last=False)
        part.rates = moment.rates
        return part

    def groups_in(self, entry: FileEntry) -> list[Group]:
        """A file's row groups; remembered, unlike open files."""
        groups = self._known.get(entry.name)
        if groups is None:
            groups = self._known[entry.name] = _groups_of(entry, self._open(entry))
        return groups

    def forget(self, state: State) -> None:
        """What is no longer there."""
        if len(self._known) > 2 * len(state.files):
            counted = {entry.name for entry in state.files}
            self._known = {name: kept for name, kept in self._known.items() if name in counted}

    def _open(self, entry: FileEntry) -> pq.ParquetFile:
        file = self._files.get(entry.name)
        if file is None:
            path = self._directory / entry.name
            file = pq.ParquetFile(path, read_dictionary=_TEXTS)
            self._files[entry.name] = file
            while len(self._files) > OPEN_FILES:
                self._files.popitem(last=False)
        return file


def standing(moment: Moment, part: Part, numbers: Numbers, *, cut: bool = True) -> Numbers:
    """Those of these calls of a part that history tells; without `cut` also those that memory tells
    as well."""
    if cut:
        numbers = numbers[part.numbers("row")[numbers] < moment.cut]
    if not len(numbers) or not len(moment.hidden.start_ns):
        return numbers
    told = ~hidden_in(moment.hidden, part.keys.at(numbers), part["revision"][numbers])
    return numbers[told]


def _groups_of(entry: FileEntry, file: pq.ParquetFile) -> list[Group]:
    """Row groups with the times that their statistics tell."""
    names = [
        file.metadata.row_group(0).column(i).path_in_schema
        for i in range(file.metadata.num_columns)
    ]
    starts, seconds = names.index("start_ns"), names.index("hop1_start_ns")
    groups = []
    for number in range(file.metadata.num_row_groups):
        meta = file.metadata.row_group(number)
        first, last = meta.column(starts).statistics.min, meta.column(starts).statistics.max
        other = meta.column(seconds).statistics
        low, high = (other.min, other.max) if other.has_min_max else (first, last)
        lasted = meta.column(names.index("duration_ns")).statistics.max
        clocks = meta.column(names.index("clock_ns")).statistics
        ended = first - clocks.max, last + lasted - clocks.min
        span = first, last, min(first, low), max(last, high)
        groups.append(Group(entry, number, *span, *ended, meta.num_rows))
    return groups
