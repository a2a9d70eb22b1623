"""A hub of a benchmark's own: the real command with its defaults, in its own directory.

Leaves: the address for agents, the address of the view, the process. Ends with the `with` block.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench._processes import cpu_s
from servers.runner.mock_server import console_script
from servers.runner.syscalls import die_with_parent
from tests.servers.demo_process import free_port

READY_WITHIN_S = 20
CONFIG = """
[grpc]
listen = ["unix:{directory}/hub.sock"]
[http]
listen = "127.0.0.1:{port}"
[data]
directory = "{data}"
{more}
"""


@dataclass(frozen=True)
class HubProcess:
    """A running hub."""

    agents: str
    """gRPC address."""
    view: str
    """host:port of HTTP."""
    pid: int

    def cpu_s(self) -> float:
        """User and system time so far."""
        return cpu_s(self.pid)

    def memory_mib(self, what: str = "VmRSS") -> float:
        """Resident, or its peak (`VmHWM`)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{what}:")[2].split()[0]) / 1024


@contextmanager
def hub(
    port: int | None = None, recent_calls: int | None = None, data: Path | None = None
) -> Iterator[HubProcess]:
    """Until the end of the block; on this data, or none."""
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as directory:
        port = port or free_port()
        more = f"recent_calls = {recent_calls}" if recent_calls else ""
        config = Path(directory) / "hub.toml"
        data = data or Path(directory) / "data"
        config.write_text(CONFIG.format(directory=directory, port=port, data=data, more=more))
        parent = os.getpid()
        with (Path(directory) / "hub.out").open("wb") as said:
            process = subprocess.Popen(
                [console_script("hopwatch-hub"), f"--config={config}"],
                stdout=said,
                stderr=said,
                preexec_fn=lambda: die_with_parent(parent),
            )
        try:
            wait_until_ready(
                process, f"http://127.0.0.1:{port}/readyz", Path(directory) / "hub.out"
            )
            yield HubProcess(f"unix:{directory}/hub.sock", f"127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], url: str, said: Path) -> None:
    """Raises `RuntimeError` with what the hub said."""
    until = time.monotonic() + READY_WITHIN_S
    with httpx.Client(trust_env=False) as client:
        while process.poll() is None and time.monotonic() < until:
            try:
                if client.get(url).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise RuntimeError(f"the hub is not ready: {said.read_text()[-2000:]}")
