"""While a long journal is read: probes are answered, readers are put off, and it can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets

from hub import steps
from hub.config import load
from hub.hub import Hub
from hub.journal import Journal
from hub.model import Journalled

from .guarded import free_port
from .world import hello


@asynccontextmanager
async def reading(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Hub, httpx.AsyncClient, asyncio.Event, asyncio.Task[None]]]:
    """A hub whose journal lasts until the event is set."""
    enough, port = asyncio.Event(), free_port()

    def replay(journal: Journal, after: int = 0) -> Iterator[Journalled]:
        while not enough.is_set():
            yield hello("server-a")

    monkeypatch.setattr(Journal, "replay", replay)
    monkeypatch.setattr(steps, "STEP_ROWS", 20)
    (directory / "hub.toml").write_text(
        f'[grpc]\nlisten = ["127.0.0.1:{free_port()}"]\n[http]\nlisten = "127.0.0.1:{port}"\n'
        '[data]\ndirectory = "data"\nreserve_mib = 0\n'
    )
    hub = Hub(load(directory / "hub.toml"))
    running = asyncio.create_task(hub.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            yield hub, client, enough, running
        finally:
            hub.stop()
            async with asyncio.timeout(10):
                await running


async def test_http_answers_while_the_journal_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(tmp_path, monkeypatch) as (_, client, enough, _):
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert ready.json()["reason"].startswith("the journal is being read")
        for path in ("/", "/api/v1/topology", "/metrics"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.json()["detail"].startswith("Not yet: the journal is being read")
        live = f"ws://{client.base_url.host}:{client.base_url.port}/api/v1/live"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(live)
        assert refused.value.response.status_code == 503
        enough.set()
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        assert (await client.get("/api/v1/topology")).status_code == 200


async def test_a_hub_that_reads_its_journal_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(tmp_path, monkeypatch) as (hub, client, _, running):
        assert (await client.get("/healthz")).status_code == 200
        hub.stop()
        async with asyncio.timeout(5):
            await running
