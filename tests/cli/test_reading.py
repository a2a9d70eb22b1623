"""`hopwatch` against a real hub process: what it shows, in every form."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from .world import World, run_on_terminal, start, without_colours, world


@pytest.fixture
async def reported(tmp_path: Path) -> AsyncIterator[World]:
    """Four calls of server-a, one of them bad, and one of server-b."""
    async with world(tmp_path) as made:
        await made.agents["server-a"].lines(
            {}, {"status": 503, "path": "/bad"}, {"method": "POST"}, {"path": "/x\x1b]0;owned\x07"}
        )
        await made.agents["server-b"].lines({"path": "/of/b"})
        yield made


async def test_json_is_what_the_http_api_says_oldest_first(reported: World) -> None:
    shown = await reported.run("observe", "-o", "json")
    async with httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{reported.port}/api/v1/requests"
        told = (await client.get(url)).json()["requests"]
    assert [json.loads(line) for line in shown.out.splitlines()] == told[::-1]
    assert (len(told), shown.code, shown.err) == (5, 0, "")


async def test_piped_tables_are_tab_separated_whole_and_without_control_characters(
    reported: World,
) -> None:
    shown = await reported.run("observe", "--server", "a")
    assert [row["url"] for row in shown.rows] == [
        "private-proxy/leaf/echo",
        "private-proxy/bad",
        "private-proxy/leaf/echo",
        r"private-proxy/x\x1b]0;owned\x07",
    ]
    assert "\x1b" not in shown.out
    assert shown.rows[1]["status"] == "503"
    assert shown.rows[0]["ms"] == "12.345678"


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["--server", "a", "--status", "5xx"], ["/bad"]),
        (["--server", "b"], ["/of/b"]),
        (["--status", "503", "--status", "404"], ["/bad"]),
        (["--method", "POST"], ["/leaf/echo"]),
        (["--server", "a", "-q", "path:/bad OR path:/of/b"], ["/bad"]),
        (["--path", "/of/*"], ["/of/b"]),
        (["-n", "1"], ["/x\x1b]0;owned\x07"]),
        (["--since", "2030-01-01T00:00:00Z"], []),
    ],
)
async def test_filters_choose(reported: World, arguments: list[str], paths: list[str]) -> None:
    shown = await reported.run("observe", "-o", "json", *arguments)
    assert [json.loads(line)["path"] for line in shown.out.splitlines()] == paths, shown.err


async def test_a_wrong_filter_is_wrong_usage_and_says_why(reported: World) -> None:
    shown = await reported.run("observe", "--status", "9xx")
    assert (shown.code, shown.out.count("\n")) == (2, 1)
    assert "status:9xx must be a number, 5xx, error or ok" in shown.err


async def test_status_edges_and_topology_in_both_forms(reported: World) -> None:
    status = await reported.run("status")
    assert [(row["server"], row["state"], row["read"]) for row in status.rows] == [
        ("server-a", "connected", "4"),
        ("server-b", "connected", "1"),
    ]
    status = await reported.run("status", "-o", "json")
    assert json.loads(status.out.splitlines()[0])["lines_read"] == 4
    topology = json.loads((await reported.run("topology", "-o", "json")).out)
    ids = {node["id"] for node in topology["nodes"]}
    assert all({edge["from"], edge["to"]} <= ids for edge in topology["edges"])
    nodes = (await reported.run("topology")).rows
    assert {node["id"] for node in nodes} == ids
    assert sum(int(node["calls_to"]) for node in nodes) == len(topology["edges"])


async def test_edges_tell_what_the_window_carried(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        now = made.now_ns()
        await made.agents["server-a"].lines(
            {"start_ns": now}, {"start_ns": now, "status": 500}, {"start_ns": now - 120 * 10**9}
        )
        (edge,) = (await made.run("edges", "-w", "30s")).rows
        assert (edge["calls"], edge["errors"]) == ("2", "1")
        assert abs(float(edge["p50_ms"]) - 12.3) < 0.3
        told = json.loads((await made.run("edges", "-w", "5m", "-o", "json")).out)
        assert (told["calls"], told["errors"]) == (3, 1)
        wrong = await made.run("edges", "-w", "2h")
        assert (wrong.code, "must be 1s to 1h" in wrong.err) == (2, True)


async def test_edges_of_any_past_window(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        now = made.now_ns()
        hour = 3_600 * 10**9
        await made.agents["server-a"].lines(
            {"start_ns": now - 3 * hour}, {"start_ns": now - 3 * hour, "status": 500}
        )
        await made.agents["server-a"].lines({"start_ns": now})
        (edge,) = (await made.run("edges", "--since", "4h", "--until", "2h")).rows
        assert (edge["calls"], edge["errors"]) == ("2", "1")
        (edge,) = (await made.run("edges", "--since", "5h")).rows
        assert edge["calls"] == "3"
        none = await made.run("edges", "--since", "9h", "--until", "8h")
        assert (none.code, none.rows, "no calls in 20" in none.err) == (0, [], True)
        wrong = await made.run("edges", "--since", "1h", "--until", "2h")
        assert (wrong.code, "until must be later" in wrong.err) == (2, True)


async def test_a_terminal_gets_colours_and_no_control_character_of_a_stranger(
    reported: World,
) -> None:
    seen = await run_on_terminal(reported.directory, "observe", "--hub", reported.address)
    assert "\x1b[32m" in seen, "good ones are green"
    assert "\x1b]0;" not in seen
    assert "\x07" not in seen
    plain = without_colours(seen)
    assert r"/x\x1b]0;owned\x07" in plain
    assert plain.splitlines()[0].split()[:3] == ["START", "STATUS", "MS"]
    status = await run_on_terminal(reported.directory, "status", "--hub", reported.address)
    assert "connected" in without_colours(status)
    topology = await run_on_terminal(reported.directory, "topology", "--hub", reported.address)
    assert "2 servers (2 connected)" in without_colours(topology)


async def test_export_is_what_the_http_api_exports(reported: World) -> None:
    url = f"http://127.0.0.1:{reported.port}/api/v1/requests?format="
    for form in ("ndjson", "csv"):
        shown = await reported.run("export", "-o", form)
        assert (shown.code, shown.err) == (0, "")
        async with httpx.AsyncClient() as client:
            assert shown.out.replace("\r\n", "\n") == (
                (await client.get(url + form)).text.replace("\r\n", "\n")
            )
    file = reported.directory / "bad.csv"
    shown = await reported.run("export", "-o", "csv", "-t", str(file), "--status", "5xx")
    assert "1 calls" in shown.err
    (row,) = csv.DictReader(io.StringIO(file.read_text()))
    assert row["path"] == "/bad"


async def test_an_export_of_several_pages_has_every_call_once(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        for _ in range(12):  # one moment: only the cursor can tell them apart
            await made.agents["server-a"].lines(*[{"start_ns": 10**18} for _ in range(1_000)])
        shown = await made.run("export")
        ids = [json.loads(line)["id"] for line in shown.out.splitlines()]
        assert len(ids) == len(set(ids)) == 12_000
        limited = await made.run("export", "-n", "10500")
        assert [json.loads(line)["id"] for line in limited.out.splitlines()] == ids[:10_500]


async def test_a_replay_shows_a_past_window_in_its_own_pace_by_the_calls_ends(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as made:
        second = 10**9
        begin = (made.now_ns() // second - 1_000) * second
        await made.agents["server-a"].lines(
            {"start_ns": begin - second, "path": "/before"},
            {"start_ns": begin, "path": "/long", "duration_ns": 30 * second},
            {"start_ns": begin + 10 * second, "path": "/short"},
            {"start_ns": begin + 39 * second, "path": "/last", "duration_ns": second},
            {"start_ns": begin + 20 * second, "path": "/bad", "status": 500},
            {"start_ns": begin + 60 * second, "path": "/behind"},
        )
        window = ("--since", str(begin // second), "--until", str(begin // second + 50))
        began_s = time.monotonic()
        shown = await made.run("replay", *window, "--speed", "20", "-o", "json")
        took_s = time.monotonic() - began_s
        assert (shown.code, shown.err) == (0, "")
        told = [json.loads(line) for line in shown.out.splitlines()]
        assert [call["path"] for call in told] == ["/short", "/bad", "/long", "/last"]
        assert took_s >= 2, "40 s of the past, 20 times as fast"
        shown = await made.run("replay", *window, "--speed", "1000", "--status", "5xx")
        assert [row["url"] for row in shown.rows] == ["private-proxy/bad"]
        wrong = await made.run("replay", "--status", "5xx")
        assert (wrong.code, "needs --since" in wrong.err) == (2, True)
        wrong = await made.run("replay", "--since", "1h", "--until", "2h")
        assert (wrong.code, "must be before --until" in wrong.err) == (2, True)
        process = await start(
            tmp_path, "replay", *window, "--speed", "1", "--hub", made.address, "-o", "json"
        )
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.timeout(60):
            assert json.loads(await process.stdout.readline())["path"] == "/short"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert await process.stderr.read() == b""


async def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        await made.agents["server-a"].lines(*[{} for _ in range(1_000)])
        process = await start(tmp_path, "export", "--hub", made.address)
        assert process.stdout is not None
        await process.stdout.readline()
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        async with asyncio.timeout(30):
            assert process.stderr is not None
            assert await process.stderr.read() == b""
            assert await process.wait() == 0


async def test_following_shows_new_calls_and_goes_on_after_a_restart_of_the_hub(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as made:
        process = await start(tmp_path, "observe", "-f", "-o", "json", "--hub", made.address)
        assert process.stdout is not None
        assert process.stderr is not None
        now = made.now_ns()
        await made.agents["server-a"].lines({"path": "/first", "start_ns": now})
        async with asyncio.timeout(30):
            assert json.loads(await process.stdout.readline())["path"] == "/first"
    async with asyncio.timeout(30):
        assert b"trying again in 0.5 s" in await process.stderr.readline()
    async with world(tmp_path, made.port) as again:
        async with asyncio.timeout(60):
            while b"connected again" not in await process.stderr.readline():
                pass
        again.agents["server-a"].end = made.agents["server-a"].end
        await again.agents["server-a"].lines({"path": "/second", "start_ns": now + 10**9})
        async with asyncio.timeout(30):
            assert json.loads(await process.stdout.readline())["path"] == "/second", "once each"
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await process.wait() == 130
            assert await process.stderr.read() == b"", "Ctrl-C says nothing"
