"""A hub in memory that keeps to `ingest.proto`: compare-and-set on each log's end, cumulative acks.

It journals decoded observations per log, so a test can compare them with the lines it wrote.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc

from tests.node_agent.decode import observations

Key = tuple[str, str, bytes]


@dataclass
class Journal:
    """What one log has become."""

    offset: int = 0
    lines: int = 0
    malformed: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    samples: list[pb.MalformedLine] = field(default_factory=list)
    watermarks: list[int] = field(default_factory=list)
    last: pb.Watermark | None = None


class FakeHub(ingest_pb2_grpc.IngestServicer):
    """Survives its own restarts: the journal stays."""

    def __init__(self) -> None:
        self.journal: dict[Key, Journal] = {}
        self.hellos: list[pb.Hello] = []
        self.inventories: list[pb.Inventory] = []
        self.probes: list[pb.ClockProbe] = []
        self.server_watermarks: list[int] = []
        self.batches: list[pb.Batch] = []
        self.settings = pb.Settings(coalesce_ms=5, watermark_interval_ms=50)
        self.silent = False
        """Journal nothing and acknowledge nothing."""
        self.held: list[pb.Batch] = []
        self.lose_after: int | None = None
        """Journal so many batches, then cut the stream without acknowledging the last."""
        self.refusal: pb.Refusal | None = None
        self.token = ""
        self.changed = asyncio.Condition()
        self.ended = 0
        self._server: grpc.aio.Server | None = None

    # Tests wait here; nothing sleeps.

    async def until(self, condition: Callable[[], Any], most_s: float = 10) -> None:
        """Wait until it is true, looking whenever a message came."""
        async with asyncio.timeout(most_s), self.changed:
            await self.changed.wait_for(condition)

    def rows(self, proxy: str = "private") -> list[dict[str, Any]]:
        """All rows of a proxy, log by log in the order of their sighting."""
        return [row for key, log in self.journal.items() if key[1] == proxy for row in log.rows]

    def counts(self, proxy: str = "private") -> list[int]:
        """Their request counts: which lines they are."""
        return [row["request_count"] for row in self.rows(proxy)]

    def log(self, proxy: str = "private") -> Journal:
        """The only log of a proxy."""
        (found,) = (log for key, log in self.journal.items() if key[1] == proxy)
        return found

    # The protocol.

    async def Stream(self, requests: Any, context: Any) -> None:
        said = dict(context.invocation_metadata())
        if self.token and said.get("authorization") != f"Bearer {self.token}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is wrong")
        keys: dict[int, Key] = {}
        async for message in requests:
            kind = message.WhichOneof("message")
            handle = getattr(self, f"_{kind}")
            await handle(getattr(message, kind), keys, context)
            async with self.changed:
                self.changed.notify_all()
        self.ended += 1

    async def _hello(self, hello: pb.Hello, keys: dict[int, Key], context: Any) -> None:
        self.hellos.append(hello)
        if self.refusal is not None:
            await context.write(pb.HubMessage(refusal=self.refusal))
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, self.refusal.reason)
        welcome = pb.Welcome(protocol=1, hub_version="fake", settings=self.settings)
        welcome.resumes.extend(self._sight(log, keys) for log in hello.logs)
        await context.write(pb.HubMessage(welcome=welcome))

    async def _log_sighting(self, log: pb.LogSighting, keys: dict[int, Key], context: Any) -> None:
        await context.write(pb.HubMessage(resume=self._sight(log, keys)))

    async def _inventory(self, found: pb.Inventory, keys: dict[int, Key], context: Any) -> None:
        self.inventories.append(found)

    async def _clock_probe(self, probe: pb.ClockProbe, keys: dict[int, Key], context: Any) -> None:
        self.probes.append(probe)
        reply = pb.ClockReply(number=probe.number, hub_ns=time.time_ns())
        await context.write(pb.HubMessage(clock_reply=reply))

    async def _watermark(self, mark: pb.Watermark, keys: dict[int, Key], context: Any) -> None:
        if mark.log == 0:
            self.server_watermarks.append(mark.watermark_ns)
            return
        log = self.journal[keys[mark.log]]
        log.watermarks.append(mark.watermark_ns)
        log.last = mark

    async def _batch(self, batch: pb.Batch, keys: dict[int, Key], context: Any) -> None:
        self.batches.append(batch)
        if self.silent:
            self.held.append(batch)
            return
        log = self.journal[keys[batch.log]]
        if batch.end_offset > log.offset:
            if batch.first_offset != log.offset:
                refusal = pb.Refusal(code=pb.Refusal.CODE_OFFSET, expected=_resume(batch.log, log))
                await context.write(pb.HubMessage(refusal=refusal))
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "offset")
            _store(log, batch)
        if self.lose_after is not None:
            self.lose_after -= 1
            if self.lose_after <= 0:
                self.lose_after = None
                await context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
        await context.write(pb.HubMessage(ack=pb.Ack(logs=[_resume(batch.log, log)])))

    def _sight(self, log: pb.LogSighting, keys: dict[int, Key]) -> pb.Resume:
        assert log.number not in keys
        key = keys[log.number] = (self.hellos[-1].server, log.proxy, log.fingerprint)
        return _resume(log.number, self.journal.setdefault(key, Journal()))

    # Its life.

    async def start(self, address: str) -> None:
        """Listen on a Unix socket."""
        self._server = grpc.aio.server()
        ingest_pb2_grpc.add_IngestServicer_to_server(self, self._server)
        self._server.add_insecure_port(address)
        await self._server.start()

    async def kill(self) -> None:
        """Gone at once, streams and all."""
        assert self._server is not None
        await self._server.stop(None)


def _store(log: Journal, batch: pb.Batch) -> None:
    found = observations(batch)
    log.rows += found
    log.samples += batch.malformed_samples
    log.lines += len(found) + batch.malformed
    log.malformed += batch.malformed
    log.offset = batch.end_offset
    log.watermarks.append(batch.watermark_ns)


def _resume(number: int, log: Journal) -> pb.Resume:
    return pb.Resume(number=number, offset=log.offset, lines=log.lines, malformed=log.malformed)


@asynccontextmanager
async def running(address: str) -> AsyncIterator[FakeHub]:
    """A fake hub for the length of a test."""
    hub = FakeHub()
    await hub.start(address)
    try:
        yield hub
    finally:
        await hub.kill()
