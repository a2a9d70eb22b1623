"""What an operator meets: metrics, the backfill's progress, a second agent, an early end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import structlog

from node_agent.checkpoint import Checkpoint
from node_agent.progress import Backfill

from .build import lines
from .conftest import Place
from .fake_hub import FakeHub

ROOT = Path(__file__).parents[2]


async def scraped(port: int) -> dict[str, float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.0 200 OK")
    samples = [each.rpartition(" ") for each in body.decode().splitlines() if each[0] != "#"]
    return {name: float(value) for name, _, value in samples}


async def test_metrics_say_what_became_of_the_lines(place: Place, hub: FakeHub) -> None:
    text = place.config.read_text() + '\n[metrics]\nlisten = "127.0.0.1:0"\n'
    place.config.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{free_port()}"))
    place.append(lines(0, 10) + b"bad\n")
    with structlog.testing.capture_logs() as said:
        async with place.agent() as agent:
            await hub.until(lambda: len(hub.rows()) == 10)
            await agent_idle(agent)
            (address,) = (entry["address"] for entry in said if entry["event"] == "metrics")
            found = await scraped(int(address.rpartition(":")[2]))
    assert found['hopwatch_agent_lines_read_total{proxy="private"}'] == 11
    assert found['hopwatch_agent_lines_malformed_total{proxy="private"}'] == 1
    assert found['hopwatch_agent_lines_sent_total{proxy="private"}'] == 11
    assert found['hopwatch_agent_lines_acknowledged_total{proxy="private"}'] == 11
    assert found['hopwatch_agent_lines_read_total{proxy="public"}'] == 0
    assert found['hopwatch_agent_behind_bytes{proxy="private"}'] == 0
    assert found["hopwatch_agent_connected"] == 1
    assert found["hopwatch_agent_resident_memory_bytes"] > 1_000_000


async def agent_idle(agent: object) -> None:
    async with asyncio.timeout(5):
        while agent._session.unacknowledged:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_backfill_says_how_far_it_is_in_lines_where_there_is_no_terminal() -> None:
    with structlog.testing.capture_logs() as said, Backfill(0.0, terminal=False) as backfill:
        backfill.show(10, 100, 1.0)
        backfill.show(25, 100, 6.0)
        backfill.show(30, 100, 7.0)
    assert [(entry["bytes"], entry["percent"]) for entry in said] == [(25, 25.0)]


def test_on_a_terminal_it_is_a_bar() -> None:
    with Backfill(0.0, terminal=True) as backfill:
        backfill.show(10, 100, 1.0)
        assert backfill._bar is not None
        (task,) = backfill._bar.tasks
        assert (task.completed, task.total) == (10, 100)


async def started(place: Place) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node_agent", "--config", str(place.config)),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT}/gen"},
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_second_agent_on_the_same_state_says_so_in_one_line_and_ends(place: Place) -> None:
    held = Checkpoint(place.directory / "state")
    process = await started(place)
    _, said = await asyncio.wait_for(process.communicate(), 20)
    held.close()
    assert process.returncode == 1
    assert said.decode().count("\n") == 1
    assert "another hopwatch-agent works with this state directory" in said.decode()


async def test_told_to_end_while_starting_it_ends_in_order(place: Place) -> None:
    process = await started(place)
    maps = Path(f"/proc/{process.pid}/maps")
    async with asyncio.timeout(20):
        while "grpc" not in maps.read_text():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0
