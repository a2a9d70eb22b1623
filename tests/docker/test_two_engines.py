"""Two machines with an engine each: real masquerade and DNAT, and where each call came from.

Each engine's host has one foot in a network that a third namespace switches; that one is also the
machine on the LAN that belongs to nobody. The container networks of both engines are the same.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.docker import images
from tests.docker.engine import Engine, run

NETWORK = "private-server-proxy-network"
IDS = ("server-a", "server-b")
INTERNAL = {"server-a": "10.10.0.11", "server-b": "10.10.0.12"}
TRACKED = ("server-a",)
"""Whose agent listens to connection tracking: on its machine, as `network_mode: host` has it."""
INTRUDER = "10.10.0.99"
STATIC = """\
entryPoints: {{web: {{address: ":80"}}}}
providers: {{file: {{filename: /etc/traefik/{name}.routes.yml}}}}
accessLog: {{filePath: /etc/traefik/{name}.jsonl, format: json}}
tracing: {{sampleRate: 0, otlp: {{http: {{endpoint: "http://127.0.0.1:4318/v1/traces"}}}}}}
"""
ROUTES = """\
http:
  routers:
    leaf: {{rule: "PathPrefix(`/leaf`)", service: leaf}}
    other: {{rule: "PathPrefix(`/other`)", service: other, middlewares: [strip]}}
  services:
    leaf: {{loadBalancer: {{servers: [{{url: "http://leaf:80"}}]}}}}
    other: {{loadBalancer: {{servers: [{{url: "http://{other}"}}]}}}}
  middlewares: {{strip: {{stripPrefix: {{prefixes: [/other]}}}}}}
"""
AGENT = """\
[server]
id = "{id}"
internal_addresses = ["{internal}"]
[hub]
address = "unix:{hub}/hub.sock"
[[proxies]]
name = "private"
kind = "private"
access_log = "{directory}/private.jsonl"
addresses = ["{internal}:80"]
networks = ["{network}"]
[[proxies]]
name = "public"
kind = "public"
access_log = "{directory}/public.jsonl"
addresses = ["{internal}:8000"]
networks = ["{network}"]
[docker]
socket = "{socket}"
networks = ["{network}"]
[conntrack]
enabled = {conntrack}
[state]
directory = "{directory}/state"
"""
HUB = """\
[grpc]
listen = ["unix:{directory}/hub.sock"]
[http]
listen = "127.0.0.1:{port}"
[data]
directory = "{directory}/data"
"""


class Machine:
    """One server: an engine, its containers, its agent."""

    def __init__(self, id: str, directory: Path, link: int) -> None:
        self.id, self.internal = id, INTERNAL[id]
        self.directory = directory
        directory.mkdir()
        self.engine = Engine(directory, link=link)

    def fill(self, other: str) -> None:
        """Both proxies, a leaf and a caller."""
        api = self.engine.api
        images.traefik(api)
        images.python(api)
        api.create_network(NETWORK, driver="bridge")
        for name in ("private", "public"):
            (self.directory / f"{name}.yml").write_text(STATIC.format(name=name))
            (self.directory / f"{name}.routes.yml").write_text(ROUTES.format(other=other))
        self._run("leaf", images.PYTHON, ["python3", "-m", "http.server", "80"])
        self._run("caller", images.PYTHON, ["sleep", "infinity"])
        self._run("private", images.TRAEFIK, ["--configFile=/etc/traefik/private.yml"], 80)
        self._run("public", images.TRAEFIK, ["--configFile=/etc/traefik/public.yml"], 8000)

    def ask_from_container(self, url: str) -> None:
        """The caller's request."""
        api = self.engine.api
        code = f"import urllib.request as u; u.urlopen('{url}', timeout=5)"
        made = api.exec_create("caller", ["python3", "-c", code])
        api.exec_start(made["Id"])

    def ask_from_host(self, url: str) -> None:
        """A process on this machine, outside of containers."""
        ask(self.engine.inside(), url)

    def _run(self, name: str, image: str, command: list[str], port: int | None = None) -> None:
        api = self.engine.api
        bindings = {80: (self.internal, port)} if port else None
        host = api.create_host_config(
            network_mode=NETWORK, port_bindings=bindings, binds=[f"{self.directory}:/etc/traefik"]
        )
        made = api.create_container(
            image,
            command,
            name=name,
            labels={"com.docker.compose.service": name},
            host_config=host,
            ports=[80] if port else None,
            stop_signal="KILL",
        )
        api.start(made["Id"])


def ask(inside: list[str], url: str) -> None:
    """A request from a namespace; the answer does not matter, its log line does."""
    code = (
        "import sys,urllib.request as u,urllib.error as e\n"
        "try: u.urlopen(sys.argv[1], timeout=5)\n"
        "except e.HTTPError: pass"
    )
    run(*inside, sys.executable, "-c", code, url)


class Site:
    """Both machines, the switch between them, and the hub."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.switch = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        stack.callback(self.switch.wait)
        stack.callback(self.switch.kill)
        self.machines = {}
        for link, id in enumerate(IDS, 3):
            self.machines[id] = Machine(id, directory / id, link)
            stack.callback(self.machines[id].engine.close)
        self._wire()
        for id, other in zip(IDS, reversed(IDS), strict=True):
            self.machines[id].fill(INTERNAL[other])
        self._start(stack)

    def in_switch(self, *words: str) -> list[str]:
        return ["nsenter", "--target", str(self.switch.pid), "--net", *words]

    def call(
        self, path: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The settled call whose path ends so, when it is as wanted."""
        give_up_s = time.monotonic() + 60
        while time.monotonic() < give_up_s:
            found = self._get(f"/api/v1/requests?limit=200&path={path}")["requests"]
            fitting = [one for one in found if one["path"].endswith(path) and wanted(one)]
            if fitting:
                return dict(fitting[0])
            time.sleep(0.2)  # The hub has no event for this.
        raise AssertionError(f"no such call with {path}: {found}")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def _wire(self) -> None:
        """A bridge with a wire to each machine, and an address of its own: the stranger's."""
        run(*self.in_switch("ip", "link", "add", "lan", "type", "bridge"))
        run(*self.in_switch("ip", "address", "add", f"{INTRUDER}/24", "dev", "lan"))
        run(*self.in_switch("ip", "link", "set", "lan", "up"))
        for number, machine in enumerate(self.machines.values()):
            wire, pid = f"wire{number}", str(machine.engine.pid)
            words = ("ip", "link", "add", wire, "type", "veth", "peer", "eth0", "netns", pid)
            run(*self.in_switch(*words))
            run(*self.in_switch("ip", "link", "set", wire, "master", "lan", "up"))
            there = machine.engine.inside
            run(*there("ip", "address", "add", f"{machine.internal}/24", "dev", "eth0"))
            run(*there("ip", "link", "set", "eth0", "up"))

    def _start(self, stack: ExitStack) -> None:
        words = {"directory": self.directory, "port": self.port, "hub": self.directory}
        configs = {"hub": self.directory / "hub.toml"}
        configs["hub"].write_text(HUB.format(**words))
        for id, machine in self.machines.items():
            path = configs[id] = machine.directory / "agent.toml"
            told = {**words, "directory": machine.directory, "network": NETWORK}
            told |= {"id": id, "internal": machine.internal, "socket": machine.engine.host}
            told["conntrack"] = "true" if id in TRACKED else "false"
            path.write_text(AGENT.format(**told))
        for name, path in configs.items():
            module = "hub" if name == "hub" else "node_agent"
            with (self.directory / f"{name}.log").open("wb") as log:
                words_ = [sys.executable, "-m", module, "--config", str(path)]
                if name in TRACKED:
                    words_ = self.machines[name].engine.inside(*words_)
                process = subprocess.Popen(words_, stdout=log, stderr=log)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        self._await_names()

    def _await_names(self) -> None:
        """Until both agents have told of their containers."""
        give_up_s = time.monotonic() + 60
        while time.monotonic() < give_up_s:
            try:
                nodes = self._get("/api/v1/topology")["nodes"]
            except OSError:
                nodes = []
            named = {one["server"] for one in nodes if one["name"] == "caller"}
            if named == set(IDS):
                return
            time.sleep(0.2)
        raise AssertionError("no names from discovery")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if reason := images.why_no_base():
        pytest.skip(f"images cannot be built: {reason}")
    directory = Path(tempfile.mkdtemp(prefix="hw2-"))
    directory.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        yield Site(directory, stack)


def test_the_container_networks_of_both_engines_overlap(site: Site) -> None:
    subnets = [
        machine.engine.api.inspect_network(NETWORK)["IPAM"]["Config"][0]["Subnet"]
        for machine in site.machines.values()
    ]
    assert subnets[0] == subnets[1]


def test_through_both_proxies_it_is_one_call_with_the_callers_name(site: Site) -> None:
    site.machines["server-a"].ask_from_container("http://private/other/leaf?n=joined")
    call = site.call("/leaf?n=joined")
    assert (call["origin"], len(call["hops"])) == ("cross_server", 2)
    assert (call["from"]["server"], call["from"]["name"]) == ("server-a", "caller")
    assert (call["to"]["server"], call["to"]["name"]) == ("server-b", "leaf")


def test_on_one_server_it_is_that_servers_container(site: Site) -> None:
    for id, machine in site.machines.items():
        machine.ask_from_container(f"http://private/leaf?n=own-{id}")
        call = site.call(f"/leaf?n=own-{id}")
        assert call["origin"] == "same_server"
        assert (call["from"]["server"], call["from"]["name"]) == (id, "caller")


def test_past_its_own_proxy_a_container_is_masqueraded(site: Site) -> None:
    site.machines["server-b"].ask_from_container("http://10.10.0.11/leaf?n=direct")
    call = site.call("/leaf?n=direct")
    assert call["origin"] == "cross_server_direct"
    assert (call["from"]["server"], call["from"]["kind"]) == ("server-b", "server")
    assert call["join"]["by"] == "none"
    assert call["hops"][0]["client"].startswith("10.10.0.12:")


def test_with_connection_tracking_the_masqueraded_container_has_its_name(site: Site) -> None:
    site.machines["server-a"].ask_from_container("http://10.10.0.12/leaf?n=tracked")
    call = site.call("/leaf?n=tracked", lambda one: one["join"]["by"] == "conntrack")
    assert call["origin"] == "cross_server_direct"
    assert call["from"]["kind"] == "service"
    assert (call["from"]["server"], call["from"]["name"]) == ("server-a", "caller")
    assert call["hops"][0]["client"].startswith("10.10.0.11:")
    assert "connection tracking" in call["hops"][0]["why"]


def test_connection_tracking_names_nobody_for_a_process_of_the_other_host(site: Site) -> None:
    for id, other in (("server-a", "10.10.0.12"), ("server-b", "10.10.0.11")):
        site.machines[id].ask_from_host(f"http://{other}/leaf?n=host-{id}")
        call = site.call(f"/leaf?n=host-{id}")
        assert (call["origin"], call["from"]["server"]) == ("cross_server_direct", id)
        assert (call["from"]["kind"], call["join"]["by"]) == ("server", "none")


def test_at_another_servers_public_proxy_it_is_a_hairpin(site: Site) -> None:
    site.machines["server-a"].ask_from_container("http://10.10.0.12:8000/leaf?n=hairpin")
    assert site.call("/leaf?n=hairpin")["origin"] == "hairpin"


def test_its_own_host_and_what_its_nat_hides_stay_undecided(site: Site) -> None:
    own = site.machines["server-b"]
    own.ask_from_host("http://10.10.0.12/leaf?n=own-host")
    assert site.call("/leaf?n=own-host")["origin"] == "undecided"
    own.ask_from_container("http://10.10.0.12/leaf?n=own-published")
    call = site.call("/leaf?n=own-published")
    assert call["origin"] in ("undecided", "same_server")
    if call["origin"] == "same_server":  # Some kernels keep the container's own address.
        assert call["from"]["name"] == "caller"


def test_a_machine_of_nobodys_is_outside(site: Site) -> None:
    ask(site.in_switch(), "http://10.10.0.12/leaf?n=intruder")
    call = site.call("/leaf?n=intruder")
    assert call["origin"] == "outside"
    assert call["hops"][0]["client"].startswith(f"{INTRUDER}:")
