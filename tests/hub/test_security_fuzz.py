"""Hostile bytes at the agents' door: a real hub, real gRPC, two thousand broken streams.

A valid stream is recorded, one of its messages is mutated (as bytes), and the whole is played. The
hub must end such a stream with a reason or take it, never crash, never keep what it was sent, and
serve others all the while. Seeded: a failure repeats.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from hopwatch.v1 import ingest_pb2 as pb

from .guarded import bearer, free_port, write_private
from .streams import (
    LINE_BYTES,
    T0,
    Agent,
    columns,
    columns_batch,
    hello,
    rows_batch,
    sighting,
)

pytestmark = pytest.mark.e2e

STREAMS = 2_000
AT_ONCE = 8
GROWTH_MIB = 150
"""Generous: the journal's queue is 64 MiB, and an allocator keeps what it once had."""

TOKENS = {f"server-{n}": f"token-of-server-{n}" for n in range(AT_ONCE + 1)}
END_UNSEEN = grpc.StatusCode.CANCELLED
END = {
    END_UNSEEN,
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def recorded(server: str, number: int) -> list[bytes]:
    """A stream with a message of every kind. Every fourth is about a log of its own: what that
    brings is new, and goes all the way to the calls."""
    fingerprint = (number * (number % 4 == 0)).to_bytes(16, "little")
    inventory = pb.Inventory(
        version=1,
        as_of_ns=T0,
        networks=[pb.Network(name="n", subnets=["172.20.0.0/16"], gateways=["172.20.0.1"])],
    )
    messages = [
        hello(server, logs=[sighting(1, "private", fingerprint)]),
        pb.AgentMessage(inventory=inventory),
        pb.AgentMessage(batch=rows_batch(0, 5, malformed=1)),
        pb.AgentMessage(batch=columns_batch(5 * LINE_BYTES, columns(60), packed=True)),
        pb.AgentMessage(batch=columns_batch(65 * LINE_BYTES, columns(60))),
        pb.AgentMessage(watermark=pb.Watermark(log=1, watermark_ns=T0, read=65)),
        pb.AgentMessage(clock_probe=pb.ClockProbe(number=1)),
    ]
    return [message.SerializeToString() for message in messages]


def flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def remove(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 32)]


def insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.randbytes(chance.randint(1, 64))


def repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.randint(1, 200)] * chance.randint(1, 50)


def extreme(data: bytearray, chance: random.Random) -> None:
    """A varint of ten bytes somewhere: 2**64 - 1, or a length that is none."""
    at = chance.randrange(len(data))
    data[at : at + 1] = b"\xff" * chance.randint(1, 9) + b"\x01"


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    flip, flip, flip, cut, remove, insert, repeat, extreme,
]  # fmt: skip


def mutated(messages: list[bytes], chance: random.Random) -> list[bytes]:
    """One message broken; sometimes also out of order, twice, or not there."""
    messages = list(messages)
    # The hello is broken seldom: behind a broken one nothing else is looked at.
    at = 0 if chance.random() < 0.15 else chance.randrange(1, len(messages))
    data = bytearray(messages[at])
    chance.choice(MUTATIONS)(data, chance)
    messages[at] = bytes(data)
    if chance.random() < 0.1:
        messages.insert(chance.randrange(len(messages)), chance.choice(messages))
    if chance.random() < 0.1:
        del messages[chance.randrange(len(messages))]
    return messages


async def play(address: str, server: str, messages: list[bytes]) -> grpc.StatusCode:
    """How the stream ends."""
    async with grpc.aio.insecure_channel(address) as channel:
        metadata = (("authorization", f"Bearer {TOKENS[server]}"),)
        call: Any = channel.stream_stream("/hopwatch.v1.Ingest/Stream")(metadata=metadata)
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for message in messages:
                await call.write(message)
            await call.done_writing()
            while await call.read() is not grpc.aio.EOF:
                pass
        code: grpc.StatusCode = await call.code()
        # Of this client's own making: it wrote into a stream that the hub had just ended.
        return END_UNSEEN if await call.details() == "Internal error from Core" else code


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def test_mutated_streams_neither_crash_nor_bloat_the_hub(tmp_path: Path) -> None:
    entries = "".join(f'{server} = "{token}"\n' for server, token in TOKENS.items())
    write_private(tmp_path / "tokens.toml", entries)
    web, address = free_port(), f"unix:{tmp_path}/s"
    (tmp_path / "hub.toml").write_text(
        f'[grpc]\nlisten = ["{address}"]\ntokens_file = "tokens.toml"\n'
        f'[http]\nlisten = "127.0.0.1:{web}"\n'
        '[data]\ndirectory = "data"\nreserve_mib = 0\nrecent_calls = 10000\n'
    )
    log = tmp_path / "hub.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "hub", "--config", str(tmp_path / "hub.toml")),
            stderr=file,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    try:
        await ready(web)
        ends = await attack(address, process.pid)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{web}") as client:
            for path in ("/api/v1/servers", "/api/v1/requests", "/api/v1/topology", "/metrics"):
                assert (await client.get(path, headers=bearer(None))).status_code == 200, path
    finally:
        process.terminate()
        code = await process.wait()
    said = log.read_text(errors="replace")
    assert code == 0, said[-3000:]
    assert "Traceback" not in said, said[said.index("Traceback") - 500 :][:4000]
    assert set(ends) <= END, ends
    assert ends[grpc.StatusCode.INVALID_ARGUMENT] > STREAMS / 4, ends


async def attack(address: str, pid: int) -> Counter[grpc.StatusCode]:
    """Play the streams, `AT_ONCE` together, while a good agent goes on."""
    ends: Counter[grpc.StatusCode] = Counter()
    numbers = iter(range(STREAMS))

    async def attacker(server: str) -> None:
        for number in numbers:
            messages = mutated(recorded(server, number), random.Random(number))
            async with asyncio.timeout(30):
                ends[await play(address, server, messages)] += 1

    metadata = (("authorization", f"Bearer {TOKENS['server-0']}"),)
    async with Agent(address, metadata) as good:
        await good.join(hello("server-0"))
        servers = [f"server-{n}" for n in range(1, AT_ONCE + 1)]
        async with asyncio.TaskGroup() as tasks:
            attackers = [tasks.create_task(attacker(server)) for server in servers]
            offset, before = 0, 0.0
            while not all(task.done() for task in attackers):
                await good.send(rows_batch(offset, 3))
                offset += 3 * LINE_BYTES
                await good.acknowledged(offset)
                await asyncio.sleep(0.1)
                if not before and sum(ends.values()) > STREAMS / 10:
                    before = rss_mib(pid)
        assert rss_mib(pid) < before + GROWTH_MIB
        status, _ = await good.leave()
        assert status is grpc.StatusCode.OK
    assert offset > 0
    return ends


async def ready(port: int) -> None:
    async with asyncio.timeout(20), httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
