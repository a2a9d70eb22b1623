"""The websockets over a real Hypercorn, with real clients, fast and slow ones."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import websockets
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from hub.query.expression import EVERYTHING
from hub.serve.http_server import Framed

from .web import Web, served
from .world import from_other, ident, row, to_other


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with served("server-a", "server-b") as running:
        yield running


async def hear(connection: Any) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await connection.recv())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a socket tells nobody that it was opened
            await asyncio.sleep(0.005)


async def closed(connection: Any) -> tuple[int, str]:
    async with asyncio.timeout(15):
        with pytest.raises(websockets.ConnectionClosed) as caught:
            while True:
                await connection.recv()
    frame = caught.value.rcvd
    assert frame is not None, "no close frame came"
    return frame.code, frame.reason


async def test_a_page_gets_a_snapshot_and_then_frames(web: Web) -> None:
    web.world.lines("server-a", row())
    web.publish()
    async with web.socket("/api/v1/live") as page:
        snapshot = await hear(page)
        assert (snapshot["type"], snapshot["protocol"]) == ("snapshot", 1)
        assert snapshot["totals"]["calls"] == [1]
        assert [call["path"] for call in snapshot["calls"]] == ["/leaf/echo"]
        web.world.lines("server-a", row(5, status=500))
        web.publish()
        frame = await hear(page)
        assert (frame["type"], frame["seq"]) == ("frame", snapshot["seq"] + 1)
        assert (frame["totals"]["calls"], frame["totals"]["errors"]) == ([2], [1])
        assert [call["status"] for call in frame["errors"]] == [500]
        await page.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
        web.world.lines("server-a", row(9))
        web.publish()
        assert (await hear(page))["totals"]["calls"] == [3]


RUBBISH: list[tuple[str, str | bytes, int]] = [
    ("not JSON", "rubbish", 1007),
    ("another message", '{"type": "filter"}', 1008),
    ("bytes", b"\x00\x01", 1007),
    ("a number never sent", '{"type": "ack", "seq": 999}', 1007),
    ("a number that is none", '{"type": "ack", "seq": "1"}', 1008),
]


@pytest.mark.parametrize(("what", "message", "code"), RUBBISH, ids=[r[0] for r in RUBBISH])
async def test_rubbish_closes_the_live_socket_with_a_reason(
    web: Web, what: str, message: str | bytes, code: int
) -> None:
    async with web.socket("/api/v1/live") as page:
        await hear(page)
        await page.send(message)
        got, reason = await closed(page)
    assert got == code
    assert reason.startswith("neither an acknowledgement nor a query")
    await until(lambda: web.sockets.viewers == 0)


@pytest.mark.parametrize("q", ["slower:1000s", "min:1/h", "status:9xx"])
async def test_a_page_opens_with_any_query_and_leaves_nothing_behind(web: Web, q: str) -> None:
    async with web.socket(f"/api/v1/live?q={q}") as page:
        first = await hear(page)
        assert first["q"] == q
        assert first["type"] == ("bad_query" if "9xx" in q else "snapshot")
    await until(lambda: web.sockets.viewers == 0)


async def test_a_message_that_is_too_large_closes_the_socket(web: Web) -> None:
    async with web.socket("/api/v1/live") as page:
        await hear(page)
        await page.send("x" * 70_000)
        assert (await closed(page))[0] == 1009


async def test_whoever_speaks_to_access_logs_is_closed_with_a_reason(web: Web) -> None:
    async with web.socket("/access_logs") as reader:
        await reader.send("hello")
        code, reason = await closed(reader)
    assert (code, reason) == (1008, "this socket only sends; it got 5 bytes")


async def test_readers_of_access_logs_are_bounded_and_a_place_is_free_again_when_one_leaves(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.sockets.MAX_READERS", 2)
    async with web.socket("/access_logs") as first:
        async with web.socket("/access_logs"):
            await until(lambda: len(web.sockets._readers) == 2)
            async with web.socket("/access_logs") as refused:
                code, reason = await closed(refused)
            assert (code, reason) == (1013, "2 readers are connected, which is the most")
            web.world.lines("server-a", row())
            assert len(await hear(first)) == 1, "who is there is not disturbed"
        await until(lambda: len(web.sockets._readers) == 1)
        async with web.socket("/access_logs") as next_one:
            await until(lambda: len(web.sockets._readers) == 2)
            web.world.lines("server-a", row(1))
            assert len(await hear(next_one)) == 1


async def test_access_logs_come_as_arrays_as_calls_settle(web: Web) -> None:
    async with web.socket("/access_logs") as reader:
        await until(lambda: web.sockets._readers)
        web.world.lines("server-a", row(), row(1, status=404))
        logs = await hear(reader)
        assert [log["status"] for log in logs] == [200, 404]
        assert logs[0] == {
            "from": "communicating",
            "to": "leaf",
            "status": 200,
            "ms": 10.0,
            "network": "private-net",
            "timestamp": "2026-11-18T11:06:40.000000000Z",
            "path": "/leaf/echo",
            "server": "server-a",
            "origin": "same_server",
        }
        web.world.lines("server-b", from_other("server-a", trace_id=ident("t")))
        web.world.lines("server-a", to_other("server-b", trace_id=ident("t")))
        (joined,) = await hear(reader)
        assert (joined["origin"], joined["server"]) == ("cross_server", "server-b")


@pytest.mark.parametrize("path", ["/api/v1/live", "/access_logs"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
async def test_a_page_of_somebody_else_is_refused(web: Web, path: str, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with web.socket(path, origin=origin):
            pass
    assert caught.value.response.status_code == 403
    assert json.loads(caught.value.response.body)["status"] == 403


async def test_the_hubs_own_page_is_welcome(web: Web) -> None:
    async with web.socket("/api/v1/live", origin=f"http://{web.address}") as page:
        assert (await hear(page))["type"] == "snapshot"


async def test_there_is_no_history_to_replay_yet(web: Web) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with web.socket("/api/v1/live?replay_from=2026-11-22T00:00:00Z"):
            pass
    assert caught.value.response.status_code == 501


async def test_frames_are_never_deflated(web: Web) -> None:
    async with web.socket("/api/v1/live", compression="deflate") as page:
        assert "Sec-WebSocket-Extensions" not in page.response.headers


async def test_a_page_that_lags_gets_all_it_missed_in_one_frame(web: Web) -> None:
    async with web.socket("/api/v1/live") as page:
        first = await hear(page)
        for name in ("one", "two", "three"):  # no await: the sender cannot run in between
            web.world.lines("server-a", row(client=f"172.20.9.{len(name)}", path=f"/{name}"))
            web.publish()
        second = await hear(page)
        assert (second["type"], second["seq"]) == ("frame", first["seq"] + 3)
        assert sum(second["totals"]["calls"]) == 3
        assert [call["path"] for call in second["calls"]] == ["/one", "/two", "/three"]
        assert len(second["packets"]["edge"]) == 3
        edges = {edge["index"] for edge in second["topology"]["edges"]}
        assert set(second["packets"]["edge"]) <= edges


async def ask(page: Any, q: str) -> None:
    await page.send(json.dumps({"type": "query", "q": q}))


async def test_a_query_is_answered_by_a_snapshot_and_holds_for_frames(web: Web) -> None:
    web.world.lines("server-a", row(), row(1, status=503))
    web.publish()
    async with web.socket("/api/v1/live") as page, web.socket("/api/v1/live") as other:
        assert len((await hear(page))["calls"]) == 2
        assert (await hear(other))["q"] == ""
        await ask(page, "status:5xx")
        snapshot = await hear(page)
        assert (snapshot["type"], snapshot["q"]) == ("snapshot", "status:5xx")
        assert [call["status"] for call in snapshot["calls"]] == [503]
        assert snapshot["matched"]["calls"] == [1]
        web.world.lines("server-a", row(5), row(6, status=500))
        web.publish()
        frame = await hear(page)
        assert (frame["packets"]["status"], frame["matched"]["calls"]) == ([500], [2])
        assert frame["totals"]["calls"] == [4], "totals are of all calls of the edge"
        assert len((await hear(other))["packets"]["edge"]) == 2
        await ask(page, "")
        assert (await hear(page))["matched"] is None


async def test_of_queries_in_haste_the_last_one_is_answered(web: Web) -> None:
    async with web.socket("/api/v1/live") as page:
        await hear(page)
        for size in range(1, 6):
            await ask(page, "leaf!"[:size])
        answers = [await hear(page)]
        while answers[-1]["q"] != "leaf!":
            answers.append(await hear(page))
        assert len(answers) < 5
        assert {answer["type"] for answer in answers} == {"snapshot"}


async def test_a_query_may_stand_in_the_address(web: Web) -> None:
    async with web.socket("/api/v1/live?q=status%3A5xx+-path%3A%2Fx") as page:
        assert (await hear(page))["q"] == "status:5xx -path:/x"


@pytest.mark.parametrize("first", ["", "?q=status%3A9xx"])
async def test_a_bad_query_is_answered_with_its_place_and_changes_nothing(
    web: Web, first: str
) -> None:
    async with web.socket(f"/api/v1/live{first}") as page:
        if not first:
            assert (await hear(page))["type"] == "snapshot"
            await ask(page, "status:9xx")
        wrong = await hear(page)
        assert wrong == {
            "type": "bad_query",
            "q": "status:9xx",
            "text": "status:9xx must be a number, 5xx, error or ok",
            "position": 7,
            "length": 3,
        }
        if first:
            assert (await hear(page))["q"] == "", "without it"
        web.world.lines("server-a", row())
        web.publish()
        assert len((await hear(page))["packets"]["edge"]) == 1


async def test_pages_with_equal_queries_share_their_frames(web: Web) -> None:
    async with (
        web.socket("/api/v1/live?q=status:5xx+server:a") as one,
        web.socket("/api/v1/live?q=%20status:5XX%20%20server:A") as two,
    ):
        await hear(one)
        await hear(two)
        assert len(web.sockets._channels) == 1
        await ask(two, "server:b")
        await hear(two)
        assert len(web.sockets._channels) == 2
    await until(lambda: web.sockets.viewers == 0)
    assert not web.sockets._channels


async def test_too_many_different_queries_are_refused_without_harm(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.sockets.MAX_CHANNELS", 1)
    async with web.socket("/api/v1/live?q=a") as one, web.socket("/api/v1/live?q=b") as two:
        assert (await hear(one))["q"] == "a"
        assert "other queries are open" in (await hear(two))["text"]
        assert (await hear(two))["q"] == ""


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_a_framed_message_is_what_the_protocol_library_would_send(size: int) -> None:
    text = "x" * size
    wire = Connection(ConnectionType.SERVER).send(TextMessage(data=text))
    assert Framed.of(text.encode()).wire == wire


def stalled(address: str, path: str) -> socket.socket:
    """A client that opens a websocket and never reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = address.split(":")
    client.connect((host, int(port)))
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return client


async def test_a_stalled_page_delays_nobody_and_is_let_go(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.sockets.SEND_TIMEOUT_S", 0.5)
    lazy = stalled(web.address, "/api/v1/live")
    try:
        await until(lambda: web.sockets.viewers == 1)
        async with web.socket("/api/v1/live") as page:
            seq = (await hear(page))["seq"]
            await until(lambda: web.sockets.viewers == 2)
            for batch in range(60):  # some 100 KB a frame: far more than sockets buffer
                lines = [
                    row(i / 100, path=f"/{batch}/{i}{'x' * 500}", status=500) for i in range(200)
                ]
                web.world.lines("server-a", *lines)
                web.publish()
                frame = await hear(page)
                assert frame["type"] == "frame"
                await page.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
                seq += 1
                assert frame["seq"] == seq
            await until(lambda: web.sockets.viewers == 1)
    finally:
        lazy.close()


async def test_a_stalled_reader_of_access_logs_is_let_go_and_its_backlog_with_it(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.sockets.MAX_UNSENT_CALLS", 3_000)
    monkeypatch.setattr("hub.live.sockets.SEND_TIMEOUT_S", 0.5)
    lazy = stalled(web.address, "/access_logs")
    try:
        await until(lambda: web.sockets._readers)
        (reader,) = web.sockets._readers
        async with web.socket("/access_logs") as other:
            await until(lambda: len(web.sockets._readers) == 2)
            for batch in range(60):
                lines = [row(i / 100, path=f"/{batch}/{'x' * 500}") for i in range(200)]
                web.world.lines("server-a", *lines)
                got = 0
                while got < 200:
                    got += len(await hear(other))
                assert len(reader.unsent) <= 3_200
            await until(lambda: len(web.sockets._readers) == 1)
    finally:
        lazy.close()


async def test_a_reader_that_is_too_slow_is_told_so(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.sockets.MAX_UNSENT_CALLS", 10)
    async with web.socket("/access_logs") as reader:
        await until(lambda: web.sockets._readers)
        web.world.lines("server-a", *[row(i) for i in range(11)])
        code, reason = await closed(reader)
    assert (code, "too slow" in reason) == (1013, True)


async def test_one_view_too_many_is_refused_with_a_reason(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.sockets.MAX_VIEWERS", 1)
    async with web.socket("/api/v1/live") as first, web.socket("/api/v1/live") as second:
        await hear(first)
        assert await closed(second) == (1013, "1 views are open, which is the most")


async def test_pages_that_come_together_share_a_snapshot_and_miss_nothing(web: Web) -> None:
    web.world.lines("server-a", row())
    web.publish()
    async with web.socket("/api/v1/live") as first:
        opened = await hear(first)
        web.sockets._channels[EVERYTHING]._opening.made_ns = web.world.now_ns  # the world's clock
        web.world.lines("server-a", row(1, status=500), row(2))
        web.world.tick(100)
        for _ in web.sockets.publish(web.world.now_ns):
            pass
        web.world.lines("server-b", row(3))
        for _ in web.sockets.publish(web.world.now_ns + 1):
            pass
        async with web.socket("/api/v1/live") as second:
            snapshot, behind = await hear(second), await hear(second)
            assert snapshot == opened
            assert behind["seq"] == opened["seq"] + 2
            assert sorted(behind["totals"]["calls"]) == [1, 3]
            assert len(behind["packets"]["edge"]) == 3
            assert [call["status"] for call in behind["errors"]] == [500]
            web.world.lines("server-a", row(9))
            web.publish()
            assert (await hear(second))["totals"]["calls"] == [4]
