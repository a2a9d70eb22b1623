"""The agents of a federation, in one process: a real gRPC stream to the hub for each server.

Enters: a plan and its lines. Leaves: batches on the wire as their lines would be completed, and how
long each took to be acknowledged. Agents register with an inventory of all their containers, cut
batches and send watermarks as the hub's settings ask.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

import grpc.aio
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc as pb_grpc

from bench.federation.batches import Feed
from bench.federation.lines import LogLines
from bench.federation.plan import Plan

PROXIES = (("private", pb.PROXY_KIND_PRIVATE), ("public", pb.PROXY_KIND_PUBLIC))


def hello(plan: Plan, server: int) -> pb.AgentMessage:
    """What the agent of a server says first."""
    internal = plan.internal(server)
    said = pb.Hello(
        protocol=1,
        agent_version="bench",
        server=plan.servers[server],
        instance=b"bench",
        internal_addresses=[internal],
    )
    for number, (name, kind) in enumerate(PROXIES, 1):
        port = 80 if name == "private" else 8080
        said.proxies.add(name=name, kind=kind, addresses=[f"{internal}:{port}"], networks=["net"])
        said.logs.add(
            number=number,
            proxy=name,
            fingerprint=f"{server:08d}{name:>8}".encode(),
            path=f"/var/log/{name}.jsonl",
            format=pb.LOG_FORMAT_JSON,
        )
    return pb.AgentMessage(hello=said)


def inventory(plan: Plan, server: int) -> pb.AgentMessage:
    """Its network and containers."""
    said = pb.Inventory(version=1, as_of_ns=time.time_ns())
    said.networks.add(name="net", subnets=["172.20.0.0/16"], gateways=["172.20.0.1"])
    for service in plan.services:
        if service.server == server:
            said.endpoints.add(
                network="net",
                address=service.address,
                service=service.name,
                container=f"{service.name}-1",
                source=pb.SOURCE_DOCKER,
            )
    return pb.AgentMessage(inventory=said)


class Agent:
    """The stream of one server."""

    def __init__(self, plan: Plan, server: int, logs: list[LogLines], cycle_ns: int, calls: int):
        self._plan, self._server = plan, server
        self._feeds = [Feed(i, lines, cycle_ns, calls) for i, lines in enumerate(logs, 1)]
        self._sent: dict[int, deque[tuple[int, float]]] = {
            feed.number: deque() for feed in self._feeds
        }
        self.acknowledged_ms: list[float] = []

    @property
    def lines(self) -> int:
        """Sent so far."""
        return sum(feed.sent for feed in self._feeds)

    @property
    def unacknowledged(self) -> int:
        """Batches."""
        return sum(map(len, self._sent.values()))

    async def run(self, address: str, began_ns: int, stop: asyncio.Event) -> None:
        """Report until told to stop, and everything is acknowledged."""
        async with grpc.aio.insecure_channel(address) as channel:
            stream = pb_grpc.IngestStub(channel).Stream()
            await stream.write(hello(self._plan, self._server))
            welcome = await stream.read()
            if welcome is grpc.aio.EOF or not welcome.HasField("welcome"):
                raise RuntimeError(f"{self._plan.servers[self._server]} is not welcome: {welcome}")
            await stream.write(inventory(self._plan, self._server))
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(stream))
                await self._write(stream, welcome.welcome.settings, began_ns, stop)
                await stream.done_writing()
                await reading

    async def _write(
        self, stream: Any, settings: pb.Settings, began_ns: int, stop: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        said_s = dict.fromkeys(self._sent, 0.0)
        while not stop.is_set():
            now_ns = time.time_ns()
            for feed in self._feeds:
                for batch in feed.until(began_ns, now_ns, settings.max_batch_rows):
                    self._sent[feed.number].append((batch.end_offset, time.perf_counter()))
                    await stream.write(pb.AgentMessage(batch=batch))
                if loop.time() - said_s[feed.number] >= settings.watermark_interval_ms / 1e3:
                    said_s[feed.number] = loop.time()
                    mark = pb.Watermark(
                        log=feed.number, watermark_ns=now_ns, read=feed.sent, sent=feed.sent
                    )
                    await stream.write(pb.AgentMessage(watermark=mark))
            due_s = max(due_s + settings.coalesce_ms / 1e3, loop.time())
            await asyncio.sleep(due_s - loop.time())

    async def _read(self, stream: Any) -> None:
        while (answer := await stream.read()) is not grpc.aio.EOF:
            if answer.HasField("refusal"):
                raise RuntimeError(answer.refusal.reason)
            if answer.HasField("ack"):
                now = time.perf_counter()
                for resume in answer.ack.logs:
                    waiting = self._sent[resume.number]
                    while waiting and waiting[0][0] <= resume.offset:
                        self.acknowledged_ms.append(1e3 * (now - waiting.popleft()[1]))


class Agents:
    """All agents of a federation."""

    def __init__(self, plan: Plan, logs: list[LogLines], cycle_s: float, calls: int) -> None:
        cycle_ns = round(cycle_s * 1e9)
        self.all = [
            Agent(plan, server, [log for log in logs if log.server == server], cycle_ns, calls)
            for server in range(len(plan.servers))
        ]

    @property
    def lines(self) -> int:
        """Sent so far."""
        return sum(agent.lines for agent in self.all)

    def take_acknowledged_ms(self) -> list[float]:
        """How long batches took, since the last time."""
        taken = [ms for agent in self.all for ms in agent.acknowledged_ms]
        for agent in self.all:
            agent.acknowledged_ms.clear()
        return taken

    async def run(self, address: str, stop: asyncio.Event) -> None:
        """Report until told to stop. Raises what the first stream that fails raises."""
        began_ns = time.time_ns()
        async with asyncio.TaskGroup() as tasks:
            for agent in self.all:
                tasks.create_task(agent.run(address, began_ns, stop))
