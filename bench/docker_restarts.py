"""Names of containers that are restarted 1,000 times over a few addresses, on a real engine.

An engine of its own, a real Traefik, agent and hub. Containers from a pool are started, live for a
moment (some below a second, most a little above one) and are killed; each asks the Traefik all the
time for a path that names it. The network has fewer addresses than the pool has containers: every
start takes over somebody's. A call is right where its caller's name is the one in its path.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from queue import Queue
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bench.federation.hub_process import CONFIG
from node_agent.docker_model import nanoseconds
from tests.docker import images
from tests.docker.engine import Engine, why_no_engine

LIMIT_S = 1500
NETWORK, SUBNET, PROXY = "restarts", "172.31.77.0/27", "172.31.77.2"
POOL = 40
"""Containers; the network has 29 addresses, and `LANES` of them are taken at once."""
LANES = 8
SECOND = 1_000_000_000

TRAEFIK = """\
entryPoints: {private: {address: ":80"}}
providers: {file: {filename: /etc/traefik/routes.yml}}
accessLog: {filePath: /etc/traefik/private.jsonl, format: json}
"""
ROUTES = """\
http:
  routers: {leaf: {rule: "PathPrefix(`/`)", service: leaf}}
  services: {leaf: {loadBalancer: {servers: [{url: "http://leaf:80"}]}}}
"""
ASK = """\
import http.client, time
while True:
    try:
        asked = http.client.HTTPConnection("{}", timeout=2)
        asked.request("GET", "/{}")
        asked.getresponse().read()
    except OSError:
        pass
    time.sleep(0.05)
"""
AGENT = """\
[server]
id = "server-a"
[hub]
address = "unix:{directory}/hub.sock"
[[proxies]]
name = "proxy"
kind = "private"
access_log = "{directory}/private.jsonl"
networks = ["restarts"]
[docker]
socket = "{socket}"
networks = ["restarts"]
[state]
directory = "{directory}/state"
"""


@dataclass
class Truth:
    """Who lived when: by container, (start, end) in nanoseconds, and at which addresses."""

    lives: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    addresses: Counter[str] = field(default_factory=Counter)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def lived_s(self, name: str, at_ns: int) -> float:
        """How long the life lasted in which something was sent."""
        for start, end in self.lives[name]:
            if start - SECOND // 10 <= at_ns <= end:  # It runs before the engine has noted it.
                return (end - start) / SECOND
        return 0.0


@click.command()
@click.option("--restarts", default=1000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(restarts: int, seed: int) -> None:
    """Play, wait until all lines are in calls, score."""
    if reason := why_no_engine():
        raise click.ClickException(reason)
    directory = Path(tempfile.mkdtemp(prefix="hopwatch-restarts-"))
    engine = Engine(directory, link=7)
    try:
        score(*play(engine, directory, restarts, random.Random(seed)), directory)
    finally:
        engine.close()
        shutil.rmtree(directory, ignore_errors=True)


def play(
    engine: Engine, directory: Path, restarts: int, drawn: random.Random
) -> tuple[Truth, list[dict[str, Any]], float]:
    """What happened, and what the hub lists of it."""
    api = engine.api
    images.busybox(api)
    images.traefik(api)
    images.python(api)
    (directory / "traefik.yml").write_text(TRAEFIK)
    (directory / "routes.yml").write_text(ROUTES)
    api.create_network(NETWORK, driver="bridge", ipam={"Config": [{"Subnet": SUBNET}]})
    run(
        engine, "proxy", ["--configFile=/etc/traefik/traefik.yml"], images.TRAEFIK, directory, PROXY
    )
    run(engine, "leaf", ["httpd", "-f", "-p", "80", "-h", "/bin"])
    names = Queue[str]()
    for number in range(POOL):
        name = f"c{number}"
        make(engine, name, ["python3", "-c", ASK.format(PROXY, name)], image=images.PYTHON)
        names.put(name)
    with Hopwatch(engine, directory) as port:
        watched(port)
        truth, began_s = Truth(), time.monotonic()
        lives_s = [drawn.choice((0.2, 0.5, 0.8, *[1.1] * 5, 1.5, 2)) for _ in range(restarts)]
        with ThreadPoolExecutor(LANES) as lanes:
            list(lanes.map(lambda lives: live(engine, names, truth, lives), lives_s))
        took_s = time.monotonic() - began_s
        return truth, settled(port, directory / "private.jsonl"), took_s


def live(engine: Engine, names: Queue[str], truth: Truth, lives_s: float) -> None:
    """One life of one container."""
    api, name = engine.api, names.get()
    api.start(name)
    time.sleep(lives_s)
    told = api.inspect_container(name)
    api.kill(name)
    api.wait(name)
    with truth.guard:
        truth.lives[name].append((nanoseconds(told["State"]["StartedAt"]), time.time_ns()))
        truth.addresses[told["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]] += 1
    names.put(name)
    api.close()


def make(engine: Engine, name: str, command: list[str], **more: Any) -> str:
    """A stopped container on the network."""
    api, mounted = engine.api, more.pop("mounted", None)
    address, image = more.pop("address", None), more.pop("image", images.BUSYBOX)
    endpoint = api.create_endpoint_config(ipv4_address=address)
    made = api.create_container(
        image,
        command,
        name=name,
        networking_config=api.create_networking_config({NETWORK: endpoint}),
        host_config=api.create_host_config(
            network_mode=NETWORK, binds=[f"{mounted}:/etc/traefik"] if mounted else []
        ),
        **more,
    )
    return str(made["Id"])


def run(
    engine: Engine,
    name: str,
    command: list[str],
    image: str = images.BUSYBOX,
    mounted: Path | None = None,
    address: str | None = None,
) -> None:
    """A running one."""
    engine.api.start(make(engine, name, command, image=image, mounted=mounted, address=address))


class Hopwatch:
    """Agent and hub as processes; gives the hub's port."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        words = {
            "directory": directory,
            "data": directory / "data",
            "port": self.port,
            "socket": engine.host,
        }
        (directory / "hub.toml").write_text(CONFIG.format(more="", **words))
        (directory / "agent.toml").write_text(AGENT.format(**words))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._directory = directory

    def __enter__(self) -> int:
        for module, config in (("hub", "hub.toml"), ("node_agent", "agent.toml")):
            with (self._directory / f"{module}.log").open("wb") as log:
                words = [sys.executable, "-m", module, "--config", str(self._directory / config)]
                self._processes.append(subprocess.Popen(words, stdout=log, stderr=log))
        return self.port

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def settled(port: int, log: Path) -> list[dict[str, Any]]:
    """All calls, when every line of the log is in one."""
    give_up_s = time.monotonic() + 120
    while time.monotonic() < give_up_s:
        lines = log.read_bytes().count(b"\n")
        totals = get(port, "/api/v1/ledger")["totals"]
        if totals["in_calls"] == lines:
            return list(pages(port))
        time.sleep(0.5)
    raise click.ClickException(f"lines are lacking: {totals} of {lines}")


def watched(port: int) -> None:
    """Until the agent has told of the containers that are there."""
    give_up_s = time.monotonic() + 60
    while time.monotonic() < give_up_s:
        with contextlib.suppress(OSError):
            if any(node["containers"] for node in get(port, "/api/v1/topology")["nodes"]):
                return
        time.sleep(0.1)
    raise click.ClickException("the agent tells of no container")


def pages(port: int) -> Iterator[dict[str, Any]]:
    """Every call."""
    cursor: str | None = ""
    while cursor is not None:
        page = get(port, f"/api/v1/requests?limit=5000&cursor={cursor}")
        yield from page["requests"]
        cursor = page["next_cursor"]


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def score(truth: Truth, calls: list[dict[str, Any]], took_s: float, directory: Path) -> None:
    """Print the figures."""
    long, short = Counter[str](), Counter[str]()
    for call in calls:
        asked = call["path"].strip("/")
        if asked not in truth.lives:
            continue
        start_ns = int(datetime.fromisoformat(call["start"][:26]).timestamp() * SECOND)
        name = call["from"]["name"]
        verdict = "named" if name == asked else "unnamed" if name is None else "wrong"
        (long if truth.lived_s(asked, start_ns) >= 1 else short)[verdict] += 1
    restarts = sum(map(len, truth.lives.values()))
    table = Table(title=f"{restarts:,} restarts in {took_s:.0f} s", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    reuse = f"{restarts / max(len(truth.addresses), 1):.0f} lives each"
    table.add_row("addresses", f"{len(truth.addresses)}, {reuse}")
    for what, counted in (("lived 1 s or more", long), ("lived less", short)):
        total = counted.total()
        table.add_row(f"requests of those who {what}", f"{total:,}")
        share = 100 * counted["named"] / total if total else 0
        table.add_row("  named", f"{counted['named']:,} ({share:.2f} %)")
        table.add_row("  unnamed", f"{counted['unnamed']:,}")
        table.add_row("  wrong", f"{counted['wrong']:,}")
    size = sum(path.stat().st_size for path in (directory / "data").glob("*"))
    table.add_row("hub's journal", f"{size / 1e6:.1f} MB")
    Console().print(table)


if __name__ == "__main__":
    os.environ.pop("DOCKER_HOST", None)
    main()
