"""Files of sealed calls: written whole or not at all.

Enters: tables. Leaves: `FileEntry`s, as the catalogue keeps them. A file appears under its name
only when all of it is on disk; whether it counts, the catalogue says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub.history.schema import COLUMNS, COMPRESSION_LEVEL, DELTA, DICTIONARY, PLAIN, ROW_GROUP

SHORT = 64
"""Strings of a dictionary that is not worth a look."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of calls. Times in ns; of an empty column 0."""

    name: str
    calls: int
    size: int
    first_ns: int
    last_ns: int
    """Of the calls' starts."""
    hop1_first_ns: int
    hop1_last_ns: int
    """Of the second hops' starts."""
    sealed_ns: int
    level: int = 0
    """0: as sealed; 1: compacted."""

    def may_bear(self, start_ns: int) -> bool:
        """Whether it may hold a line that began then."""
        low = min(self.first_ns, self.hop1_first_ns or self.first_ns)
        return low <= start_ns <= max(self.last_ns, self.hop1_last_ns)


def write(directory: Path, name: str, calls: pa.Table, sealed_ns: int, level: int = 0) -> FileEntry:
    """Write a file of calls; it is on disk when this returns. Raises `OSError`."""
    path, partial = directory / name, directory / f".{name}.part"
    with partial.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        with pq.ParquetWriter(
            file,
            calls.schema,
            version="2.6",
            compression={name: "none" if name in PLAIN else "zstd" for name in COLUMNS},
            compression_level={name: COMPRESSION_LEVEL for name in COLUMNS if name not in PLAIN},
            use_dictionary=DICTIONARY,
            column_encoding=dict.fromkeys(DELTA, "DELTA_BINARY_PACKED"),
            store_schema=True,
        ) as writer:
            for first in range(0, max(calls.num_rows, 1), ROW_GROUP):
                writer.write_table(trimmed(calls.slice(first, ROW_GROUP)))
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    partial.rename(path)
    sync_directory(directory)
    starts, second = _span(calls["start_ns"]), _span(calls["hop1_start_ns"])
    return FileEntry(name, calls.num_rows, size, *starts, *second, sealed_ns, level)


def trimmed(calls: pa.Table) -> pa.Table:
    """With dictionaries of just what occurs, but for short ones: a row group's is written, and
    read, as it is."""
    columns = [
        _used(column.combine_chunks()) if pa.types.is_dictionary(column.type) else column
        for column in calls.columns
    ]
    return pa.Table.from_arrays(columns, schema=calls.schema)


def _used(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    if len(texts.dictionary) <= SHORT:
        return texts
    codes = np.asarray(pc.fill_null(texts.indices, -1))
    used = np.zeros(len(texts.dictionary) + 1, np.bool_)
    used[codes] = True
    used[-1] = False  # the place of null
    kept = np.flatnonzero(used)
    number = np.zeros(len(used), np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    indices = pa.array(number[codes], mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, texts.dictionary.take(pa.array(kept)))


def sync_directory(directory: Path) -> None:
    """Make renames in it last."""
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _span(column: pa.ChunkedArray) -> tuple[int, int]:
    span = pc.min_max(column).as_py()
    return span["min"] or 0, span["max"] or 0
