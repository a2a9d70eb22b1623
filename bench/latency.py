"""Request completed → packet on screen, measured in the real browser on the real demo.

    python -m bench.latency [--seconds 40] [--rate 12]

Two servers with real Traefiks, agents, hub and traffic in their namespaces (or on loopback), and a
real Chromium on the view, software rendering. "Completed" is the end of the request by its access
log line; "on screen" is the first animation frame that drew its packet. All clocks are this
machine's. Figures are printed; none is asserted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.e2e import browser
from tests.e2e.hub_api import HubApi
from tests.servers.demo_process import DemoProcess

WARM_UP_S = 5
"""Chromium compiles the page and the layout settles."""
GOAL_MS = 150
"""p95 from which on the view no longer feels live."""
PERCENTILES = (50, 95, 99)


def visit(url: str, seconds: float) -> dict[str, Any]:
    """What the browser saw in so many seconds."""
    nodes = [n["id"] for n in HubApi(url).get("api/v1/topology")["nodes"] if n["kind"] == "service"]
    arguments = {"url": url, "nodes": nodes, "seconds": seconds, "warmUpS": WARM_UP_S}
    script = Path(__file__).with_suffix(".mjs")
    answer: dict[str, Any] = browser.run(script, arguments, timeout_s=seconds + 90)
    return answer


def measure(seconds: float, rate: float, mode: str) -> tuple[dict[str, Any], str]:
    """A demo of its own around the visit; and the mode it ran in."""
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short:
        demo = DemoProcess.start(Path(short) / "run", f"--rate={rate}", f"--mode={mode}")
        try:
            return visit(demo.state["url"], seconds), demo.state["mode"]
        finally:
            demo.terminate()


def table(seen: dict[str, Any]) -> Table:
    shown = Table(title="Milliseconds from a request's completion to its packet on screen")
    shown.add_column("")
    shown.add_column("packets", justify="right")
    for name in (*(f"p{p}" for p in PERCENTILES), "max"):
        shown.add_column(name, justify="right")
    latencies = [(p["edgeId"], p["drawnAtMs"] - p["completedAtMs"]) for p in seen["drawn"]]
    add(shown, "completed → on screen", [ms for _, ms in latencies])
    for origin in sorted({origin_of(edge) for edge, _ in latencies}):
        add(shown, f"  {origin}", [ms for edge, ms in latencies if origin_of(edge) == origin])
    shown.add_section()
    add(shown, "completed → in a frame", seen["toFrame"])
    add(shown, "frame → at the page", seen["toPage"])
    return shown


def origin_of(edge: str) -> str:
    """Edge ids end with their origin."""
    return edge.rpartition(":")[2]


def add(shown: Table, name: str, values: Sequence[float]) -> None:
    if values:
        shown.add_row(name, f"{len(values):,}", *map(rounded, figures(values)))


def figures(values: Sequence[float]) -> Iterable[float]:
    return [*np.percentile(values, PERCENTILES), max(values)]


def rounded(value: float) -> str:
    return f"{value:.0f}"


@click.command()
@click.option("--seconds", default=40.0, show_default=True, help="How long the browser looks.")
@click.option("--rate", default=12.0, show_default=True, help="Visitors' requests a second.")
@click.option("--mode", default="auto", show_default=True, help="namespaces, loopback or auto")
def main(seconds: float, rate: float, mode: str) -> None:
    """Print how long after its completion a request is seen moving."""
    if reason := browser.why_not():
        print(f"not measured: {reason}")
        sys.exit(0)
    began = os.getloadavg()[0]
    seen, where = measure(seconds, rate, mode)
    console = Console()
    console.print(table(seen))
    latencies = [p["drawnAtMs"] - p["completedAtMs"] for p in seen["drawn"]]
    if not latencies:
        print("no packet was drawn")
        sys.exit(1)
    p95 = np.percentile(latencies, 95)
    print(
        f"p95 {p95:.0f} ms; asked for: at most {GOAL_MS} ms. Demo in {where}, {rate:g} visitors/s; "
        f"{seen['stats']['fps']:.0f} fps at the end; {min(latencies):.0f} ms was the quickest."
    )
    print(f"load average before {began:.1f}, after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
