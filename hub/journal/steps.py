"""Events in steps of the core: what comes within `STEP_MS` is settled together.

Enters: events, as the journal commits them or replays them. Leaves: lists of them for the core.
A step's fixed cost is that of some hundred lines, and under load there are a hundred commits a
second.

What always holds: events keep their order. The first ones after a quiet `STEP_MS` wait `YIELD_MS`
only, none waits longer than `STEP_MS`, and `STEP_ROWS` lines do not wait. Acknowledgements do not
wait for a step: in `YIELD_MS` those of the same commit have left. Without asking first (`flush`), a
reader may miss what was acknowledged within the last `STEP_MS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from hub.defaults import STEP_MS, STEP_ROWS, YIELD_MS
from hub.model import BatchCommitted, Event


class Steps:
    """Collects events for the core, on one event loop."""

    def __init__(self, take: Callable[[list[Event]], None], interval_s: float = STEP_MS / 1e3):
        self._take = take
        self._interval_s = interval_s
        self._waiting: list[Event] = []
        self._rows = 0
        self._last_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def add(self, events: list[Event]) -> None:
        """Hand these over, behind all others, now or soon."""
        self._waiting += events
        self._rows += sum(map(rows_of, events))
        loop = asyncio.get_running_loop()
        if self._rows >= STEP_ROWS:
            self.flush()
        elif self._timer is None:
            due_s = max(self._last_s + self._interval_s, loop.time() + YIELD_MS / 1e3)
            self._timer = loop.call_at(due_s, self.flush)

    def flush(self) -> None:
        """Hand over what waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting, self._rows = self._waiting, [], 0
            self._last_s = asyncio.get_running_loop().time()
            self._take(waiting)


def steps_of(events: Iterable[Event]) -> Iterator[list[Event]]:
    """All of these, in lists of `STEP_ROWS` lines or a little more."""
    step: list[Event] = []
    rows = 0
    for event in events:
        step.append(event)
        rows += rows_of(event)
        if rows >= STEP_ROWS or len(step) >= STEP_ROWS:
            yield step
            step, rows = [], 0
    if step:
        yield step


def rows_of(event: Event) -> int:
    """Lines that an event brings."""
    return event.observations.rows if isinstance(event, BatchCommitted) else 0
