"""The shipped Compose files, up on an engine of the tests' own; what the hub answers."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.runner.deploy import Deployment
from tests.docker import images
from tests.docker.engine import Engine

SETTLED_S = 60.0
"""Everything is exact within seconds; a loaded machine takes longer."""
CALLERS = {"communicating-service", "reporting-job"}
CALLEES = {"communicating-service", "non-communicating-service"}


def composes() -> dict[str, list[str]]:
    """The Compose programs that are here, by kind."""
    found = {}
    newer = Path(sys.executable).with_name("docker-compose")
    if newer.exists():
        found["new"] = [str(newer)]
    if older := shutil.which("docker-compose", path="/usr/bin"):
        found["1.29"] = [older]
    return found


def why_no_images() -> str | None:
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    if not composes():
        return "Compose is not installed"
    return images.why_no_base()


@dataclass
class Deployed:
    """One deployment and its hub."""

    engine: Engine
    deployment: Deployment

    def get(self, path: str) -> Any:
        """The hub's JSON answer."""
        with urllib.request.urlopen(f"{self.deployment.view}{path}", timeout=10) as answer:
            return json.load(answer)

    def requests(self, since: str) -> Iterator[dict[str, Any]]:
        """All calls since then, through all pages."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"/api/v1/requests?since={since}&limit=1000&cursor={cursor}")
            yield from page["requests"]
            cursor = page["next_cursor"]

    def until(self, what: str, fits: Callable[[], Any]) -> Any:
        """Wait until the hub's answer fits; what it is, else AssertionError."""
        give_up_s, last = time.monotonic() + SETTLED_S, None
        while time.monotonic() < give_up_s:
            try:
                if last := fits():
                    return last
            except (OSError, urllib.error.URLError) as error:
                last = error
            time.sleep(0.2)  # The hub is asked, for it has no event for this.
        raise AssertionError(f"not so after {SETTLED_S:.0f} s: {what}; last: {last}")

    def containers(self, server: str, service: str) -> list[str]:
        """Names that the view shows for a service."""
        for node in self.get("/api/v1/topology")["nodes"]:
            if (node["server"], node["name"], node["kind"]) == (server, service, "service"):
                return sorted({one["name"] for one in node["containers"]})
        return []

    def joined_both_ways(self, since: str) -> bool:
        """Whether calls since then went both ways between the servers, each seen by both."""
        found = {
            (call["from"]["server"], call["to"]["server"])
            for call in self.requests(since)
            if call["origin"] == "cross_server" and len(call["hops"]) == 2
        }
        return {("server-a", "server-b"), ("server-b", "server-a")} <= found

    def exact(self) -> Any:
        """The ledger, once it is exact with every agent connected."""

        def fits() -> Any:
            servers = self.get("/api/v1/servers")
            ledger = self.get("/api/v1/ledger")
            there = all(server["connected"] for server in servers["servers"])
            return ledger if there and ledger["exact"] else None

        return self.until("an exact ledger", fits)

    def check_names(self, since: str) -> int:
        """Every name in every call since then is right; how many calls were looked at."""
        count = 0
        for call in self.requests(since):
            count += 1
            caller, callee, origin = call["from"], call["to"], call["origin"]
            if origin == "public":
                assert caller["kind"] == "external", call
            elif "q=direct" in call["path"]:
                assert caller["name"] in ("reporting-job", None), call
                assert origin in ("cross_server_direct", "undecided"), call
            else:
                assert origin in ("same_server", "cross_server", "cross_server_direct"), call
                assert caller["name"] in {*CALLERS, "server-a", "server-b", None}, call
            if callee["kind"] == "service":
                assert callee["name"] in CALLEES, call
        return count


@contextmanager
def brought_up(engine: Engine, compose: list[str]) -> Iterator[Deployed]:
    """Everything, by this Compose; nothing of it is left."""
    deployed = _deployed(engine, compose)
    try:
        deployed.deployment.up()
        yield deployed
    finally:
        deployed.deployment.down()
        left = engine.api.containers(all=True)
        assert not left, f"`make down` leaves nothing: {[one['Names'] for one in left]}"
        networks = [one["Name"] for one in engine.api.networks()]
        assert not [name for name in networks if name not in ("host", "none", "bridge")]
        assert not engine.api.volumes()["Volumes"]


def _deployed(engine: Engine, compose: list[str]) -> Deployed:
    environment = {
        **os.environ,
        "DOCKER_HOST": engine.host,
        "DOCKER_SOCKET": str(engine.socket),
        "DOCKER_BUILDKIT": "0",
        "TRAEFIK_IMAGE": images.TRAEFIK,
        "PUBLISH": "0.0.0.0",
        "VIEW_HOST": engine.address,
        "VIEW_HOSTS": f"localhost,{engine.address}",
    }
    return Deployed(engine, Deployment(compose, environment, images.BUILD))
