"""Calls in memory and in history as one list: pages of it, and single calls.

Enters: filters and a cursor. Leaves: forms, newest first. Each call is told once: by memory where
all its lines are at or behind `Pipeline.cut` or it changed since it was sealed, else by history.
Both are taken in one moment of the event loop; the files are read in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.columns.calls import parse_call_id
from hub.defaults import CALLS_AT_ONCE, EXPORT_CALLS
from hub.history import counting, encode, finding, lines, record, reel, snapshot
from hub.history.archive import Archive, State, merged
from hub.history.counting import Steps, Tally
from hub.history.kin import Kin
from hub.history.lineage import Asking, Lines, asking
from hub.history.lineage import lines as lines_of
from hub.history.listing import Listing
from hub.history.part import Part
from hub.history.reel import Reel
from hub.history.schema import COLUMNS
from hub.history.shelf import Moment, Shelf
from hub.history.snapshot import hidden_by_memory
from hub.history.sources import Loose
from hub.query.expression import Expression
from hub.query.filters import Filters
from hub.query.order import Key, id_of, position
from hub.query.query import Query
from hub.read.describe import Describe
from hub.read.export import csv_header
from hub.settle.pipeline import Pipeline

Numbers = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sought:
    """One call, with what tells its kin."""

    key: Key
    call: forms.Call
    lines: Lines
    rows: Numbers
    """Of its lines in memory."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Calls as text."""

    lines: bytes
    calls: int


class Pages:
    """Reads memory and history."""

    def __init__(self, pipeline: Pipeline, archive: Archive | None) -> None:
        self._pipeline = pipeline
        self._archive = archive
        self._query = Query(pipeline)
        self._describe = Describe(pipeline)
        self._thread = ThreadPoolExecutor(1, "history")
        """One: files are no good for two readers at once, and it bounds what is in memory."""
        self._shelf = Shelf(pipeline, archive.directory if archive is not None else Path())
        self._kin = Kin(pipeline, self._shelf, self._in_thread)

    async def page(
        self, filters: Filters, limit: int, cursor: str | None = None
    ) -> tuple[list[forms.Call], str | None]:
        """At most `limit` calls behind the cursor, newest first; where the next page begins."""
        if limit > CALLS_AT_ONCE:
            listing, parents, more = await self._listed(filters, limit, cursor, kin=True)
            calls = await self._in_thread(_calls, listing, parents)
            return calls, calls[-1].id if more else None
        after = position(cursor) if cursor else None
        numbers, more = self._query.page(filters, limit, cursor)
        keys = self._query.keys(numbers)
        recent = [keys.key(place) for place in range(len(keys))]
        moment = self._moment()
        told = list(zip(recent, self._describe.calls(numbers), strict=True))
        if moment.state.files:
            least = recent[-1] if more else None
            orphans = [call.parent is None for _, call in told]
            asks = [self._kin.asking(numbers[np.array(orphans, np.bool_)])]
            older, asking = await self._in_thread(
                self._older, moment, filters, limit + 1, after, least
            )
            told += older
            _tell(told, await self._kin.parents(moment, asks + asking))
        told.sort(key=lambda pair: pair[0], reverse=True)
        more |= len(told) > limit
        page = [call for _, call in told[:limit]]
        return page, page[-1].id if more else None

    async def export(
        self,
        filters: Filters,
        form: Literal["csv", "ndjson"],
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Exported]:
        """All calls behind the cursor as lines, newest first; memory holds `EXPORT_CALLS`."""
        if form == "csv":
            yield Exported(csv_header(), 0)
        while limit is None or limit > 0:
            most = EXPORT_CALLS if limit is None else min(limit, EXPORT_CALLS)
            listing, parents, more = await self._listed(filters, most, cursor, kin=form == "ndjson")
            yield Exported(await self._in_thread(_text, listing, parents, form), len(listing))
            if not more:
                return
            cursor = id_of(listing.keys.key(len(listing) - 1))
            limit = None if limit is None else limit - len(listing)

    async def _listed(
        self, filters: Filters, limit: int, cursor: str | None, *, kin: bool
    ) -> tuple[Listing, dict[Key, Key], bool]:
        """As a page, in columns; with parents, where these are wanted, else for CSV."""
        after = position(cursor) if cursor else None
        numbers, more = self._query.page(filters, limit, cursor)
        moment, least = self._moment(), None
        taken = snapshot.take(self._pipeline, self._describe, numbers)
        asked = snapshot.questions(taken)
        taken.texts = snapshot.answer(self._pipeline, self._describe, asked)
        parents = self._kin.known(numbers) if kin else {}
        if more:
            least = self._query.keys(numbers[-1:]).key(0)

        def read() -> tuple[Listing, list[Asking]]:
            wanted = COLUMNS.keys() if kin else lines.CSV_COLUMNS
            found = finding.newest(self._shelf, moment, filters, limit + 1, after, least, wanted)
            if len(numbers):
                part = Part(self._pipeline, Loose(encode.table(taken, asked)))
                found = found.with_part(part, np.arange(part.count), limit + 1)
            return found, _asking(found.first(limit)) if kin else []

        found, asks = await self._in_thread(read)
        if asks:
            parents = await self._kin.parents(moment, asks) | parents
        return found.first(limit), parents, more or len(found) > limit

    async def one(self, id: str) -> forms.Call | None:
        """The call that bears this id, or one of whose hops does; None: it is not kept."""
        sought = await self._sought(self._moment(), id)
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

    async def _sought(self, moment: Moment, id: str) -> Sought | None:
        number = self._query.by_id(id)
        if number is not None and self._served(number):
            call = self._describe.call(number)
            of, rows = self._kin.lines(number)
            asks = [] if call.parent else [self._kin.asking(np.array([number]))]
            sought = Sought(of.keys.key(0), call, of, rows)
        else:
            try:
                key = parse_call_id(id)
            except ValueError:
                return None
            found = await self._in_thread(self._one, moment, key)
            if found is None:
                return None
            sought, asks = found
        _tell([(sought.key, sought.call)], await self._kin.parents(moment, asks))
        return sought

    async def reel(self, since_ns: int, until_ns: int, query: Expression) -> Reel:
        """What ended in [since, until) and the query fits."""
        moment = self._moment()
        recent = self._pipeline.settling.calls.served(self._pipeline.cut)
        recent = reel.cut(self._pipeline, recent, since_ns, until_ns, query)
        here = reel.wound([(self._pipeline, recent, reel.MEMORY)], [])
        if not moment.state.files:
            return here
        return await self._in_thread(
            finding.wind, self._shelf, moment, here, since_ns, until_ns, query
        )

    async def histogram(self, filters: Filters, steps: Steps) -> forms.Histogram:
        """Calls over time that these filters choose, by their ends."""
        tally, moment = Tally(steps), self._moment()
        served = self._pipeline.settling.calls.served(self._pipeline.cut)
        tally.add(self._pipeline, self._query.matching(filters, served))
        if moment.state.files:
            await self._in_thread(counting.count, self._shelf, moment, filters, tally)
        return await self._in_thread(tally.form)

    def _served(self, number: int) -> bool:
        """Whether memory answers for this call; as `Calls.served`."""
        value = self._pipeline.settling.calls.table.value
        changed: bool = value("revision", number) > value("sealed", number)
        return changed or value("low", number) >= self._pipeline.cut

    def _moment(self) -> Moment:
        hidden = hidden_by_memory(self._pipeline)
        state = State((), hidden) if self._archive is None else self._archive.state
        hidden = merged(state.hidden, hidden)
        return Moment(state, hidden, self._pipeline.cut, self._pipeline.rollup.rates())

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    # --- in a thread

    def _older(
        self, moment: Moment, filters: Filters, limit: int, after: Key | None, least: Key | None
    ) -> tuple[list[tuple[Key, forms.Call]], list[Asking]]:
        """Calls of history, and those of them that ask for their parents."""
        found = finding.newest(self._shelf, moment, filters, limit, after, least)
        calls = found.told(record.calls)
        keys = [found.keys.key(place) for place in range(len(found))]
        return list(zip(keys, calls, strict=True)), _asking(found)

    def _one(self, moment: Moment, key: Key) -> tuple[Sought, list[Asking]] | None:
        found = finding.bearing(self._shelf, moment, key)
        if found is None:
            return None
        part, number = found
        one = np.array([number])
        rows = np.array([number, number + part.count] if part.two[number] else [number])
        calls = np.full(len(rows), number)
        of = lines_of(part, rows, calls, part.keys.at(calls))
        (call,), asks = record.calls(part, one), [asking(part, one, part.keys.at(one))]
        return Sought(part.keys.key(number), call, of, np.zeros(0, np.int64)), asks


def _asking(found: Listing) -> list[Asking]:
    return [asking(part, some, part.keys.at(some)) for part, some, _ in found.members()]


def _tell(told: list[tuple[Key, forms.Call]], parents: dict[Key, Key]) -> None:
    for key, call in told:
        if call.parent is None and (parent := parents.get(key)):
            call.parent = id_of(parent)


def _text(found: Listing, parents: dict[Key, Key], form: str) -> bytes:
    if form == "csv":
        whole = found.gathered()
        return lines.csv(whole.parts[0], whole.number) if len(whole) else b""
    return lines.ndjson(_calls(found, parents))


def _calls(found: Listing, parents: dict[Key, Key]) -> list[forms.Call]:
    calls: list[forms.Call] = found.told(record.calls)
    if parents:
        keys = [found.keys.key(place) for place in range(len(found))]
        _tell(list(zip(keys, calls, strict=True)), parents)
    return calls
