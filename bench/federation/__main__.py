"""Feeds a real hub with a federation of any size over real gRPC, and tells where to look at it.

    python -m bench.federation [--servers 12] [--services 2000] [--edges 5000] [--rate 10000]
        [--seconds 30] [--port 8090] [--hub ADDRESS]

Without `--hub` it starts one of its own. It prints the address of the view as the first line, then
what was sent and how long acknowledgements took. Ctrl-C, or `--seconds`, ends it. `rate` is calls a
second; a call from server to server is two lines. No figure is asserted.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click
import numpy as np
import uvloop

from bench.federation.agents import Agents
from bench.federation.hub_process import HubProcess, hub
from bench.federation.lines import lines
from bench.federation.plan import plan

CYCLE_S = 5.0


def agents(servers: int, services: int, edges: int, rate: float) -> Agents:
    """Of a federation of that size."""
    made = plan(servers, services, edges)
    return Agents(made, lines(made, rate, CYCLE_S), CYCLE_S, round(rate * CYCLE_S))


async def feed(made: Agents, address: str, seconds: float, process: HubProcess | None) -> None:
    """Report for that long, and tell how it goes."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.run(address, stop))
        tasks.create_task(told(made, process, stop))
        try:
            async with asyncio.timeout(seconds or None):
                await stop.wait()
        except TimeoutError:
            stop.set()


async def told(made: Agents, process: HubProcess | None, stop: asyncio.Event) -> None:
    """A line every 5 s."""
    sent, cpu = 0, process.cpu_s() if process else 0.0
    while not stop.is_set():
        try:
            async with asyncio.timeout(5):
                await stop.wait()
        except TimeoutError:
            pass
        took = made.take_acknowledged_ms() or [float("nan")]
        p50, p99 = np.percentile(took, (50, 99))
        text = (
            f"{(made.lines - sent) / 5:8,.0f} lines/s, acknowledged {p50:.1f} ms p50, {p99:.1f} p99"
        )
        if process:
            now = process.cpu_s()
            text += f"; hub {(now - cpu) / 5:.0%} of a core, {process.memory_mib():.0f} MiB"
            cpu = now
        sent = made.lines
        if not stop.is_set():
            print(text, flush=True)


@contextmanager
def wanted(address: str | None, port: int | None) -> Iterator[HubProcess | None]:
    """The hub to feed; None: somebody else's."""
    if address:
        yield None
    else:
        with hub(port) as process:
            yield process


@click.command()
@click.option("--servers", default=12, show_default=True)
@click.option("--services", default=2000, show_default=True)
@click.option("--edges", default=5000, show_default=True)
@click.option("--rate", default=10_000.0, show_default=True, help="Calls a second, all servers.")
@click.option("--seconds", default=30.0, show_default=True, help="0: until Ctrl-C.")
@click.option("--port", type=int, default=None, help="Of the view; a free one as default.")
@click.option("--hub", "address", default=None, help="gRPC address of a running hub.")
def main(
    servers: int,
    services: int,
    edges: int,
    rate: float,
    seconds: float,
    port: int | None,
    address: str | None,
) -> None:
    """Feed a hub."""
    made = agents(servers, services, edges, rate)
    with wanted(address, port) as process:
        print(f"http://{process.view}/" if process else f"feeding {address}", flush=True)
        uvloop.run(feed(made, process.agents if process else str(address), seconds, process))
        print(f"{made.lines:,} lines sent")


if __name__ == "__main__":
    main()
