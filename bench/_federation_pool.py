"""A pool of realistic calls: what three servers with twelve services each log within a minute.

Enters: how many. Leaves: a core that settled them, and their Arrow table as a sealing makes it. A
third are of strangers at public proxies, a third within a server, a third go from one server to
another and are joined by hop ids. Durations, sizes, statuses, methods, paths, clients and user
agents are drawn from skewed distributions; every line goes through the wire format and the core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hub.history import encode, snapshot
from hub.read.describe import Describe
from tests.hub.world import INTERNAL, MS, T0, World, endpoint, hello, ident, inventory

SERVERS = tuple(INTERNAL)
NAMES = (
    "accounts", "basket", "catalogue", "delivery", "events", "images", "invoices", "mail", "orders",
    "prices", "search", "users",
)  # fmt: skip
RESOURCES = ("items", "list", "status", "events", "v2/detail", "batch")
AGENTS = tuple(f"client-{kind}/{minor}.0" for kind in ("web", "ios", "go") for minor in range(12))
STATUSES = (200, 201, 204, 304, 401, 404, 500, 502, 503)
SHARES = (0.80, 0.04, 0.04, 0.05, 0.01, 0.035, 0.015, 0.005, 0.005)
STRANGERS = 20_000
"""Addresses outside."""
IDS = 50_000
"""Of orders, users … that paths name."""
STRANGER, WITHIN, ACROSS = range(3)
"""Kinds of calls: of strangers, within a server, from one server to another."""


def paths(rng: np.random.Generator, service: str, count: int) -> list[str]:
    """Paths of requests to a service: some resources, each with many ids, some with a query."""
    resource = rng.integers(0, len(RESOURCES), count)
    number = rng.zipf(1.3, count) % IDS
    page = rng.integers(0, 60, count)
    return [
        f"/{service}/{RESOURCES[r]}/{n}" + (f"?page={p}" if p < 9 else "")
        for r, n, p in zip(resource.tolist(), number.tolist(), page.tolist(), strict=True)
    ]


class Pool:
    """Calls as the hub knows them, and as it would seal them."""

    def __init__(self, count: int, kinds: Sequence[int] = (STRANGER, WITHIN, ACROSS)) -> None:
        self._kinds = kinds
        self._rng = np.random.default_rng(6)
        self.world = World(recent_calls=10_000_000)
        self.world.pipeline.seals = True
        addresses = {name: f"172.20.0.{4 + place}" for place, name in enumerate(NAMES)}
        for server in SERVERS:
            self.world.say(
                hello(server),
                inventory(server, [endpoint(*pair) for pair in addresses.items()]),
            )
            self.world.skew(server, 0, 0.1)
            for proxy in ("private", "public"):
                self.world.sight(server, proxy)
        self._addresses = addresses
        self._tell(count)
        self.world.settle()
        self.table = self.sealable()

    def sealable(self) -> pa.Table:
        """All of them, as a sealing encodes them."""
        pipeline, describe = self.world.pipeline, Describe(self.world.pipeline)
        taken = snapshot.take(pipeline, describe)
        asked = snapshot.questions(taken)
        taken.texts = snapshot.answer(pipeline, describe, asked)
        return encode.table(taken, asked)

    def _tell(self, count: int) -> None:
        rng, step_ms = self._rng, 60_000 / count
        batches: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for number in range(count):
            at, lasts = number * step_ms, float(rng.lognormal(2, 1.2)) + 1
            server, other = rng.choice(len(SERVERS), 2, replace=False).tolist()
            here, there = SERVERS[server], SERVERS[other]
            caller, callee = (NAMES[place] for place in rng.choice(len(NAMES), 2, p=_SKEW))
            (path,) = paths(rng, callee, 1)
            said = self._said(callee, path, lasts)
            kind = self._kinds[number % len(self._kinds)]
            if kind == STRANGER:
                client = f"203.0.{rng.integers(0, 250)}.{rng.integers(0, STRANGERS // 250)}"
                line = {**said, "client": client, "host": "shop.example.com"}
                batches.setdefault((here, "public"), []).append(_at(line, at))
            elif kind == WITHIN:
                line = {**said, "client": self._addresses[caller]}
                batches.setdefault((here, "private"), []).append(_at(line, at))
            else:
                self._cross(batches, number, at, lasts, here, there, caller, said)
            if not (number + 1) % 2_000:
                for (name, proxy), lines in batches.items():
                    self.world.lines(name, *lines, proxy=proxy)
                batches = {}

    def _cross(
        self, batches: Any, number: int, at: float, lasts: float, here: str, there: str,
        caller: str, said: dict[str, Any],
    ) -> None:  # fmt: skip
        ids = {"trace_id": ident(f"t{number}"), "hop_id": ident(f"h{number}")}
        out = {
            **said, **ids, "client": self._addresses[caller], "path": f"/{there}{said['path']}",
            "router": f"{there}@file", "service": f"{there}@file",
            "upstream": f"http://{INTERNAL[there]}",
        }  # fmt: skip
        ids = {"trace_id": ids["trace_id"], "hop_id": ident(f"o{number}")}
        back = {**said, **ids, "client": INTERNAL[here], "hop_parent": ident(f"h{number}")}
        back["duration_ns"] = int(said["duration_ns"] * 0.8)
        back["upstream_ns"] = int(said["duration_ns"] * 0.75)
        batches.setdefault((here, "private"), []).append(_at(out, at))
        batches.setdefault((there, "private"), []).append(_at(back, at + lasts * 0.1))

    def _said(self, callee: str, path: str, lasts: float) -> dict[str, Any]:
        rng = self._rng
        status = int(rng.choice(STATUSES, p=SHARES))
        return {
            "duration_ns": round(lasts * 1e6), "upstream_ns": round(lasts * 0.9e6),
            "overhead_ns": round(lasts * 0.1e6), "status": status, "upstream_status": status,
            "bytes_in": int(rng.integers(0, 2_000)) if rng.random() < 0.2 else 0,
            "bytes_out": int(rng.lognormal(7, 1.3)),
            "client_port": int(rng.integers(30_000, 60_000)),
            "method": "POST" if rng.random() < 0.15 else "GET", "host": "private-proxy",
            "path": path, "router": f"{callee}@docker", "service": f"{callee}@docker",
            "upstream": f"http://{self._addresses[callee]}:8000", "protocol": "HTTP/1.1",
            "entry_point": "web", "user_agent": AGENTS[int(rng.zipf(1.4)) % len(AGENTS)],
        }  # fmt: skip


def _at(line: dict[str, Any], at_ms: float) -> dict[str, Any]:
    return {**line, "start_ns": T0 + round(at_ms * MS)}


_WEIGHTS = 1 / np.arange(1, len(NAMES) + 1)
_SKEW = _WEIGHTS / _WEIGHTS.sum()
