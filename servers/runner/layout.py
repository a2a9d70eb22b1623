"""The run directory: where a demo's files are, and who owns it.

What always holds: one demo at a time in a directory (a lock, which the kernel drops with the
process); only a directory that a demo made is ever emptied; files that others read are replaced
atomically.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.runner import defaults

LOCK = "demo.lock"


class DirectoryInUse(Exception):
    """Another demo runs there, or the directory is not a demo's."""


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """One server's files."""

    root: Path

    @property
    def logs(self) -> Path:
        """The access logs, and nothing else."""
        return self.root / "logs"

    @property
    def traefik(self) -> Path:
        return self.root / "traefik"

    @property
    def output(self) -> Path:
        """What the processes print."""
        return self.root / "output"

    @property
    def agent_toml(self) -> Path:
        return self.root / "agent.toml"

    @property
    def agent_state(self) -> Path:
        return self.root / "agent"

    @property
    def peers(self) -> Path:
        """The other servers' names, for the communicating service."""
        return self.root / "peers.json"

    def working_directory(self, kind: str) -> Path:
        """Where a Traefik of this server runs: it looks for plugins below."""
        return self.traefik / f"{kind}.d"

    def access_log(self, kind: str) -> Path:
        return self.logs / f"{kind}.jsonl"


class RunDirectory:
    """A demo's directory, locked while it is in use."""

    def __init__(self, root: Path, keep: bool) -> None:
        self.keep = keep
        self.root = root.absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        if any(self.root.iterdir()) and not (self.root / LOCK).exists():
            raise DirectoryInUse(f"{self.root} is not empty and was not made by a demo")
        self._lock = (self.root / LOCK).open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DirectoryInUse(f"a demo is already running in {self.root}") from None
        self._empty()
        self._short: Path | None = None

    def server(self, server: str) -> ServerFiles:
        return ServerFiles(self.root / server)

    @property
    def control_socket(self) -> Path:
        return self._socket("control.sock")

    @property
    def hub_socket(self) -> Path:
        return self._socket("hub.sock")

    @property
    def hub_toml(self) -> Path:
        return self.root / "hub.toml"

    @property
    def hub_data(self) -> Path:
        return self.root / "hub"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def traffic_summary(self) -> Path:
        return self.root / "traffic.json"

    def output(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def _socket(self, name: str) -> Path:
        """A Unix socket's path is limited: a deep run directory keeps its sockets elsewhere."""
        path = self.root / name
        if len(os.fsencode(path)) <= defaults.MAX_SOCKET_PATH:
            return path
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="hopwatch-"))
        return self._short / name

    def close(self) -> None:
        """Remove it, or leave it for another demo to take over."""
        if not self.keep:
            self._empty()
            (self.root / LOCK).unlink()
            self.root.rmdir()
        self._lock.close()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)

    def _empty(self) -> None:
        for entry in self.root.iterdir():
            if entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def write(path: Path, text: str) -> None:
    """Replace a file as a whole; a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    write(path, json.dumps(value, indent=2) + "\n")
