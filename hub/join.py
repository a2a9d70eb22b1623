"""Joins the two halves of a cross-server call: the caller's proxy's line and the callee's.

Enters: halves, in any order, and the progress of both servers. Leaves: pairs, and the halves that
waited long enough. Best key first: hop id, trace id, forwarded address, then address and time.
Never by client port, span id or equal status. Always holds: a half is in at most one pair; what
waits is bounded in time by the caller's `expire`, what is remembered for late halves by count and
age; a row has one half at the most.

A hop id is certain at once. A trace can fan out to the same path several times, be retried, or meet
a callee that was never reached; an address join always can be ambiguous. So those wait for
`complete`: nothing more can come that would fit better. Then the best nested ones are taken, and a
half that is complete before its likely partner is waits for that one. Only a lone pair of one trace
that nests tightly is taken at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from hub.defaults import (
    ASSUMED_GAP_MS,
    LATE_HALF_S,
    MAX_LATE_HALVES,
    MAX_TRACE_HALVES,
    NESTING_TOLERANCE_MS,
)
from hub.enums import JoinKey, Role

Id = tuple[int, int]
NO_ID: Id = (0, 0)

GAP_NS = ASSUMED_GAP_MS * 1_000_000
TOLERANCE_NS = NESTING_TOLERANCE_MS * 1_000_000


@dataclass(slots=True, eq=False)
class Half:
    """One line that may be half of a cross-server call."""

    row: int
    role: Role
    server: int
    """That logged it."""
    other: int
    """Where the other half should be; -1: any server (the peer's address does not tell)."""
    start_ns: int
    """In the hub's clock, as far as the skew is known; so is `end_ns`."""
    end_ns: int
    method: int
    path: str
    hop: Id
    """The caller's hop id, or the hop id that the callee's request arrived with."""
    trace: Id
    client: str
    """The caller's peer address, or the address that the callee's peer speaks for; "": none."""
    waits: bool
    """False: settled at once; remembered only in case that an id matches later."""
    address_join: bool
    """May be joined by address and time."""
    seen_ns: int
    """Hub's clock, when it was committed."""
    unreached: bool = False
    """The caller's proxy made the answer: it may never have reached the callee."""
    shown_edge: int = -1
    """The edge that the live view shows it on while it waits."""
    partner: Half | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two halves of one call."""

    caller: Half
    callee: Half
    by: JoinKey
    confidence: float


Candidate = tuple[Half, Half]
"""A caller's and a callee's half that fit."""


class Join:
    """All halves that wait or are remembered."""

    def __init__(self) -> None:
        self.waiting: dict[int, Half] = {}
        """By row, in the order of their commit."""
        self._late: OrderedDict[int, Half] = OrderedDict()
        self._hops: dict[Id, dict[Role, Half]] = defaultdict(dict)
        self._traces: dict[Id, list[Half]] = defaultdict(list)
        self._held: set[int] = set()
        """Complete, but a partner that may be theirs is not."""
        self._promised: set[int] = set()
        """Their best partner is known, but not yet certain."""
        self._first_row = 0

    def add(self, halves: Iterable[Half]) -> Iterator[Pair]:
        """Take halves in; the pairs that are certain at once."""
        for half in halves:
            self.discard(half.row)
            if half.waits:
                self.waiting[half.row] = half
            else:
                self._remember(half)
            pair = self._by_hop(half) or self._by_trace(half)
            if pair is not None:
                yield pair

    def complete(
        self, is_complete: Callable[[Half], bool], is_due: Callable[[Half], bool]
    ) -> Iterator[Pair]:
        """Pair what was ambiguous and what only addresses can join, where nothing more can come
        (`is_complete`), or may be waited for no longer (`is_due`)."""
        self._held.clear()
        self._promised.clear()
        due = {row for row, half in self.waiting.items() if is_due(half)}
        ready = {row for row, half in self.waiting.items() if row in due or is_complete(half)}
        if not ready:
            return
        yield from self._best(self._of_one_trace(), JoinKey.TRACE, ready, due)
        open_ends = [self.waiting[row].end_ns for row in ready if row in self.waiting]
        until_ns = max(open_ends, default=0) + TOLERANCE_NS
        yield from self._best(self._nested(until_ns, True), JoinKey.FORWARDED, ready, due)
        yield from self._best(self._nested(until_ns, False), JoinKey.ADDRESS, ready, due)

    def expire(self, is_over: Callable[[Half], bool]) -> list[Half]:
        """Halves that waited long enough, but for those whose likely partner `complete` found still
        waiting; their ids are remembered."""
        over = [
            half for row, half in self.waiting.items() if row not in self._held and is_over(half)
        ]
        for half in over:
            del self.waiting[half.row]
            self._remember(half)
        return over

    def discard(self, row: int) -> Half | None:
        """Forget the half of a row; None: it has none here."""
        half = self.waiting.pop(row, None) or self._late.pop(row, None)
        if half is not None:
            self._unindex(half)
        return half

    def forget(self, now_ns: int, first_row: int) -> None:
        """Let go of remembered halves that are too old, or whose row is."""
        oldest_ns = now_ns - LATE_HALF_S * 1_000_000_000
        if first_row > self._first_row:
            self._first_row = first_row
            for row in [row for row in self._late if row < first_row]:
                self.discard(row)
        while self._late:
            half = next(iter(self._late.values()))
            if half.seen_ns > oldest_ns:
                return
            self.discard(half.row)

    def remembered(self) -> int:
        """How many settled halves are remembered."""
        return len(self._late)

    # --- certain at once

    def _by_hop(self, half: Half) -> Pair | None:
        if half.hop == NO_ID:
            return None
        sides = self._hops[half.hop]
        other = sides.get(Role(1 - half.role))
        sides.setdefault(half.role, half)
        if other is None or other.partner is not None or other.server == half.server:
            return None
        return self._pair(half, other, JoinKey.HOP_ID, 1.0)

    def _by_trace(self, half: Half) -> Pair | None:
        if half.trace == NO_ID:
            return None
        group = self._traces[half.trace]
        fitting = [other for other in group if _fits_trace(*_sides(half, other))]
        group.append(half)
        if len(group) > MAX_TRACE_HALVES:
            del group[0]  # it is found by its hop id and addresses only from now on
        if len(fitting) != 1:
            return None
        other = fitting[0]
        rivals = any(third is not half and _fits_trace(*_sides(third, other)) for third in group)
        certain = _is_certain(*_sides(half, other)) or not self._waits(half, other)
        return None if rivals or not certain else self._pair(half, other, JoinKey.TRACE, 1.0)

    def _waits(self, *halves: Half) -> bool:
        return any(half.row in self.waiting for half in halves)

    # --- the best of several

    def _best(
        self, candidates: Iterable[Candidate], by: JoinKey, ready: set[int], due: set[int]
    ) -> Iterator[Pair]:
        """The best nested of these pairs first; one that is not decided yet is kept open."""
        found = sorted(candidates, key=lambda candidate: _gap_ns(*candidate))
        rivals = Counter(half.row for candidate in found for half in candidate)
        for caller, callee in found:
            rows = {caller.row, callee.row}
            if caller.partner or callee.partner:
                continue
            waiting = {row for row in rows if row in self.waiting}
            if not rows & self._promised and (waiting <= ready or waiting & due):
                choices = max(rivals[row] for row in rows)
                yield self._pair(caller, callee, by, _confidence(by, choices))
            else:
                self._held |= waiting & ready - due
                self._promised |= rows if not rows & self._promised else set()

    def _of_one_trace(self) -> Iterator[Candidate]:
        """Also with halves that settled alone: a late one may have several of them to choose of."""
        for half in self.waiting.values():
            for other in self._traces.get(half.trace, ()):
                caller, callee = _sides(half, other)
                twice = half is callee and caller.row in self.waiting
                if not twice and _fits_trace(caller, callee):
                    yield caller, callee

    def _nested(self, until_ns: int, claims: bool) -> Iterator[Candidate]:
        """Waiting halves, begun until then, whose addresses, paths and intervals fit; with `claims`
        the forwarded address, too."""
        callees = defaultdict(list)
        callers = []
        for half in self.waiting.values():
            if not half.address_join or half.start_ns > until_ns or (claims and not half.client):
                continue
            if half.role is Role.CALLEE:
                callees[half.server, _alike(half, claims)].append(half)
            else:
                callers.append(half)
        for group in callees.values():
            group.sort(key=_start_ns)
        for caller in callers:
            group = callees.get((caller.other, _alike(caller, claims)), [])
            first = bisect_left(group, caller.start_ns - TOLERANCE_NS, key=_start_ns)
            last = bisect_left(group, caller.end_ns + TOLERANCE_NS + 1, key=_start_ns)
            for callee in group[first:last]:
                if _fits_address(caller, callee):
                    yield caller, callee

    def _pair(self, one: Half, other: Half, by: JoinKey, confidence: float) -> Pair:
        caller, callee = _sides(one, other)
        caller.partner, callee.partner = callee, caller
        for half in (caller, callee):
            self.waiting.pop(half.row, None)
            self._late.pop(half.row, None)
            self._unindex(half)
        return Pair(caller, callee, by, confidence)

    # --- what is remembered

    def _remember(self, half: Half) -> None:
        if half.hop == NO_ID and half.trace == NO_ID:
            return
        self._late[half.row] = half
        if len(self._late) > MAX_LATE_HALVES:
            self.discard(next(iter(self._late)))

    def _unindex(self, half: Half) -> None:
        sides = self._hops.get(half.hop)
        if sides is not None and sides.get(half.role) is half:
            del sides[half.role]
            if not sides:
                del self._hops[half.hop]
        group = self._traces.get(half.trace)
        if group is not None and half in group:
            group.remove(half)
            if not group:
                del self._traces[half.trace]


def _sides(one: Half, other: Half) -> tuple[Half, Half]:
    """The caller first, where the roles differ."""
    return (one, other) if one.role is Role.CALLER else (other, one)


def _fits_trace(caller: Half, callee: Half) -> bool:
    return (
        caller.trace == callee.trace != NO_ID
        and _between_the_same(caller, callee)
        and _ids_agree(caller, callee)
        and _near(caller, callee, GAP_NS)
    )


def _fits_address(caller: Half, callee: Half) -> bool:
    return (
        caller.address_join
        and callee.address_join
        and _between_the_same(caller, callee)
        and _ids_agree(caller, callee)
        and caller.path.endswith(callee.path)
        and _near(caller, callee, TOLERANCE_NS)
    )


def _between_the_same(caller: Half, callee: Half) -> bool:
    return (
        caller.role is Role.CALLER
        and callee.role is Role.CALLEE
        and caller.partner is None
        and callee.partner is None
        and caller.server != callee.server
        and caller.other in (-1, callee.server)
        and callee.other in (-1, caller.server)
        and caller.method == callee.method
    )


def _ids_agree(caller: Half, callee: Half) -> bool:
    """An id that both have and that differs says: not the same call."""
    return (caller.hop == callee.hop or NO_ID in (caller.hop, callee.hop)) and (
        caller.trace == callee.trace or NO_ID in (caller.trace, callee.trace)
    )


def _is_certain(caller: Half, callee: Half) -> bool:
    """Nothing that comes later could fit one of the two better."""
    return not caller.unreached and _near(caller, callee, TOLERANCE_NS)


def _near(caller: Half, callee: Half, tolerance_ns: int) -> bool:
    """The callee's interval lies within the caller's, or sticks out a little."""
    return (
        callee.start_ns >= caller.start_ns - tolerance_ns
        and callee.end_ns <= caller.end_ns + tolerance_ns
    )


def _alike(half: Half, claims: bool) -> Hashable:
    """What both halves of a call have the same, however much of a prefix was stripped."""
    return half.method, half.path.rpartition("/")[2], half.client if claims else None


def _start_ns(half: Half) -> int:
    return half.start_ns


def _gap_ns(caller: Half, callee: Half) -> int:
    """How loosely the callee's interval sits in the caller's: the network's part in the call."""
    return abs(callee.start_ns - caller.start_ns) + abs(caller.end_ns - callee.end_ns)


def _confidence(by: JoinKey, choices: int) -> float:
    if by is JoinKey.TRACE:
        return 1.0 if choices == 1 else 0.99
    return round(0.99 / choices, 2) if choices > 1 else 0.99
