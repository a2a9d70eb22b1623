"""The agent's own image: its size, `init --in-docker` with a code, and connection tracking as
docs/docker.md has it for Compose."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from hub.__main__ import main as hub_main
from hub.guard.certificates import SERVER
from tests.docker import images
from tests.docker.deployed import composes
from tests.docker.engine import Engine
from tests.docker.test_init import GOOD, Traefiks, traefiks, visible
from tests.hub.guarded import Certified, Guarded, guarded_hub, write_private

__all__ = ["traefiks"]
LIMIT_MB = 90
HUB_TLS = 'tokens_file = "tokens.toml"\n[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\n'
RECIPE = """\
    user: "0"
    cap_add: [NET_ADMIN, DAC_OVERRIDE]
"""
"""What docs/docker.md adds to a service of the agent that has the host's network namespace."""


def test_the_image_is_as_small_as_told(
    engine: Engine, agent_image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = images.compressed_bytes(engine.api, agent_image) / 1e6
    with capsys.disabled():
        print(f" [agent image, compressed: {size:.1f} MB]", end="")
    assert size <= LIMIT_MB


def certified_hub(place: Path, engine: Engine) -> str:
    """What a hub needs that an agent in the engine's host can reach; the lines of `[grpc]`."""
    place.mkdir()
    made = Certified.make(place)
    made.issue("hub", [engine.outside, "127.0.0.1"], SERVER)
    (place / "data").mkdir(mode=0o700)
    write_private(place / "data" / "ca.pem", made.authority.pair.cert)
    write_private(place / "data" / "ca.key", made.authority.pair.key)
    write_private(place / "tokens.toml", 'other = "a-token-of-some-length"\n')
    return HUB_TLS


async def enrolled(engine: Engine, hub: Guarded, place: Path, output: Path) -> None:
    """`init --in-docker` with a code, as a user types it."""
    address = f"{engine.outside}:{hub.grpc.rpartition(':')[2]}"
    words = ["enroll", "server-a", "--code", "--config", str(place / "hub.toml")]
    printed = CliRunner().invoke(hub_main, [*words, "--hub-address", address]).stdout
    code = printed.split("--code ")[1].strip()
    done = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "node_agent", "init", "--in-docker", "--hub", address],
        *["--code", code, "--docker-socket", engine.host, "--output", str(output)],
        *["--internal-address", engine.address],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await done.communicate()
    assert done.returncode == 0, said.decode()
    assert "enrolled as server-a" in said.decode()


async def compose(kind: str, engine: Engine, output: Path, *words: str) -> tuple[int, str]:
    """A Compose command on the written file."""
    done = await asyncio.create_subprocess_exec(
        *composes()[kind],
        *("-p", "hopwatch", "-f", str(output / "hopwatch.yaml"), *words),
        env={**os.environ, "DOCKER_HOST": engine.host, "COMPOSE_INTERACTIVE_NO_CLI": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await done.communicate()
    assert done.returncode is not None
    return done.returncode, said.decode()


@pytest.mark.parametrize("kind", ["1.29", "new"])
async def test_what_init_writes_for_docker_is_connected_by_compose_up(
    kind: str, engine: Engine, agent_image: str, traefiks: Traefiks, tmp_path: Path
) -> None:
    """With token and CA of its code, as nobody's root, reading the engine and the proxy's log."""
    if kind not in composes():
        pytest.skip(
            f"Compose {kind} is not here: make engine installs 1.29, make setup the new one"
        )
    traefiks.start("proxy", *GOOD, mounts={tmp_path / "logs": "/var/log/traefik"})
    place, output = tmp_path / "hub", tmp_path / "made"
    lines = certified_hub(place, engine)
    async with guarded_hub(place, grpc_=lines, listen="0.0.0.0") as hub, hub.client() as client:
        await enrolled(engine, hub, place, output)
        code, said = await compose(kind, engine, output, "up", "-d")
        assert code == 0, said
        try:
            async with asyncio.timeout(60):
                while not (shown := await told(client)):  # noqa: ASYNC110 - no event for it
                    await asyncio.sleep(0.1)
            assert shown == {"proxy"}
            ask(engine, traefiks)
            async with asyncio.timeout(60):
                while not await listed(client):  # noqa: ASYNC110 - no event for it
                    await asyncio.sleep(0.1)
            doctor = ("exec", "-T", "agent", "python3", "-m", "node_agent", "doctor")
            _, said = await compose(kind, engine, output, *doctor)
            wrong = [line for line in said.splitlines() if line.startswith("bad")]
            assert not wrong and "good    docker" in said, said
        finally:
            await compose(kind, engine, output, "down", "-v", "-t", "1")


async def test_connection_tracking_by_the_recipe_for_compose(
    engine: Engine, agent_image: str, traefiks: Traefiks, tmp_path: Path
) -> None:
    """And without its lines, what is lacking."""
    kind = next(iter(composes()))
    traefiks.start("proxy", *GOOD, mounts={tmp_path / "logs": "/var/log/traefik"})
    place, output = tmp_path / "hub", tmp_path / "made"
    lines = certified_hub(place, engine)
    async with guarded_hub(place, grpc_=lines, listen="0.0.0.0") as hub:
        await enrolled(engine, hub, place, output)
        with (output / "agent.toml").open("a") as file:
            file.write("[conntrack]\nenabled = true\n")
        doctor = ("run", "--rm", "-T", "agent", "doctor")
        _, said = await compose(kind, engine, output, *doctor)
        (finding,) = [line for line in said.splitlines() if " conntrack: " in line]
        assert finding.startswith("bad") and "needs CAP_NET_ADMIN" in finding, said
        written = output / "hopwatch.yaml"
        text = written.read_text()
        assert "cap_drop: [ALL]" in text and "network_mode: host" in text
        written.write_text(text.replace("    cap_drop", f"{RECIPE}    cap_drop"))
        code, said = await compose(kind, engine, output, *doctor)
        (finding,) = [line for line in said.splitlines() if " conntrack: " in line]
        assert finding.startswith("good") and code == 0, said
        await compose(kind, engine, output, "down", "-v", "-t", "1")


async def told(client: httpx.AsyncClient) -> set[str]:
    answer: Any = (await client.get("/api/v1/topology")).json()
    return visible(answer)


async def listed(client: httpx.AsyncClient) -> int:
    return len((await client.get("/api/v1/requests")).json()["requests"])


def ask(engine: Engine, traefiks: Traefiks) -> None:
    """A request, so that the log holds a line."""
    (one,) = engine.api.containers(filters={"network": traefiks.network})
    networks = one["NetworkSettings"]["Networks"]
    address = networks[traefiks.network]["IPAddress"]
    words = engine.inside("/bin/busybox", "wget", "-q", "-O", "-", f"http://{address}/x")
    subprocess.run(words, capture_output=True, check=False)
