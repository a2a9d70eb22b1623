"""Measures the hub's core: committed batches of two servers to settled calls, one core.

    python -m bench.hub_pipeline [--batches 400] [--rows 1000] [--cross 0.3] [--together 8]

Identity, origin, join by trace id, rollup and totals are in it; decoding and journalling are not
(`bench.hub_ingest`). A share of the lines are halves of cross-server calls, whose two lines lie in
batches of both servers. No figure is asserted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import click
import numpy as np
from hopwatch.v1 import ingest_pb2 as pb

from hub.model import (
    BatchCommitted,
    Event,
    HelloSeen,
    InventorySeen,
    LogKey,
    Observations,
    Strings,
    WatermarkSeen,
)
from hub.settle.pipeline import Pipeline

START_NS = 1_790_000_000_000_000_000
STEP_NS = 100_000
"""One line each 100 us on each server: 10,000 lines a second."""


@dataclass(frozen=True)
class Server:
    """One of the two servers."""

    id: str
    address: str
    other: str


SERVERS = (
    Server("server-a", "10.10.0.11", "10.10.0.12"),
    Server("server-b", "10.10.0.12", "10.10.0.11"),
)


def announcements(server: Server) -> list[Event]:
    """What its agent says first."""
    hello = pb.Hello(protocol=1, server=server.id, internal_addresses=[server.address])
    hello.proxies.add(
        name="private", kind=pb.PROXY_KIND_PRIVATE, addresses=[f"{server.address}:80"]
    )
    inventory = pb.Inventory(version=1)
    inventory.networks.add(name="net", subnets=["172.20.0.0/16"], gateways=["172.20.0.1"])
    for number in range(4, 24):
        inventory.endpoints.add(
            network="net", address=f"172.20.0.{number}", service=f"service-{number}", source=1
        )
    return [HelloSeen(server.id, hello), InventorySeen(server.id, inventory)]


def column(values: list[str], codes: np.ndarray) -> Strings:
    """A column of strings."""
    return Strings(tuple(values), codes.astype(np.uint16))


def observations(
    server: Server, number: int, rows: int, cross: int, random: np.random.Generator
) -> Observations:
    """One batch: `cross` callers' halves, `cross` callees' halves, the rest within the server."""
    start = START_NS + (number * rows + np.arange(rows)) * STEP_NS
    caller, callee = (
        np.arange(rows) < cross,
        (np.arange(rows) >= cross) & (np.arange(rows) < 2 * cross),
    )
    trace = np.zeros((rows, 2), np.uint64)
    own, others = SERVERS.index(server), 1 - SERVERS.index(server)
    trace[caller] = trace_ids(own, number, cross)
    trace[callee] = trace_ids(others, number, cross)
    start[callee] = start[caller] + 50_000
    duration = np.where(callee, 1_000_000, 1_200_000) + random.integers(0, 50_000, rows)
    zeros = np.zeros(rows, np.int64)
    same = np.zeros(rows, np.int64)
    paths = random.integers(0, 300, rows)
    paths[caller] = paths[callee] = np.arange(cross) * 7 % 300  # the same in both halves
    upstreams = ["http://172.20.0.9:80", f"http://{server.other}"]
    return Observations(
        rows=rows,
        offset=np.arange(rows, dtype=np.uint32) * 900,
        start_ns=start,
        duration_ns=duration,
        upstream_ns=duration - 10_000,
        overhead_ns=zeros + 10_000,
        status=np.full(rows, 200, np.uint16),
        upstream_status=np.full(rows, 200, np.uint16),
        bytes_in=zeros,
        bytes_out=zeros + 446,
        request_count=(number * rows + np.arange(rows) + 1).astype(np.uint64),
        client_port=np.full(rows, 40_000, np.uint16),
        retries=np.zeros(rows, np.uint16),
        grpc_status=np.full(rows, -1, np.int16),
        flags=np.zeros(rows, np.uint8),
        trace_id=trace,
        hop_id=np.zeros((rows, 2), np.uint64),
        hop_parent=np.zeros((rows, 2), np.uint64),
        client=column(
            [*(f"172.20.0.{n}" for n in range(4, 24)), server.other],
            np.where(callee, 20, random.integers(0, 20, rows)),
        ),
        forwarded=column([""], same),
        method=column(["GET", "POST"], random.integers(0, 2, rows) * ~(caller | callee)),
        host=column(["private-proxy"], same),
        path=column([f"/items/{n}?q=x" for n in range(300)], paths),
        protocol=column(["HTTP/1.1"], same),
        scheme=column(["http"], same),
        entry_point=column(["web"], same),
        router=column(["own@file", "other@file"], caller.astype(int)),
        service=column(["own@file", "other@file"], caller.astype(int)),
        upstream=column(upstreams, caller.astype(int)),
        user_agent=column(["python"], same),
    )


def trace_ids(caller: int, batch: int, count: int) -> np.ndarray:
    """Distinct ids, the same on both sides."""
    ids = np.zeros((count, 2), np.uint64)
    ids[:, 0] = caller + 1
    ids[:, 1] = batch * 1_000_000 + np.arange(count) + 1
    return ids


@click.command()
@click.option("--batches", default=400, show_default=True)
@click.option("--rows", default=1000, show_default=True)
@click.option("--cross", default=0.3, show_default=True, help="Share of lines that are halves.")
@click.option(
    "--together", default=8, show_default=True, help="Batches of one step: 20 come in 50 ms."
)
def main(batches: int, rows: int, cross: float, together: int) -> None:
    """Print events a second and microseconds an event."""
    random = np.random.default_rng(1)
    pipeline = Pipeline(recent_calls=batches * rows * 2)
    for server in SERVERS:
        pipeline.handle(announcements(server), START_NS)
    events: list[Event] = []
    for number in range(batches):
        for server in SERVERS:
            log = LogKey(server.id, "private", bytes(16))
            said = observations(server, number, rows, int(rows * cross / 2), random)
            first = number * rows * 900
            events.append(
                BatchCommitted(
                    len(events), log, first, first + rows * 900, 0, (), int(said.start_ns[-1]), said
                )
            )
    began = time.process_time()
    for position in range(0, len(events), together):
        now_ns = START_NS + (position + together) * rows * STEP_NS // 2
        marks = [WatermarkSeen(s.id, None, now_ns, False, 0, 0, 0, 0) for s in SERVERS]
        pipeline.handle(events[position : position + together] + marks, now_ns)
        pipeline.tick(now_ns)
    took = time.process_time() - began
    count = batches * rows * 2
    joined = int((pipeline.settling.calls.table["hop1"] >= 0).sum())
    print(
        f"{count:,} events, {joined:,} joined calls, {len(pipeline.settling.join.waiting)} waiting"
    )
    print(f"{count / took:,.0f} events/s on one core, {took / count * 1e6:.2f} us an event")


if __name__ == "__main__":
    main()
