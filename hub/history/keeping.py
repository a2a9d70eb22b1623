"""Keeping house: small files become hourly ones, what is too old or too much goes.

Enters: the archive, the time. Leaves: fewer and larger files with the same calls, less what was
superseded, each in one transaction; and whole files less, by age and by size. Replaced files stay
for `GRACE_S`, for who reads them by an older manifest. Never at the same time as a sealing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hub.defaults import COMPACT_CALLS, GRACE_S
from hub.history import catalog, files
from hub.history.archive import Archive, State, hidden_in, selected
from hub.history.files import FileEntry
from hub.history.part import Part
from hub.history.schema import COLUMNS, SCHEMA, TEXT
from hub.history.snapshot import Hidden
from hub.history.sources import Stored
from hub.journal.journal import Journal
from hub.query.order import Keys
from hub.settle.pipeline import Pipeline

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
DAY_S = 86_400

_TEXTS = [name for name, kind in COLUMNS.items() if kind == TEXT]


class Keeping:
    """Compaction and retention of one archive."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        archive: Archive,
        step: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._archive = archive
        self._step = step
        self._spared: dict[str, int] = {}
        """Files that were replaced, and when."""

    async def compact(self, now_ns: int) -> int:
        """Make one file of the oldest small ones that were sealed in one past hour; how many."""
        state = self._archive.state
        chosen = _oldest_hour(state.files, now_ns)
        if not chosen:
            return 0
        last = max(entry.sealed_ns for entry in chosen)
        name = f"calls-{last}-{now_ns}-hour.parquet"
        self._step("compact begin")
        new, applied = await asyncio.to_thread(self._merge, state, chosen, name, last)
        self._step("compact written")
        names = [entry.name for entry in chosen]
        hidden = state.hidden
        others = [entry for entry in state.files if entry not in chosen]
        dropped = _done_with(hidden, applied, others)
        ids = [column[dropped].tolist() for column in (hidden.start_ns, hidden.log, hidden.offset)]
        rows = list(zip(*ids, strict=True))
        await self._journal.write(lambda store: catalog.replace(store, names, new, rows))
        self._step("compact committed")
        self._archive.replaced(names, new, selected(hidden, ~dropped))
        self._spared |= dict.fromkeys(names, now_ns)
        return len(names)

    async def retain(self, now_ns: int, days: int, most_bytes: int | None) -> int:
        """Drop files whose newest call is older than `days`, and the oldest while all are larger
        than `most_bytes`; how many."""
        before_ns = now_ns - days * DAY_S * SECOND
        state = self._archive.state
        gone = [entry for entry in state.files if entry.last_ns < before_ns]
        kept = sorted(
            (entry for entry in state.files if entry not in gone), key=lambda entry: entry.last_ns
        )
        while most_bytes is not None and kept and sum(entry.size for entry in kept) > most_bytes:
            gone.append(kept.pop(0))
        names = [entry.name for entry in gone]
        day = now_ns // SECOND - DAY_S
        await self._journal.write(lambda store: catalog.forget(store, names, before_ns, day))
        if names:
            hidden = state.hidden
            self._archive.replaced(names, None, selected(hidden, hidden.start_ns >= before_ns))
            self._spared |= dict.fromkeys(names, now_ns)
        self._spared = {
            name: at for name, at in self._spared.items() if at > now_ns - GRACE_S * SECOND
        }
        await asyncio.to_thread(self._archive.sweep, frozenset(self._spared))
        return len(names)

    # --- in a thread

    def _merge(
        self, state: State, chosen: list[FileEntry], name: str, sealed_ns: int
    ) -> tuple[FileEntry | None, list[Keys]]:
        """The new file, and which hidden ids its sources had."""
        tables, keys, hidden_keys = [], [], []
        for entry in chosen:
            path = self._archive.directory / entry.name
            file = pq.ParquetFile(path, read_dictionary=_TEXTS)
            for group in range(file.metadata.num_row_groups):
                part = Part(self._pipeline, Stored(file, group))
                hidden = hidden_in(state.hidden, part.keys, part["revision"])
                hidden_keys.append(part.keys.at(hidden))
                table = part.arrow(*COLUMNS)
                tables.append(table.filter(pa.array(~hidden)) if hidden.any() else table)
                keys.append(part.keys.at(~hidden).start_ns)
        whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
        if not whole.num_rows:
            return None, hidden_keys
        order = np.argsort(np.concatenate(keys), kind="stable")
        whole = whole.take(pa.array(order)).replace_schema_metadata(SCHEMA.metadata)
        new = files.write(self._archive.directory, name, whole, sealed_ns, level=1)
        return new, hidden_keys


def _oldest_hour(entries: tuple[FileEntry, ...], now_ns: int) -> list[FileEntry]:
    """Small files that were sealed in one past hour, `COMPACT_CALLS` at the most."""
    hours: dict[int, list[FileEntry]] = {}
    for entry in entries:
        if entry.level == 0 and entry.sealed_ns // HOUR < now_ns // HOUR:
            hours.setdefault(entry.sealed_ns // HOUR, []).append(entry)
    for _, small in sorted(hours.items()):
        sums = np.cumsum([entry.calls for entry in small])
        chosen = small[: int(np.searchsorted(sums, COMPACT_CALLS, side="right"))]
        if len(chosen) > 1:
            return chosen
    return []


def _done_with(hidden: Hidden, applied: list[Keys], others: list[FileEntry]) -> NDArray[np.bool_]:
    """Which hidden ids are not needed any more: their superseded records were dropped here, and no
    other file can hold one."""
    found = {key.key(place) for key in applied for place in range(len(key))}
    ids = zip(hidden.start_ns.tolist(), hidden.log.tolist(), hidden.offset.tolist(), strict=True)
    done = np.fromiter((id in found for id in ids), np.bool_, len(hidden.start_ns))
    for entry in others:
        low, high = entry.first_ns, entry.last_ns
        if entry.hop1_last_ns:
            low, high = min(low, entry.hop1_first_ns), max(high, entry.hop1_last_ns)
        done &= (hidden.start_ns < low) | (hidden.start_ns > high)
    return done
