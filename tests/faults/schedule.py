"""Which faults, when: drawn from a seed, before anything runs. Pure.

Enters: a random generator, a number of faults, what is possible here. Leaves: faults in order; a
fault may have another one `within` it, which happens while it lasts. What always holds: every kind
that is possible comes before any comes again; a file is deleted only while nothing else is wrong
(what is deleted unread is lost, whoever reads).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.faults.world import SERVERS


class Kind(StrEnum):
    """What goes wrong; the text is for the table."""

    KILL_AGENT = "SIGKILL agent"
    KILL_HUB = "SIGKILL hub"
    KILL_HUB_IN_BURST = "SIGKILL hub just after a burst of lines"
    CUT = "cut the network between agent and hub"
    FILL_DISK = "fill the hub's disk"
    KILL_TRAEFIK = "SIGKILL Traefik"
    ROTATE_TRAEFIK = "rename Traefik's log, USR1 later"
    RESTART_TRAEFIK = "restart Traefik (SIGTERM)"
    ROTATE = "rotate by rename, compress the one before"
    COPYTRUNCATE = "rotate by copytruncate"
    RECREATE = "delete the log and make it anew"
    SLOW_DISK = "slow the hub's disk"
    RESTART_PROXY = "restart of a proxy that drains: counts from 1"
    FREEZE_HUB = "SIGSTOP hub"
    FREEZE_AGENT = "SIGSTOP agent"
    STOP_AGENT = "SIGTERM agent"
    STOP_HUB = "SIGTERM hub"


FIRST = tuple(Kind)[:11]
"""What a short campaign has to show."""
WEIGHTS = {
    **dict.fromkeys(Kind, 2),
    Kind.KILL_AGENT: 6,
    Kind.KILL_HUB: 5,
    Kind.KILL_HUB_IN_BURST: 6,
    Kind.CUT: 5,
    Kind.FILL_DISK: 4,
    Kind.ROTATE_TRAEFIK: 4,
    Kind.ROTATE: 4,
    Kind.SLOW_DISK: 4,
}
LASTING = (Kind.CUT, Kind.FILL_DISK, Kind.SLOW_DISK, Kind.KILL_HUB, Kind.KILL_AGENT)
INNER = {
    Kind.CUT: (Kind.KILL_AGENT, Kind.KILL_HUB, Kind.ROTATE, Kind.ROTATE_TRAEFIK, Kind.COPYTRUNCATE),
    Kind.FILL_DISK: (Kind.KILL_AGENT, Kind.KILL_HUB, Kind.CUT, Kind.ROTATE, Kind.STOP_HUB),
    Kind.SLOW_DISK: (Kind.KILL_HUB_IN_BURST, Kind.KILL_AGENT, Kind.CUT, Kind.STOP_AGENT),
    Kind.KILL_HUB: (Kind.KILL_AGENT, Kind.ROTATE, Kind.RESTART_TRAEFIK, Kind.COPYTRUNCATE),
    Kind.KILL_AGENT: (Kind.ROTATE, Kind.COPYTRUNCATE, Kind.ROTATE_TRAEFIK, Kind.KILL_HUB),
}
INNER_SHARE = 0.5
LONG_CUTS = 2
LONG_CUT_S = 18.0
"""Longer than the agent's patience with a silent hub, and than the hub's keepalive."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: it lasts `hold_s`, and the next comes `gap_s` after it."""

    kind: Kind
    server: str
    hold_s: float
    gap_s: float
    within: Fault | None = None

    @property
    def count(self) -> int:
        return 1 + (self.within.count if self.within else 0)

    def __str__(self) -> str:
        inner = f", meanwhile: {self.within}" if self.within else ""
        return f"{self.kind} [{self.server}] {self.hold_s:.1f} s{inner}"


def schedule(
    rng: random.Random, faults: int, *, impossible: Collection[Kind] = (), short: bool = False
) -> list[Fault]:
    """At least so many faults, inner ones counted."""
    drawn: list[Fault] = []
    for kind in _kinds(rng, impossible, short=short):
        fault = _fault(rng, kind, short=short)
        if kind in LASTING and not short and rng.random() < INNER_SHARE:
            possible = [inner for inner in INNER[kind] if inner not in impossible]
            inner = _fault(rng, rng.choice(possible), short=True)
            fault = replace(fault, within=inner, hold_s=fault.hold_s / 2)
        drawn.append(fault)
        if sum(fault.count for fault in drawn) >= faults:
            break
    if not short:
        cuts = [place for place, fault in enumerate(drawn) if fault.kind is Kind.CUT]
        for place in cuts[:LONG_CUTS]:
            drawn[place] = replace(drawn[place], hold_s=LONG_CUT_S)
    return drawn


def _kinds(rng: random.Random, impossible: Collection[Kind], *, short: bool) -> Iterator[Kind]:
    """Each once in a drawn order, then by weight, for ever."""
    possible = [kind for kind in (FIRST if short else Kind) if kind not in impossible]
    yield from rng.sample(possible, len(possible))
    while True:
        yield rng.choices(possible, [WEIGHTS[kind] for kind in possible])[0]


def _fault(rng: random.Random, kind: Kind, *, short: bool) -> Fault:
    server = rng.choice(SERVERS)
    if kind is Kind.KILL_TRAEFIK:
        server = SERVERS[0]  # The other's account is exact to the last request.
    elif kind is Kind.RESTART_TRAEFIK:
        server = SERVERS[1]
    longest = 1.0 if short else 4.0
    return Fault(kind, server, rng.uniform(0.1, longest), rng.uniform(0.0, longest / 2))
