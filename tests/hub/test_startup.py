"""While a long journal is read: probes are answered, readers are put off, and it can be stopped."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import grpc.aio
import httpx
import pytest
import websockets
from hopwatch.v1 import ingest_pb2, observe_pb2, observe_pb2_grpc

import hub.hub
from hub.config import load
from hub.hub import Hub
from hub.journal import held, steps
from hub.journal.journal import Journal
from hub.model import Journalled

from .guarded import free_port
from .streams import LINE_BYTES, Agent, rows_batch
from .streams import hello as hello_message
from .world import hello

REAL_REPLAY = Journal.replay


def said() -> ingest_pb2.AgentMessage:
    return hello_message(instance=b"one")


@asynccontextmanager
async def reading(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Hub, httpx.AsyncClient, asyncio.Event, asyncio.Task[None]]]:
    """A hub whose journal lasts until the event is set."""
    enough, port = asyncio.Event(), free_port()

    def replay(journal: Journal, after: int = 0, up_to: int | None = None) -> Iterator[Journalled]:
        yield from REAL_REPLAY(journal, after, up_to)
        while not enough.is_set():
            yield hello("server-a")

    monkeypatch.setattr(Journal, "replay", replay)
    monkeypatch.setattr(steps, "STEP_ROWS", 20)
    (directory / "hub.toml").write_text(
        f'[grpc]\nlisten = ["unix:{directory}/hub.sock"]\n[http]\nlisten = "127.0.0.1:{port}"\n'
        '[data]\ndirectory = "data"\nreserve_mib = 0\n'
    )
    made = Hub(load(directory / "hub.toml"))
    running = asyncio.create_task(made.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            yield made, client, enough, running
        finally:
            made.stop()
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
    async with reading(tmp_path, monkeypatch) as (made, client, _, running):
        assert (await client.get("/healthz")).status_code == 200
        made.stop()
        async with asyncio.timeout(5):
            await running


def accepting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.hub, "ACCEPT_AFTER_S", 0.0)


async def until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def until_read(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while (await client.get("/api/v1/ledger")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def journalled(client: httpx.AsyncClient) -> tuple[int, int]:
    """Lines in the journal, and calls listed."""
    ledger = (await client.get("/api/v1/ledger")).json()
    calls = (await client.get("/api/v1/requests")).json()["requests"]
    assert len({call["id"] for call in calls}) == len(calls)
    return ledger["totals"]["journalled"], len(calls)


def lines_in(journal: Path) -> int:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        ((lines,),) = db.execute("SELECT sum(lines) FROM logs").fetchall()
    return int(lines)


async def test_agents_report_while_a_long_journal_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"unix:{tmp_path}/hub.sock"
    async with reading(tmp_path, monkeypatch) as (_, client, enough, _):
        enough.set()
        await until_ready(client)
        async with Agent(address) as agent:
            await agent.join(said())
            await agent.send(rows_batch(0, 3))
            await agent.acknowledged(3 * LINE_BYTES)
    accepting_at_once(monkeypatch)
    async with reading(tmp_path, monkeypatch) as (_, client, enough, _):
        await until_ready(client)
        async with Agent(address) as agent:
            assert [resume.offset for resume in (await agent.join(said())).resumes] == [2700]
            await agent.send(rows_batch(3 * LINE_BYTES, 4))
            await agent.acknowledged(7 * LINE_BYTES)
            ready = (await client.get("/readyz")).json()
            assert (ready["status"], ready["reason"][-12:]) == ("ok", "readers wait")
            assert (await client.get("/api/v1/ledger")).status_code == 503
            stub = observe_pb2_grpc.ObserveStub(agent.channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ServerStatus(observe_pb2.ServerStatusRequest())
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            enough.set()
            await until_read(client)
            assert await journalled(client) == (7, 7)
            await agent.send(rows_batch(7 * LINE_BYTES, 2))
            await agent.acknowledged(9 * LINE_BYTES)
            assert await journalled(client) == (9, 9)
    async with reading(tmp_path, monkeypatch) as (_, client, enough, _):
        enough.set()
        await until_read(client)
        assert await journalled(client) == (9, 9)


async def test_a_hub_that_is_stopped_while_agents_report_to_it_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepting_at_once(monkeypatch)
    async with reading(tmp_path, monkeypatch) as (_, client, _, _):
        await until_ready(client)
        async with Agent(f"unix:{tmp_path}/hub.sock") as agent:
            await agent.join(said())
            await agent.send(rows_batch(0, 3))
            await agent.acknowledged(3 * LINE_BYTES)
    async with reading(tmp_path, monkeypatch) as (_, client, enough, _):
        enough.set()
        await until_read(client)
        assert await journalled(client) == (3, 3)


async def test_agents_wait_when_too_much_waits_for_the_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "HELD_LINES", 5)
    accepting_at_once(monkeypatch)
    async with reading(tmp_path, monkeypatch) as (_, client, enough, _):
        await until_ready(client)
        async with Agent(f"unix:{tmp_path}/hub.sock") as agent:
            await agent.join(said())
            for first in range(0, 12, 3):
                await agent.send(rows_batch(first * LINE_BYTES, 3))
                if first < 6:
                    await agent.acknowledged((first + 3) * LINE_BYTES)
            for _ in range(20):  # turns of the hub's loop, which has the other batches by then
                assert (await client.get("/readyz")).status_code == 200
            assert lines_in(tmp_path / "data" / "journal.db") == 6
            enough.set()
            await until_read(client)
            async with asyncio.timeout(10):
                while await journalled(client) != (12, 12):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)
