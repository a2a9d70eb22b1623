"""A real hub process with two servers' lines in it, and the real command beside it."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hopwatch.v1 import ingest_pb2 as pb

from ..hub.streams import LINE_BYTES, Agent, hello, sighting
from ..hub.test_main import free_port, hub
from ..hub.world import INTERNAL

PATHS = os.pathsep.join(sys.path)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """Of tab-separated output."""
        names, *rows = [line.split("\t") for line in self.out.splitlines()]
        return [dict(zip(names, row, strict=True)) for row in rows]


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Nobody's configuration but the test's."""
    kept = {name: value for name, value in os.environ.items() if "HOPWATCH" not in name}
    return kept | {"PYTHONPATH": PATHS, "XDG_CONFIG_HOME": str(directory / "config")} | more


async def start(directory: Path, *arguments: str, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(directory, **more),
    )


async def run(directory: Path, *arguments: str, **more: str) -> Ended:
    """The command until its end."""
    process = await start(directory, *arguments, **more)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def run_on_terminal(directory: Path, *arguments: str) -> str:
    """What a person sees, escape sequences and all."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(directory, TERM="xterm-256color", COLUMNS="160"),
    )
    os.close(theirs)
    said = b""

    def read() -> bytes:
        try:
            return os.read(ours, 65_536)
        except OSError:  # EIO: the other end is closed
            return b""

    async with asyncio.timeout(60):
        while piece := await asyncio.to_thread(read):
            said += piece
        assert await process.wait() == 0, said
    os.close(ours)
    return said.decode()


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@dataclass
class Reports:
    """One server's agent, that speaks by hand."""

    agent: Agent
    began_ns: int
    """Its first line's time; of now, for the hub shows nobody who has been silent for long."""
    end: int = 0

    async def lines(self, *rows: dict[str, object]) -> None:
        """Journalled when this returns."""
        messages = [
            pb.Row(**{**self._usual(i), **fields})  # type: ignore[arg-type]
            for i, fields in enumerate(rows)
        ]
        batch = pb.Batch(log=1, first_offset=self.end, rows=messages)
        self.end = batch.end_offset = self.end + LINE_BYTES * len(rows)
        await self.agent.send(batch)
        await self.agent.acknowledged(self.end)

    def _usual(self, i: int) -> dict[str, object]:
        return {
            "offset": i * LINE_BYTES,
            "start_ns": self.began_ns + (self.end + i) * 1_000_000,
            "duration_ns": 12_345_678,
            "status": 200,
            "upstream_status": 200,
            "client": "172.20.0.4",
            "client_port": 40_000,
            "method": "GET",
            "host": "private-proxy",
            "path": "/leaf/echo",
            "router": "leaf@file",
            "service": "leaf@file",
            "upstream": "http://172.20.0.5:8000",
            "user_agent": "test/1",
        }


@dataclass
class World:
    """A running hub, and what reports to it."""

    directory: Path
    port: int
    agents: dict[str, Reports] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"unix:{self.directory}/hub.sock"

    @staticmethod
    def now_ns() -> int:
        return time.time_ns()

    async def run(self, *arguments: str) -> Ended:
        return await run(self.directory, *arguments, "--hub", self.address)


@asynccontextmanager
async def world(directory: Path, port: int | None = None) -> AsyncIterator[World]:
    """server-a and server-b are connected, and have reported nothing."""
    made = World(directory, port or free_port())
    began_ns = made.now_ns()
    async with (
        hub(directory, made.port),
        Agent(made.address) as one,
        Agent(made.address) as other,
    ):
        for agent, server in ((one, "server-a"), (other, "server-b")):
            print_ = server.encode().ljust(16)
            said = {"internal_addresses": [INTERNAL[server]]}
            await agent.join(hello(server, logs=[sighting(fingerprint=print_)], **said))
            made.agents[server] = Reports(agent, began_ns)
        yield made
