"""What Prometheus scrapes of an agent, where `[metrics] listen` asks for it.

Counters count what this process did: lines that are sent again after a disconnect count again (the
hub's ledger counts each once). One HTTP/1.0 answer a connection; the path does not matter.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from hopwatch import __version__
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from node_agent.config import split_port
from node_agent.relay import Relay
from node_agent.session import Session

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
REQUEST_S = 5.0
"""Who has not asked by then is not answered."""


class AgentCollector(Collector):
    """Reads session and logs when it is asked."""

    def __init__(self, session: Session, relay: Relay) -> None:
        self._session = session
        self._relay = relay

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield GaugeMetricFamily("hopwatch_agent_up", "1.", value=1)
        info = GaugeMetricFamily("hopwatch_agent_info", "The release.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        connected = GaugeMetricFamily("hopwatch_agent_connected", "1: the hub takes lines.")
        connected.add_metric([], float(self._session.streaming))
        yield connected
        resident = GaugeMetricFamily("hopwatch_agent_resident_memory_bytes", "Of this process.")
        resident.add_metric([], float(resident_bytes()))
        yield resident
        waiting = GaugeMetricFamily("hopwatch_agent_unacknowledged_bytes", "Batches in flight.")
        waiting.add_metric([], float(self._session.unacknowledged))
        yield waiting
        yield from self._lines()
        yield self._behind()

    def _lines(self) -> Iterator[Metric]:
        for what in ("read", "malformed", "sent", "acknowledged"):
            name = f"hopwatch_agent_lines_{what}"
            family = CounterMetricFamily(name, f"Lines {what}.", labels=["proxy"])
            for proxy in self._relay.proxies:
                family.add_metric([proxy], getattr(self._session.totals(proxy), what))
            yield family

    def _behind(self) -> Metric:
        family = GaugeMetricFamily(
            "hopwatch_agent_behind_bytes", "In logs and not read yet.", labels=["proxy"]
        )
        behind = dict.fromkeys(self._relay.proxies, 0)
        for log in self._relay.logs():
            behind[log.proxy] += log.behind
        for proxy, size in behind.items():
            family.add_metric([proxy], size)
        return family


def resident_bytes() -> int:
    """Of this process; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


async def serve(listen: str, collector: Collector, ready: Callable[[int], None]) -> None:
    """Answer scrapes, for ever. `ready` hears the port. OSError where it cannot listen."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                await reader.readuntil(b"\r\n\r\n")
                body = generate_latest(registry)
                head = (
                    "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    host, port = split_port(listen)
    server = await asyncio.start_server(answer, host, port)
    async with server:
        ready(server.sockets[0].getsockname()[1])
        await server.serve_forever()
