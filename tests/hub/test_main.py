"""`hopwatch-hub` as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets

from .streams import Agent, rows_batch


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def arguments(directory: Path, port: int) -> list[str]:
    config = directory / "hub.toml"
    config.write_text(
        f'[grpc]\nlisten = ["unix:{directory}/hub.sock"]\n'
        f'[http]\nlisten = "127.0.0.1:{port}"\n'
        f'[data]\ndirectory = "{directory}/data"\nreserve_mib = 0\n'
    )
    return [sys.executable, "-m", "hub", "--config", str(config)]


@asynccontextmanager
async def hub(directory: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *arguments(directory, port),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(120):
            while b"event=ready" not in (line := await process.stderr.readline()):
                assert line, "the hub ended before it was ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    async with asyncio.timeout(30):
        _, text = await process.communicate()
    assert process.returncode is not None
    return process.returncode, text.decode()


async def test_sigterm_ends_it_within_five_seconds_with_everybody_still_connected(
    tmp_path: Path,
) -> None:
    port = free_port()
    async with hub(tmp_path, port) as process:
        live = f"ws://127.0.0.1:{port}/api/v1/live"
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
            Agent(f"unix:{tmp_path}/hub.sock") as agent,
            websockets.connect(live) as page,
            websockets.connect(f"ws://127.0.0.1:{port}/access_logs") as reader,
        ):
            assert (await client.get("/readyz")).status_code == 200
            assert json.loads(await page.recv())["type"] == "snapshot"
            await agent.join()
            await agent.send(rows_batch(0, 3))
            await agent.acknowledged(2700)
            assert len(json.loads(await reader.recv())) == 3
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            assert time.monotonic() - began < 5
    async with (
        hub(tmp_path, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        calls = (await client.get("/api/v1/requests")).json()["requests"]
        assert len(calls) == 3, "what was acknowledged is there after a restart"


async def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        code, text = await ended(*arguments(tmp_path, port))
    assert (code, text) == (
        1,
        f"hopwatch-hub: 127.0.0.1:{port} is in use by another process; "
        "stop it, or change http.listen\n",
    )


async def test_a_second_hub_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with hub(tmp_path, free_port()):
        code, text = await ended(*arguments(tmp_path, free_port()))
    assert code == 1
    assert text.startswith("hopwatch-hub: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize("flags", [[], ["--check-config"]])
async def test_a_wrong_configuration_exits_with_two(tmp_path: Path, flags: list[str]) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('[http]\nlisten = "nowhere"\n')
    code, text = await ended(sys.executable, "-m", "hub", "--config", str(config), *flags)
    assert code == 2
    assert "hub.toml" in text
    assert "http.listen" in text
    assert "nowhere" in text
