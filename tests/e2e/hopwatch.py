"""A hub and agents that a test starts, kills and starts again, beside real servers.

Enters: a demo without Hopwatch, on loopback addresses (so that the agents see the Traefik APIs from
here). Leaves: processes of the real commands. What always holds: whatever the test started is gone
when the `with` block is left. `rundir` is short: Unix sockets are in it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from servers.runner.hopwatch_config import hub_toml
from servers.runner.mock_server import console_script
from servers.runner.plan import Mode
from tests.e2e.hub_api import HubApi, eventually
from tests.servers.demo_process import DemoProcess, all_gone, free_port

SERVERS = ("server-a", "server-b")
END_TIMEOUT_S = 6
"""SIGTERM drains within 5 s (CONTRACT)."""


@dataclass
class Workbench:
    demo: DemoProcess
    rundir: Path
    hub: HubApi
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def start(cls, rundir: Path) -> Iterator[Workbench]:
        demo = DemoProcess.start(rundir, "--without-hopwatch", "--mode=loopback", "--rate=20")
        bench = cls(demo, rundir, HubApi(f"http://127.0.0.1:{free_port()}/"))
        try:
            yield bench
        finally:
            for process in bench.running.values():
                process.kill()
                process.wait()
            bench.thaw_traffic()
            children = demo.children() if demo.process.poll() is None else []
            code, said = demo.terminate()
        assert code == 0, said
        assert all_gone(children, timeout_s=0)

    def start_hub(self) -> None:
        """Returns when it is ready. The same data each time."""
        port = int(self.hub.url.rstrip("/").rpartition(":")[2])
        configuration = self.rundir / "hub.toml"
        socket = self.rundir / "hub.sock"
        text = hub_toml(Mode.LOOPBACK, port, socket, self.rundir / "hub")
        often = "[data]\nseal_interval_s = 2\n"  # so that kills meet sealings
        configuration.write_text(text.replace("[data]\n", often))
        self._start("hub", "hopwatch-hub", configuration)
        eventually(self._hub_is_ready, "the hub is ready", within_s=30)

    def _hub_is_ready(self) -> bool:
        if self.running["hub"].poll() is not None:
            pytest.fail(f"the hub has ended: {self.said('hub')[-2000:]}")
        return self.hub.is_ready()

    def start_agents(self, *servers: str) -> None:
        for server in servers or SERVERS:
            self._start(f"{server}/agent", "hopwatch-agent", self.rundir / server / "agent.toml")

    def wait_until_connected(self, *servers: str, within_s: float = 20) -> None:
        wanted = set(servers or SERVERS)
        eventually(
            lambda: wanted <= self.hub.connected(),
            f"the agents of {wanted} are connected",
            within_s,
        )

    def kill(self, name: str) -> None:
        """SIGKILL, and gone."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str) -> int:
        """SIGTERM; its exit code."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def freeze_traffic(self) -> None:
        """Nothing new is sent until `thaw_traffic`; what is under way goes on."""
        os.kill(self.demo.state["pids"]["traffic"], signal.SIGSTOP)

    def thaw_traffic(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.demo.state["pids"]["traffic"], signal.SIGCONT)

    def log(self, server: str, kind: str) -> Path:
        return self.rundir / server / "logs" / f"{kind}.jsonl"

    def said(self, name: str) -> str:
        """What a process has printed so far."""
        return self._output(name).read_text()

    def _output(self, name: str) -> Path:
        return self.rundir / f"{name.replace('/', '-')}.out"

    def _start(self, name: str, script: str, configuration: Path) -> None:
        with self._output(name).open("ab") as output:
            self.running[name] = subprocess.Popen(
                [console_script(script), "--config", str(configuration)],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def lines_of(path: Path) -> int:
    """Complete lines of a file, counted here."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def accounts(hub: HubApi) -> dict[tuple[str, str], dict[str, Any]]:
    """The ledger's account of each log, by (server, kind)."""
    return {
        (log["server"], log["proxy"].partition("-")[0]): log
        for log in hub.get("api/v1/ledger")["logs"]
    }


@contextmanager
def reading(rundir: Path) -> Iterator[HubApi]:
    """A hub on the data of a demo that is over, without agents."""
    port = free_port()
    command = [console_script("hopwatch-hub"), f"--config={rundir / 'hub.toml'}"]
    process = subprocess.Popen(
        [*command, f"--http-listen=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        hub = HubApi(f"http://127.0.0.1:{port}/")
        hub.wait_until_ready()
        yield hub
    finally:
        process.terminate()
        assert process.wait(6) == 0
