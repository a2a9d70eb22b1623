"""Builders for the hub's tests and benchmarks: batches, hellos, an agent that speaks by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import zstandard
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc as pb_grpc

from hub.agents.ingest import SERVICE, IngestServicer, Listening, serve
from hub.columns.wire import NUMBERS, STRINGS
from hub.guard.auth import Tokens
from hub.journal.journal import Journal
from hub.model import Event, LogKey

T0 = 1_795_000_000_000_000_000
FINGERPRINT = bytes(range(16))
LOG = LogKey("server-a", "private", FINGERPRINT)
LINE_BYTES = 900


def rows_batch(first: int, count: int, log: int = 1, **fields: Any) -> pb.Batch:
    """A batch of row messages, each of a line of 900 bytes."""
    messages = [
        pb.Row(offset=i * LINE_BYTES, start_ns=T0 + i, path=f"/{first}/{i}", client="172.20.0.4")
        for i in range(count)
    ]
    end = first + max(count, 1) * LINE_BYTES
    return pb.Batch(
        **{"log": log, "first_offset": first, "end_offset": end, "rows": messages, **fields}
    )


def columns(rows: int, seed: int = 1) -> pb.Columns:
    """Columns with something in every one of them."""
    rng = np.random.default_rng(seed)
    message = pb.Columns(rows=rows)
    for name, dtype in NUMBERS.items():
        values = rng.integers(
            0, 2 if name == "flags" else 60_000 if dtype.itemsize > 2 else 600, rows
        )
        if name == "offset":
            values = np.arange(rows) * LINE_BYTES
        if name == "start_ns":
            values = T0 + np.cumsum(rng.integers(0, 1_000_000, rows))
        setattr(message, name, values.astype(dtype).tobytes())
    for name in ("trace_id", "hop_id", "hop_parent"):
        setattr(message, name, rng.bytes(16 * rows))
    for name in STRINGS:
        count = min(rows, 400 if name == "path" else 8)
        dictionary = getattr(message, name)
        dictionary.values.extend(f"/{name}/value-{i}" for i in range(count))
        codes = rng.integers(0, max(count, 1), rows)
        dictionary.codes = codes.astype("<u2" if count > 256 else "<u1").tobytes()
    return message


def columns_batch(
    first: int, message: pb.Columns, log: int = 1, *, packed: bool = False
) -> pb.Batch:
    """A batch of these columns, compressed where asked."""
    batch = pb.Batch(
        log=log, first_offset=first, end_offset=first + max(message.rows, 1) * LINE_BYTES
    )
    data = message.SerializeToString()
    if packed:
        batch.columns_zstd = zstandard.compress(data, 1)
    else:
        batch.columns = data
    return batch


def sighting(
    number: int = 1, proxy: str = "private", fingerprint: bytes = FINGERPRINT
) -> pb.LogSighting:
    return pb.LogSighting(
        number=number,
        proxy=proxy,
        fingerprint=fingerprint,
        path=f"/var/log/{proxy}.jsonl",
        size=1,
        format=pb.LOG_FORMAT_JSON,
    )


def hello(
    server: str = "server-a", instance: bytes = b"instance", **fields: Any
) -> pb.AgentMessage:
    proxies = [
        pb.Proxy(name="private", kind=pb.PROXY_KIND_PRIVATE, addresses=["10.10.0.11:80"]),
        pb.Proxy(name="public", kind=pb.PROXY_KIND_PUBLIC),
    ]
    said = {
        "protocol": 1,
        "agent_version": "0.1",
        "server": server,
        "instance": instance,
        "internal_addresses": ["10.10.0.11"],
        "proxies": proxies,
        "logs": [sighting()],
        **fields,
    }
    return pb.AgentMessage(hello=pb.Hello(**said))


@dataclass
class Hub:
    """A real hub's front on a Unix socket."""

    address: str
    journal: Journal
    servicer: IngestServicer
    listening: Listening
    calls: list[list[Event]]
    """What the sink got, call by call."""

    @property
    def events(self) -> list[Event]:
        return [event for call in self.calls for event in call]


@asynccontextmanager
async def running_hub(
    directory: Path, tokens: Tokens | None = None, clock: Any = None, **options: Any
) -> AsyncIterator[Hub]:
    calls: list[list[Event]] = []
    journal = Journal.open(directory / "data", **{"reserve_mib": 0, **options})
    more = {"clock": clock} if clock else {}
    servicer = IngestServicer(journal, tokens, calls.append, **more)
    address = f"unix:{directory}/hub.sock"
    listening = await serve([address], [servicer], [SERVICE])
    try:
        yield Hub(address, journal, servicer, listening, calls)
    finally:
        await servicer.close()
        await listening.stop(1)
        await journal.close()


@dataclass
class Agent:
    """Speaks the protocol by hand."""

    address: str
    metadata: tuple[tuple[str, str], ...] = ()
    welcome: pb.Welcome | None = None
    call: Any = field(default=None, repr=False)
    channel: Any = field(default=None, repr=False)

    async def __aenter__(self) -> Agent:
        self.channel = grpc.aio.insecure_channel(self.address)
        self.call = pb_grpc.IngestStub(self.channel).Stream(metadata=self.metadata)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close(None)

    async def join(self, said: pb.AgentMessage | None = None) -> pb.Welcome:
        answer = await self.ask(said if said is not None else hello())
        assert answer.HasField("welcome"), answer
        return answer.welcome

    async def say(self, message: pb.AgentMessage) -> None:
        await self.call.write(message)

    async def send(self, batch: pb.Batch) -> None:
        await self.say(pb.AgentMessage(batch=batch))

    async def hear(self) -> pb.HubMessage:
        async with asyncio.timeout(10):
            answer = await self.call.read()
        assert answer is not grpc.aio.EOF, await self.status()
        return answer

    async def ask(self, message: pb.AgentMessage) -> pb.HubMessage:
        await self.say(message)
        return await self.hear()

    async def acknowledged(self, offset: int, log: int = 1) -> pb.Resume:
        """Wait for the Ack that reaches an offset."""
        while True:
            answer = await self.hear()
            if answer.HasField("settings"):  # another server came
                continue
            assert answer.HasField("ack"), answer
            for resume in answer.ack.logs:
                if resume.number == log and resume.offset >= offset:
                    return resume

    async def refused(self) -> tuple[pb.Refusal, grpc.StatusCode]:
        """Wait for the refusal and the end of the stream."""
        while not (answer := await self.hear()).HasField("refusal"):
            pass
        code, details = await self.status()
        assert details == answer.refusal.reason
        return answer.refusal, code

    async def status(self) -> tuple[grpc.StatusCode, str]:
        async with asyncio.timeout(10):
            return await self.call.code(), await self.call.details()

    async def leave(self) -> tuple[grpc.StatusCode, list[pb.HubMessage]]:
        """Close our side; what the hub still says, and how the stream ends."""
        await self.call.done_writing()
        rest = []
        async with asyncio.timeout(10):
            while (answer := await self.call.read()) is not grpc.aio.EOF:
                rest.append(answer)
        return (await self.status())[0], rest
