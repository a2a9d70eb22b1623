"""What Prometheus scrapes: the hub's state as metrics, read at each scrape.

Names follow Prometheus' conventions (base units, `_total` for counters).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hopwatch import __version__
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.history.history import Condition
from hub.live.sockets import Sockets
from hub.read.state import State
from hub.settle.pipeline import Pipeline

LEDGER = (
    "read",
    "parsed",
    "malformed",
    "sent",
    "acknowledged",
    "journalled",
    "in_calls",
    "missing",
)


class HubCollector(Collector):
    """Reads the pipeline when it is asked."""

    def __init__(
        self, pipeline: Pipeline, sockets: Sockets, sealing: Callable[[], Condition] | None
    ) -> None:
        self._sealing = sealing
        self._pipeline = pipeline
        self._sockets = sockets
        self._state = State(pipeline)

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        build = GaugeMetricFamily("hopwatch_build_info", "The hub's release.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from self._ledger()
        yield from self._servers()
        yield from self._calls()
        if self._sealing is not None:
            yield from self._history(self._sealing())

    def _history(self, now: Condition) -> Iterator[Metric]:
        gauges = (
            (
                "sealed_timestamp_seconds",
                "When it last had all settled calls.",
                now.sealed_ns / 1e9,
            ),
            ("files", "Files of sealed calls.", now.files),
            ("calls", "Calls in them, superseded ones included.", now.calls),
            ("bytes", "Bytes of them.", now.size),
            ("lines_unsealed", "Lines that came since the last sealing.", now.lines_unsealed),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(f"hopwatch_history_{name}", f"History: {text}", value)
        yield CounterMetricFamily(
            "hopwatch_history_failures", "Sealings and housekeepings that failed.", now.failures
        )

    def _ledger(self) -> Iterator[Metric]:
        ledger = self._state.ledger()
        for name in LEDGER:
            family = CounterMetricFamily(
                f"hopwatch_lines_{name}", f"Access log lines: {name}.", labels=["server", "proxy"]
            )
            sums: dict[tuple[str, str], int] = {}
            for log in ledger.logs:
                key = (log.server, log.proxy)
                sums[key] = sums.get(key, 0) + getattr(log, name)
            for key, value in sums.items():
                family.add_metric(key, value)
            yield family
        yield GaugeMetricFamily(
            "hopwatch_lines_outstanding",
            "Requests begun and not yet logged.",
            ledger.totals.outstanding,
        )
        yield GaugeMetricFamily(
            "hopwatch_ledger_exact", "1 where all accounts agree.", float(ledger.exact)
        )

    def _servers(self) -> Iterator[Metric]:
        connected = GaugeMetricFamily(
            "hopwatch_agent_connected", "1 while its agent reports.", labels=["server"]
        )
        lag = GaugeMetricFamily(
            "hopwatch_server_lag_seconds",
            "How far its completed lines are behind.",
            labels=["server"],
        )
        skew = GaugeMetricFamily(
            "hopwatch_clock_skew_seconds", "Its clock minus the hub's.", labels=["server"]
        )
        spoofed = GaugeMetricFamily(
            "hopwatch_calls_spoofed",
            "Calls to it whose headers claim what their peer may not.",
            labels=["server"],
        )
        ignored = GaugeMetricFamily(
            "hopwatch_calls_ignored",
            "Calls on networks of it that are none of the relevant ones.",
            labels=["server"],
        )
        for server in self._state.servers(time.time_ns()):
            connected.add_metric([server.id], float(server.connected))
            if server.lag_ms is not None:
                lag.add_metric([server.id], server.lag_ms / 1e3)
            if server.skew_ms is not None:
                skew.add_metric([server.id], server.skew_ms / 1e3)
            spoofed.add_metric([server.id], server.calls_spoofed)
            ignored.add_metric([server.id], server.calls_ignored)
        yield from (connected, lag, skew, spoofed, ignored)

    def _calls(self) -> Iterator[Metric]:
        settling, graph = self._pipeline.settling, self._pipeline.graph
        sums: dict[str, list[int]] = {}
        counts = self._pipeline.totals.counts
        for edge in graph.edges[: len(counts)]:
            calls, errors, _ = counts[edge.number].tolist()
            entry = sums.setdefault(edge.origin.name.lower(), [0, 0])
            entry[0] += calls
            entry[1] += errors
        calls_total = GaugeMetricFamily(
            "hopwatch_calls", "Settled calls since the start.", labels=["origin"]
        )
        errors_total = GaugeMetricFamily(
            "hopwatch_call_errors", "Of them, those that are not ok.", labels=["origin"]
        )
        for origin, (calls, errors) in sums.items():
            calls_total.add_metric([origin], calls)
            errors_total.add_metric([origin], errors)
        yield from (calls_total, errors_total)
        yield GaugeMetricFamily(
            "hopwatch_halves_waiting", "Halves that wait for the other.", len(settling.join.waiting)
        )
        yield GaugeMetricFamily(
            "hopwatch_halves_remembered",
            "Settled halves whose ids are kept.",
            settling.join.remembered(),
        )
        yield GaugeMetricFamily(
            "hopwatch_observations_kept", "Lines kept in memory.", len(settling.rows.table)
        )
        yield GaugeMetricFamily("hopwatch_viewers", "Open live views.", self._sockets.viewers)


def exposition(
    pipeline: Pipeline, sockets: Sockets, sealing: Callable[[], Condition] | None = None
) -> bytes:
    """The metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HubCollector(pipeline, sockets, sealing))
    return generate_latest(registry)
