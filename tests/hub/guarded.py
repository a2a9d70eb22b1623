"""A whole hub in this process, on real ports, guarded as a test wants it; and who may be whom."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
from hopwatch.v1 import ingest_pb2_grpc as pb_grpc
from hopwatch.v1 import observe_pb2 as observe
from hopwatch.v1 import observe_pb2_grpc as observe_grpc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hub.config import load
from hub.guard.certificates import CLIENT, SERVER, Authority, Pair
from hub.hub import Hub

from .streams import Agent

AGENT_A, AGENT_B = "token-of-server-a", "token-of-server-b"
READER, READER_B = "token-of-reader-ann", "token-of-reader-bob"
TOKENS = f'server-a = "{AGENT_A}"\nserver-b = "{AGENT_B}"\n'
READERS = f'ann = "{READER}"\nbob = "{READER_B}"\n'
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=4000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_private(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def write_pair(directory: Path, name: str, pair: Pair) -> None:
    write_private(directory / f"{name}.pem", pair.cert)
    write_private(directory / f"{name}.key", pair.key)


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@dataclass
class Certified:
    """A CA, the hub's certificate, and those of agents, as files."""

    directory: Path
    authority: Authority

    @classmethod
    def make(cls, directory: Path, name: str = "test CA") -> Certified:
        made = cls(directory, Authority.new(name, NOW))
        (directory / "ca.pem").write_bytes(made.authority.pair.cert)
        made.issue("hub", ["localhost", "127.0.0.1"], SERVER)
        return made

    def issue(
        self,
        name: str,
        hosts: list[str] | None = None,
        purpose: Any = CLIENT,
        now: datetime = NOW,
    ) -> Pair:
        pair = self.authority.issue(name, hosts or [name], purpose, now)
        write_pair(self.directory, name, pair)
        return pair

    def channel_credentials(self, pair: Pair | None = None) -> grpc.ChannelCredentials:
        key, cert = (pair.key, pair.cert) if pair else (None, None)
        return grpc.ssl_channel_credentials(self.authority.pair.cert, key, cert)


@dataclass
class Guarded:
    """A running hub."""

    hub: Hub
    directory: Path
    url: str
    grpc: str

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=10, **options)

    def socket(self, path: str = "/api/v1/live", **options: Any) -> connect:
        return connect(self.url.replace("http", "ws", 1) + path, **options)

    def agent(self, token: str | None, credentials: Any = None) -> GuardedAgent:
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        return GuardedAgent(self.grpc, metadata, credentials=credentials)

    async def topology(self, token: str | None, credentials: Any = None) -> Any:
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        async with channel(self.grpc, credentials) as opened:
            stub: Any = observe_grpc.ObserveStub(opened)
            return await stub.GetTopology(observe.GetTopologyRequest(), metadata=metadata)


def channel(address: str, credentials: Any = None) -> grpc.aio.Channel:
    options = (("grpc.use_local_subchannel_pool", 1),)
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, credentials, options=options)


@dataclass
class GuardedAgent(Agent):
    """One that speaks TLS where it is given credentials."""

    credentials: Any = None

    async def __aenter__(self) -> GuardedAgent:
        self.channel = channel(self.address, self.credentials)
        stub: Any = pb_grpc.IngestStub(self.channel)
        self.call = stub.Stream(metadata=self.metadata)
        return self


@asynccontextmanager
async def guarded_hub(
    directory: Path,
    http: str = "",
    grpc_: str = "",
    *,
    https: bool = False,
    listen: str = "127.0.0.1",
) -> AsyncIterator[Guarded]:
    """`http`, `grpc_`: lines of the two sections; without, nobody is asked for anything."""
    web, agents = free_port(), free_port()
    text = f"""
[grpc]
listen = ["{listen}:{agents}"]
{grpc_}
[http]
listen = "127.0.0.1:{web}"
{http}
[data]
directory = "data"
reserve_mib = 0
"""
    (directory / "hub.toml").write_text(text)
    url = f"{'https' if https else 'http'}://127.0.0.1:{web}"
    async with started(directory / "hub.toml", url) as hub:
        yield Guarded(hub, directory, url, f"127.0.0.1:{agents}")


@asynccontextmanager
async def started(file: Path, url: str) -> AsyncIterator[Hub]:
    """The hub of a configuration, when it answers."""
    hub = Hub(load(file))
    running = asyncio.create_task(hub.run())
    try:
        await _ready(running, url)
        yield hub
    finally:
        hub.stop()
        async with asyncio.timeout(10):
            await running


async def _ready(running: asyncio.Task[None], url: str) -> None:
    async with asyncio.timeout(15), httpx.AsyncClient(verify=False) as client:
        while not running.done():
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
    await running


async def closed_with(socket: ClientConnection) -> tuple[int, str]:
    """Read a socket until it is closed: code and reason."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            async for _ in socket:
                pass
    return socket.close_code or 0, socket.close_reason or ""
