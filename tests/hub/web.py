"""The application on a real Hypercorn on a port of its own, with the test's world behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets

from hub.api.app import create_app
from hub.config import load
from hub.live.live import Live
from hub.live.sockets import Sockets
from hub.security import Security
from hub.serve import http_server

from .world import World


@dataclass
class Web:
    """A served world."""

    world: World
    address: str
    live: Live
    sockets: Sockets
    app: Any
    client: httpx.AsyncClient
    not_ready: list[str | None] = field(default_factory=lambda: [None])

    def socket(self, path: str, **options: Any) -> Any:
        return websockets.connect(f"ws://{self.address}{path}", **options)

    def publish(self) -> None:
        """What the hub does ten times a second; every call is a second later."""
        self.world.tick(1_000)
        for _ in self.sockets.publish(self.world.now_ns):
            pass


@asynccontextmanager
async def served(*servers: str) -> AsyncIterator[Web]:
    world = World(*servers)
    live = Live(world.pipeline)
    sockets = Sockets(world.pipeline, live)
    world.pipeline.listeners += [live, sockets]
    listener = http_server.bind("127.0.0.1:0")
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    reasons: list[str | None] = [None]
    gate = Security(load(None, http__listen=address)).gate
    app = create_app(world.pipeline, sockets, lambda: reasons[0], gate)
    stop = asyncio.Event()
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        serving = asyncio.create_task(http_server.run(app, listener, stop.wait))
        try:
            yield Web(world, address, live, sockets, app, client, reasons)
        finally:
            stop.set()
            async with asyncio.timeout(5):
                await serving
            http_server.close(listener)
