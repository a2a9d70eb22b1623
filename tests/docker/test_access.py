"""What discovery says where Docker is out of reach, and that it needs no more than reading."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import structlog

from node_agent import docker_engine
from node_agent.docker_engine import Engine as Asked
from node_agent.docker_engine import EngineTrouble
from tests.docker.engine import Engine
from tests.docker.socket_proxy import socket_proxy
from tests.docker.test_discovery import Site, has, of, site, watching

__all__ = ["site"]

NEEDED = ("version", "networks", "containers", "events")


async def test_a_read_only_proxy_of_the_socket_is_enough(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    with socket_proxy(str(engine.socket), NEEDED) as proxy:
        async with watching(proxy.address, tmp_path, site.network) as reports:
            id = site.run("web")
            assert of(await reports.until(has("web")), "web").address == site.address(id)
            site.api.remove_container(id, force=True)
            await reports.until(has("web", ended=True))
    assert proxy.refused == []


async def test_a_container_that_the_engine_holds_keeps_no_other_from_its_name(
    site: Site, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while one is started for long: then its inspection is not answered."""
    monkeypatch.setattr(docker_engine, "DOCKER_TIMEOUT_S", 0.5)
    held = site.run("held")
    with socket_proxy(str(engine.socket), NEEDED) as proxy:
        proxy.stuck = f"/containers/{held}/json"
        with structlog.testing.capture_logs() as said:
            async with watching(proxy.address, tmp_path, site.network) as reports:
                site.run("other")
                found = await reports.until(has("other"))
                assert of(found, "held").address == site.address(held)
                site.run("later")  # Its event is read after the inspection that is not answered.
                await reports.until(has("later"))
    assert "docker cannot be watched" not in [line["event"] for line in said]


@pytest.mark.parametrize("lacking", NEEDED)
async def test_a_proxy_that_refuses_is_told_what_discovery_needs(
    lacking: str, site: Site, engine: Engine, tmp_path: Path
) -> None:
    allowed = [name for name in NEEDED if name != lacking]
    with (
        structlog.testing.capture_logs() as said,
        socket_proxy(str(engine.socket), allowed) as proxy,
    ):
        async with watching(proxy.address, tmp_path, site.network):
            # It tries again after it has told why it cannot.
            assert await asyncio.to_thread(proxy.refused_twice.wait, 20)
    (told,) = [line["reason"] for line in said if line["event"] == "docker cannot be watched"]
    assert told.startswith(f"{proxy.address} refuses GET /{lacking} (403)")
    assert f"{lacking.upper()}=1" in told


def test_a_socket_that_is_not_there_says_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(EngineTrouble, match=r"does not exist. Is Docker running"):
        Asked(f"unix://{tmp_path}/none.sock")


def test_a_socket_that_may_not_be_opened_names_its_group(engine: Engine) -> None:
    group = engine.socket.stat().st_gid
    os.seteuid(65_534)
    try:
        with pytest.raises(EngineTrouble, match=rf"may not be opened .* group {group}"):
            Asked(engine.host)
    finally:
        os.seteuid(0)


def test_an_engine_that_is_not_running_is_told_so(own_engine: Engine) -> None:
    own_engine.stop()
    with pytest.raises(EngineTrouble, match=r"[iI]s Docker running"):
        Asked(own_engine.host)
