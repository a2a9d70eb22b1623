"""A demo as a user starts it: the command line in a process of its own."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
START_TIMEOUT_S = 90
END_TIMEOUT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(rundir: Path, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "servers.runner", "demo", f"--rundir={rundir}"),
        *(f"--http-port={free_port()}", f"--public-port={free_port()}", *arguments),
    ]


@dataclass
class DemoProcess:
    process: subprocess.Popen[str]
    state: dict[str, Any]
    said: list[str]

    @classmethod
    def start(cls, rundir: Path, *arguments: str) -> DemoProcess:
        """Returns when the demo has said that it is ready."""
        process = subprocess.Popen(
            command(rundir, *arguments),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if line.startswith("ready"):
                return cls(process, json.loads((rundir / "state.json").read_bytes()), said)
        raise AssertionError(f"the demo ended with {process.wait()}: {said}")

    def end(self) -> tuple[int, str]:
        """Waits for the end; exit code and what was said since ready."""
        rest, _ = self.process.communicate(timeout=END_TIMEOUT_S)
        return self.process.returncode, rest

    def terminate(self) -> tuple[int, str]:
        self.process.terminate()
        return self.end()

    def children(self) -> list[int]:
        """Descriptors that become readable when each process of the demo has ended."""
        pids = {name: pid for name, pid in self.state["pids"].items() if name != "supervisor"}
        assert pids
        return [os.pidfd_open(pid) for pid in pids.values()]

    def kill(self, name: str = "supervisor") -> None:
        os.kill(self.state["pids"][name], signal.SIGKILL)

    def logs(self, server: str, kind: str) -> list[dict[str, Any]]:
        """The entries of an access log."""
        path = Path(self.state["rundir"]) / server / "logs" / f"{kind}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def traffic(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(Path(self.state["traffic_summary"]).read_bytes())
        return summary


def all_gone(descriptors: list[int], timeout_s: float) -> bool:
    """Wait until every process behind the descriptors has ended; 0 asks once."""
    until = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = max(until - time.monotonic(), 0)
            for key, _ in selector.select(left):
                selector.unregister(key.fileobj)
                os.close(key.fd)
            if not left or not selector.get_map():
                return not selector.get_map()
