"""The agent's memory while the hub is gone half of the time and lines never stop.

    python -m bench.spool [--lines 2000000] [--rate 20000] [--gone 10]

A log grows at a pace and is rotated every million lines; the hub is killed for as long as it is
there. The access log is the spool, so the agent's resident memory stays flat whatever waits. In
the end the hub stays and everything must be journalled, each line once. Needs 1 GB of disk for a
million lines. Prints the curve; asserts nothing.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench._flow import Feed, Flow, flowing

LIMIT_S = 1500
"""For `python -m bench`."""
ROTATE_LINES = 1_000_000
TARGET_MIB = 80
POINTS = 24
CATCH_UP_S = 300


def play(flow: Flow, lines: int, rate: float, gone_s: float) -> list[tuple[float, int, int, float]]:
    """Seconds, lines written, lines journalled, agent's MiB; once a second."""
    feed = Feed(flow.private, rate)
    feed.start()
    began = turned = time.monotonic()
    curve = []
    rotate_at = ROTATE_LINES
    flow.start_hub()
    while True:
        time.sleep(1)
        now = time.monotonic()
        curve.append((now - began, feed.written, flow.stored(), flow.memory_mib()))
        if feed.written >= lines:
            break
        if feed.written >= rotate_at:
            rotate_at += ROTATE_LINES
            feed.rotate()
        if now - turned >= gone_s:
            turned = now
            flow.kill_hub() if flow.hub_is_up else flow.start_hub()
    feed.stop()
    if not flow.hub_is_up:
        flow.start_hub()
    until = time.monotonic() + CATCH_UP_S
    while flow.stored() < feed.written and time.monotonic() < until:
        time.sleep(1)
        now = time.monotonic()
        curve.append((now - began, feed.written, flow.stored(), flow.memory_mib()))
    return curve


@click.command()
@click.option("--lines", default=2_000_000, show_default=True)
@click.option("--rate", default=20_000.0, show_default=True, help="Lines a second.")
@click.option("--gone", "gone_s", default=10.0, show_default=True, help="Seconds gone, and there.")
def main(lines: int, rate: float, gone_s: float) -> None:
    """Print the agent's memory as lines go by."""
    shown = Table(title="The agent's memory, the hub gone half of the time", title_justify="left")
    for column in ("s", "lines written", "journalled", "waiting in the log", "agent RSS, MiB"):
        shown.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short, flowing(Path(short)) as flow:
        curve = play(flow, lines, rate, gone_s)
        peak = flow.memory_mib("VmHWM")
    for at_s, written, stored, mib in curve[:: max(len(curve) // POINTS, 1)]:
        waiting = written - stored
        shown.add_row(f"{at_s:.0f}", *(f"{n:,}" for n in (written, stored, waiting)), f"{mib:.1f}")
    Console(width=100).print(shown)
    _, written, stored, _ = curve[-1]
    halves = [max(mib for *_, mib in part) for part in _halved(curve)]
    print(
        f"{written:,} lines written, {stored:,} journalled; peak {peak:.1f} MiB (target "
        f"{TARGET_MIB}); highest of the first half {halves[0]:.1f}, of the second {halves[1]:.1f}"
    )


def _halved(curve: list[tuple[float, int, int, float]]) -> tuple[list, list]:  # type: ignore[type-arg]
    middle = len(curve) // 2
    return curve[:middle], curve[middle:]


if __name__ == "__main__":
    main()
