"""A history of any size: calls drawn from a pool again and again, with times, durations, sizes,
ports, offsets, ids and paths of their own, written as compaction writes them.

Enters: a directory, how many calls over how many days. Leaves: files of `CALLS` calls, and the
catalogue with rollups and checkpoints, as a hub would find it at its start. A file that is there
already is not made again: a long filling may be interrupted, and goes on.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench._federation_pool import NAMES, SERVERS, Pool, paths
from hub.columns.calls import Counted
from hub.history import carry, catalog, core, files, rollups
from hub.history.catalog import Checkpoint, Sealing
from hub.history.files import FileEntry
from hub.history.rollups import SECOND_STEP, Body
from hub.history.schema import COLUMNS, SCHEMA
from hub.history.snapshot import Hidden
from hub.journal.store import Store
from tests.hub.world import SECOND, T0

CALLS = 250_000
"""Of a file: as many as compaction puts into one at the most."""
POOL = 30_000
DRAWN = 40_000
"""Paths of a service, with repetitions: calls draw from these."""
LINE = 900
DAY_NS = 86_400 * SECOND
NOTHING = Hidden(*[np.zeros(0, np.int64)] * 4)


@dataclass(frozen=True, slots=True)
class Span:
    """How the files divide the time; the newest call began at `T0`."""

    files: int
    step_ns: int

    @classmethod
    def of(cls, calls: int, days: float) -> Span:
        """For about so many calls."""
        count = max(calls // CALLS, 1)
        return cls(count, round(days * DAY_NS / count))

    @property
    def begin_ns(self) -> int:
        """When the first call began, at the earliest."""
        return T0 - self.files * self.step_ns


def fill(directory: Path, span: Span) -> None:
    """Make the files that are not there yet, on all cores."""
    store, history = Store(directory), directory / "history"
    history.mkdir(exist_ok=True)
    known = {entry.name for entry in catalog.files(store)}
    lacking = [number for number in range(span.files) if _name(number) not in known]
    if lacking:
        pipeline, nobody = Pool(POOL).world.pipeline, np.zeros(0, np.int64)
        core_now, carry_now = core.take(pipeline, nobody), carry.take(pipeline)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), context, _begin, (history, span)) as workers:
            for number, (entry, bodies) in zip(lacking, workers.map(_make, lacking), strict=True):
                checkpoint = Checkpoint(number + 1, span.files * CALLS * 2, core_now, carry_now)
                store.begin()
                catalog.seal(store, Sealing(checkpoint, entry, NOTHING, bodies, None))
                store.commit()
    store.close()


# --- in a process of its own ---------------------------------------------------------------------


def _begin(history: Path, span: Span) -> None:
    global _maker
    _maker = Maker(history, span)


def _make(number: int) -> tuple[FileEntry, list[Body]]:
    return _maker.file(number)


class Maker:
    """Makes files of a pool."""

    def __init__(self, history: Path, span: Span) -> None:
        self._history, self._span = history, span
        self._pool = Pool(POOL).table.combine_chunks().unify_dictionaries()
        self._two = np.asarray(self._pool["hop1_offset"].is_valid())
        outer = self._pool["hop0_path"].chunk(0)
        named = np.array([_service(path) for path in outer.dictionary.to_pylist()])
        self._service = named[outer.indices]
        there = self._pool["hop1_server"].chunk(0)
        servers = [SERVERS.index(name) + 1 for name in there.dictionary.to_pylist()]
        self._server = np.array([*servers, 0])[_codes(there)]
        rng = np.random.default_rng(1)
        texts = [path for name in NAMES for path in paths(rng, name, DRAWN)]
        self._paths = [
            pa.array(f"{prefix}{path}" for path in texts)
            for prefix in ("", *(f"/{name}" for name in SERVERS))
        ]

    def file(self, number: int) -> tuple[FileEntry, list[Body]]:
        """The file of this number, and what it adds to the counts."""
        table = self._table(number)
        made_ns = self._span.begin_ns + (number + 1) * self._span.step_ns
        entry = files.write(self._history, _name(number), table, made_ns, level=1)
        bodies = rollups.bodies([(1, _counted(table))])
        recent = made_ns > T0 - DAY_NS  # seconds are kept for a day
        return entry, [body for body in bodies if recent or body.step_s != SECOND_STEP]

    def _table(self, number: int) -> pa.Table:
        rng, step_ns = np.random.default_rng(number), self._span.step_ns
        chosen = rng.integers(0, self._pool.num_rows, CALLS)
        table, two = self._pool.take(pa.array(chosen)).combine_chunks(), self._two[chosen]
        columns = {name: table[name].chunk(0) for name in table.column_names}
        begin_ns = self._span.begin_ns + number * step_ns
        for name, values in _numbers(rng, columns, begin_ns, step_ns, number * CALLS).items():
            lacking = ~two if name.startswith("hop1_") else None
            columns[name] = pa.array(values, COLUMNS[name], mask=lacking)
        valid = pa.py_buffer(np.packbits(two, bitorder="little").tobytes())
        for name in ("hop0_trace_id", "hop0_hop_id", "hop1_hop_id"):
            data = pa.py_buffer(rng.bytes(16 * CALLS))
            columns[name] = pa.Array.from_buffers(COLUMNS[name], CALLS, [valid, data])
        drawn = self._service[chosen] * DRAWN + rng.integers(0, DRAWN, CALLS)
        columns["hop0_path"] = self._texts(drawn, self._server[chosen], None)
        columns["hop1_path"] = self._texts(drawn, np.zeros(CALLS, np.int64), ~two)
        return pa.Table.from_arrays([columns[name] for name in COLUMNS], schema=SCHEMA)

    def _texts(self, drawn: Any, prefix: Any, lacking: Any) -> pa.Array:
        count = len(self._paths[0])
        used, codes = np.unique(prefix * count + drawn, return_inverse=True)
        texts = pa.concat_arrays(
            [self._paths[n].take(pa.array(used[used // count == n] % count)) for n in range(4)]
        ).dictionary_encode()
        indices = np.asarray(texts.indices)[codes].astype(np.int32)
        distinct = np.unique(indices[~lacking] if lacking is not None else indices)
        number = np.zeros(len(texts.dictionary), np.int32)
        number[distinct] = np.arange(len(distinct))
        dictionary = texts.dictionary.take(pa.array(distinct))
        return pa.DictionaryArray.from_arrays(pa.array(number[indices], mask=lacking), dictionary)


def _numbers(
    rng: np.random.Generator, columns: dict[str, pa.Array], begin_ns: int, step_ns: int, first: int
) -> dict[str, Any]:
    """Numbers that no two calls share; `first`: calls in the files before."""
    starts = np.sort(rng.integers(begin_ns, begin_ns + step_ns, CALLS))
    late = _known(columns["hop1_start_ns"]) - _known(columns["start_ns"])
    size = _known(columns["bytes_out"]) + rng.integers(0, 64, CALLS)
    told = {
        "start_ns": starts, "hop1_start_ns": starts + late, "bytes_out": size,
        "hop1_bytes_out": size, "row": (np.arange(CALLS) + first) * 2,
    }  # fmt: skip
    more = rng.integers(0, 1_000_000, CALLS)
    for name in ("duration_ns", "hop0_upstream_ns", "hop1_duration_ns", "hop1_upstream_ns"):
        told[name] = _known(columns[name]) + more
    for hop in (0, 1):
        told[f"hop{hop}_overhead_ns"] = rng.integers(20_000, 400_000, CALLS)
        told[f"hop{hop}_client_port"] = rng.integers(30_000, 60_000, CALLS)
        lines = _along(_codes(columns[f"hop{hop}_log"])) + first
        told[f"hop{hop}_request_count"] = lines
        told[f"hop{hop}_offset"] = lines * LINE + rng.integers(0, 200, CALLS)
    return told


def _along(logs: Any) -> Any:
    """Which line of its log each is."""
    result = np.zeros(len(logs), np.int64)
    for log in np.unique(logs):
        mine = np.flatnonzero(logs == log)
        result[mine] = np.arange(len(mine))
    return result


def _counted(table: pa.Table) -> Counted:
    names = ("edge", "start_ns", "duration_ns", "ok", "bytes_in", "bytes_out", "claims")
    of = {name: table[name].to_numpy() for name in names}
    return Counted(
        of["edge"].astype(np.int64), of["start_ns"] + of["duration_ns"], of["duration_ns"],
        of["ok"], of["bytes_in"], of["bytes_out"], of["claims"] != 0,
    )  # fmt: skip


def _service(path: str) -> int:
    """Whose `/orders/…`, or `/server-b/orders/…`, is."""
    first, second = path.split("/")[1:3]
    return NAMES.index(second if first in SERVERS else first)


def _known(column: pa.Array) -> Any:
    return np.asarray(pc.fill_null(column, 0))


def _codes(column: pa.DictionaryArray) -> Any:
    """-1: null."""
    return np.asarray(pc.fill_null(column.indices, -1))


def _name(number: int) -> str:
    return f"calls-{number:06d}-hour.parquet"
