"""Measures a restart of the hub with 2,000,000 lines that were not sealed, killed in between.

    python -m bench.hub_restart [--lines 2000000] [--servers 4] [--rate 33000]

The journal holds what agents of `bench.federation` send at `--rate` lines a second, in batches of
25 ms, as it is when a hub is killed whose history could not be written. The real hub is started on
it, killed with SIGKILL while it reads, and started again: seconds until `/readyz` says that agents
are accepted, until an agent's first new batch is acknowledged, and until readers are served. Then
the ledger is compared with what was sent, and all lines have to be in calls. No figure is asserted;
a ledger that is not exact ends the benchmark.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import grpc.aio
import httpx
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc as pb_grpc
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench._processes import cpu_s
from bench.federation.__main__ import CYCLE_S
from bench.federation.agents import PROXIES, hello, inventory
from bench.federation.batches import Feed
from bench.federation.hub_process import CONFIG
from bench.federation.lines import lines
from bench.federation.plan import Plan, plan
from hub.defaults import COALESCE_MS, MAX_BATCH_ROWS
from hub.journal.journal import Journal
from hub.model import HelloSeen, InventorySeen, LogKey
from servers.runner.mock_server import console_script
from servers.runner.syscalls import die_with_parent
from tests.servers.demo_process import free_port

LIMIT_S = 600
PATIENCE_S = 300.0
SERVICES, EDGES = 100, 200
MS = 1_000_000


class Federation:
    """Agents whose time is ours."""

    def __init__(self, servers: int, per_s: float) -> None:
        self.plan: Plan = plan(servers, SERVICES, EDGES)
        per_call = sum(map(len, lines(self.plan, 1000, CYCLE_S))) / (1000 * CYCLE_S)
        rate = per_s / per_call
        cycle_ns, calls = round(CYCLE_S * 1e9), round(rate * CYCLE_S)
        self._feeds: list[tuple[LogKey, Feed]] = []
        for log in lines(self.plan, rate, CYCLE_S):
            said = hello(self.plan, log.server).hello
            number = 2 if log.public else 1
            key = LogKey(said.server, PROXIES[number - 1][0], said.logs[number - 1].fingerprint)
            self._feeds.append((key, Feed(number, log, cycle_ns, calls)))

    @property
    def sent(self) -> int:
        """Lines."""
        return sum(feed.sent for _, feed in self._feeds)

    def batches(
        self, began_ns: int, now_ns: int, server: int | None = None
    ) -> Iterator[tuple[LogKey, pb.Batch]]:
        """What all of them send until then, or one."""
        for key, feed in self._feeds:
            if server is not None and key.server != self.plan.servers[server]:
                continue
            for batch in feed.until(began_ns, now_ns, MAX_BATCH_ROWS):
                yield key, batch


async def write(directory: Path, federation: Federation, count: int, began_ns: int) -> int:
    """Journal at least so many lines; until when they were completed."""
    journal, now_ns = Journal.open(directory, reserve_mib=0), began_ns
    for server in range(len(federation.plan.servers)):
        said = hello(federation.plan, server).hello
        await journal.append_hello(HelloSeen(said.server, said))
        seen = InventorySeen(said.server, inventory(federation.plan, server).inventory)
        await journal.append_inventory(seen)
    with Progress(transient=True) as progress:
        task = progress.add_task("the journal", total=count)
        while federation.sent < count:
            now_ns += COALESCE_MS * MS
            waiting = [
                journal.append_batch(key, batch)
                for key, batch in federation.batches(began_ns, now_ns)
            ]
            await asyncio.gather(*waiting)
            progress.update(task, completed=federation.sent)
    await journal.close()
    return now_ns


class Start:
    """The hub's command, on a directory."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        (directory / "hub.toml").write_text(
            CONFIG.format(
                directory=directory,
                data=directory / "data",
                port=self.port,
                more="recent_calls = 4000000",
            )
        )
        parent = os.getpid()
        self.began = time.monotonic()
        with (directory / "hub.out").open("ab") as said:
            self.process = subprocess.Popen(
                [console_script("hopwatch-hub"), f"--config={directory / 'hub.toml'}"],
                stdout=said, stderr=said, preexec_fn=lambda: die_with_parent(parent),
            )  # fmt: skip

    def until(self, path: str) -> float:
        """Seconds from the start until this is answered."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:
            while time.monotonic() < self.began + PATIENCE_S and self.process.poll() is None:
                try:
                    if client.get(path).status_code == 200:
                        return time.monotonic() - self.began
                except httpx.TransportError:
                    pass
                time.sleep(0.02)
        raise RuntimeError(f"{path} is not answered")

    def ask(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=60, trust_env=False).json()

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def started(directory: Path) -> Iterator[Start]:
    """Killed at the end of the block."""
    start = Start(directory)
    try:
        yield start
    finally:
        start.process.kill()
        start.process.wait()


async def report(directory: Path, federation: Federation, began_ns: int, now_ns: int) -> float:
    """The first server's next lines, by its agent; seconds until they are acknowledged."""
    batches = [batch for _, batch in federation.batches(began_ns, now_ns, server=0)]
    ends = {batch.log: batch.end_offset for batch in batches}
    began = time.monotonic()
    async with grpc.aio.insecure_channel(f"unix:{directory}/hub.sock") as channel:
        stream: Any = pb_grpc.IngestStub(channel).Stream()
        await stream.write(hello(federation.plan, 0))
        await stream.read()
        for batch in batches:
            await stream.write(pb.AgentMessage(batch=batch))
        while ends:
            answer = await stream.read()
            if answer is grpc.aio.EOF or answer.HasField("refusal"):
                raise RuntimeError(f"the hub did not take what an agent reported: {answer}")
            for resume in answer.ack.logs:
                if ends.get(resume.number, resume.offset + 1) <= resume.offset:
                    del ends[resume.number]
        took = time.monotonic() - began
        await stream.done_writing()
        await stream.read()
    return took


def exact(start: Start, lines_sent: int) -> float:
    """Seconds from the start until every line is in a call. Raises `RuntimeError`."""
    until = time.monotonic() + 30
    while True:
        totals = start.ask("/api/v1/ledger")["totals"]
        told = [totals[name] for name in ("journalled", "in_calls", "missing")]
        if told == [lines_sent, lines_sent, 0]:
            return time.monotonic() - start.began
        if totals["journalled"] != lines_sent or time.monotonic() > until:
            raise RuntimeError(f"sent {lines_sent}; journalled, in calls, missing: {told}")
        time.sleep(0.2)


def table(rows: list[tuple[str, str]], title: str) -> Table:
    shown = Table(title=title, show_header=False)
    for name, figure in rows:
        shown.add_row(name, figure)
    return shown


@click.command()
@click.option("--lines", "count", default=2_000_000, show_default=True)
@click.option("--servers", default=4, show_default=True)
@click.option("--rate", default=33_000.0, show_default=True, help="Lines a second, in all.")
def main(count: int, servers: int, rate: float) -> None:
    """Print how long a restart takes."""
    print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
    federation = Federation(servers, rate)
    span_ns = round(count / rate * 1e9)
    began_ns = time.time_ns() - span_ns
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as name:
        directory = Path(name)
        now_ns = asyncio.run(write(directory / "data", federation, count, began_ns))
        waiting, size = federation.sent, (directory / "data" / "journal.db").stat().st_size
        with started(directory) as start:
            start.until("/healthz")
            time.sleep(2)  # it reads; then it is killed in the middle of it
        with started(directory) as start:
            ready_s = start.until("/readyz")
            took_s = asyncio.run(report(directory, federation, began_ns, now_ns + 250 * MS))
            read_s, cpu = start.until("/api/v1/ledger"), cpu_s(start.process.pid)
            exact_s = exact(start, federation.sent)
            memory = start.memory_mib()
    rows = [
        ("start → agents are accepted (/readyz)", f"{ready_s:.1f} s of 10"),
        (f"an agent's next {federation.sent - waiting:,} lines → acknowledged", f"{took_s:.2f} s"),
        ("start → readers are served", f"{read_s:.1f} s"),
        ("CPU until then", f"{cpu / waiting * 1e6:.1f} us a line"),
        ("start → every line in a call, none missing", f"{exact_s:.1f} s"),
        ("memory at the peak", f"{memory:.0f} MiB"),
    ]
    Console().print(table(rows, f"Restart with {waiting:,} lines unsealed, {size >> 20} MiB"))
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
