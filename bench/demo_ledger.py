"""A demo of 60 s, and then the account: lines in the file = read = journalled = in calls.

    python -m bench.demo_ledger [--seconds 60] [--rate 12]

The lines are counted here, in the files; the ledger is asked of a hub that was started again on
what the demo left, so that a restart is part of it. Exit code 1 where a line is not accounted for.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.e2e.hopwatch import accounts, lines_of, reading
from tests.e2e.hub_api import eventually
from tests.servers.demo_process import DemoProcess

FIELDS = ("read", "journalled", "in_calls", "malformed")
SETTLE_S = 60


def play(rundir: Path, seconds: float, rate: float, mode: str) -> tuple[dict[str, Any], int]:
    """State and exit code of a demo that has ended."""
    demo = DemoProcess.start(
        rundir, f"--seconds={seconds}", f"--rate={rate}", f"--mode={mode}", "--keep"
    )
    said, _ = demo.process.communicate(timeout=seconds + SETTLE_S)
    print(said)
    return demo.state, demo.process.returncode


def settled(hub: Any, lines: int) -> dict[tuple[str, str], dict[str, Any]]:
    """The accounts when every line stands in a call, or as they are when time is up."""
    try:
        eventually(lambda: hub.get("api/v1/ledger")["totals"]["in_calls"] == lines, "all", SETTLE_S)
    except AssertionError as error:
        print(error)
    return accounts(hub)


@click.command()
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--rate", default=12.0, show_default=True, help="Visitors' requests a second.")
@click.option("--mode", default="auto", show_default=True, help="namespaces, loopback or auto")
def main(seconds: float, rate: float, mode: str) -> None:
    """Play, end, start again, compare."""
    shown = Table(title=f"A demo of {seconds:g} s, read again by a hub that was started anew")
    for column in ("server", "log", "lines in the file", *FIELDS):
        shown.add_column(column, justify="left" if column in ("server", "log") else "right")
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short:
        rundir = Path(short) / "run"
        state, code = play(rundir, seconds, rate, mode)
        lines = {
            (server["id"], kind): lines_of(Path(path))
            for server in state["servers"]
            for kind, path in server["logs"].items()
        }
        began = time.monotonic()
        with reading(rundir) as hub:
            ready_s = time.monotonic() - began
            told = settled(hub, sum(lines.values()))
            ledger = hub.get("api/v1/ledger")
    good = code == 0 and ledger["exact"]
    for (server, kind), count in lines.items():
        values = [told[server, kind][field] for field in FIELDS]
        good = good and values == [count, count, count, 0]
        shown.add_row(server, kind, f"{count:,}", *(f"{value:,}" for value in values))
    Console().print(shown)
    reason = f" ({ledger['reason']})" if ledger["reason"] else ""
    print(
        f"exact: {str(ledger['exact']).lower()}{reason}; {sum(lines.values()):,} lines; "
        f"the hub was ready again after {ready_s:.1f} s"
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
