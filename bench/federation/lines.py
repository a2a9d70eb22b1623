"""The lines of some seconds of traffic, which are played again and again.

Enters: a `Plan`, a rate. Leaves: for each log its lines as columns, in the order of completion,
with times from the cycle's beginning. Both lines of a cross-server call bear its hop id, so that
what they are joined to is certain. A log's request numbers have no gaps, in no cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.federation.plan import Codes, Plan

NS = 1_000_000_000
PATHS = [f"/items/{number}?page={number % 7}" for number in range(300)] + ["/healthz"]
STATUSES = np.array([200, 204, 404, 500, 503])
SHARES = [0.93, 0.04, 0.018, 0.008, 0.004]
METHODS = ["GET", "POST", "PUT"]
STRANGERS = [f"203.0.113.{number}" for number in range(1, 41)]
HOP_NS = 300_000
"""From one proxy to the next."""


@dataclass(frozen=True)
class LogLines:
    """The lines of one log; one entry a line."""

    server: int
    public: bool
    end_ns: Codes
    """Ascending, in the cycle."""
    duration_ns: Codes
    status: Codes
    request_count: Codes
    """From 1, in the order of start."""
    call: Codes
    """Number of the call in the cycle; hop ids are made of it."""
    passes_on: NDArray[np.bool_]
    """The caller's half of a call to another server."""
    received: NDArray[np.bool_]
    """The callee's half."""
    client: Codes
    path: Codes
    method: Codes
    router: Codes
    upstream: Codes
    texts: dict[str, list[str]]
    """What the codes of these columns stand for."""

    def __len__(self) -> int:
        return len(self.end_ns)


def lines(plan: Plan, rate: float, cycle_s: float, seed: int = 2) -> list[LogLines]:
    """Both logs of every server."""
    random = np.random.default_rng(seed)
    count = round(rate * cycle_s)
    edge = random.choice(len(plan.weight), count, p=plan.weight)
    end = np.sort(random.integers(0, round(cycle_s * NS), count))
    duration = (random.lognormal(np.log(8e6), 1.0, count)).astype(np.int64) + 3 * HOP_NS
    status = random.choice(STATUSES, count, p=SHARES)
    path, method = (
        random.integers(0, len(PATHS), count),
        random.choice(3, count, p=[0.8, 0.15, 0.05]),
    )
    stranger = random.integers(0, len(STRANGERS), count)
    home = np.array([service.server for service in plan.services])
    origin, caller, callee = plan.origin[edge], plan.caller[edge], plan.callee[edge]
    servers, services = len(plan.servers), len(plan.services)
    # Texts: services' addresses, then servers' internal ones, then strangers'.
    addresses = [service.address for service in plan.services]
    addresses += [plan.internal(server) for server in range(servers)] + STRANGERS
    upstreams = [f"http://{address}:8000" for address in addresses[:services]]
    upstreams += [f"http://{plan.internal(server)}" for server in range(servers)]
    routers = [f"{service.name}@file" for service in plan.services]
    routers += [f"{server}@file" for server in plan.servers]
    texts = {
        "client": addresses, "path": PATHS, "method": METHODS,
        "router": routers, "upstream": upstreams,
    }  # fmt: skip

    cross = origin == 1
    at = home[callee]
    first_client = np.where(caller >= 0, caller, services + servers + stranger)
    target = np.where(cross, services + at, callee)
    # One line a call at the first proxy; of cross-server calls one more at the callee's.
    own = {
        "server": np.where(cross, home[np.maximum(caller, 0)], at),
        "public": origin == 2,
        "end": end,
        "duration": duration,
        "client": first_client,
        "upstream": target,
        "passes_on": cross,
        "received": np.zeros(count, np.bool_),
        "call": np.arange(count),
    }
    other = {
        "server": at[cross],
        "public": np.zeros(int(cross.sum()), np.bool_),
        "end": np.maximum(end[cross] - HOP_NS, 0),
        "duration": duration[cross] - 2 * HOP_NS,
        "client": services + home[caller[cross]],
        "upstream": callee[cross],
        "passes_on": np.zeros(int(cross.sum()), np.bool_),
        "received": np.ones(int(cross.sum()), np.bool_),
        "call": np.flatnonzero(cross),
    }
    every = {name: np.concatenate([own[name], other[name]]) for name in own}
    shared = {"status": status, "path": path, "method": method}
    every |= {name: np.concatenate([column, column[cross]]) for name, column in shared.items()}
    return [
        one_log(every, server, public, texts)
        for server in range(servers)
        for public in (False, True)
    ]


def one_log(
    every: dict[str, NDArray[np.generic]], server: int, public: bool, texts: dict[str, list[str]]
) -> LogLines:
    """The lines of one log, in the order of completion."""
    mine = np.flatnonzero((every["server"] == server) & (every["public"] == public))
    mine = mine[np.argsort(every["end"][mine], kind="stable")]
    taken = {name: column[mine] for name, column in every.items()}
    numbers = np.empty(len(mine), np.int64)
    numbers[np.argsort(taken["end"] - taken["duration"], kind="stable")] = np.arange(len(mine)) + 1
    return LogLines(
        server=server,
        public=public,
        end_ns=taken["end"],
        duration_ns=taken["duration"],
        status=taken["status"],
        request_count=numbers,
        call=taken["call"],
        passes_on=taken["passes_on"],
        received=taken["received"],
        client=taken["client"],
        path=taken["path"],
        method=taken["method"],
        router=taken["upstream"],
        upstream=taken["upstream"],
        texts=texts,
    )
