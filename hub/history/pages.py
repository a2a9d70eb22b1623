"""Calls in memory and in history as one list: pages of it, and single calls.

Enters: filters and a cursor. Leaves: forms, newest first. Each call is told once: by memory where
all its lines are at or behind `Pipeline.cut` or it changed since it was sealed, else by history.
Both are taken in one moment of the event loop; the files are read in a thread. A page reads row
groups from the newest on, until no older one can hold a call of it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hub import forms
from hub.calls import log_checksum, parse_call_id
from hub.defaults import KEPT_PARTS, MAX_LINEAGE_GROUPS, MAX_QUERY_CALLS, OPEN_FILES
from hub.describe import Describe
from hub.expression import Expression
from hub.filters import Filters
from hub.history import lineage, record, reel
from hub.history.archive import Archive, State, hidden_in, merged
from hub.history.files import FileEntry
from hub.history.lineage import LOOK_BACK_NS, Child
from hub.history.part import Part
from hub.history.reel import Reel
from hub.history.schema import COLUMNS, TEXT
from hub.history.snapshot import Hidden, hidden_by_memory
from hub.model import LogKey
from hub.order import Key, position
from hub.pipeline import Pipeline
from hub.query import Query
from hub.stamps import parse_time

Numbers = NDArray[np.int64]
T = TypeVar("T")

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


@dataclass(frozen=True, slots=True)
class Moment:
    """What history had to tell at one moment."""

    state: State
    hidden: Hidden
    cut: int
    rates: NDArray[np.float64]
    """Of edges now, requests/s: a query may ask for busy ones."""


@dataclass(frozen=True, slots=True)
class Found:
    """A call of history."""

    key: Key
    part: Part
    number: int


class Pages:
    """Reads memory and history."""

    def __init__(self, pipeline: Pipeline, archive: Archive | None) -> None:
        self._pipeline = pipeline
        self._archive = archive
        self._query = Query(pipeline)
        self._describe = Describe(pipeline)
        self._thread = ThreadPoolExecutor(1, "history")
        """One: files are no good for two readers at once, and it bounds what is in memory."""
        self._files: OrderedDict[str, pq.ParquetFile] = OrderedDict()
        self._known: dict[str, list[Group]] = {}
        self._parts: OrderedDict[tuple[str, int], Part] = OrderedDict()

    # --- on the event loop

    async def page(
        self, filters: Filters, limit: int, cursor: str | None = None
    ) -> tuple[list[forms.Call], str | None]:
        """At most `limit` calls behind the cursor, newest first; where the next page begins."""
        after = position(cursor) if cursor else None
        numbers, more = self._query.page(filters, limit, cursor)
        keys = self._query.keys(numbers)
        recent = [keys.key(place) for place in range(len(keys))]
        moment, found = self._moment(), []
        described = self._describe.calls(numbers)
        if moment is not None and moment.state.files:
            least = recent[-1] if more else None
            found = await self._in_thread(self._read, moment, filters, limit, after, least)
        told = list(zip(recent, described, strict=True))
        told += await self._in_thread(self._described, moment, found)
        told.sort(key=lambda pair: pair[0], reverse=True)
        more |= len(told) > limit
        page = [call for _, call in told[:limit]]
        return page, page[-1].id if more else None

    async def every(
        self, filters: Filters, cursor: str | None = None
    ) -> AsyncIterator[list[forms.Call]]:
        """All calls behind the cursor, a part at a time: memory holds one."""
        while True:
            calls, cursor = await self.page(filters, MAX_QUERY_CALLS, cursor)
            yield calls
            if cursor is None:
                return

    async def one(self, id: str) -> forms.Call | None:
        """The call that bears this id, or one of whose hops does; None: it is not kept."""
        number = self._query.by_id(id)
        if number is not None and self._served(number):
            return self._describe.call(number)
        moment = self._moment()
        try:
            key = parse_call_id(id)
        except ValueError:
            return None
        if moment is None:
            return None
        return await self._in_thread(self._one, moment, key)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _served(self, number: int) -> bool:
        """Whether memory answers for this call; as `Calls.served`."""
        value = self._pipeline.settling.calls.table.value
        changed: bool = value("revision", number) > value("sealed", number)
        return changed or value("low", number) >= self._pipeline.cut

    async def reel(self, since_ns: int, until_ns: int, query: Expression) -> Reel:
        """What ended in [since, until) and the query fits."""
        calls = self._pipeline.settling.calls
        moment = self._moment()
        recent = reel.cut(
            self._pipeline, calls.served(self._pipeline.cut), since_ns, until_ns, query
        )
        here = reel.wound([(self._pipeline, recent, reel.MEMORY)], [])
        if moment is None or not moment.state.files:
            return here
        return await self._in_thread(self._wind, moment, here, since_ns, until_ns, query)

    def _wind(
        self, moment: Moment, here: Reel, since_ns: int, until_ns: int, query: Expression
    ) -> Reel:
        pieces: list[tuple[Part, Numbers, int]] = []
        parts: list[Part] = []
        for entry in moment.state.files:
            for group in self._groups_in(entry):
                if group.ended_to_ns < since_ns or group.ended_from_ns >= until_ns:
                    continue
                part = self._part(group, moment.rates)
                numbers = self._standing(moment, part)
                chosen = reel.cut(part, numbers, since_ns, until_ns, query)
                pieces.append((part, chosen, len(parts)))
                parts.append(part)
        return here.beside(reel.wound(pieces, parts))

    def _moment(self) -> Moment | None:
        if self._archive is None:
            return None
        state = self._archive.state
        hidden = merged(state.hidden, hidden_by_memory(self._pipeline))
        return Moment(state, hidden, self._pipeline.cut, self._pipeline.rollup.rates())

    # --- in a thread

    def _read(
        self, moment: Moment, filters: Filters, limit: int, after: Key | None, least: Key | None
    ) -> list[Found]:
        """The newest of history; with `least` only those that are newer."""
        found: list[Found] = []
        for group in self._groups(moment, filters, after):
            if least is not None and group.latest_ns < least[0]:
                break
            if len(found) > limit and group.latest_ns < found[limit].key[0]:
                break
            part = self._part(group, moment.rates)
            numbers = self._standing(moment, part)
            keys = part.keys.at(numbers)
            if after is not None:
                behind = keys.before(after)
                numbers, keys = numbers[behind], keys.at(behind)
            numbers = Query(part).matching(filters, numbers)  # type: ignore[arg-type]
            keys = part.keys.at(numbers)
            places = keys.newest(limit + 1)
            newest, chosen = keys.at(places), numbers[places].tolist()
            ids = zip(
                newest.start_ns.tolist(), newest.log.tolist(), newest.offset.tolist(), strict=True
            )
            found += [Found(key, part, number) for key, number in zip(ids, chosen, strict=True)]
            found.sort(key=lambda one: one.key, reverse=True)
            del found[limit + 1 :]
        return found

    def _one(self, moment: Moment, key: Key) -> forms.Call | None:
        best: tuple[int, Part, int] | None = None
        for entry in moment.state.files:
            if not entry.may_bear(key[0]):
                continue
            for group in self._groups_in(entry):
                if not group.earliest_ns <= key[0] <= group.latest_ns:
                    continue
                part = self._part(group, moment.rates)
                for number in _bearing(part, key):
                    revision = int(part["revision"][number])
                    standing = number in self._standing(moment, part, cut=False)
                    if standing and (best is None or revision > best[0]):
                        best = revision, part, number
        if best is None:
            return None
        one = Found(best[1].keys.key(best[2]), best[1], best[2])
        return self._described(moment, [one])[0][1]

    def _described(self, moment: Moment | None, found: list[Found]) -> list[tuple[Key, forms.Call]]:
        if moment is None or not found:
            return []
        by_part: dict[int, list[Found]] = {}
        for one in found:
            by_part.setdefault(id(one.part), []).append(one)
        result = []
        for members in by_part.values():
            numbers = np.array([one.number for one in members])
            told = record.calls(members[0].part, numbers)
            result += [(one.key, call) for one, call in zip(members, told, strict=True)]
        self._tell_parents(moment, found, dict(result))
        return result

    def _tell_parents(
        self, moment: Moment, found: list[Found], calls: dict[Key, forms.Call]
    ) -> None:
        """Those of history that began within `LOOK_BACK_NS` before."""
        children = [
            Child(one.part, one.number)
            for one in found
            if calls[one.key].hops[0].trace_id
            or one.part.rows.table["hop_parent"][one.number].any()
        ]
        children = [child for child in children if child.asks]
        if not children:
            return
        last_ns = max(child.start_ns for child in children)
        first_ns = min(child.start_ns for child in children) - LOOK_BACK_NS
        groups = [
            group
            for entry in moment.state.files
            if entry.first_ns <= last_ns and entry.last_ns >= first_ns
            for group in self._groups_in(entry)
            if group.earliest_ns <= last_ns and group.latest_ns >= first_ns
        ][:MAX_LINEAGE_GROUPS]
        parts = (self._part(group, moment.rates) for group in groups)
        lineage.find(children, parts, lambda part: self._standing(moment, part, cut=False))
        for child in children:
            if child.parent is not None:
                start_ns, log, offset = child.parent[1]
                calls[child.key].parent = f"{start_ns:019d}-{log:08x}-{offset:x}"

    def _standing(self, moment: Moment, part: Part, *, cut: bool = True) -> Numbers:
        """Calls of a part that history tells."""
        told = ~hidden_in(moment.hidden, part.keys, part["revision"])
        if cut:
            told &= part.numbers("row") < moment.cut
        return np.flatnonzero(told)

    def _groups(self, moment: Moment, filters: Filters, after: Key | None) -> list[Group]:
        """Those that may hold an answer, the newest first."""
        self._forget(moment.state)
        since, until = filters.since_ns, filters.until_ns
        groups = []
        for entry in moment.state.files:
            if until is not None and entry.first_ns >= until:
                continue
            if since is not None and entry.last_ns < since:
                continue
            for group in self._groups_in(entry):
                if until is not None and group.first_ns >= until:
                    continue
                if since is not None and group.last_ns < since:
                    continue
                if after is None or group.earliest_ns <= after[0]:
                    groups.append(group)
        return sorted(groups, key=lambda group: group.latest_ns, reverse=True)

    def _part(self, group: Group, rates: NDArray[np.float64]) -> Part:
        key = group.entry.name, group.number
        part = self._parts.pop(key, None)
        if part is None:
            part = Part(self._pipeline, self._open(group.entry), group.number)
        self._parts[key] = part
        while len(self._parts) > KEPT_PARTS:
            self._parts.popitem(last=False)
        part.rates = rates
        return part

    def _groups_in(self, entry: FileEntry) -> list[Group]:
        """A file's row groups; remembered, unlike open files."""
        groups = self._known.get(entry.name)
        if groups is None:
            groups = self._known[entry.name] = _groups_of(entry, self._open(entry))
        return groups

    def _forget(self, state: State) -> None:
        """What is no longer there."""
        if len(self._known) > 2 * len(state.files):
            counted = {entry.name for entry in state.files}
            self._known = {name: kept for name, kept in self._known.items() if name in counted}

    def _open(self, entry: FileEntry) -> pq.ParquetFile:
        file = self._files.get(entry.name)
        if file is None:
            assert self._archive is not None
            path = self._archive.directory / entry.name
            file = pq.ParquetFile(path, memory_map=True, read_dictionary=_TEXTS)
            self._files[entry.name] = file
            while len(self._files) > OPEN_FILES:
                self._files.popitem(last=False)
        return file


def _bearing(part: Part, key: Key) -> list[int]:
    """Calls one of whose lines is this."""
    found: list[int] = []
    for hop, start in ((0, "start_ns"), (1, "hop1_start_ns")):
        same = np.flatnonzero(part.numbers(start) == key[0])
        if not len(same):
            continue
        offsets = part.numbers(f"hop{hop}_offset")
        values, codes = part.texts(f"hop{hop}_log_sum")
        word = f"{key[1]:08x}"
        found += [n for n in same.tolist() if offsets[n] == key[2] and values[codes[n]] == word]
    return found or _attempted(part, key)


def _attempted(part: Part, key: Key) -> list[int]:
    """Calls one of whose earlier attempts is this line."""
    column = part.arrow("attempts").column(0)
    found = []
    for number in np.flatnonzero(column.is_valid().to_numpy()).tolist():
        for hop in msgspec.json.decode(column[number].as_py(), type=list[forms.Hop]):
            log = LogKey(hop.server, hop.proxy, bytes.fromhex(hop.log))
            if (parse_time(hop.start), log_checksum(log), hop.offset) == key:
                found.append(number)
    return found


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
        groups.append(Group(entry, number, first, last, min(first, low), max(last, high), *ended))
    return groups
