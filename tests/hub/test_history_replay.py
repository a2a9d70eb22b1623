"""A replay shows what the live view had: the same calls, counts and names, at any speed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from hub import forms
from hub.api.app import create_app
from hub.config import load
from hub.history.replay import Replay
from hub.history.replays import Replays, course
from hub.live.channel import Channel
from hub.live.live import Live
from hub.live.sockets import Sockets
from hub.query.expression import EVERYTHING
from hub.query.filters import BadFilter
from hub.query.language import parse
from hub.security import Security
from hub.serve import http_server
from hub.stamps import rfc3339

from .keeper import Keeper, feed
from .world import MS, SECOND, T0

END = T0 + 60 * SECOND


class Watcher:
    """What a live page was told, as it happened."""

    def __init__(self, keeper: Keeper) -> None:
        self.live = Live(keeper.pipeline)
        self.channel = Channel(keeper.pipeline, self.live)
        self.frames: list[forms.Frame] = []
        keeper.pipeline.listeners.append(self.live)
        tick = keeper.tick

        def told(ms: float = 50.0) -> None:
            tick(ms)
            step = self.live.step(keeper.now_ns)
            frame = self.channel.frame(step) if step else None
            if frame:
                self.frames.append(frame)

        keeper.tick = told  # type: ignore[method-assign]


def last_totals(frames: list[forms.Frame]) -> dict[int, tuple[int, int, int]]:
    known = {}
    for frame in frames:
        t = frame.totals
        known |= dict(zip(t.edge, zip(t.calls, t.errors, t.bytes, strict=True), strict=True))
    return known


async def played(keeper: Keeper, q: str = "", step_ms: int = 400) -> list[forms.Frame]:
    replay, query = Replay(keeper.pipeline, q), parse(q)
    topology = keeper.pipeline_topology()
    replay.snapshot(topology, T0)
    reel = await keeper.pages.reel(T0, END, query)
    step_ns = step_ms * MS
    return [replay.frame(reel, at, at + step_ns, topology) for at in range(T0, END, step_ns)]


@pytest.mark.parametrize("restart", [False, True])
async def test_a_replayed_minute_equals_the_live_one(tmp_path: Path, restart: bool) -> None:
    keeper = await Keeper.open(tmp_path)
    watcher = Watcher(keeper)
    await feed(keeper, seal_every=3)
    listed = await keeper.calls()
    if restart:
        await keeper.close()
        keeper = await Keeper.open(tmp_path, keeper.now_ns)
        keeper.settle()
    frames = await played(keeper)
    assert last_totals(frames) == last_totals(watcher.frames)
    packets = [packet for frame in frames for packet in frame.packets.edge]
    assert len(packets) == len(listed), "every call moves once"
    names = {edge.index: (edge.from_, edge.to) for edge in keeper.pipeline_topology().edges}
    wanted = Counter((call.from_.node, call.to.node) for call in listed)
    assert Counter(names[edge] for edge in packets) == wanted
    told = {one.id: one for frame in frames for one in (*frame.errors, *frame.calls)}
    for call in listed:
        if one := told.get(call.id):
            assert (one.path, one.status, one.origin, one.join) == (
                call.path, call.status, call.origin, call.join.by,
            )  # fmt: skip
    assert {call.id for call in listed if not call.ok} <= set(told), "no bad one is left out"
    await keeper.close()


async def test_a_replay_shows_what_its_query_fits(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=3)
    frames = await played(keeper, "status:5xx")
    bad = [call for call in await keeper.calls() if not call.ok]
    assert sum(len(frame.packets.edge) for frame in frames) == len(bad) > 0
    await keeper.close()


async def test_steps_of_any_length_tell_the_same(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=5)
    fine, coarse = await played(keeper, step_ms=100), await played(keeper, step_ms=10_000)
    assert last_totals(fine) == last_totals(coarse)
    assert sum(len(frame.packets.edge) for frame in fine) == sum(
        len(frame.packets.edge) + frame.hidden.packets for frame in coarse
    )
    await keeper.close()


@pytest.mark.parametrize(
    "asked",
    [
        {"replay_from": "never"}, {"replay_from": "5", "speed": "1000"}, {"replay_from": ""},
        {"replay_from": "5", "speed": "fast"}, {"replay_from": "5", "q": "status:9xx"},
        {"replay_from": "5", "until": "x"},
    ],
)  # fmt: skip
def test_what_cannot_be_replayed_is_said_so(asked: dict[str, str]) -> None:
    with pytest.raises(BadFilter):
        course(asked)


def test_a_replay_goes_on_without_until() -> None:
    at, query, q = course({"replay_from": rfc3339(T0)})
    assert (at.at_ns, at.until_ns, at.speed, query, q) == (T0, None, 1.0, EVERYTHING, "")


# --- over the socket


@asynccontextmanager
async def served(keeper: Keeper) -> AsyncIterator[str]:
    live = Live(keeper.pipeline)
    sockets = Sockets(keeper.pipeline, live)
    listener = http_server.bind("127.0.0.1:0")
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    gate = Security(load(None, http__listen=address)).gate
    replays = Replays(keeper.pipeline, keeper.pages, keeper.journal.store, lambda: keeper.now_ns)
    app = create_app(keeper.pipeline, sockets, lambda: None, gate, keeper.pages, None, replays)
    stop = asyncio.Event()
    serving = asyncio.create_task(http_server.run(app, listener, stop.wait))
    try:
        yield f"ws://{address}/api/v1/live"
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await serving
        http_server.close(listener)


async def until(socket: Any, enough: Any) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not got or not enough(got):
            got.append(json.loads(await socket.recv()))
    return got


async def test_a_socket_replays_pauses_and_seeks(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=3)
    await keeper.seal()
    listed = await keeper.calls()
    stop = T0 + 30 * SECOND
    async with served(keeper) as url:
        asked = f"{url}?replay_from={rfc3339(T0)}&until={rfc3339(stop)}&speed=100"
        async with websockets.connect(asked) as socket:
            ended = lambda got: got[-1]["time_ms"] >= stop / MS  # noqa: E731
            first = await until(socket, ended)
            assert [message["type"] for message in first] == ["snapshot"] + ["frame"] * 3
            counted = {}
            for message in first[1:]:
                totals = message["totals"]
                counted |= dict(zip(totals["edge"], totals["calls"], strict=True))
            assert sum(counted.values()) == len(listed)
            await socket.send(json.dumps({"type": "play", "at": rfc3339(T0), "paused": True}))
            (snapshot,) = await until(socket, lambda got: got[-1]["type"] == "snapshot")
            assert snapshot["time_ms"] == T0 / MS
            assert snapshot["totals"]["calls"] == []
            await socket.send(json.dumps({"type": "play", "paused": False, "speed": 50}))
            again = await until(socket, ended)
            assert len(again) == 6, "half as fast"
            await socket.send(json.dumps({"type": "play", "speed": 1_000}))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert "speed must be" in str(closed.value)
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{url}?replay_from=never")
        assert refused.value.response.status_code == 400
    await keeper.close()


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_everything_is_exported_as_a_stream(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.history.pages.EXPORT_CALLS", 100)
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=3)
    listed = [call.id for call in await keeper.calls(status="200")]
    async with served(keeper) as url, httpx.AsyncClient() as client:
        path = url.replace("ws://", "http://").replace("live", "requests")
        asked = {"format": form, "limit": "all", "status": "200"}
        answer = await client.get(path, params=asked)
        lines = answer.text.splitlines()
        if form == "ndjson":
            assert [json.loads(line)["id"] for line in lines] == listed
        else:
            assert [line.split(",", 1)[0] for line in lines] == ["id", *listed]
        assert (await client.get(path, params={"limit": "all"})).status_code == 400
    await keeper.close()
