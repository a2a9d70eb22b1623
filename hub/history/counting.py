"""Calls over time that filters choose: counted, or estimated where there are too many.

Enters: a moment of history, filters, steps of time. Leaves: a `Tally`. In the history's thread. Of
more than `MAX_COUNTED_CALLS` at most `MAX_COUNTED_GROUPS` row groups are looked at, evenly chosen:
they speak for their neighbours, whose calls are known by number, and few files are opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.defaults import MAX_COUNTED_CALLS, MAX_COUNTED_GROUPS
from hub.history.files import FileEntry
from hub.history.shelf import Group, Moment, Shelf, standing
from hub.query.filters import Filters
from hub.query.query import Query
from hub.stamps import SECOND, rfc3339

Numbers = NDArray[np.int64]
MS = 1e6
HOUR_NS = 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class Steps:
    """Equal steps of time, in seconds."""

    since: int
    width: int
    count: int
    until: int
    """Within the last one, or its end."""

    def of(self, at_ns: Numbers) -> Numbers:
        """The step of each time, clamped to those that there are."""
        places: Numbers = (at_ns // SECOND - self.since) // self.width
        return np.clip(places, 0, self.count - 1)


@dataclass(slots=True)
class Tally:
    """Counts by step."""

    steps: Steps
    calls: NDArray[np.float64] = field(init=False)
    errors: NDArray[np.float64] = field(init=False)
    seen: int = 0
    """Calls that were looked at, whether they fit or not."""
    kept: int = 0
    _ended: list[Numbers] = field(default_factory=list)
    _lasted: list[Numbers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calls, self.errors = np.zeros(self.steps.count), np.zeros(self.steps.count)

    def add(self, source: Any, numbers: Numbers) -> tuple[int, int]:
        """Count those of these calls of a part, or of the core, that ended within the steps."""
        take = source.settling.calls.table.take
        ends = take("end_ns", numbers)
        inside = (ends >= self.steps.since * SECOND) & (ends < self.steps.until * SECOND)
        inside &= ~take("ignored", numbers).astype(np.bool_)
        numbers, places = numbers[inside], self.steps.of(ends[inside])
        bad = ~take("ok", numbers).astype(np.bool_)
        self.calls += np.bincount(places, minlength=self.steps.count)
        self.errors += np.bincount(places[bad], minlength=self.steps.count)
        self._ended.append(places)
        self._lasted.append(take("duration_ns", numbers))
        return len(numbers), int(bad.sum())

    def suppose(self, first_ns: int, last_ns: int, calls: float, errors: float) -> None:
        """So many, spread evenly over this time, as far as it lies within the steps."""
        first_ns = max(first_ns, self.steps.since * SECOND)
        last_ns = max(min(last_ns, self.steps.until * SECOND - 1), first_ns)
        middles = np.linspace(first_ns, last_ns, 4 * self.steps.count, dtype=np.int64)
        places = np.bincount(self.steps.of(middles), minlength=self.steps.count) / len(middles)
        self.calls += places * calls
        self.errors += places * errors

    def form(self) -> forms.Histogram:
        """As the API tells it."""
        none = np.zeros(0, np.int64)
        places = np.concatenate([none, *self._ended])
        lasted = np.concatenate([none, *self._lasted])
        order = np.lexsort((lasted, places))
        begins = np.searchsorted(places[order], np.arange(self.steps.count + 1)).tolist()
        p95 = [
            float(np.round(lasted[order[low - (-(high - low) * 95 // 100) - 1]] / MS, 3))
            if high > low
            else None
            for low, high in pairwise(begins)
        ]
        return forms.Histogram(
            since=rfc3339(self.steps.since * SECOND),
            until=rfc3339(self.steps.until * SECOND),
            step_s=self.steps.width,
            calls=np.round(self.calls).astype(int).tolist(),
            errors=np.round(self.errors).astype(int).tolist(),
            p95_ms=p95,
            share=round(self.seen / self.kept, 4) if self.kept else 1.0,
        )


def count(shelf: Shelf, moment: Moment, filters: Filters, tally: Tally) -> None:
    """Count what the files have."""
    steps = tally.steps
    since_ns, until_ns = steps.since * SECOND, steps.until * SECOND
    entries = sorted(
        (entry for entry in moment.state.files if _may_lie(entry, since_ns, until_ns)),
        key=lambda entry: entry.first_ns,
    )
    whole = sum(entry.calls for entry in entries) <= MAX_COUNTED_CALLS
    runs = [[entry] for entry in entries] if whole else _runs(entries)
    for run in runs:
        looked_at = run[len(run) // 2]
        groups = [
            group
            for group in shelf.groups_in(looked_at)
            if group.ended_to_ns >= since_ns and group.ended_from_ns < until_ns
        ]
        chosen = groups if whole else _some(groups, max(MAX_COUNTED_GROUPS // len(runs), 1))
        seen = calls = errors = 0
        for group in chosen:
            part = shelf.part(group, moment)
            numbers = Query(part).matching(filters, np.arange(part.count))  # type: ignore[arg-type]
            more = tally.add(part, standing(moment, part, numbers))
            seen, calls, errors = seen + part.count, calls + more[0], errors + more[1]
        kept = sum(group.calls for group in groups)
        kept += sum(entry.calls for entry in run if entry is not looked_at)
        tally.seen, tally.kept = tally.seen + seen, tally.kept + kept
        if seen < kept and seen:
            share = (kept - seen) / seen
            tally.suppose(run[0].first_ns, run[-1].last_ns, calls * share, errors * share)


def _may_lie(entry: FileEntry, since_ns: int, until_ns: int) -> bool:
    """Whether calls of it may have ended then: who lasted longer than an hour is left out."""
    return entry.last_ns >= since_ns - HOUR_NS and entry.first_ns < until_ns + HOUR_NS


def _runs(entries: list[FileEntry]) -> list[list[FileEntry]]:
    """Neighbours in time, as few runs as row groups may be looked at."""
    count = min(len(entries), MAX_COUNTED_GROUPS)
    places = np.array_split(np.arange(len(entries)), count)
    return [[entries[place] for place in run.tolist()] for run in places]


def _some(groups: list[Group], most: int) -> list[Group]:
    """Evenly from all of them."""
    if len(groups) <= most:
        return groups
    places = (np.arange(most) + 0.5) * len(groups) / most
    return [groups[place] for place in places.astype(int).tolist()]
