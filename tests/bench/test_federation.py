"""The synthetic federation is what it says: every line counts, every cross-server call has two."""

from __future__ import annotations

import numpy as np
import pytest
from hopwatch.v1 import ingest_pb2 as pb

from bench.federation.agents import hello, inventory
from bench.federation.batches import Feed
from bench.federation.lines import LogLines, lines
from bench.federation.plan import Plan, plan
from hub.columns.wire import decode
from hub.model import BatchCommitted, HelloSeen, InventorySeen, LogKey, LogSeen
from hub.read.describe import Describe
from hub.read.state import State
from hub.settle.pipeline import Pipeline

T0 = 1_795_000_000_000_000_000
SECOND = 1_000_000_000
RATE, CYCLE_S, SECONDS = 400, 2.0, 5


class Played:
    """A pipeline that heard so many seconds of a small federation."""

    def __init__(self, step_ms: int) -> None:
        self.plan: Plan = plan(3, 30, 60)
        self.logs: list[LogLines] = lines(self.plan, RATE, CYCLE_S)
        self.pipeline = Pipeline()
        self.batches: list[pb.Batch] = []
        for server, id in enumerate(self.plan.servers):
            said, has = hello(self.plan, server).hello, inventory(self.plan, server).inventory
            self.pipeline.handle([HelloSeen(id, said), InventorySeen(id, has)], T0)
        feeds = {
            self.key(log): Feed(1, log, round(CYCLE_S * SECOND), round(RATE * CYCLE_S))
            for log in self.logs
        }
        self.pipeline.handle([LogSeen(key, "log", 0, 0, 0) for key in feeds], T0)
        for now_ns in range(T0, T0 + SECONDS * SECOND, step_ms * 1_000_000):
            for key, feed in feeds.items():
                for batch in feed.until(T0, now_ns, 1000):
                    self.hear(key, batch, now_ns)
            self.pipeline.tick(now_ns)
        self.sent = sum(feed.sent for feed in feeds.values())

    def key(self, log: LogLines) -> LogKey:
        proxy = "public" if log.public else "private"
        fingerprint = f"{log.server:08d}{proxy:>8}".encode()
        return LogKey(self.plan.servers[log.server], proxy, fingerprint)

    def hear(self, key: LogKey, batch: pb.Batch, now_ns: int) -> None:
        self.batches.append(batch)
        first, end, mark = batch.first_offset, batch.end_offset, batch.watermark_ns
        seen = BatchCommitted(len(self.batches), key, first, end, 0, (), mark, decode(batch))
        self.pipeline.handle([seen], now_ns)


@pytest.fixture(scope="module", params=[20, 700], ids=["rows", "columns"])
def played(request: pytest.FixtureRequest) -> Played:
    return Played(request.param)


def test_lines_go_as_rows_or_columns(played: Played, request: pytest.FixtureRequest) -> None:
    as_columns = [bool(batch.columns) for batch in played.batches]
    assert any(as_columns) == ("columns" in request.node.callspec.id)


def test_every_line_arrives_and_stands_in_one_call(played: Played) -> None:
    ledger = State(played.pipeline).ledger()
    assert ledger.totals.journalled == played.sent > RATE * SECONDS
    assert ledger.totals.missing == 0


def test_calls_between_servers_are_joined_and_the_others_are_what_they_are(played: Played) -> None:
    calls = played.pipeline.settling.calls
    numbers = calls.kept()
    origins = {edge.origin.name.lower() for edge in played.pipeline.graph.edges}
    assert {"same_server", "cross_server", "public"} <= origins
    assert "cross_server_direct" not in origins
    joined = calls.table.take("hop1", numbers) >= 0
    expected = sum(log.received.sum() for log in played.logs) * SECONDS / CYCLE_S
    assert joined.sum() == pytest.approx(expected, rel=0.1)
    assert not (calls.table.take("missing", numbers) > 0).any()


def test_the_graph_is_the_plan(played: Played) -> None:
    topology = Describe(played.pipeline).topology()
    assert sum(node.kind == "service" for node in topology.nodes) == 30
    used = {*np.unique(played.plan.callee).tolist()}
    called = {edge.to for edge in topology.edges if edge.to.count("/")}
    assert len(called) == len(used)
