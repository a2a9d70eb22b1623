from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from node_agent.agent import Agent
from node_agent.settings import load

from .fake_hub import FakeHub, running


class Place:
    """A server's directory: its logs, its configuration, its agents."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.private = directory / "private.jsonl"
        self.public = directory / "public.jsonl"
        self.address = f"unix:{directory}/hub.sock"
        self.config = directory / "agent.toml"
        self.write_config()

    def write_config(self, hub: str = "") -> None:
        self.config.write_text(f"""
[server]
id = "server-a"
internal_addresses = ["10.10.0.11"]
[hub]
address = "{self.address}"
{hub}
[[proxies]]
name = "private"
kind = "private"
access_log = "private.jsonl"
addresses = ["10.10.0.11:80"]
networks = ["private-network"]
[[proxies]]
name = "public"
kind = "public"
access_log = "public.jsonl"
[[networks]]
name = "private-network"
subnet = "172.20.0.0/16"
gateway = "172.20.0.1"
[[services]]
name = "communicating-service"
network = "private-network"
addresses = ["172.20.0.4"]
[state]
directory = "state"
""")

    def append(self, data: bytes, path: Path | None = None) -> None:
        with (path or self.private).open("ab") as out:
            out.write(data)

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Agent]:
        """A running agent, stopped in order at the end."""
        agent = Agent(load(self.config))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(agent.run())
            try:
                yield agent
            finally:
                agent.stop()
                await asyncio.wait_for(task, 6)

    async def once(self) -> None:
        """A backfill."""
        await asyncio.wait_for(Agent(load(self.config), once=True).run(), 20)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[FakeHub]:
    async with running(place.address) as hub:
        yield hub
