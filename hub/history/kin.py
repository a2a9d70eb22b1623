"""Parents and children of calls, wherever the two lie: in memory, in files, or one in each.

Enters: calls that ask, a moment of history. Leaves: ids. Memory is read on the event loop, files in
the history's thread. A call's children are the calls whose parent it is: whoever bears one of its
ids is asked for its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers
from hub.defaults import MAX_CHILDREN, MAX_LINEAGE_GROUPS
from hub.history.lineage import LOOK_BACK_NS, Asking, Lines, asking, lines, may_tell, together
from hub.history.lineage import parents as parents_of
from hub.history.part import Part
from hub.history.shelf import Group, Moment, Shelf, standing
from hub.query.order import Key
from hub.query.parents import Parents
from hub.query.query import Query
from hub.settle.pipeline import Pipeline

InThread = Callable[..., Awaitable[Any]]


class Kin:
    """Looks through memory and files."""

    def __init__(self, pipeline: Pipeline, shelf: Shelf, in_thread: InThread) -> None:
        self._pipeline = pipeline
        self._shelf = shelf
        self._in_thread = in_thread
        self._query = Query(pipeline)
        self._parents = Parents(pipeline)

    async def parents(self, moment: Moment, of: list[Asking]) -> dict[Key, Key]:
        """The parents of these calls, as far as there are any."""
        of = [some for some in of if len(some)]
        if not of:
            return {}
        every = together(of)
        return await self._in_thread(self._match, moment, every, self._here(every))  # type: ignore[no-any-return]

    async def children(self, moment: Moment, key: Key, of: Lines, rows: Numbers) -> list[Key]:
        """The calls that were made for this one, whose lines these are; the first begun first.

        `rows`: of its lines in memory.
        """
        calls = self._bearing(of, rows)
        asks = [self.asking(calls), *await self._in_thread(self._asking, moment, of)]
        told = await self.parents(moment, asks) | self.known(calls)
        found = {child for child, parent in told.items() if parent == key}
        return sorted(found - {key})[:MAX_CHILDREN]

    # --- memory

    def known(self, calls: Numbers) -> dict[Key, Key]:
        """The parents of these calls of memory that are in memory, too."""
        parents = self._parents.of(calls)
        there = parents >= 0
        keys, above = self._query.keys(calls[there]), self._query.keys(parents[there])
        return {keys.key(place): above.key(place) for place in range(len(keys))}

    def asking(self, calls: Numbers) -> Asking:
        """Those of these calls of memory that ask."""
        return asking(self._pipeline, calls, self._query.keys(calls))

    def lines(self, call: int) -> tuple[Lines, Numbers]:
        """A call's lines in memory, and their rows."""
        settling = self._pipeline.settling
        rows = np.array(settling.calls.hops(call, settling.rows.table), np.int64)
        return self._lines(rows, np.full(len(rows), call)), rows

    def _lines(self, rows: Numbers, calls: Numbers) -> Lines:
        return lines(self._pipeline, rows, calls, self._query.keys(calls))

    def _here(self, of: Asking) -> Lines:
        """Lines in memory that may answer."""
        settling = self._pipeline.settling
        rows = _telling(settling.rows.table, of) + settling.rows.table.first
        calls = settling.calls_of(rows)
        return self._lines(rows[calls >= 0], calls[calls >= 0])

    def _bearing(self, of: Lines, rows: Numbers) -> Numbers:
        """Calls in memory that may have been made for these lines."""
        settling, table = self._pipeline.settling, self._pipeline.settling.rows.table
        some = may_tell(table["hop_parent"], of.hop) | may_tell(table["trace_id"], of.trace)
        first = np.flatnonzero(some) + table.first
        calls = settling.calls_of(first)
        own = calls >= 0
        own[own] = settling.calls.table.take("hop0", calls[own]) == first[own]
        passed = np.flatnonzero(np.isin(settling.calls.table["passed_by"], rows))
        passed = passed[~settling.calls.table["gone"][passed]] + settling.calls.table.first
        return np.unique(np.concatenate([calls[own], passed]))

    # --- files, in a thread

    def _match(self, moment: Moment, of: Asking, here: Lines) -> dict[Key, Key]:
        found = [here]
        since_ns = int(of.begun.min()) - LOOK_BACK_NS
        for part in self._parts(moment, since_ns, int(of.begun.max())):
            rows = _telling(part.rows.table, of)
            rows = rows[np.isin(rows % part.count, _standing(moment, part, rows))]
            calls = rows % part.count
            found.append(lines(part, rows, calls, part.keys.at(calls)))
        told = zip(range(len(of)), parents_of(of, together(found)), strict=True)
        return {of.keys.key(place): parent for place, parent in told if parent is not None}

    def _asking(self, moment: Moment, of: Lines) -> list[Asking]:
        """Calls in files that may have been made for these lines."""
        found = []
        since_ns, until_ns = int(of.begun.min()), int(of.begun.max()) + LOOK_BACK_NS
        for part in self._parts(moment, since_ns, until_ns):
            table = part.rows.table
            some = may_tell(table["hop_parent"][: part.count], of.hop)
            some |= may_tell(table["trace_id"][: part.count], of.trace)
            calls = _standing(moment, part, np.flatnonzero(some))
            found.append(asking(part, calls, part.keys.at(calls)))
        return found

    def _parts(self, moment: Moment, since_ns: int, until_ns: int) -> Iterator[Part]:
        """Row groups with lines that began then, the newest first."""
        groups: list[Group] = [
            group
            for entry in moment.state.files
            if entry.first_ns <= until_ns and entry.last_ns >= since_ns
            for group in self._shelf.groups_in(entry)
            if group.earliest_ns <= until_ns and group.latest_ns >= since_ns
        ]
        groups.sort(key=lambda group: group.latest_ns, reverse=True)
        for group in groups[:MAX_LINEAGE_GROUPS]:
            yield self._shelf.part(group, moment)


def _telling(rows: Any, of: Asking) -> NDArray[np.int64]:
    """Places of the rows that bear an id which one of these has."""
    return np.flatnonzero(may_tell(rows["hop_id"], of.hop) | may_tell(rows["trace_id"], of.trace))


def _standing(moment: Moment, part: Part, rows: Numbers) -> Numbers:
    """Of the calls of these rows of a part those that history tells."""
    return standing(moment, part, np.unique(rows % part.count), cut=False)
