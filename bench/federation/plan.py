"""A federation of any size: its servers, services, and the edges that calls take.

Enters: how many of each, and a seed. Leaves: a `Plan`, the same for the same numbers. Services have
one container each; container networks overlap between servers, as real ones do. An edge goes
within a server, to another server through both private proxies, comes from the internet through a
public proxy, or from a stranger at a private one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORDS = (
    "api auth basket billing blog cache cart catalog chat cms crm docs events export feed "
    "files geo graph images import inbox index ledger mail maps media metrics notify orders pages "
    "pay photos prices profile queue rates report search session shop sign sms stock store stream "
    "sync tags tasks tax teams thumbs tickets track users video votes web wiki work"
)
WORDS = _WORDS.split()
CROSS, PUBLIC, OUTSIDE = 0.3, 0.1, 0.004
"""Shares of the edges; the others stay within a server."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Service:
    """One service and its container."""

    server: int
    name: str
    address: str


@dataclass(frozen=True)
class Plan:
    """Who there is, and who calls whom. Columns have one entry an edge."""

    servers: list[str]
    services: list[Service]
    caller: Codes
    """Index of a service; -1: from elsewhere."""
    callee: Codes
    origin: Codes
    """Index of `ORIGINS`."""
    weight: NDArray[np.float64]
    """Shares of all calls."""

    def internal(self, server: int) -> str:
        """How other servers see it."""
        return f"10.10.{server // 250}.{server % 250 + 1}"


ORIGINS = ("same_server", "cross_server", "public", "outside")


def plan(servers: int, services: int, edges: int, seed: int = 1) -> Plan:
    """A federation of that size."""
    random = np.random.default_rng(seed)
    names = [f"server-{number + 1:02d}" for number in range(servers)]
    made = [service(number, servers) for number in range(services)]
    home = np.array([one.server for one in made])
    origin = random.choice(4, edges, p=[1 - CROSS - PUBLIC - OUTSIDE, CROSS, PUBLIC, OUTSIDE])
    if servers == 1:
        origin[origin == 1] = 0
    # Everybody is called at least once, as far as the edges go.
    callee = np.concatenate([random.permutation(services), random.integers(0, services, edges)])
    callee = callee[:edges]
    caller = np.array(
        [
            -1 if kind > 1 else one_of(random, home, int(home[target]), elsewhere=kind == 1)
            for kind, target in zip(origin.tolist(), callee.tolist(), strict=True)
        ]
    )
    weight = random.pareto(1.2, edges) + 0.2
    return Plan(names, made, caller, callee, origin, weight / weight.sum())


def service(number: int, servers: int) -> Service:
    """Services are dealt out to servers one by one."""
    place = number // servers
    name = WORDS[place % len(WORDS)]
    if (more := place // len(WORDS)) > 0:
        name = f"{name}-{more + 1}"
    return Service(number % servers, name, f"172.20.{place // 250}.{place % 250 + 4}")


def one_of(random: np.random.Generator, home: Codes, server: int, *, elsewhere: bool) -> int:
    """A service of this server, or of another one."""
    while True:
        found = int(random.integers(0, len(home)))
        if (home[found] != server) == elsewhere:
            return found
