"""Joins the two halves of a cross-server call: the caller's proxy's line and the callee's.

Enters: halves, in any order, and the progress of both servers. Leaves: pairs, and the halves that
waited long enough. Best key first: hop id, trace id, forwarded address, then address and time.
Never by client port, span id or equal status. Always holds: a half is in at most one pair; what
waits is bounded in time by the caller's `expire`, what is remembered for late halves by count and
age.

A trace can fan out to the same path several times, and an address join always can be ambiguous:
where more than one partner fits, the pairing waits for `complete` (nothing more can come that would
fit better), and takes the best nested ones.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from hub.defaults import ASSUMED_GAP_MS, LATE_HALF_S, MAX_LATE_HALVES, NESTING_TOLERANCE_MS
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
    call: int = -1
    """The call it stands in, once settled alone."""
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


class Join:
    """All halves that wait or are remembered."""

    def __init__(self) -> None:
        self.waiting: dict[int, Half] = {}
        """By row, in the order of their commit."""
        self._late: OrderedDict[int, Half] = OrderedDict()
        self._hops: dict[Id, dict[Role, Half]] = defaultdict(dict)
        self._traces: dict[Id, list[Half]] = defaultdict(list)

    def add(self, halves: Iterable[Half]) -> Iterator[Pair]:
        """Take halves in; the pairs that are certain at once."""
        for half in halves:
            if half.waits:
                self.waiting[half.row] = half
            else:
                self._remember(half)
            pair = self._by_hop(half) or self._by_trace(half)
            if pair is not None:
                yield pair

    def complete(self, is_complete: Callable[[Half], bool]) -> Iterator[Pair]:
        """Pair what was ambiguous and what only addresses can join, where nothing more can come."""
        ready = [half for half in self.waiting.values() if is_complete(half)]
        yield from self._best(ready, _fits_trace, JoinKey.TRACE)
        yield from self._best(ready, _fits_forwarded, JoinKey.FORWARDED)
        yield from self._best(ready, _fits_address, JoinKey.ADDRESS)

    def expire(self, is_due: Callable[[Half], bool]) -> list[Half]:
        """Halves that waited long enough; their ids are remembered."""
        due = [half for half in self.waiting.values() if is_due(half)]
        for half in due:
            del self.waiting[half.row]
            self._remember(half)
        return due

    def forget(self, now_ns: int, first_row: int) -> None:
        """Let go of remembered halves that are too old, or whose row is."""
        oldest_ns = now_ns - LATE_HALF_S * 1_000_000_000
        while self._late:
            half = next(iter(self._late.values()))
            if half.seen_ns > oldest_ns and half.row >= first_row:
                return
            self._drop(half)

    def remembered(self) -> int:
        """How many settled halves are remembered."""
        return len(self._late)

    # --- keys

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
        if len(fitting) != 1:
            return None
        other = fitting[0]
        rivals = [
            third for third in group if third is not half and _fits_trace(*_sides(third, other))
        ]
        return None if rivals else self._pair(half, other, JoinKey.TRACE, 1.0)

    def _best(
        self, ready: list[Half], fits: Callable[[Half, Half], bool], by: JoinKey
    ) -> Iterator[Pair]:
        """Pairs of ready halves that fit, the best nested first."""
        open_halves = [half for half in ready if half.partner is None]
        callees = defaultdict(list)
        for half in open_halves:
            if half.role is Role.CALLEE:
                callees[half.server].append(half)
        candidates = [
            (_gap_ns(caller, callee), caller, callee)
            for caller in open_halves
            if caller.role is Role.CALLER
            for callee in callees.get(caller.other, ())
            if fits(caller, callee)
        ]
        rivals: dict[int, int] = defaultdict(int)
        for _, caller, callee in candidates:
            rivals[caller.row] += 1
            rivals[callee.row] += 1
        for _, caller, callee in sorted(candidates, key=lambda entry: entry[0]):
            if caller.partner is None and callee.partner is None:
                choices = max(rivals[caller.row], rivals[callee.row])
                yield self._pair(caller, callee, by, _confidence(by, choices))

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
            self._drop(next(iter(self._late.values())))

    def _drop(self, half: Half) -> None:
        del self._late[half.row]
        self._unindex(half)

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


def _fits_forwarded(caller: Half, callee: Half) -> bool:
    return bool(callee.client) and caller.client == callee.client and _fits_address(caller, callee)


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


def _near(caller: Half, callee: Half, tolerance_ns: int) -> bool:
    """The callee's interval lies within the caller's, or sticks out a little."""
    return (
        callee.start_ns >= caller.start_ns - tolerance_ns
        and callee.end_ns <= caller.end_ns + tolerance_ns
    )


def _gap_ns(caller: Half, callee: Half) -> int:
    """How loosely the callee's interval sits in the caller's: the network's part in the call."""
    return abs(callee.start_ns - caller.start_ns) + abs(caller.end_ns - callee.end_ns)


def _confidence(by: JoinKey, choices: int) -> float:
    if by is JoinKey.TRACE:
        return 1.0 if choices == 1 else 0.99
    return round(0.99 / choices, 2) if choices > 1 else 0.99
