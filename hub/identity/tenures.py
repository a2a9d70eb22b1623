"""Who had which address of a server, also those whom its agent no longer tells of.

Enters: an agent's inventory, as spans, the whole of it each time. Leaves: spans by address and by
name. An agent tells for an hour what has ended; calls are kept for longer, and keep their names.
What always holds: the newest inventory is right about every time that it speaks of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from hub.defaults import MAX_REMEMBERED_TENURES
from hub.identity.addresses import Address


@dataclass(frozen=True, slots=True)
class Span:
    """Who had an address from when to when; 0: since ever, and still."""

    from_ns: int
    to_ns: int
    node: int
    network: str
    shared: bool
    source: int
    ignored: bool = False

    def covers(self, at_ns: int) -> bool:
        """Whether the span holds at a time of the server's clock."""
        return self.from_ns <= at_ns and (not self.to_ns or at_ns < self.to_ns)


@dataclass(frozen=True, slots=True)
class Tenure:
    """A span with what is said of it. `dated`: its beginning is known, so it may be remembered."""

    address: Address
    container: str
    names: frozenset[str]
    span: Span
    dated: bool


class Spans(tuple[Span, ...]):
    """Spans of one address or name; which one holds at a time is worked out once."""

    def __init__(self, _spans: Iterable[Span] = ()) -> None:
        self._times: list[int] = []
        self._winners: list[Span | None] = []

    def at(self, at_ns: int) -> Span | None:
        """Docker outranks Traefik's API outranks configuration, a relevant network an ignored one,
        newer outranks older."""
        if len(self) == 1:
            return self[0] if self[0].covers(at_ns) else None
        if not self._times:
            self._sweep()
        return self._winners[bisect_right(self._times, at_ns) - 1]

    def _sweep(self) -> None:
        """Over all times at which one begins or ends; the best that holds is on the heap's top."""
        beginnings = sorted(range(len(self)), key=lambda index: self[index].from_ns)
        begun = 0
        active: list[tuple[int, bool, int, int]] = []
        for time in sorted({0, *(t for span in self for t in (span.from_ns, span.to_ns))}):
            while begun < len(beginnings) and self[beginnings[begun]].from_ns <= time:
                index = beginnings[begun]
                span = self[index]
                heappush(active, (-span.source, span.ignored, -span.from_ns, index))
                begun += 1
            while active and not self[active[0][3]].covers(time):
                heappop(active)
            self._times.append(time)
            self._winners.append(self[active[0][3]] if active else None)


def boundaries(spans: Iterable[Span]) -> list[int]:
    """The times at which an answer can change, the beginning of time first."""
    times = {time for span in spans for time in (span.from_ns, span.to_ns) if time}
    return [0, *sorted(times)]


NO_SPANS = Spans()
"""Nobody ever had it."""


class Tenures:
    """Of one server."""

    def __init__(self) -> None:
        self._told: list[Tenure] = []
        self._told_ns = 0
        self._remembered: list[Tenure] = []

    def update(self, told: list[Tenure], as_of_ns: int) -> None:
        """An inventory came; what was dated and is not in it any more is remembered, as far as it
        had been told."""
        absent = [*self._remembered, *(one for one in self._told if one.dated)]
        now: defaultdict[tuple[Address, str, str], list[Span]] = defaultdict(list)
        for one in told:
            now[one.address, one.span.network, one.container].append(one.span)
        self._remembered = [
            _ended(one, self._told_ns)
            for one in absent
            if not any(
                _overlap(one.span, span)
                for span in now.get((one.address, one.span.network, one.container), ())
            )
        ]
        if len(self._remembered) > MAX_REMEMBERED_TENURES:
            self._remembered.sort(key=lambda one: one.span.to_ns)
            del self._remembered[:-MAX_REMEMBERED_TENURES]
        self._told, self._told_ns = told, as_of_ns

    def by_address(self) -> dict[Address, Spans]:
        """All spans, by address."""
        found: defaultdict[Address, list[Span]] = defaultdict(list)
        for one in (*self._remembered, *self._told):
            found[one.address].append(one.span)
        return {address: Spans(spans) for address, spans in found.items()}

    def by_name(self) -> dict[str, Spans]:
        """All spans, by the names that upstream URLs may use."""
        found: defaultdict[str, list[Span]] = defaultdict(list)
        for one in (*self._remembered, *self._told):
            for name in one.names:
                found[name].append(one.span)
        return {name: Spans(spans) for name, spans in found.items()}


def _ended(one: Tenure, at_ns: int) -> Tenure:
    """One that was open is known up to the last inventory that told of it."""
    if one.span.to_ns:
        return one
    return replace(one, span=replace(one.span, to_ns=max(at_ns, one.span.from_ns + 1)))


def _overlap(one: Span, other: Span) -> bool:
    return (not other.to_ns or one.from_ns < other.to_ns) and (
        not one.to_ns or other.from_ns < one.to_ns
    )
