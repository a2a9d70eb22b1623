"""Which addresses of the internet have a node of their own: the busiest, and from when to when.

Enters: addresses as they call, with the number of their calls. Leaves: spans of time, by the start
of calls: what began before an address got its node stays where it was counted, however often it is
asked.
Always holds: `BUSY_SOURCES` addresses have one at a time, `MAX_BUSY_NODES` ever had; who has one
loses it only to somebody `BUSY_TIMES` as busy, and not within `BUSY_HELD_S`. Counts are halved
every `BUSY_HALF_LIFE_S`. They are lower bounds: with sweeps they lack at most the `BUSY_COUNTED`th
part of all that is counted, however many addresses come (Misra and Gries, "Finding repeated
elements", 1982; swept in batches as by Anderson et al., "A high-performance algorithm for
identifying frequent items in data streams", 2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest

import msgspec

from hub.defaults import (
    BUSY_CALLS,
    BUSY_COUNTED,
    BUSY_HALF_LIFE_S,
    BUSY_HELD_S,
    BUSY_SOURCES,
    BUSY_SPANS,
    BUSY_TIMES,
    MAX_BUSY_NODES,
)

SECOND = 1_000_000_000
EVER = 1 << 62
"""The end of a span that lasts."""

LEAST = 0.5
"""A count below this is none."""

Span = tuple[int, int]
"""From the first start in ns to before the second; `EVER`: it lasts."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls of one address that came together."""

    address: str
    calls: int
    latest_ns: int
    """The latest start among them, in their server's clock."""


class State(msgspec.Struct):
    """What is kept over a restart."""

    counts: dict[str, float]
    holders: dict[str, int]
    """Who has a node, and since when in the hub's clock."""
    spans: dict[str, list[Span]]
    """Of everybody who ever had one, in the order of time."""


class Busiest:
    """Counts, and gives nodes away."""

    def __init__(self) -> None:
        self._state = State({}, {}, {})
        self._halved_ns = 0

    def count(self, callers: Iterable[Caller], now_ns: int) -> bool:
        """They called; whether somebody got a node, or lost one."""
        self._halve(now_ns)
        counts, news = self._state.counts, False
        for caller in callers:
            counts[caller.address] = counts.get(caller.address, 0.0) + caller.calls
            if caller.address not in self._state.holders:
                news |= self._seat(caller, now_ns)
        if len(counts) > 2 * BUSY_COUNTED:
            self._sweep()
        return news

    def spans(self, address: str) -> Sequence[Span]:
        """When it had a node of its own, in the order of time."""
        return self._state.spans.get(address, ())

    def state(self) -> State:
        """For `restore`."""
        spans = {address: list(spans) for address, spans in self._state.spans.items()}
        return State(dict(self._state.counts), dict(self._state.holders), spans)

    def restore(self, state: State) -> None:
        """As `state` gave it."""
        self._state = state

    # --- nodes

    def _seat(self, caller: Caller, now_ns: int) -> bool:
        """Give it a node, where it is busy and one is to be had."""
        holders, spans, count = self._state.holders, self._state.spans, self._of(caller.address)
        if count < BUSY_CALLS:
            return False
        if caller.address not in spans and len(spans) >= MAX_BUSY_NODES:
            return False
        begin = caller.latest_ns + 1
        if len(holders) >= BUSY_SOURCES:
            weakest = min(self._may_lose(now_ns), key=self._of, default=None)
            if weakest is None or count < BUSY_TIMES * self._of(weakest):
                return False
            del holders[weakest]
            since, _ = spans[weakest][-1]
            spans[weakest][-1] = (since, max(since, begin))
        own = spans.setdefault(caller.address, [])
        own.append((max(begin, own[-1][1]) if own else begin, EVER))
        del own[:-BUSY_SPANS]
        holders[caller.address] = now_ns
        return True

    def _may_lose(self, now_ns: int) -> list[str]:
        held_ns = BUSY_HELD_S * SECOND
        return [one for one, since in self._state.holders.items() if now_ns - since >= held_ns]

    # --- counts

    def _of(self, address: str) -> float:
        return self._state.counts.get(address, 0.0)

    def _halve(self, now_ns: int) -> None:
        times = (now_ns - self._halved_ns) // (BUSY_HALF_LIFE_S * SECOND)
        if times > 0:
            self._halved_ns = now_ns
            self._keep({one: count * 0.5**times for one, count in self._state.counts.items()})

    def _sweep(self) -> None:
        """Of each count take what the `BUSY_COUNTED`th has: as many are nothing then, or more."""
        least = nlargest(BUSY_COUNTED, self._state.counts.values())[-1]
        self._keep({one: count - least for one, count in self._state.counts.items()})

    def _keep(self, counts: dict[str, float]) -> None:
        self._state.counts = {one: count for one, count in counts.items() if count >= LEAST}
