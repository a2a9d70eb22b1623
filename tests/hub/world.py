"""A federation for tests of the hub's core: agents that speak in one line each, and a clock.

Everything goes through the real wire format and the real `Pipeline`; only time is the test's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb

from hub import forms
from hub.columns.wire import decode
from hub.model import (
    AgentGone,
    BatchCommitted,
    ClockMeasured,
    ConnectionsSeen,
    HelloSeen,
    InventorySeen,
    LogKey,
    LogSeen,
    WatermarkSeen,
)
from hub.query.filters import Filters, parse
from hub.query.query import Query
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline

MS = 1_000_000
SECOND = 1_000 * MS
T0 = 1_795_000_000 * SECOND
LINE = 900
UNTOLD_MS = 50.0
"""How exact a clock is measured where a test does not say: any other probe counts more."""

INTERNAL = {"server-a": "10.10.0.11", "server-b": "10.10.0.12", "server-c": "10.10.0.13"}
LETTERS = {"server-a": "a", "server-b": "b", "server-c": "c"}
SERVICES = {"communicating": "172.20.0.4", "leaf": "172.20.0.5"}


def ident(text: str) -> bytes:
    """A hop or trace id of 16 bytes."""
    return hashlib.md5(text.encode()).digest()


def log_key(server: str, proxy: str = "private", log: str = "log") -> LogKey:
    return LogKey(server, proxy, hashlib.sha256(f"{server}{proxy}{log}".encode()).digest()[:16])


def hello(server: str, **fields: Any) -> HelloSeen:
    said = {
        "protocol": 1,
        "agent_version": "0.1",
        "server": server,
        "instance": b"instance",
        "internal_addresses": [INTERNAL[server]],
        "public_addresses": [INTERNAL[server].replace("10.10.0", "198.51.100")],
        "proxies": [
            pb.Proxy(
                name="private",
                kind=pb.PROXY_KIND_PRIVATE,
                addresses=[f"{INTERNAL[server]}:80", "172.20.0.2:80"],
                networks=["private-net"],
            ),
            pb.Proxy(
                name="public",
                kind=pb.PROXY_KIND_PUBLIC,
                addresses=[f"{INTERNAL[server]}:8080"],
                networks=["public-net"],
            ),
        ],
        **fields,
    }
    return HelloSeen(server, pb.Hello(**said))


def endpoint(service: str, address: str, **fields: Any) -> pb.Endpoint:
    return pb.Endpoint(
        **{
            "network": "private-net",
            "address": address,
            "service": service,
            "container": f"{service}-1",
            "source": pb.SOURCE_DOCKER,
            **fields,
        }
    )


def private_net(**fields: Any) -> pb.Network:
    return pb.Network(
        **{
            "name": "private-net",
            "subnets": ["172.20.0.0/16"],
            "gateways": ["172.20.0.1"],
            **fields,
        }
    )


def inventory(
    server: str, endpoints: Iterable[pb.Endpoint] | None = None, networks: Any = None
) -> InventorySeen:
    if endpoints is None:
        endpoints = [endpoint(name, address) for name, address in SERVICES.items()]
    networks = [private_net()] if networks is None else networks
    return InventorySeen(server, pb.Inventory(version=1, networks=networks, endpoints=endpoints))


def row(at_ms: float = 0.0, lasts_ms: float = 10.0, **fields: Any) -> dict[str, Any]:
    """One request to the leaf service of the own server, begun `at_ms` after T0."""
    return {
        "start_ns": T0 + round(at_ms * MS),
        "duration_ns": round(lasts_ms * MS),
        "upstream_ns": round(lasts_ms * MS * 0.9),
        "status": 200,
        "upstream_status": 200,
        "bytes_out": 446,
        "client": SERVICES["communicating"],
        "client_port": 40_000,
        "method": "GET",
        "host": "private-proxy",
        "path": "/leaf/echo",
        "router": "leaf@file",
        "service": "leaf@file",
        "upstream": "http://172.20.0.5:8000",
        **fields,
    }


def to_other(other: str, at_ms: float = 0.0, lasts_ms: float = 10.0, **fields: Any) -> Any:
    """The caller's half of a call to another server."""
    said = {
        "path": f"/{other}/leaf/echo",
        "router": f"{other}@file",
        "service": f"{other}@file",
        "upstream": f"http://{INTERNAL[other]}",
        **fields,
    }
    return row(at_ms, lasts_ms, **said)


def from_other(other: str, at_ms: float = 2.0, lasts_ms: float = 6.0, **fields: Any) -> Any:
    """The callee's half of a call from another server."""
    return row(at_ms, lasts_ms, **{"client": INTERNAL[other], **fields})


class World:
    """A pipeline, its clock, and what was said to it."""

    def __init__(self, *servers: str, **options: Any) -> None:
        self.pipeline = Pipeline(**options)
        self.now_ns = T0 + SECOND
        self.ends: Counter[LogKey] = Counter()
        self.journal: list[Any] = []
        self.rows = 0
        self._seq = 0
        for server in servers:
            self.join(server)

    # --- agents

    def join(self, server: str, **fields: Any) -> None:
        """A server registers with its usual inventory."""
        self.say(hello(server, **fields), inventory(server))
        self.skew(server, 0, UNTOLD_MS)
        self.sight(server)

    def sight(self, server: str, proxy: str = "private", log: str = "log") -> None:
        key = log_key(server, proxy, log)
        self.say(LogSeen(key, f"/var/log/{proxy}.jsonl", self.ends[key], 0, 0))

    def say(self, *events: Any) -> None:
        self.pipeline.handle(events, self.now_ns)
        self.journal += [
            event
            for event in events
            if isinstance(event, HelloSeen | InventorySeen | ConnectionsSeen | BatchCommitted)
        ]

    def lines(
        self, server: str, *rows: dict[str, Any], proxy: str = "private", log: str = "log"
    ) -> None:
        """One batch of these lines."""
        self.say(self.batch(server, *rows, proxy=proxy, log=log))

    def batch(
        self,
        server: str,
        *rows: dict[str, Any],
        proxy: str = "private",
        log: str = "log",
        watermark_ns: int = 0,
        malformed: int = 0,
    ) -> BatchCommitted:
        key = log_key(server, proxy, log)
        first = self.ends[key]
        message = pb.Batch(
            log=1,
            first_offset=first,
            end_offset=first + max(len(rows) + malformed, 1) * LINE,
            malformed=malformed,
            rows=[pb.Row(offset=i * LINE, **fields) for i, fields in enumerate(rows)],
        )
        message.watermark_ns = watermark_ns
        return self._committed(key, message)

    def commit(self, log: LogKey, message: pb.Batch) -> None:
        """A batch as an agent sent it."""
        self.say(self._committed(log, message))

    def _committed(self, log: LogKey, message: pb.Batch) -> BatchCommitted:
        observations = decode(message)
        self.ends[log] = message.end_offset
        self._seq += 1
        self.rows += observations.rows
        return BatchCommitted(
            self._seq,
            log,
            message.first_offset,
            message.end_offset,
            message.malformed,
            tuple(message.malformed_samples),
            message.watermark_ns,
            observations,
        )

    def mark(self, server: str, at_ms: float, complete: bool = False, **fields: Any) -> None:
        """The server's logs are complete up to this long after T0."""
        log = log_key(server, **fields) if fields or complete else None
        self.say(WatermarkSeen(server, log, T0 + round(at_ms * MS), complete, 0, 0, 0, 0))

    def marks(self, at_ms: float) -> None:
        for server in self.pipeline.federation.servers:
            self.mark(server.id, at_ms)

    def skew(self, server: str, skew_ms: float, uncertainty_ms: float = 0.1) -> None:
        self.say(ClockMeasured(server, round(skew_ms * MS), round(uncertainty_ms * MS)))

    def gone(self, server: str) -> None:
        self.say(AgentGone(server, "the stream broke"))

    def tick(self, ms: float = 50.0) -> None:
        self.now_ns += round(ms * MS)
        self.pipeline.tick(self.now_ns)

    def settle(self) -> None:
        """Long enough that nothing waits."""
        self.tick(5_001)
        assert not len(self.pipeline.settling.join.waiting)

    # --- readings

    def calls(self, **filters: str) -> list[forms.Call]:
        """Listed calls, oldest first."""
        parsed = parse(filters)[0] if filters else Filters()
        numbers, _ = Query(self.pipeline).page(parsed, 1_000_000)
        return Describe(self.pipeline).calls(numbers[::-1])

    def only(self) -> forms.Call:
        (call,) = self.calls()
        return call

    def check(self) -> None:
        check_invariants(self)


def check_invariants(world: World) -> None:
    """What holds at every moment, as long as nothing was let go of."""
    pipeline = world.pipeline
    rows, calls = pipeline.settling.rows.table, pipeline.settling.calls
    kept = calls.kept()
    hops = [calls.hops(number, rows) for number in kept.tolist()]
    standing = np.array([hop for call in hops for hop in call], np.int64)
    assert len(np.unique(standing)) == len(standing), "a line stands in two calls"
    waiting = set(pipeline.settling.join.waiting.tolist())
    lines = set(range(rows.first, rows.end))
    assert set(standing.tolist()) | waiting == lines, "a line is nowhere"
    owners = np.repeat(kept, list(map(len, hops)))
    known = rows.take("call", standing) == owners
    assert known.all(), "a line knows another call than the one it stands in"
    ignored = calls.table.take("ignored", kept)
    assert pipeline.ignored.counts[:, 0].sum() == ignored.sum(), "an ignored call is not counted"
    _check_counts(world, kept[~ignored])
    assert not any(rows.lost for rows in pipeline.callless().values())


def _check_counts(world: World, kept: np.ndarray) -> None:
    take, pipeline = world.pipeline.settling.calls.table.take, world.pipeline
    edges, ok = take("edge", kept), take("ok", kept)
    size = take("bytes_in", kept) + take("bytes_out", kept)
    wanted = np.zeros_like(pipeline.totals.counts)
    np.add.at(wanted, edges, np.stack([np.ones_like(edges), ~ok, size], axis=1))
    assert (pipeline.totals.counts == wanted).all(), "totals are not the sums of the calls"
    second = world.now_ns // SECOND + 1
    ends = take("end_ns", kept) // SECOND
    window = pipeline.rollup.window(second - 600, second + 600)
    inside = (ends >= second - 600) & (ends < second + 600)
    counted, numbers = np.unique(edges[inside], return_counts=True)
    assert dict(zip(window.edges.tolist(), window.counts[:, 0].tolist(), strict=True)) == dict(
        zip(counted.tolist(), numbers.tolist(), strict=True)
    ), "the rollup is not the sum of the calls"
