"""A real Docker engine of the tests' own, in a network namespace of its own.

Nothing of it touches the machine's own engine, bridges or firewall: `dockerd` gets its own state,
socket and network namespace (so its own iptables), and one veth pair over which the tests reach
what it publishes. Where that cannot be, `why_no_engine` says why. All of it is removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker
import docker.errors
import requests

READY_S = 30.0
"""dockerd is up in one to three seconds; a loaded machine takes longer."""


def why_no_engine() -> str | None:
    """Why no engine can be started here; None where it can."""
    if sys.platform != "linux":
        return "an engine needs Linux"
    if os.geteuid() != 0:
        return "starting an engine of the tests' own needs root"
    missing = [tool for tool in ("dockerd", "ip", "nsenter", "iptables") if not shutil.which(tool)]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: docker.io iproute2 iptables)"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if probe.returncode:
        return "network namespaces cannot be made here"
    return None


def run(*words: str) -> None:
    """A command that must work."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")


class Engine:
    """One engine. `link` numbers its veth pair: the tests are .1, the engine's host is .2."""

    def __init__(self, directory: Path, link: int = 1, data: Path | None = None) -> None:
        self.directory = directory
        directory.chmod(0o755)  # Whoever may use the socket must reach it.
        self.address = f"169.254.{77 + link}.2"
        self.socket = directory / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._here = f"hopwatch{os.getpid() % 10_000}{link}"
        self.outside = f"169.254.{77 + link}.1"
        """Where this process is, for the engine's host."""
        self._data = data or directory / "data"
        self._daemon: subprocess.Popen[bytes] | None = None
        # Holds the namespace, so that the engine can be restarted in it.
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            self._await_namespace()
            self._link()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """A process in the engine's network namespace."""
        return self._holder.pid

    @property
    def api(self) -> docker.APIClient:
        """The SDK's client."""
        return docker.APIClient(self.host, version="auto", timeout=60)

    def inside(self, *words: str) -> list[str]:
        """A command as the engine's host would run it."""
        return ["nsenter", "--target", str(self.pid), "--net", *words]

    def start(self) -> None:
        """Start the engine and wait until it answers."""
        log = (self.directory / "dockerd.log").open("ab")
        words = ["dockerd", "--data-root", str(self._data), "--exec-root", self._exec]
        words += ["--pidfile", str(self.directory / "dockerd.pid"), "--host", self.host]
        words += ["--bridge", "none", "--log-level", "warn", "--shutdown-timeout", "1"]
        with log:
            self._daemon = subprocess.Popen(self.inside(*words), stdout=log, stderr=log)
        give_up_s = time.monotonic() + READY_S
        while True:
            try:
                self.api.ping()
                return
            except (docker.errors.DockerException, requests.RequestException):
                if self._daemon.poll() is not None or time.monotonic() > give_up_s:
                    text = (self.directory / "dockerd.log").read_text()[-2000:]
                    raise RuntimeError(f"dockerd does not answer: {text}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop the engine; its containers end with it."""
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGTERM)
            try:
                self._daemon.wait(30)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
            self._daemon = None

    def close(self) -> None:
        """Remove everything but images' data, which `data` may keep."""
        self._kill_containers()
        self.stop()
        subprocess.run(["ip", "link", "del", self._here], capture_output=True, check=False)
        self._holder.kill()
        self._holder.wait()
        shutil.rmtree(self._exec, ignore_errors=True)

    def _kill_containers(self) -> None:
        """Else the engine would wait for each to end by itself."""
        if self._daemon is None:
            return
        with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
            for one in self.api.containers():
                self.api.remove_container(one["Id"], force=True)

    @property
    def _exec(self) -> str:
        """Short, for the paths of its sockets must stay below 108 bytes."""
        return f"/tmp/hw-exec-{os.getpid()}-{self._here[-1]}"

    def _await_namespace(self) -> None:
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self.pid}/ns/net").readlink() == own:
            if self._holder.poll() is not None:
                raise RuntimeError("network namespaces cannot be made here")
            time.sleep(0.005)

    def _link(self) -> None:
        there = "tests0"
        run("ip", "link", "add", self._here, "type", "veth", "peer", there, "netns", str(self.pid))
        run("ip", "address", "add", f"{self.outside}/30", "dev", self._here)
        run("ip", "link", "set", self._here, "up")
        for words in (
            ("ip", "link", "set", "lo", "up"),
            ("ip", "address", "add", f"{self.address}/30", "dev", there),
            ("ip", "link", "set", there, "up"),
        ):
            run(*self.inside(*words))
