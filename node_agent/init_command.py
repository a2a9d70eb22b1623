"""`hopwatch-agent init`: looks at this machine, proposes, writes.

Asks the engine for its Traefiks, reads their mounted configuration where this user may, and writes
agent.toml and hopwatch.yaml. Never overwrites a file unless told so. Exit codes: 0 written, 1 not.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import click

from node_agent.config import is_local

SOCKET = "unix:///var/run/docker.sock"


@click.command()
@click.option("--hub", default="127.0.0.1:7443", show_default=True, help="host:port of the hub")
@click.option("--server-id", help="Default: this machine's name")
@click.option("--internal-address", help="How other servers see this one. Default: by its route")
@click.option("--docker-socket", default=SOCKET, show_default=True)
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
def init(
    hub: str,
    server_id: str | None,
    internal_address: str | None,
    docker_socket: str,
    output: Path,
    in_docker: bool,
    force: bool,
) -> None:
    """Look at Docker and the running Traefiks, and write this server's configuration."""
    from node_agent import propose
    from node_agent.docker_engine import Engine, EngineTrouble
    from node_agent.traefik_found import found, is_traefik

    try:
        engine = Engine(docker_socket)
        inspected = [one for one in engine.inspected() if is_traefik(one)]
        engine.close()
    except EngineTrouble as trouble:
        click.echo(str(trouble), err=True)
        sys.exit(1)
    traefiks = sorted((found(one, _read) for one in inspected), key=lambda one: one.name)
    given = propose.Given(
        server_id or propose.server_id(socket.gethostname()),
        internal_address or _own_address(hub),
        hub,
        _group(docker_socket),
        in_docker,
    )
    for one in traefiks:
        kind = "public" if one.public else "private"
        click.echo(f"found {one.name} ({one.image}): {kind}, on {', '.join(dict(one.networks))}")
    texts = {
        "agent.toml": propose.agent_toml(given, traefiks),
        "hopwatch.yaml": propose.compose_yaml(given, traefiks),
    }
    there = [name for name in texts if (output / name).exists()]
    if there and not force:
        click.echo(f"{output / there[0]} is there already; --force replaces it", err=True)
        sys.exit(1)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (output / name).write_text(text)
        click.echo(f"wrote {output / name}")
    for line in propose.advice(traefiks):
        click.echo(f"to do: {line}")
    click.echo("then: hopwatch-agent --config agent.toml doctor")


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
