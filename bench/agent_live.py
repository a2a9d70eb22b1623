"""The live agent: its CPU against Traefik's own for the same requests, and how soon a line is safe.

    python -m bench.agent_live [--seconds 8] [--connections 16]

A real Traefik on loopback with a JSON log, driven by `wrk` (Debian package wrk), its upstream a
small server in a process of its own; the agent coalesces for 50 ms. Then, without Traefik: a lone
line from `write()` to the journal's commit, and the same for each of 10,000 lines a second. Agent
and Traefik are measured over the same seconds. Nothing is asserted.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench._processes import cpu_s, front
from hub.model import BatchCommitted, Event
from servers.runner.mock_server import console_script
from tests.node_agent.build import line

ROOT = Path(__file__).parents[1]
TRAEFIK_PORT, UPSTREAM_PORT = 19280, 19281
COALESCE_MS = 50
STATIC = """
entryPoints: {{web: {{address: "127.0.0.1:{port}"}}}}
providers: {{file: {{filename: "{directory}/routes.yml"}}}}
accessLog:
  filePath: "{directory}/access.log"
  format: json
  fields: {{headers: {{defaultMode: drop, names: {{User-Agent: keep}}}}}}
"""
ROUTES = """
http:
  routers: {{all: {{rule: "PathPrefix(`/`)", service: up, entryPoints: [web]}}}}
  services: {{up: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:{port}"}}]}}}}}}
"""
UPSTREAM = """
import asyncio
class Answer(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        answers = data.count(b"\\r\\n\\r\\n")
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" * answers)
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", {port})
    await server.serve_forever()
asyncio.run(main())
"""


class Journalled:
    """Counts what was committed, and when; wakes who waits for it."""

    def __init__(self) -> None:
        self.rows = 0
        self.at_ns: dict[int, int] = {}
        self.timed = False
        self.changed = asyncio.Event()

    def __call__(self, events: list[Event]) -> None:
        now_ns = time.perf_counter_ns()
        for event in events:
            if isinstance(event, BatchCommitted):
                self.rows += event.observations.rows
                if self.timed:
                    counts = event.observations.request_count.tolist()
                    self.at_ns.update(dict.fromkeys(counts, now_ns))
        self.changed.set()

    async def until(self, rows: int) -> None:
        async with asyncio.timeout(60):
            while self.rows < rows:
                self.changed.clear()
                await self.changed.wait()


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=-3, stderr=-3)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def agent(config: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "node_agent", "--config", str(config))


async def against_traefik(seconds: int, connections: int) -> tuple[float, float, float]:
    """Requests a second, and CPU µs a request of Traefik and of the agent."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        static = directory / "traefik.yml"
        static.write_text(STATIC.format(port=TRAEFIK_PORT, directory=directory))
        (directory / "routes.yml").write_text(ROUTES.format(port=UPSTREAM_PORT))
        journalled = Journalled()
        upstream = UPSTREAM.format(port=UPSTREAM_PORT)
        async with front(directory, journalled, COALESCE_MS) as config:
            with (
                started(sys.executable, "-c", upstream),
                started(console_script("traefik"), f"--configFile={static}") as traefik,
                started(*agent(config)) as ours,
            ):
                await listens(UPSTREAM_PORT)
                await listens(TRAEFIK_PORT)
                await load(2, connections)
                await journalled.until(1)
                before = journalled.rows, cpu_s(traefik.pid), cpu_s(ours.pid), time.monotonic()
                await load(seconds, connections)
                wall_s = time.monotonic() - before[3]
                written = (directory / "access.log").read_bytes().count(b"\n")
                await journalled.until(written)
                requests = journalled.rows - before[0]
                spent = cpu_s(traefik.pid) - before[1], cpu_s(ours.pid) - before[2]
                return requests / wall_s, spent[0] / requests * 1e6, spent[1] / requests * 1e6


async def listens(port: int) -> None:
    """Wait until somebody takes connections there."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def load(seconds: int, connections: int) -> None:
    url = f"http://127.0.0.1:{TRAEFIK_PORT}/items?q=1"
    command = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url)
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    await process.wait()


async def latencies(a_second: int, count: int, coalesce_ms: int) -> list[float]:
    """ms from `write()` to the commit, sorted; lines in steps of 1 ms where they come thickly."""
    texts = [line(number) for number in range(count + 1)]
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        journalled = Journalled()
        async with front(directory, journalled, coalesce_ms) as config:
            with started(*agent(config)):
                log = os.open(directory / "access.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                os.write(log, texts[0])
                await journalled.until(1)
                journalled.timed = True
                written_ns = await write_lines(log, texts[1:], a_second)
                await journalled.until(count + 1)
                os.close(log)
        return sorted((journalled.at_ns[n] - at_ns) / 1e6 for n, at_ns in written_ns.items())


async def write_lines(log: int, texts: list[bytes], a_second: int) -> dict[int, int]:
    """Each line's number (RequestCount) and when it was written."""
    written_ns: dict[int, int] = {}
    begun_s = time.monotonic()
    for number, text in enumerate(texts):
        early_s = begun_s + number / a_second - time.monotonic()
        if early_s > 0:
            await asyncio.sleep(early_s)
        written_ns[number + 2] = time.perf_counter_ns()
        os.write(log, text)
    return written_ns


@click.command()
@click.option("--seconds", default=8, help="Of load.")
@click.option("--connections", default=16)
def main(seconds: int, connections: int) -> None:
    """The live agent against Traefik, and how soon a line is safe."""
    console = Console()
    table = Table("what", "figure", "target", title=f"The live agent, {os.cpu_count()} cores")
    if shutil.which("wrk") is None:
        console.print("CPU against Traefik: not measured, wrk is not here (apt-get install wrk)")
    else:
        rate, traefik_us, agent_us = asyncio.run(against_traefik(seconds, connections))
        table.add_row("requests/s through Traefik", f"{rate:,.0f}", "≥ 4,000")
        table.add_row("Traefik, CPU µs a request", f"{traefik_us:.1f}", "")
        table.add_row(f"agent at {COALESCE_MS} ms, CPU µs a request", f"{agent_us:.1f}", "")
        table.add_row("agent / Traefik", f"{agent_us / traefik_us:.1%}", "≤ 5 %")
    for name, a_second, count, coalesce_ms, target in (
        ("a lone line", 10, 100, COALESCE_MS, "p50 ≤ 2 ms"),
        ("10,000 lines/s", 10_000, 60_000, COALESCE_MS, f"p99 ≤ {COALESCE_MS + 10} ms"),
    ):
        found = asyncio.run(latencies(a_second, count, coalesce_ms))
        p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
        table.add_row(f"{name}, write() → journalled", f"{p50:.2f} / {p99:.2f} ms", target)
    console.print(table)


if __name__ == "__main__":
    main()
