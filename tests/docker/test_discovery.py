"""Discovery over a real engine: who has which address, from when to when."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.config import AgentConfig, Docker, Hub, Network, Proxy, Server, State
from node_agent.docker_source import DockerSource
from tests.docker.engine import Engine
from tests.docker.images import BUSYBOX

numbers = itertools.count(1)


@dataclass
class Site:
    """A network with two containers' worth of tools."""

    api: docker.APIClient
    network: str

    def run(self, service: str, command: str = "sleep 600", **labels: str) -> str:
        """Start a container of a Compose service; its id."""
        name = f"{self.network}_{service}_{next(numbers)}"
        labels = {"com.docker.compose.service": service, **labels}
        made = self.api.create_container(
            BUSYBOX,
            ["sh", "-c", command],
            name=name,
            labels=labels,
            stop_signal="KILL",
            host_config=self.api.create_host_config(network_mode=self.network, init=False),
        )
        self.api.start(made["Id"])
        return str(made["Id"])

    def address(self, id: str) -> str:
        networks = self.api.inspect_container(id)["NetworkSettings"]["Networks"]
        return str(networks[self.network]["IPAddress"])


@pytest.fixture
def site(engine: Engine) -> Iterator[Site]:
    api = engine.api
    made = Site(api, f"net{next(numbers)}")
    api.create_network(made.network, driver="bridge")
    yield made
    for one in api.containers(all=True, filters={"network": made.network}):
        api.remove_container(one["Id"], force=True)
    api.remove_network(made.network)


class Reports:
    """What a source reports, and a way to wait for it."""

    def __init__(self) -> None:
        self.last = pb.Inventory()
        self._news = asyncio.Condition()

    async def take(self, found: pb.Inventory) -> None:
        async with self._news:
            self.last = found
            self._news.notify_all()

    async def until(self, fits: Callable[[pb.Inventory], object]) -> pb.Inventory:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: fits(self.last))
        return self.last


def config(directory: Path, networks: tuple[str, ...], **more: Any) -> AgentConfig:
    proxy = Proxy(name="private", kind="private", access_log=directory / "log", networks=networks)
    return AgentConfig.model_construct(
        server=Server(id="server-a"),
        hub=Hub(address="127.0.0.1:1"),
        proxies=(proxy,),
        networks=more.pop("known", ()),
        state=State(directory=directory),
        **more,
    )


@asynccontextmanager
async def watching(
    host: str, directory: Path, *networks: str, projects: tuple[str, ...] = (), **more: Any
) -> AsyncIterator[Reports]:
    """A source at work."""
    asked = Docker(socket=host, networks=networks, projects=projects)
    source = DockerSource(asked, config(directory, networks, **more))
    reports = Reports()
    task = asyncio.create_task(source.run(reports.take))
    try:
        yield reports
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def has(service: str, *, count: int = 1, ended: bool = False) -> Callable[[pb.Inventory], bool]:
    def fits(found: pb.Inventory) -> bool:
        mine = [one for one in found.endpoints if one.service == service]
        return len([one for one in mine if bool(one.valid_to_ns) == ended]) == count

    return fits


def of(found: pb.Inventory, service: str) -> pb.Endpoint:
    (one,) = [each for each in found.endpoints if each.service == service]
    return one


async def test_a_container_is_named_while_it_has_its_address(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    before = site.run("early")
    async with watching(engine.host, tmp_path, site.network) as reports:
        found = await reports.until(has("early"))
        assert of(found, "early").address == site.address(before)
        (told,) = [net for net in found.networks if net.name == site.network]
        assert told.subnets and told.gateways and not told.ignored
        began_ns = time.time_ns()
        id = site.run("web")
        started_ns = time.time_ns()
        told = of(await reports.until(has("web")), "web")
        assert told.address == site.address(id)
        assert told.container.startswith(f"{site.network}_web_")
        assert began_ns < told.valid_from_ns < started_ns
        site.api.remove_container(id, force=True)
        told = of(await reports.until(has("web", ended=True)), "web")
        assert started_ns < told.valid_to_ns < time.time_ns()
        assert told.image == BUSYBOX


async def test_a_restart_and_a_reused_address_are_told_apart(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    async with watching(engine.host, tmp_path, site.network) as reports:
        first = site.run("first")
        address = site.address(first)
        await reports.until(has("first"))
        site.api.restart(first, timeout=0)
        site.api.remove_container(first, force=True)
        second = site.run("second")
        assert site.address(second) == address, "the engine uses a free address again"
        found = await reports.until(has("second"))
        assert of(found, "first").valid_to_ns <= of(found, "second").valid_from_ns
        assert of(found, "first").address == of(found, "second").address == address


async def test_disconnecting_and_connecting_ends_and_begins(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    async with watching(engine.host, tmp_path, site.network) as reports:
        id = site.run("web")
        await reports.until(has("web"))
        site.api.disconnect_container_from_network(id, site.network)
        await reports.until(has("web", ended=True))
        site.api.connect_container_to_network(
            id, site.network, ipv4_address=None, aliases=["also-web"]
        )
        assert of(await reports.until(has("web")), "web").valid_to_ns == 0


async def test_only_relevant_networks_and_on_shared_ones_only_own_projects_count(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    other = f"other{next(numbers)}"
    site.api.create_network(other, driver="bridge")
    try:
        async with watching(
            engine.host,
            tmp_path,
            site.network,
            projects=("mine",),
            known=(Network(name=site.network, shared=True),),
        ) as reports:
            theirs = site.run("theirs", **{"com.docker.compose.project": "others"})
            site.api.connect_container_to_network(theirs, other)
            site.run("mine", **{"com.docker.compose.project": "mine"})
            found = await reports.until(has("mine"))
            assert [one.service for one in found.endpoints] == ["mine"]
            told = {net.name: (net.shared, net.ignored) for net in found.networks}
            assert told[site.network] == (True, False)
            assert told[other] == (False, True)
            site.api.remove_container(theirs, force=True)
    finally:
        site.api.remove_network(other)


async def test_a_network_that_comes_later_is_found_by_its_compose_name(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    async with watching(engine.host, tmp_path, "later-network") as reports:
        made = site.api.create_network(
            f"{site.network}_later",
            driver="bridge",
            labels={"com.docker.compose.network": "later-network"},
        )
        try:
            await reports.until(
                lambda found: "later-network" in [net.name for net in found.networks]
            )
            id = site.run("web")
            site.api.connect_container_to_network(id, made["Id"])
            assert of(await reports.until(has("web")), "web").network == "later-network"
            site.api.disconnect_container_from_network(id, made["Id"])
            await reports.until(has("web", ended=True))
        finally:
            site.api.remove_network(made["Id"])


async def test_a_restarted_agent_still_names_who_is_gone(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    async with watching(engine.host, tmp_path, site.network) as reports:
        stays, goes = site.run("stays"), site.run("goes")
        await reports.until(has("goes"))
        began_ns = of(await reports.until(has("stays")), "stays").valid_from_ns
        site.api.remove_container(goes, force=True)
        await reports.until(has("goes", ended=True))
    async with watching(engine.host, tmp_path, site.network) as reports:
        found = await reports.until(has("stays"))
        assert of(found, "stays").address == site.address(stays)
        assert of(found, "stays").valid_from_ns == began_ns
        assert of(found, "goes").valid_to_ns


async def test_an_engines_restart_ends_what_it_ended_and_finds_what_comes_back(
    tmp_path: Path, own_engine: Engine
) -> None:
    site = Site(own_engine.api, "restarted")
    site.api.create_network(site.network, driver="bridge")
    site.run("web")
    with structlog.testing.capture_logs() as said:
        async with watching(own_engine.host, tmp_path, site.network) as reports:
            await reports.until(has("web"))
            await asyncio.to_thread(own_engine.stop)
            ended = of(await reports.until(has("web", ended=True)), "web")
            await asyncio.to_thread(own_engine.start)
            site.run("web")
            found = await reports.until(has("web"))
            begun = [one for one in found.endpoints if not one.valid_to_ns]
            assert ended.valid_to_ns < begun[0].valid_from_ns
    told = [line["event"] for line in said]
    assert told.count("docker is watched") == 2
    assert 1 <= told.count("docker cannot be watched") <= 3, "told once for each reason"


async def test_a_lone_strangers_address_is_looked_for(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    """As if the engine's event had been missed."""
    asked = Docker(socket=engine.host)
    source, reports = DockerSource(asked, config(tmp_path, (site.network,))), Reports()
    task = asyncio.create_task(source.run(reports.take))
    id = site.run("web")
    address = site.address(id)
    await reports.until(has("web"))
    assert source._watch is not None
    with source._watch._guard:
        source._watch._book.disconnected(site.network, id, time.time_ns())
    source._watch._changed()
    await reports.until(has("web", ended=True))
    source.peers(["203.0.113.9", address])
    assert of(await reports.until(has("web")), "web").address == address
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
