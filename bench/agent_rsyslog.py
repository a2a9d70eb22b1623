"""The agent's CPU per line against rsyslog's tail → TCP of the same log, without parsing.

    python -m bench.agent_rsyslog [--lines 200000] [--rounds 3]

Both ship a finished log; each one's start is measured on an empty log and taken off. The rounds
alternate, so what else the machine does falls on both; the ratio is of the sums. The agent reports
to the hub's front over a Unix socket, rsyslog to a TCP sink on loopback. Nothing is asserted.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench._processes import cpu_s, front
from bench.agent_throughput import make_log

ROOT = Path(__file__).parents[1]
RSYSLOG = """
global(workDirectory="{directory}/work" maxMessageSize="64k")
module(load="imfile" mode="inotify")
template(name="raw" type="string" string="%msg%\\n")
input(type="imfile" file="{directory}/access.log" tag="t" ruleset="out")
ruleset(name="out") {{
  action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="raw"
         queue.type="LinkedList" queue.size="50000" queue.dequeueBatchSize="1024")
}}
"""


async def agents_cpu_s(log: Path) -> float:
    """Of `hopwatch-agent --once`."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        os.link(log, directory / "access.log")
        async with front(directory, lambda _: None, 25) as config:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = (sys.executable, "-m", "node_agent", "--config", str(config), "--once")
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stderr=subprocess.DEVNULL
            )
            await process.wait()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def rsyslogs_cpu_s(log: Path, lines: int) -> float:
    """Of rsyslogd until the sink has every line."""
    received, done = 0, asyncio.Event()

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        while data := await reader.read(1 << 20):
            received += data.count(b"\n")
            if received >= lines:
                done.set()
        writer.close()

    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        (directory / "work").mkdir()
        os.link(log, directory / "access.log")
        server = await asyncio.start_server(sink, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = directory / "rsyslog.conf"
        config.write_text(RSYSLOG.format(directory=directory, port=port))
        command = ("rsyslogd", "-n", "-f", str(config), "-i", str(directory / "pid"))
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
        try:
            await asyncio.wait_for(done.wait(), 120)
            return cpu_s(process.pid)
        finally:
            process.terminate()
            await process.wait()
            server.close()


@click.command()
@click.option("--lines", default=200_000)
@click.option("--rounds", default=3)
def main(lines: int, rounds: int) -> None:
    """The agent against rsyslog."""
    console = Console()
    if shutil.which("rsyslogd") is None:
        console.print("not measured: rsyslogd is not here (apt-get install rsyslog)")
        return
    with tempfile.TemporaryDirectory() as place:
        log, one = Path(place) / "many.jsonl", Path(place) / "one.jsonl"
        make_log(log, lines)
        make_log(one, 1)
        ours = theirs = 0.0
        for _ in range(rounds):
            ours += asyncio.run(agents_cpu_s(log)) - asyncio.run(agents_cpu_s(one))
            theirs += asyncio.run(rsyslogs_cpu_s(log, lines)) - asyncio.run(rsyslogs_cpu_s(one, 1))
    table = Table("what", "figure", "target", title=f"{rounds} × {lines:,} lines, CPU")
    table.add_row("agent, µs a line", f"{ours / rounds / lines * 1e6:.2f}", "")
    table.add_row("rsyslog tail → TCP, µs a line", f"{theirs / rounds / lines * 1e6:.2f}", "")
    table.add_row("agent / rsyslog", f"{ours / theirs:.2f}×", "≤ 0.6×")
    console.print(table)


if __name__ == "__main__":
    main()
