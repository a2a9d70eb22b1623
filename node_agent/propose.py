"""`hopwatch-agent init`: an agent's configuration, proposed from the Traefiks that run here.

In: what was found, and what the user gave. Out: the text of agent.toml, of a Compose file for the
agent, and what is missing in Traefik's configuration, with the lines to add. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from node_agent.config import DOCKER_SOCKET
from node_agent.traefik_found import FoundTraefik

LOG = "/var/log/traefik/{name}.jsonl"
HEADERS = ("X-Hop-Id", "X-Hop-Parent", "Traceparent", "Grpc-Status", "Upgrade", "User-Agent")
SECRETS, TOKEN, CA = "secrets", "secrets/agent.token", "secrets/ca.pem"
"""Of an enrolment, beside agent.toml."""
PRIVACY = """\
# Secret-looking values of queries do not leave this server; more, where wanted:
# [privacy]
# redact_query = "all"
# redact_paths = ["/users/*/orders", "/reset/**"]
# truncate_clients = true
"""
OWN_NETWORKS = ("bridge", "host", "none")


@dataclass(frozen=True, slots=True)
class Given:
    """What the user, or the machine, says."""

    server: str
    internal_address: str
    hub: str
    docker_group: int
    in_container: bool
    """Paths are those that the agent's own container will have."""
    enrolled: bool = False
    """There are files of an enrolment, in `SECRETS` beside the configuration."""
    tls: str | None = None
    """What `tls` of `[hub]` says."""
    docker_socket: str = DOCKER_SOCKET


def server_id(host_name: str) -> str:
    """A host's name as a server id."""
    return re.sub(r"[^a-z0-9._-]+", "-", host_name.lower()).strip("-")[:64] or "server"


def agent_toml(given: Given, traefiks: Sequence[FoundTraefik]) -> str:
    """The configuration."""
    networks = _networks(traefiks)
    parts = [
        f"""\
[server]
id = {_text(given.server)}
# How other servers see this one: check it, it is what their calls are told by.
internal_addresses = {json.dumps([given.internal_address])}

[hub]
address = {_text(given.hub)}
{_shown(given)}"""
    ]
    for one in traefiks:
        addresses = [f"{address}:80" for _, address in one.networks if address]
        if not one.public:
            addresses.insert(0, f"{given.internal_address}:80")
        parts.append(f"""\
[[proxies]]
name = {_text(one.name)}
kind = "{"public" if one.public else "private"}"
access_log = {_text(log_path(one, given.in_container))}
addresses = {json.dumps(addresses)}
networks = {json.dumps([name for name, _ in one.networks if name not in OWN_NETWORKS])}
""")
    # In its own container it is mounted at the usual place.
    own = given.docker_socket != DOCKER_SOCKET and not _is_mounted(given)
    socket = f"socket = {_text(given.docker_socket)}\n" if own else ""
    parts.append(f"[docker]\n{socket}networks = {json.dumps(networks)}\n")
    parts.append(PRIVACY)
    parts.append('[state]\ndirectory = "/var/lib/hopwatch-agent"\n')
    return "\n".join(parts)


def _shown(given: Given) -> str:
    """What the hub is shown."""
    if not given.enrolled:
        return (
            "# Elsewhere it asks for token_file and tls, from "
            f"`hopwatch-hub enroll {given.server}`.\n"
        )
    tls = f"tls = {given.tls}\n" if given.tls else ""
    return f'token_file = "{TOKEN}"\n{tls}'


def compose_yaml(given: Given, traefiks: Sequence[FoundTraefik]) -> str:
    """The agent as a service beside the Traefiks."""
    mounts = "".join(
        f"      - {PurePosixPath(one.log_here).parent}:{_directory(one)}:ro\n"
        for one in traefiks
        if one.log_here
    )
    if given.docker_socket.startswith("unix://"):
        here = given.docker_socket.removeprefix("unix://")
        mounts = f"      - {here}:{DOCKER_SOCKET.removeprefix('unix://')}\n{mounts}"
    secrets = f"      - ./{SECRETS}:/etc/hopwatch/{SECRETS}:ro\n" if given.enrolled else ""
    return f"""\
# The agent of {given.server}: docker compose -p hopwatch -f hopwatch.yaml up -d
services:
  agent:
    image: hopwatch-agent
    network_mode: host
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    group_add: ["{given.docker_group}"]
    mem_limit: 256m
    logging: {{driver: json-file, options: {{max-size: 10m, max-file: "3"}}}}
    volumes:
      - ./agent.toml:/etc/hopwatch/agent.toml:ro
{secrets}      - state:/var/lib/hopwatch-agent
{mounts}
volumes:
  state: {{}}
"""


def _is_mounted(given: Given) -> bool:
    return given.in_container and given.docker_socket.startswith("unix://")


def advice(traefiks: Sequence[FoundTraefik]) -> Iterator[str]:
    """What is missing in each Traefik's configuration, with the lines to add."""
    if not traefiks:
        yield (
            "no running Traefik was found: is it a container of this engine? A Traefik without "
            "Docker goes into [[proxies]] by hand (docs/configuration.md)"
        )
    for one in traefiks:
        if not one.logs:
            add = f"Add to its static configuration:\n{_log(one)}"
            yield f"{one.name}: its access log is off. {add}"
        elif one.log_inside is None:
            yield (
                f"{one.name}: its access log goes to standard output only, where Docker cuts lines "
                f"and other output is mixed in. Add a file:\n{_log(one)}"
            )
        elif not one.json:
            yield (
                f"{one.name}: its access log is in the common log format, which says too little to "
                f"join calls. Make it JSON:\n{_log(one)}"
            )
        if one.log_inside and one.log_here is None:
            yield (
                f"{one.name}: {one.log_inside} is in no mounted directory, so nobody else can read "
                f"it. Mount its directory: volumes: [logs:{PurePosixPath(one.log_inside).parent}]"
            )
        if one.logs and not one.ids:
            yield (
                f"{one.name}: its lines will have no ids; calls between servers are then joined by "
                "addresses and time. For exact joins add tracing (sampleRate: 0 is enough) or the "
                "hop plugin: docs/traefik.md"
            )


def log_path(one: FoundTraefik, in_container: bool) -> str:
    """Where the agent reads its log."""
    if in_container or one.log_here is None:
        inside = one.log_inside or LOG.format(name=one.name)
        return f"{_directory(one)}/{PurePosixPath(inside).name}"
    return one.log_here


def _directory(one: FoundTraefik) -> str:
    """One for each Traefik: two may call their logs alike."""
    return f"/logs/{one.name}"


def _networks(traefiks: Sequence[FoundTraefik]) -> list[str]:
    names = (name for one in traefiks for name, _ in one.networks if name not in OWN_NETWORKS)
    return list(dict.fromkeys(names))


def _log(one: FoundTraefik) -> str:
    path = one.log_inside or LOG.format(name=one.name)
    kept = "".join(f"        {name}: keep\n" for name in HEADERS)
    return (
        f"  accessLog:\n    filePath: {path}\n    format: json\n    fields:\n      headers:\n"
        f"        defaultMode: drop\n        names:\n{kept.replace('        ', '          ')}"
    ).rstrip()


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
