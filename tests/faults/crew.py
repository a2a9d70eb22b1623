"""The processes of a campaign: hub, agents, Traefiks, writer, traffic; their memory is watched.

Enters: a world and a directory. Leaves: processes of the real commands, by name. What always holds:
`peaks` knows the largest resident size of every process that ran, dead ones included; who ends
without having been told to is in `crashes`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.runner.mock_server import console_script
from tests.faults.slow_disk import SlowDisk
from tests.faults.world import SERVERS, World
from tests.servers.demo_process import REPOSITORY, free_port

WATCH_S = 0.1
END_TIMEOUT_S = 8
TRAEFIK = """\
global: {{checkNewVersion: false, sendAnonymousUsage: false}}
log: {{level: ERROR, noColor: true}}
entryPoints: {{web: {{address: "127.0.0.1:{port}"}}}}
providers: {{file: {{filename: {routes}, watch: false}}}}
accessLog: {{filePath: {log}, format: json}}
tracing: {{sampleRate: 0, otlp: {{http: {{endpoint: "http://127.0.0.1:4318/v1/traces"}}}}}}
"""
ROUTES = """\
http:
  routers: {{shop: {{rule: "PathPrefix(`/shop`)", entryPoints: [web], service: shop}}}}
  services: {{shop: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:{backend}"}}]}}}}}}
"""
AGENT = """\
[server]
id = "{server}"
internal_addresses = ["{internal}"]
[hub]
address = "{hub}"
token_file = "{keys}/agent.token"
tls = {{ ca = "{keys}/ca.pem", cert = "{keys}/agent.pem", key = "{keys}/agent.key" }}
[[proxies]]
name = "private"
kind = "private"
access_log = "{logs}/private/access.jsonl"
addresses = ["{internal}:80"]
networks = ["net"]
[[proxies]]
name = "public"
kind = "public"
access_log = "{logs}/public/access.jsonl"
[[networks]]
name = "net"
subnet = "172.20.0.0/16"
gateway = "172.20.0.1"
[state]
directory = "{state}"
"""
HUB = """\
[grpc]
listen = ["{listen}"]
tokens_file = "{keys}/tokens.toml"
{tls}
[http]
listen = "127.0.0.1:{port}"
[data]
directory = "{data}"
seal_interval_s = 2
"""


@dataclass
class Crew:
    """Start, kill, freeze, by name: `hub`, `server-a/agent`, `server-b/traefik`, …"""

    world: World
    place: Path
    slow_disk: SlowDisk
    seed: int
    http_port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    """KiB."""
    crashes: list[str] = field(default_factory=list)
    starts: int = 0

    def __post_init__(self) -> None:
        self._ports = {server: free_port() for server in SERVERS}
        self._backend = free_port()
        self._watching = threading.Event()
        threading.Thread(target=self._watch, name="memory", daemon=True).start()

    @property
    def data(self) -> Path:
        return self.place / "disk" / "hub"

    def log(self, server: str, kind: str) -> Path:
        return self.place / server / kind / "access.jsonl"

    # --- before the start

    def configure(self) -> None:
        """Write every configuration; the hub's own command makes tokens and certificates."""
        for server in SERVERS:
            for kind in ("private", "public"):
                self.log(server, kind).parent.mkdir(parents=True)
            self._configure_traefik(server)
        values = {"listen": self.world.listen, "keys": self.place, "data": self.data}
        text = HUB.format(**values, port=self.http_port, tls="")
        (self.place / "hub.toml").write_text(text)
        for server in SERVERS:
            self._enroll(server)
        tls = [f'{key} = "{self.data}/{file}"' for key, file in TLS_FILES.items()]
        text = HUB.format(**values, port=self.http_port, tls="\n".join(["[grpc.tls]", *tls]))
        (self.place / "hub.toml").write_text(text)

    def _configure_traefik(self, server: str) -> None:
        routes, place = self.place / "routes.yml", self.place / server
        routes.write_text(ROUTES.format(backend=self._backend))
        log = self.log(server, "public")
        text = TRAEFIK.format(port=self._ports[server], routes=routes, log=log)
        (place / "traefik.yml").write_text(text)

    def _enroll(self, server: str) -> None:
        keys, number = self.place / server / "keys", SERVERS.index(server)
        options = ["--certificates", "--hub-address", self.world.hub_for(server)]
        command = [console_script("hopwatch-hub"), "enroll", server, *options]
        command += ["--output", str(keys), "--config", str(self.place / "hub.toml")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        values = {"server": server, "hub": self.world.hub_for(server), "keys": keys}
        values |= {"logs": self.place / server, "state": self.place / server / "state"}
        text = AGENT.format(**values, internal=f"10.10.0.{11 + number}")
        (self.place / server / "agent.toml").write_text(text)

    # --- start and end

    def start(self, name: str) -> None:
        """One of the processes; nothing where it runs."""
        server, _, part = name.rpartition("/")
        place = self.place / server
        match part:
            case "hub":
                config = ["--config", str(self.place / "hub.toml")]
                self._start(name, [console_script("hopwatch-hub"), *config])
            case "agent":
                config = ["--config", str(place / "agent.toml")]
                self._start(name, [console_script("hopwatch-agent"), *config], server)
            case "traefik":
                config = [f"--configFile={place / 'traefik.yml'}"]
                self._start(name, [console_script("traefik"), *config])

    def start_traffic(self, rate: float) -> None:
        """Clients of both Traefiks."""
        command = [sys.executable, "-m", "tests.faults.traffic", f"--backend={self._backend}"]
        command += [f"--proxy={port}" for port in self._ports.values()]
        self._start("traffic", [*command, f"--rate={rate}"])

    def start_writer(self, archive: Path) -> None:
        """The stand-in for the private proxies."""
        archive.mkdir()
        logs = [f"--{s[-1]}={self.log(s, 'private')}" for s in SERVERS]
        command = [sys.executable, "-m", "tests.faults.writer", *logs]
        command += [f"--archive={archive}", f"--seed={self.seed}"]
        self._start("writer", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def write(self, **command: Any) -> dict[str, int]:
        """Tell the writer; the lines written by then, by log."""
        writer = self.running["writer"]
        assert writer.stdin and writer.stdout
        writer.stdin.write(json.dumps(command).encode() + b"\n")
        writer.stdin.flush()
        answer: dict[str, int] = json.loads(writer.stdout.readline())
        return answer

    def kill(self, name: str) -> None:
        """SIGKILL, and gone."""
        self._measure()
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str) -> int:
        """SIGTERM; the exit code."""
        self._measure()
        process = self.running.pop(name)
        process.terminate()
        try:
            return process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.crashes.append(f"{name} was still there {END_TIMEOUT_S} s after SIGTERM")
            return -signal.SIGKILL

    def signal(self, name: str, number: signal.Signals) -> None:
        self.running[name].send_signal(number)

    def revive(self) -> None:
        """Start again what ended by itself, and remember that it did."""
        for name, process in list(self.running.items()):
            if (code := process.poll()) is not None:
                del self.running[name]
                self.crashes.append(f"{name} ended by itself with {code}: {self.said(name)[-600:]}")
                self.start(name)

    def said(self, name: str) -> str:
        """All that a process and its forerunners printed."""
        return self._output(name).read_text(errors="replace")

    def close(self) -> None:
        """Kill what is left."""
        self._watching.set()
        for name in list(self.running):
            with suppress(ProcessLookupError):
                self.signal(name, signal.SIGCONT)
            self.kill(name)

    def _output(self, name: str) -> Path:
        return self.place / f"{name.replace('/', '-')}.out"

    def _start(self, name: str, argv: list[str], server: str | None = None, **pipes: Any) -> None:
        if name in self.running:
            return
        self.starts += 1
        slow = self.slow_disk.environment if name == "hub" else {}
        with self._output(name).open("ab") as output:
            self.running[name] = subprocess.Popen(
                argv,
                cwd=REPOSITORY,
                preexec_fn=self.world.enter(server),
                start_new_session=True,
                env={**os.environ, **slow},
                **{"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, **pipes},
            )

    # --- memory

    def _watch(self) -> None:
        while not self._watching.wait(WATCH_S):
            self._measure()

    def _measure(self) -> None:
        for name, process in list(self.running.items()):
            self.peaks[name] = max(self.peaks.get(name, 0), peak_kib(process.pid))


TLS_FILES = {"cert": "hub.pem", "key": "hub.key", "client_ca": "ca.pem"}


def peak_kib(pid: int) -> int:
    """VmHWM of a process; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
