"""What agents report while the hub still reads its journal, in order, until the core is there.

Enters: events as they are committed. Leaves: the same events, once what was journalled before them
is in the core: to it they came late, and nothing else is different. At `HELD_LINES` lines no more
batches are journalled until the core has taken some: agents wait, and lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.defaults import HELD_LINES
from hub.journal.journal import Journal
from hub.journal.steps import rows_of, steps_of
from hub.model import Event


class Held:
    """Events that wait for the core."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._events: list[Event] = []
        self._lines = 0

    def __bool__(self) -> bool:
        return bool(self._events)

    def add(self, events: list[Event]) -> None:
        """These come behind all others."""
        self._events += events
        self._lines += sum(map(rows_of, events))
        self._journal.pause(self._lines >= HELD_LINES)

    def steps(self) -> Iterator[list[Event]]:
        """All of these in steps of the core, those too that come meanwhile."""
        while self._events:
            events, self._events = self._events, []
            for step in steps_of(events):
                yield step
                self._lines -= sum(map(rows_of, step))
                self._journal.pause(self._lines >= HELD_LINES)
