"""`hopwatch-agent init`: looks at this machine, proposes, writes.

Asks the engine for its Traefiks, reads their mounted configuration where this user may, and writes
agent.toml and hopwatch.yaml. With a code it gets the server's token from the hub, writes it, and
asks the hub whether it takes the server now. Never overwrites a file unless told so. Exit codes: 0
written (and taken), 1 not.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from node_agent.config import DOCKER_SOCKET, is_local

if TYPE_CHECKING:
    from node_agent.propose import Given
    from node_agent.traefik_found import FoundTraefik

CONTAINER_USER = 10_001
"""Whom the agent's image runs as; it must be able to read the token."""


@click.command()
@click.option("--hub", default="127.0.0.1:7443", show_default=True, help="host:port of the hub")
@click.option("--code", help="From `hopwatch-hub enroll SERVER --code`: gets the token and the CA")
@click.option("--server-id", help="Default: what the code is for, else this machine's name")
@click.option("--internal-address", help="How other servers see this one. Default: by its route")
@click.option("--docker-socket", default=DOCKER_SOCKET, show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where agent.toml and hopwatch.yaml are written. Default: here",
)
@click.option(
    "--in-docker", is_flag=True, help="The agent will run by hopwatch.yaml, not beside it"
)
@click.option("--force", is_flag=True, help="Replace files that are there")
@click.option("--start", is_flag=True, help="Go on as the agent, with what was written")
def init(
    hub: str,
    code: str | None,
    server_id: str | None,
    internal_address: str | None,
    docker_socket: str,
    output: Path,
    in_docker: bool,
    force: bool,
    start: bool,
) -> None:
    """Look at Docker and the running Traefiks, and write this server's configuration."""
    from node_agent import propose

    there = [name for name in ("agent.toml", "hopwatch.yaml") if (output / name).exists()]
    if there and not force:
        _give_up(f"{output / there[0]} is there already; --force replaces it")
    if start and in_docker:
        _give_up("--start runs the agent here, --in-docker in a container: docker compose up does")
    traefiks = _traefiks(docker_socket)
    output.mkdir(parents=True, exist_ok=True)
    given = propose.Given(
        server_id or propose.server_id(socket.gethostname()),
        internal_address or _own_address(hub),
        hub,
        _group(docker_socket),
        in_docker,
        docker_socket=docker_socket,
    )
    if code is not None:
        given = _enrolled(given, code, server_id, output)
    _write(output / "agent.toml", propose.agent_toml(given, traefiks))
    _write(output / "hopwatch.yaml", propose.compose_yaml(given, traefiks))
    for line in propose.advice(traefiks):
        click.echo(f"to do: {line}")
    if code is not None and not _is_taken(output / "agent.toml", traefiks):
        sys.exit(1)
    if start:
        words = [sys.executable, "-m", "node_agent", "--config", str(output / "agent.toml")]
        os.execv(words[0], words)
    click.echo("then: hopwatch-agent --config agent.toml doctor")


def _traefiks(docker_socket: str) -> list[FoundTraefik]:
    from node_agent.docker_engine import Engine, EngineTrouble
    from node_agent.traefik_found import found, is_traefik

    try:
        engine = Engine(docker_socket)
        inspected = [one for one in engine.inspected() if is_traefik(one)]
        engine.close()
    except EngineTrouble as trouble:
        _give_up(str(trouble))
    traefiks = sorted((found(one, _read) for one in inspected), key=lambda one: one.name)
    for one in traefiks:
        kind = "public" if one.public else "private"
        click.echo(f"found {one.name} ({one.image}): {kind}, on {', '.join(dict(one.networks))}")
    return traefiks


def _enrolled(given: Given, code: str, server_id: str | None, output: Path) -> Given:
    """Show the code to the hub, and write what it gives."""
    from node_agent.enrolment import Code, NotEnrolled, redeem
    from node_agent.propose import CA, SECRETS, TOKEN

    try:
        # Before the code is used up: what is written must be able to be written.
        (output / SECRETS).mkdir(mode=0o700, exist_ok=True)
        got = asyncio.run(redeem(given.hub, Code.parse(code)))
        _write_secret(output / TOKEN, got.token.encode() + b"\n", given)
        if got.ca:
            _write_secret(output / CA, got.ca, given)
    except NotEnrolled as error:
        _give_up(str(error))
    except OSError as error:
        _give_up(f"{error.filename}: {error.strerror}")
    if server_id is not None and server_id != got.server:
        click.echo(f"the code is for {got.server}: that is this server's id, not {server_id}")
    click.echo(f"enrolled as {got.server}")
    tls = (f'{{ ca = "{CA}" }}' if got.ca else "{}") if got.tls else None
    return replace(given, server=got.server, enrolled=True, tls=tls)


def _is_taken(file: Path, traefiks: Sequence[FoundTraefik]) -> bool:
    """Whether the hub takes this server as it is configured now."""
    from node_agent.finding import Verdict
    from node_agent.hub_check import ask_the_hub
    from node_agent.settings import load

    if not traefiks:
        click.echo("the token is here; the agent connects when [[proxies]] names one")
        return True

    async def findings() -> bool:
        well = True
        async for one in ask_the_hub(load(file)):
            click.echo(f"{one.verdict.value:<7} {one.subject}: {one.text}")
            well &= one.verdict is not Verdict.BAD or one.subject != "hub"
        return well

    return asyncio.run(findings())


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    click.echo(f"wrote {file}")


def _write_secret(file: Path, content: bytes, given: Given) -> None:
    """0600, of the user that the agent will be."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    if given.in_container and os.geteuid() == 0:
        os.chown(file.parent, CONTAINER_USER, CONTAINER_USER)
        os.chown(file, CONTAINER_USER, CONTAINER_USER)
    click.echo(f"wrote {file}")


def _give_up(reason: str) -> NoReturn:
    click.echo(reason, err=True)
    sys.exit(1)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _own_address(hub: str) -> str:
    """The address that this machine sends from towards the hub, else towards the world; nothing is
    sent."""
    host = "192.0.2.1" if is_local(hub) else hub.rpartition(":")[0].strip("[]")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"


def _group(docker_socket: str) -> int:
    try:
        return Path(docker_socket.removeprefix("unix://")).stat().st_gid
    except OSError:
        return 0
