"""The page's own figures: first picture, frames, script time, what a newcomer moves, memory.

    python -m bench.view [--soak-s 300] [--seconds 8] [--only real]

The real page, as built, in a real Chromium (software rendering, 1440 x 900), fed with synthetic
federations by `bench/view_hub.mjs`, which speaks the hub's forms. Hulls are closed, as from five
servers on; one case opens all of them. The last table is of real hubs, fed over real gRPC, which
take their share of the same machine. "fps" are the frames of what moves, which a worker paints, and
"page's fps" those of the page's own thread; script times are p50 and p95 of a frame on either.
"CPU" is what all of the browser's processes used for a frame: on a loaded machine it says more than
the frame rate. Figures are printed; none is asserted.
"""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.e2e import browser

LIMIT_S = 600
REAL_WARM_UP_S = 10
"""All servers have joined and all edges carried something."""
FEEDER_ENDS_WITHIN_S = 30
DIST = browser.REPOSITORY / "web" / "dist" / "assets"
CASES: dict[str, dict[str, Any]] = {
    "500 nodes, 1,000 edges, 1,000/s": {"world": {"nodes": 500, "edges": 1000, "rate": 1000}},
    "2,000 nodes, 5,000 edges, 10,000/s": {"world": {"nodes": 2000, "edges": 5000, "rate": 10_000}},
    "the same, all hulls open": {
        "world": {"nodes": 2000, "edges": 5000, "rate": 10_000},
        "openAll": True,
    },
    "10,000 nodes, 30,000 edges, 10,000/s": {
        "world": {"nodes": 10_000, "edges": 30_000, "rate": 10_000}
    },
}
REAL: dict[str, dict[str, int]] = {
    "500 nodes, 1,000 edges, 1,000/s": {"services": 500, "edges": 1000, "rate": 1000},
    "2,000 nodes, 5,000 edges, 10,000/s": {"services": 2000, "edges": 5000, "rate": 10_000},
}
"""As `bench.federation` has them, with its 12 servers."""
SOAK = {"nodes": 500, "edges": 1000, "rate": 1000, "secondsAFrame": 1, "frameMs": 10}
"""A second of traffic each 10 ms, or as often as the page and its feeder manage."""


def visit(case: dict[str, Any], timeout_s: float = 180) -> dict[str, Any]:
    """What one page saw."""
    size = {"url": "http://127.0.0.1/", "width": 1440, "height": 900}
    script = Path(__file__).with_suffix(".mjs")
    seen: dict[str, Any] = browser.run(script, {**size, **case}, timeout_s=timeout_s)
    return seen


def frame_table(title: str) -> Table:
    table = Table(title=title)
    columns = ("", "things", "packets", "fps", "page's fps", "script ms", "painter's ms", "CPU ms")
    for name in columns:
        table.add_column(name, justify="left" if not name else "right")
    return table


def add_frames(table: Table, name: str, seen: dict[str, Any], who: tuple[str, ...] = ()) -> None:
    for how in ("still", "moving"):
        figures = seen[how]
        table.add_row(
            name if how == "still" else f"  {how}",
            f"{figures['items']:,}",
            f"{figures['packets']:,}",
            f"{figures['fps']:.0f}",
            f"{figures['pageFps']:.0f}",
            "{:.1f} / {:.1f}".format(*figures["page"]),
            "{:.1f} / {:.1f}".format(*figures["painter"]),
            f"{figures['cpuMsAFrame']:.1f}",
            *(f"{figures['cores'][one]:.2f}" for one in who),
        )


def frames(seconds: float) -> Table:
    table = frame_table("Frames, still and while panning and zooming")
    for name, case in CASES.items():
        add_frames(table, name, visit({**case, "stillS": seconds, "movingS": seconds}))
    return table


def real(seconds: float) -> Table:
    table = frame_table("The same of real hubs, and what all take of the cores")
    for name in ("browser", "hub", "feeder"):
        table.add_column(name, justify="right")
    said = []
    for name, size in REAL.items():
        options = [f"--{option}={value}" for option, value in size.items()]
        with subprocess.Popen(
            [sys.executable, "-m", "bench.federation", "--seconds=0", *options],
            stdout=subprocess.PIPE,
            text=True,
        ) as feeder:
            try:
                assert feeder.stdout is not None
                fed = {"url": feeder.stdout.readline().strip()}
                case = {"fed": fed, "feeder": feeder.pid, "warmUpS": REAL_WARM_UP_S}
                seen = visit({**case, "stillS": seconds, "movingS": seconds})
                add_frames(table, name, seen, ("browser", "hub", "feeder"))
            finally:
                told = ended(feeder)
        rates = [line.strip() for line in told if "lines/s" in line]
        said.append(f"{name}: {rates[-1] if rates else 'none'}")
    table.caption = "The feeder's last word on each:\n" + "\n".join(said)
    return table


def ended(feeder: subprocess.Popen[str]) -> list[str]:
    """What it said; one that drowned is not waited for."""
    feeder.send_signal(signal.SIGINT)
    try:
        said = feeder.communicate(timeout=FEEDER_ENDS_WITHIN_S)[0]
    except subprocess.TimeoutExpired:
        feeder.kill()
        said = feeder.communicate()[0]
    return said.strip().splitlines()


def opening() -> Table:
    seen = visit({**CASES["500 nodes, 1,000 edges, 1,000/s"], "first": 7, "warmUpS": 1})
    table = Table(title="Opening, 500 nodes")
    table.add_column("")
    table.add_column("median", justify="right")
    table.add_column("worst", justify="right")
    firsts = seen["firstMs"]
    table.add_row("first picture, ms", f"{np.median(firsts):.0f}", f"{max(firsts):.0f}")
    scripts = sorted(DIST.glob("*.js"))
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in scripts)
    table.add_row("JavaScript, KB gzip, workers included", f"{size / 1000:.0f}", "")
    return table


def newcomers() -> Table:
    table = Table(title="A container is added, 500 nodes; medians and worst of 9")
    for name in ("", "nodes shown", "moved in hulls", "moved in all", "layout ms", "worst ms"):
        table.add_column(name, justify="left" if not name else "right")
    world = {"nodes": 500, "edges": 1000, "rate": 1000}
    for name, opened in (("hulls closed", False), ("all hulls open", True)):
        # Hulls settle 8 s after their first traffic; until then they are ranked anew.
        seen = visit({"world": world, "openAll": opened, "adds": 9, "warmUpS": 6, "settleS": 10})
        took = [one["layoutMs"] for one in seen["added"]]
        shown = max(one["nodes"] for one in seen["added"])
        inside = max(one["movedInside"] for one in seen["added"])
        moved = max(one["moved"] for one in seen["added"])
        share = f"{moved} ({100 * moved / shown:.1f} %)"
        median, worst = f"{np.median(took):.1f}", f"{max(took):.1f}"
        table.add_row(name, f"{shown:,}", str(inside), share, median, worst)
    return table


def memory(soak_s: float) -> Table:
    seen = visit({"world": SOAK, "soakS": soak_s, "warmUpS": 1}, timeout_s=soak_s + 120)
    table = Table(title="Memory of the page, 1,000 requests/s accelerated, after collection")
    for name in ("after, of the federation's time", "JavaScript heap, MB"):
        table.add_column(name, justify="right")
    first = seen["heap"][0]["seq"]
    for point in seen["heap"]:
        hours = (point["seq"] - first) / 3600
        table.add_row(f"{hours:.2f} h", f"{point['mb']:.1f}")
    return table


@click.command()
@click.option("--seconds", default=8.0, show_default=True, help="How long each case is watched.")
@click.option("--soak-s", default=60.0, show_default=True, help="How long memory is watched.")
@click.option("--only", type=click.Choice(["frames", "real", "opening", "newcomers", "memory"]))
def main(seconds: float, soak_s: float, only: str | None) -> None:
    """Print what the page manages."""
    if reason := browser.why_not():
        print(f"not measured: {reason}")
        sys.exit(0)
    console = Console()
    parts = {
        "opening": opening,
        "newcomers": newcomers,
        "frames": lambda: frames(seconds),
        "real": lambda: real(seconds),
        "memory": lambda: memory(soak_s),
    }
    for name, part in parts.items():
        if only not in (None, name):
            continue
        before = os.getloadavg()[0]
        console.print(part())
        print(f"load average before {before:.1f}, after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
