"""Catch-up of a long log, agent and hub on one core each, against the same job the usual way.

    python -m bench.catchup [--lines 1000000] [--reference-lines 1000000]

The log is made of captured lines (`bench/_captured.py`). Measured one after the other in one run:
the reference (`bench/reference/`); our agent with the hub's front (streams, checks, journal: the
reference's work); our agent with the whole hub (identity, origin, join, rollup and live view too);
and both logs, with trace ids and without, for the bytes on the wire. These are all bytes of the
loopback device of a network namespace of its own, headers and acknowledgements of both directions
included, against the bytes of the log. CPU is user and system time; the agent's includes its start,
the hub's begins when it is ready. Nothing is asserted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench._captured import Lines
from servers.runner.mock_server import console_script
from servers.runner.syscalls import CLONE_NEWNET, become_root_of_new_user_namespace, unshare
from tests.e2e.hub_api import HubApi, eventually

LIMIT_S = 1200
"""For `python -m bench`."""
START_NS = 1_795_000_000_000_000_000
PORT = 7443
HTTP_PORT = 8082
ADDRESS = f"127.0.0.1:{PORT}"
TARGETS = ("≥ 4×", "≤ 0.30×", "≤ 0.22×")
AGENT = """\
[server]
id = "server-a"
internal_addresses = ["10.10.0.11"]
[hub]
address = "{address}"
[[proxies]]
name = "private"
kind = "private"
access_log = "{log}"
addresses = ["10.10.0.11:80"]
networks = ["net"]
[[networks]]
name = "net"
subnet = "172.20.0.0/16"
gateway = "172.20.0.1"
[state]
directory = "{state}"
"""
HUB = """\
[grpc]
listen = ["{address}"]
[http]
listen = "127.0.0.1:{port}"
[data]
directory = "{data}"
"""


@dataclass(frozen=True)
class Figure:
    """One way of catching up."""

    name: str
    lines: int
    wall_s: float
    agent_s: float
    hub_s: float
    wire_bytes: int
    log_bytes: int

    @property
    def rate(self) -> float:
        return self.lines / self.wall_s

    @property
    def agent_us(self) -> float:
        return self.agent_s / self.lines * 1e6

    @property
    def hub_us(self) -> float:
        return self.hub_s / self.lines * 1e6

    @property
    def wire(self) -> float:
        return self.wire_bytes / self.log_bytes


@dataclass(frozen=True)
class Way:
    """How a hub is started and known to be ready and done, and how an agent is."""

    name: str
    hub: list[str]
    agent: list[str]
    ready: Callable[[subprocess.Popen[bytes]], object]
    done: Callable[[], object]


def make_log(path: Path, lines: int, *, trace_ids: bool) -> None:
    """One private proxy's log."""
    source = Lines("server-a/private", trace_ids=trace_ids)
    with path.open("wb") as out:
        out.writelines(source.steady(lines, START_NS))


def measure(way: Way, log: Path, lines: int) -> Figure:
    """Agent on one core, hub on another."""
    cores = sorted(os.sched_getaffinity(0))
    pin = [lambda core=core: os.sched_setaffinity(0, {core}) for core in (cores[0], cores[-1])]
    hub = subprocess.Popen(
        way.hub, preexec_fn=pin[1], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        way.ready(hub)
        hub_before, wire_before, began = cpu_s(hub.pid), loopback_bytes(), time.monotonic()
        agent = subprocess.Popen(way.agent, preexec_fn=pin[0], stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(agent.pid, 0)
        wall_s, wire = time.monotonic() - began, loopback_bytes() - wire_before
        agent.returncode = os.waitstatus_to_exitcode(status)
        assert agent.returncode == 0, f"{way.name}: the agent ended with {agent.returncode}"
        way.done()
        hub_s = cpu_s(hub.pid) - hub_before
    finally:
        hub.terminate()
        hub.wait()
    agent_s = usage.ru_utime + usage.ru_stime
    return Figure(way.name, lines, wall_s, agent_s, hub_s, wire, log.stat().st_size)


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loopback_bytes() -> int:
    """Sent on this network namespace's loopback so far; each packet counts once."""
    devices = Path("/proc/self/net/dev").read_text().splitlines()
    return next(int(line.split()[9]) for line in devices if line.strip().startswith("lo:"))


# --- the ways


def reference(place: Path, log: Path) -> Way:
    python = [sys.executable, "-m"]
    hub = [*python, "bench.reference.hub", str(place), ADDRESS]
    return Way(
        "the usual way",
        hub,
        [*python, "bench.reference.agent", str(log), ADDRESS],
        _says_ready,
        lambda: None,
    )


def front(place: Path, log: Path, name: str = "Hopwatch: journal") -> Way:
    hub = [sys.executable, "-m", "bench._front", str(place / "hub"), ADDRESS]
    return Way(name, hub, _agent(place, log), _says_ready, lambda: None)


def whole(place: Path, log: Path, lines: int) -> Way:
    config = place / "hub.toml"
    config.write_text(HUB.format(address=ADDRESS, port=HTTP_PORT, data=place / "hub"))
    api = HubApi(f"http://127.0.0.1:{HTTP_PORT}/")

    def done() -> None:
        def all_in_calls() -> bool:
            totals = api.get("api/v1/ledger")["totals"]
            return bool(totals["in_calls"] == lines and not totals["waiting"])

        eventually(all_in_calls, "every line stands in a call", 60)

    return Way(
        "Hopwatch: whole hub",
        [console_script("hopwatch-hub"), f"--config={config}"],
        _agent(place, log),
        lambda _: api.wait_until_ready(),
        done,
    )


def _agent(place: Path, log: Path) -> list[str]:
    config = place / "agent.toml"
    config.write_text(AGENT.format(address=ADDRESS, log=log, state=place / "state"))
    return [console_script("hopwatch-agent"), f"--config={config}", "--once"]


def _says_ready(hub: subprocess.Popen[bytes]) -> None:
    assert hub.stdout is not None
    assert hub.stdout.readline() == b"ready\n"


# --- the tables


def table(usual: Figure, ours: list[Figure]) -> Table:
    shown = Table(title=f"Catch-up of {ours[0].lines:,} lines", title_justify="left")
    shown.add_column("")
    for column in ("events/s", "×", "agent CPU µs", "×", "hub CPU µs", "×"):
        shown.add_column(column, justify="right")
    for figure in (usual, *ours):
        shown.add_row(
            figure.name,
            f"{figure.rate:,.0f}",
            f"{figure.rate / usual.rate:.2f}",
            f"{figure.agent_us:.2f}",
            f"{figure.agent_us / usual.agent_us:.3f}",
            f"{figure.hub_us:.2f}",
            f"{figure.hub_us / usual.hub_us:.3f}",
        )
    shown.add_row("target", "", TARGETS[0], "", TARGETS[1], "", TARGETS[2], style="dim")
    return shown


def wire_table(rows: list[tuple[str, Figure, str]]) -> Table:
    shown = Table(title="Bytes on the wire, all headers and both directions", title_justify="left")
    for column in ("", "log B/line", "wire B/line", "share", "target"):
        shown.add_column(column, justify="right" if column else "left")
    for name, figure, target in rows:
        each = [figure.log_bytes / figure.lines, figure.wire_bytes / figure.lines]
        shown.add_row(name, f"{each[0]:.0f}", f"{each[1]:.1f}", f"{figure.wire:.2%}", target)
    return shown


@click.command()
@click.option("--lines", default=1_000_000, show_default=True)
@click.option("--reference-lines", default=1_000_000, show_default=True)
def main(lines: int, reference_lines: int) -> None:
    """Print both tables."""
    if os.geteuid() != 0:
        become_root_of_new_user_namespace()
    unshare(CLONE_NEWNET)
    from servers.runner.namespaces import Space

    Space.here().up("lo")
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short:
        place = Path(short)
        logs = {True: place / "traced.jsonl", False: place / "plain.jsonl"}
        for trace_ids, log in logs.items():
            make_log(log, lines, trace_ids=trace_ids)
        few = place / "few.jsonl"
        with logs[True].open("rb") as source, few.open("wb") as out:
            out.writelines(line for _, line in zip(range(reference_lines), source, strict=False))
        places = [place / name for name in ("usual", "front", "whole", "plain")]
        for directory in places:
            directory.mkdir()
        usual = measure(reference(places[0], few), few, reference_lines)
        ours = measure(front(places[1], logs[True]), logs[True], lines)
        full = measure(whole(places[2], logs[True], lines), logs[True], lines)
        bare = measure(front(places[3], logs[False], "no trace ids"), logs[False], lines)
    console = Console(width=110)
    console.print(table(usual, [ours, full]))
    rows = [("with trace ids", ours, "≤ 8 %"), ("without", bare, "≤ 6 %")]
    console.print(wire_table([*rows, ("the usual way, with trace ids", usual, "")]))
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
