"""Counts of any past window: of each edge, and over time.

Enters: a window. Leaves: the forms of `/api/v1/edges?since=…` and `/api/v1/histogram`. What is
sealed is counted by the catalogue, by second where the window is short and its seconds are kept,
else by whole minutes; the rest is added from memory. Both are taken so that nothing counts twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from hub import forms
from hub.columns.calls import Counted
from hub.defaults import FINE_WINDOW_S, MAX_HISTOGRAM_STEPS
from hub.graph.rollup import Deltas, by_second, p95_of, sum_of, window_of
from hub.history import catalog, rollups
from hub.history.counting import Steps
from hub.history.rollups import MINUTE_STEP, SECOND_STEP
from hub.journal.store import Store
from hub.query.filters import BadFilter
from hub.read.edges import form_of
from hub.settle.pipeline import Pipeline
from hub.stamps import SECOND, parse_time, rfc3339

DAY_S = 86_400
Timed = tuple[int, Deltas]
"""Counts of one second, or of a minute that begins then."""


class Windows:
    """Reads the rollups of catalogue and memory; without a catalogue the last hour's."""

    def __init__(self, pipeline: Pipeline, store: Store | None) -> None:
        self._pipeline = pipeline
        self._store = store

    async def edges(self, since: int, until: int, now: int) -> forms.Edges:
        """Every edge with calls that ended in the seconds [since, until); whole minutes where
        seconds are not kept."""
        step, since, until = _stepped(since, until, now)
        parts = await self._parts(step, since, until)
        window = await asyncio.to_thread(lambda: window_of(sum_of([d for _, d in parts])))
        return form_of(self._pipeline.graph, window, since, until)

    async def histogram(
        self, since: int, until: int, now: int, edges: Collection[int] | None = None
    ) -> forms.Histogram:
        """Calls, errors and p95 over time, in at most `MAX_HISTOGRAM_STEPS` steps; of these edges,
        or of all."""
        step, since, until = _stepped(since, until, now)
        parts = await self._parts(step, since, until)
        return await asyncio.to_thread(_histogram, parts, _steps(step, since, until), edges)

    async def _parts(self, step: int, since: int, until: int) -> list[Timed]:
        pipeline = self._pipeline
        if self._store is None:
            found = pipeline.rollup.seconds(since, until)
            return [(second // step * step, deltas) for second, deltas in found]
        pending, being = list(pipeline.sealable), pipeline.being_sealed
        ignored = pipeline.graph.ignored
        pending = [(sign, c.part(~ignored(c.edge))) for sign, c in pending]
        under_way = [(sign, c.part(~ignored(c.edge))) for sign, c in being[1]]
        return await asyncio.to_thread(self._read, step, since, until, pending, being[0], under_way)

    # --- in a thread

    def _read(
        self,
        step: int,
        since: int,
        until: int,
        pending: list[tuple[int, Counted]],
        sealing_seq: int,
        under_way: list[tuple[int, Counted]],
    ) -> list[Timed]:
        assert self._store is not None
        sealed_seq, bodies = catalog.rollups_at(self._store, step, since, until)
        if sealed_seq < sealing_seq:
            pending = under_way + pending
        parts: list[Timed] = []
        for body in bodies:
            seconds, deltas = rollups.read(body)
            parts += _split(seconds, deltas)
        parts += _timed(pending, step)
        return [(at, deltas) for at, deltas in parts if since <= at < until]


def past_window(arguments: Mapping[str, str], now: int) -> tuple[int, int]:
    """The seconds [since, until) that are asked for; until now where nothing else is said. Raises
    `BadFilter`."""
    times = []
    for name, default in (("since", now - 3_600), ("until", now + 1)):
        text = arguments.get(name, "")
        try:
            times.append(parse_time(text) // SECOND if text else default)
        except (ValueError, OverflowError):
            raise BadFilter(
                f'{name} = "{text[:100]}": must be RFC 3339, or seconds since 1970'
            ) from None
    since, until = times
    if not 0 <= since < until <= now + DAY_S:
        raise BadFilter(f"since, until = {since}, {until}: until must be later, and not ahead")
    return since, until


def _stepped(since: int, until: int, now: int) -> tuple[int, int, int]:
    """By second where these are kept and not too many; else from minute to minute."""
    if until - since <= FINE_WINDOW_S and since > now - DAY_S:
        return SECOND_STEP, since, until
    return MINUTE_STEP, since // 60 * 60, -(-until // 60) * 60


def _split(seconds: np.ndarray, deltas: Deltas) -> list[Timed]:
    moments, first = np.unique(seconds, return_index=True)
    bounds = zip(moments.tolist(), first, [*first[1:], len(seconds)], strict=True)
    return [(at, Deltas(deltas.key[a:b], deltas.counts[a:b])) for at, a, b in bounds]


def _timed(counted: Iterable[tuple[int, Counted]], step: int) -> list[Timed]:
    aside = [(sign, calls) for sign, calls in counted if len(calls.edge)]
    return [(second // step * step, part) for second, part in (by_second(aside) if aside else ())]


def steps_of(since: int, until: int, now: int) -> Steps:
    """The steps of a histogram of this window."""
    return _steps(*_stepped(since, until, now))


def _steps(step: int, since: int, until: int) -> Steps:
    width = step * max(1, -(-(until - since) // (step * MAX_HISTOGRAM_STEPS)))
    return Steps(since, width, -(-(until - since) // width), until)


def _histogram(parts: list[Timed], steps: Steps, edges: Collection[int] | None) -> forms.Histogram:
    places: list[list[Deltas]] = [[] for _ in range(steps.count)]
    only = None if edges is None else np.array(sorted(edges), np.int64)
    for at, deltas in parts:
        mine = deltas if only is None else deltas.of(only)
        places[(at - steps.since) // steps.width].append(mine)
    sums = [sum_of(place) for place in places]
    counts = np.array([one.counts.sum(axis=0) for one in sums], np.int64).reshape(steps.count, -1)
    return forms.Histogram(
        since=rfc3339(steps.since * SECOND),
        until=rfc3339(steps.until * SECOND),
        step_s=steps.width,
        calls=counts[:, 0].tolist(),
        errors=counts[:, 1].tolist(),
        p95_ms=[p95_of(one) for one in sums],
        share=1.0,
    )
