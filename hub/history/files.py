"""Files of sealed calls: written whole or not at all.

Enters: tables. Leaves: `FileEntry`s, as the catalogue keeps them. A file appears under its name
only when all of it is on disk; whether it counts, the catalogue says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub.history.schema import COMPRESSION_LEVEL, DELTA, DICTIONARY, ROW_GROUP


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
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            use_dictionary=DICTIONARY,
            column_encoding=dict.fromkeys(DELTA, "DELTA_BINARY_PACKED"),
            store_schema=True,
        ) as writer:
            writer.write_table(calls, row_group_size=ROW_GROUP)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    partial.rename(path)
    sync_directory(directory)
    starts, second = _span(calls["start_ns"]), _span(calls["hop1_start_ns"])
    return FileEntry(name, calls.num_rows, size, *starts, *second, sealed_ns, level)


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
