"""When the agent tells what it knows of its server, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.inventory import Inventory

CONFIGURED = pb.Inventory(endpoints=[pb.Endpoint(service="postgres", address="10.0.0.2")])
FOUND = pb.Inventory(endpoints=[pb.Endpoint(service="shop", address="172.20.0.3")])


class Told:
    """A source that reports what it is given."""

    def __init__(self) -> None:
        self.name = "told"
        self.reports: asyncio.Queue[pb.Inventory] = asyncio.Queue()
        self.reported: asyncio.Queue[None] = asyncio.Queue()

    async def run(self, report: Callable[[pb.Inventory], Awaitable[None]]) -> None:
        while True:
            await report(await self.reports.get())
            self.reported.put_nowait(None)

    async def say(self, inventory: pb.Inventory) -> None:
        self.reports.put_nowait(inventory)
        await self.reported.get()


def names(inventories: Sequence[pb.Inventory]) -> list[list[str]]:
    return [[one.service for one in inventory.endpoints] for inventory in inventories]


async def test_no_half_of_an_inventory_is_told_where_docker_answers_after_the_configuration() -> (
    None
):
    configuration, docker, said = Told(), Told(), list[pb.Inventory]()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = Inventory([configuration, docker], said.append).start(group, 60)
        await configuration.say(CONFIGURED)
        assert not said
        await docker.say(FOUND)
        assert names(said) == [["postgres", "shop"]]
        await docker.say(FOUND)
        assert len(said) == 1, "nothing new"
        await docker.say(pb.Inventory())
        assert names(said[1:]) == [["postgres"]]
        for task in tasks:
            task.cancel()


async def test_a_source_that_never_answers_holds_the_others_back_for_a_while_only() -> None:
    configuration, docker, said = Told(), Told(), asyncio.Queue[pb.Inventory]()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = Inventory([configuration, docker], said.put_nowait).start(group, 0.05)
        await configuration.say(CONFIGURED)
        assert names([await said.get()]) == [["postgres"]]
        await docker.say(FOUND)
        assert names([await said.get()]) == [["postgres", "shop"]]
        for task in tasks:
            task.cancel()
