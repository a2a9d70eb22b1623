"""Calls in memory and in history as one list: pages of it, and single calls.

Enters: filters and a cursor. Leaves: forms, newest first. Each call is told once: by memory where
all its lines are at or behind `Pipeline.cut` or it changed since it was sealed, else by history.
Both are taken in one moment of the event loop; the files are read in a thread. A page reads row
groups from the newest on, until no older one can hold a call of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.calls import log_checksum, parse_call_id
from hub.defaults import MAX_QUERY_CALLS
from hub.describe import Describe
from hub.expression import Expression
from hub.filters import Filters
from hub.history import record, reel
from hub.history.archive import Archive, merged
from hub.history.kin import Kin
from hub.history.lineage import Asking, Lines, asking, lines
from hub.history.part import Part
from hub.history.reel import Reel
from hub.history.shelf import Group, Moment, Shelf, standing
from hub.history.snapshot import hidden_by_memory
from hub.model import LogKey
from hub.order import Key, id_of, position
from hub.pipeline import Pipeline
from hub.query import Query
from hub.stamps import parse_time

Numbers = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A call of history."""

    key: Key
    part: Part
    number: int


@dataclass(frozen=True, slots=True)
class Sought:
    """One call, with what tells its kin."""

    key: Key
    call: forms.Call
    lines: Lines
    rows: Numbers
    """Of its lines in memory."""


class Pages:
    """Reads memory and history."""

    def __init__(self, pipeline: Pipeline, archive: Archive | None) -> None:
        self._pipeline = pipeline
        self._archive = archive
        self._query = Query(pipeline)
        self._describe = Describe(pipeline)
        self._thread = ThreadPoolExecutor(1, "history")
        """One: files are no good for two readers at once, and it bounds what is in memory."""
        directory = archive.directory if archive is not None else Path()
        self._shelf = Shelf(pipeline, directory)
        self._kin = Kin(pipeline, self._shelf, self._in_thread)

    # --- on the event loop

    async def page(
        self, filters: Filters, limit: int, cursor: str | None = None
    ) -> tuple[list[forms.Call], str | None]:
        """At most `limit` calls behind the cursor, newest first; where the next page begins."""
        after = position(cursor) if cursor else None
        numbers, more = self._query.page(filters, limit, cursor)
        keys = self._query.keys(numbers)
        recent = [keys.key(place) for place in range(len(keys))]
        moment = self._moment()
        told = list(zip(recent, self._describe.calls(numbers), strict=True))
        if moment is not None:
            least = recent[-1] if more else None
            orphans = [pair[1].parent is None for pair in told]
            asks = [self._kin.asking(numbers[np.array(orphans, np.bool_)])]
            older, asking = await self._in_thread(
                self._listed, moment, filters, limit, after, least
            )
            told += older
            _tell(told, await self._kin.parents(moment, asks + asking))
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
        moment = self._moment()
        sought = await self._sought(moment, id)
        return sought.call if sought else None

    async def in_full(self, id: str) -> forms.CallInFull | None:
        """As `one`, with the calls that were made for it."""
        moment = self._moment()
        sought = await self._sought(moment, id)
        if sought is None:
            return None
        children = await self._kin.children(moment, sought.key, sought.lines, sought.rows)
        return forms.CallInFull(
            **msgspec.structs.asdict(sought.call), children=[id_of(child) for child in children]
        )

    async def _sought(self, moment: Moment | None, id: str) -> Sought | None:
        number = self._query.by_id(id)
        if number is not None and self._served(number):
            call = self._describe.call(number)
            lines, rows = self._kin.lines(number)
            asks = [] if call.parent else [self._kin.asking(np.array([number]))]
            sought = Sought(lines.keys.key(0), call, lines, rows)
        else:
            try:
                key = parse_call_id(id)
            except ValueError:
                return None
            if moment is None:
                return None
            found = await self._in_thread(self._one, moment, key)
            if found is None:
                return None
            sought, asks = found
        _tell([(sought.key, sought.call)], await self._kin.parents(moment, asks))
        return sought

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
            for group in self._shelf.groups_in(entry):
                if group.ended_to_ns < since_ns or group.ended_from_ns >= until_ns:
                    continue
                part = self._shelf.part(group, moment)
                numbers = standing(moment, part)
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

    def _listed(
        self, moment: Moment, filters: Filters, limit: int, after: Key | None, least: Key | None
    ) -> tuple[list[tuple[Key, forms.Call]], list[Asking]]:
        """Calls of history, and those of them that ask for their parents."""
        found = self._read(moment, filters, limit, after, least)
        by_part: dict[int, list[Found]] = {}
        for one in found:
            by_part.setdefault(id(one.part), []).append(one)
        told, asks = [], []
        for members in by_part.values():
            part, numbers = members[0].part, np.array([one.number for one in members])
            calls = record.calls(part, numbers)
            told += [(one.key, call) for one, call in zip(members, calls, strict=True)]
            asks.append(asking(part, numbers, part.keys.at(numbers)))
        return told, asks

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
            part = self._shelf.part(group, moment)
            numbers = standing(moment, part)
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

    def _one(self, moment: Moment, key: Key) -> tuple[Sought, list[Asking]] | None:
        best: tuple[int, Part, int] | None = None
        for entry in moment.state.files:
            if not entry.may_bear(key[0]):
                continue
            for group in self._shelf.groups_in(entry):
                if not group.earliest_ns <= key[0] <= group.latest_ns:
                    continue
                part = self._shelf.part(group, moment)
                for number in _bearing(part, key):
                    revision = int(part["revision"][number])
                    stands = number in standing(moment, part, cut=False)
                    if stands and (best is None or revision > best[0]):
                        best = revision, part, number
        return _sought(best[1], best[2]) if best else None

    def _groups(self, moment: Moment, filters: Filters, after: Key | None) -> list[Group]:
        """Those that may hold an answer, the newest first."""
        self._shelf.forget(moment.state)
        since, until = filters.since_ns, filters.until_ns
        groups = []
        for entry in moment.state.files:
            if until is not None and entry.first_ns >= until:
                continue
            if since is not None and entry.last_ns < since:
                continue
            for group in self._shelf.groups_in(entry):
                if until is not None and group.first_ns >= until:
                    continue
                if since is not None and group.last_ns < since:
                    continue
                if after is None or group.earliest_ns <= after[0]:
                    groups.append(group)
        return sorted(groups, key=lambda group: group.latest_ns, reverse=True)


def _tell(told: list[tuple[Key, forms.Call]], parents: dict[Key, Key]) -> None:
    for key, call in told:
        if call.parent is None and (parent := parents.get(key)):
            call.parent = id_of(parent)


def _sought(part: Part, number: int) -> tuple[Sought, list[Asking]]:
    """A call of a part, and whether it asks for its parent."""
    one = np.array([number])
    rows = np.array([number, number + part.count] if part.two[number] else [number])
    calls = np.full(len(rows), number)
    key, (call,) = part.keys.key(number), record.calls(part, one)
    of = lines(part, rows, calls, part.keys.at(calls))
    nothing = np.zeros(0, np.int64)
    return Sought(key, call, of, nothing), [asking(part, one, part.keys.at(one))]


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
