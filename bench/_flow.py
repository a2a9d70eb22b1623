"""What `spool` and `backlog` share: a real agent, the hub's front, logs that grow at a pace.

Enters: a directory. Leaves: processes that end with the `with` block; lines that a thread appends,
in blocks every 5 ms; how far the journal is, read from its file. Lines come from a pool of captured
ones (`bench/_captured.py`) that is written again and again; the first line of each file is its own,
so that every file is a log of its own.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from bench._captured import Lines, Request
from bench.catchup import AGENT
from servers.runner.mock_server import console_script
from servers.runner.syscalls import die_with_parent

POOL = 20_000
BLOCK_S = 0.005
PUBLIC = '[[proxies]]\nname = "public"\nkind = "public"\naccess_log = "{log}"\n'


@dataclass
class Feed:
    """One log that grows in a thread."""

    path: Path
    rate: float
    """Lines a second."""
    written: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    files: int = 0

    def __post_init__(self) -> None:
        self._lines = Lines(f"server-a/{self.path.stem}", trace_ids=False)
        pool = list(self._lines.steady(POOL, time.time_ns()))
        self._pool: Iterator[bytes] = cycle(pool)
        self._lock = threading.Lock()
        self._open()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join()

    def rotate(self) -> None:
        """By rename."""
        with self._lock:
            self._out.close()
            self.path.rename(self.path.with_name(f"{self.path.name}.{self.files}"))
            self._open()

    def _open(self) -> None:
        self.files += 1
        self._out = self.path.open("ab", buffering=0)
        first = Request(1, time.time_ns(), 1_000_000)
        self._out.write(self._lines.render(first))
        self.written += 1

    def _run(self) -> None:
        due, then_s = 0.0, time.monotonic()
        while not self.stopping.wait(BLOCK_S):
            now_s = time.monotonic()
            due, then_s = due + (now_s - then_s) * self.rate, now_s
            with self._lock:
                self._out.write(b"".join(islice(self._pool, int(due))))
                self.written += int(due)
            due -= int(due)


class Flow:
    """An agent with a private and a public log, and a hub's front that comes and goes."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.private, self.public = place / "private.jsonl", place / "public.jsonl"
        self._address = f"unix:{place / 'hub.sock'}"
        self._hub: subprocess.Popen[bytes] | None = None
        text = AGENT.format(address=self._address, log=self.private, state=place / "state")
        (place / "agent.toml").write_text(text + PUBLIC.format(log=self.public))
        command = [console_script("hopwatch-agent"), f"--config={place / 'agent.toml'}"]
        with self.said.open("wb") as said:
            self.agent = self._start(command, said.fileno())

    @property
    def said(self) -> Path:
        """The agent's own log."""
        return self._place / "agent.out"

    @property
    def hub_is_up(self) -> bool:
        return self._hub is not None

    def start_hub(self) -> None:
        """Returns when agents can come."""
        (self._place / "hub.sock").unlink(missing_ok=True)
        command = [sys.executable, "-m", "bench._front", str(self._place / "hub"), self._address]
        self._hub = self._start(command, subprocess.PIPE)
        assert self._hub.stdout is not None
        assert self._hub.stdout.readline() == b"ready\n"

    def kill_hub(self) -> None:
        assert self._hub is not None
        self._hub.kill()
        self._hub.wait()
        self._hub = None

    def journalled(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Offset and lines of each log, by proxy and path at its last sighting; {} if unknown."""
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"file:{self._place}/hub/journal.db?mode=ro", uri=True)) as db,
        ):
            rows = db.execute("SELECT proxy, hex(fingerprint), offset, lines FROM logs")
            return {(proxy, log): (offset, lines) for proxy, log, offset, lines in rows}
        return {}

    def stored(self) -> int:
        """Lines in the journal, of all logs."""
        return sum(lines for _, lines in self.journalled().values())

    def memory_mib(self, what: str = "VmRSS") -> float:
        """The agent's."""
        status = Path(f"/proc/{self.agent.pid}/status").read_text()
        return int(status.partition(f"{what}:")[2].split()[0]) / 1024

    def close(self) -> None:
        for process in (self.agent, self._hub):
            if process is not None:
                process.kill()
                process.wait()

    def _start(self, command: list[str], said: int) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        return subprocess.Popen(
            command,
            stdout=said,
            stderr=subprocess.DEVNULL if said == subprocess.PIPE else said,
            preexec_fn=lambda: die_with_parent(parent),
        )


@contextmanager
def flowing(place: Path) -> Iterator[Flow]:
    """An agent without a hub, until the end of the block."""
    flow = Flow(place)
    try:
        yield flow
    finally:
        flow.close()
