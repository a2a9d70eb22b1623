"""A replay: the frames that the live view had, made again of what is kept, for one viewer.

Enters: reels of the past, and how far the replay has come. Leaves: a snapshot and frames in the
forms of the live view, with the nodes, names and edges of that time. Totals count from where the
replay began or was sought to; so do notices, which are those of calls. Every call of the stretch is
in exactly one frame. No socket, no clock: times of the past are arguments.
"""

from __future__ import annotations

import numpy as np
from hopwatch import __version__
from numpy.typing import NDArray

from hub import forms
from hub.defaults import (
    FRAME_INTERVAL_MS,
    MAX_CALL_DETAILS,
    MAX_ERROR_DETAILS,
    MAX_PACKETS,
)
from hub.graph.rollup import Rollup
from hub.graph.stats import Stats
from hub.graph.totals import Totals
from hub.history import record
from hub.history.reel import MEMORY, Reel
from hub.live.notices import COLUMNS as NOTICED
from hub.live.notices import Notices
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline

MS = 1_000_000
SECOND = 1_000_000_000
Places = NDArray[np.int64]


class Replay:
    """One viewer's."""

    def __init__(self, pipeline: Pipeline, q: str) -> None:
        self._pipeline, self._graph = pipeline, pipeline.graph
        self._calls = pipeline.settling.calls.table
        self._describe = Describe(pipeline)
        self._q = q
        self._seq = 0
        self._topology: forms.Topology | None = None
        self._more: set[int] = set()
        """Edges that were shown beside the topology's."""
        self._begin()

    def _begin(self) -> None:
        self._rollup, self._totals = Rollup(), Totals()
        self._stats = Stats(self._rollup, self._graph)
        self._notices = Notices(self._pipeline)
        self._second = 0
        self._shown = 0

    # --- forms

    def snapshot(self, topology: forms.Topology, at_ns: int) -> forms.Snapshot:
        """Where the replay begins, or goes on after it was sought."""
        self._begin()
        self._topology, self._more = topology, set()
        self._seq += 1
        self._rollup.passed(at_ns // SECOND)
        return forms.Snapshot(
            protocol=1,
            hub_version=__version__,
            seq=self._seq,
            time_ms=at_ns / MS,
            frame_interval_ms=FRAME_INTERVAL_MS,
            q=self._q,
            topology=topology,
            totals=self._edge_totals(np.zeros(0, np.int64)),
            matched=None,
            matched_since_ms=None,
            stats=self._stats.form(at_ns),
            status=self._status(),
            errors=[],
            calls=[],
            notices=[],
        )

    def frame(
        self, reel: Reel, since_ns: int, until_ns: int, topology: forms.Topology
    ) -> forms.Frame:
        """What ended in [since, until)."""
        places = reel.between(since_ns, until_ns)
        counted = reel.counted(places)
        self._rollup.passed(until_ns // SECOND)
        self._rollup.add(1, counted)
        self._totals.add(1, counted)
        self._notices.noticed({name: reel.columns[name][places] for name in NOTICED}, until_ns)
        edges = np.unique(counted.edge)
        second, self._second = self._second, until_ns // SECOND
        due = second != self._second
        if due:
            self._notices.end_quiet()
        change = self._changed(topology, edges)
        packets, hidden = self._packets(reel, places, until_ns)
        ok = counted.ok
        errors = self._summaries(reel, places[~ok][-MAX_ERROR_DETAILS:])
        calls = self._summaries(reel, places[ok][-MAX_CALL_DETAILS:])
        bad = int((~ok).sum())
        self._seq += 1
        return forms.Frame(
            seq=self._seq,
            time_ms=until_ns / MS,
            topology=change,
            totals=self._edge_totals(edges),
            matched=None,
            packets=packets,
            errors=errors,
            calls=calls,
            amended=[],
            hidden=forms.Hidden(
                packets=hidden, errors=bad - len(errors), calls=len(places) - bad - len(calls)
            ),
            stats=self._stats.form(until_ns) if due else None,
            status=self._status() if due else None,
            notices=self._notices.take_changed(),
        )

    # --- parts

    def _changed(self, topology: forms.Topology, edges: Places) -> forms.TopologyChange | None:
        """From what the viewer has to this, with the edges that calls are on; what it was shown
        stays."""
        listed = {edge.index for edge in topology.edges}
        lacking = {*edges.tolist()} - listed - self._more
        if topology is self._topology and not lacking:
            return None
        self._topology, self._more = topology, self._more | lacking
        more = [self._graph.edges[number] for number in sorted(self._more - listed)]
        ends = {number for edge in more for number in self._graph.way(edge)}
        there = {node.id for node in topology.nodes}
        nodes = [self._graph.nodes[number] for number in sorted(ends)]
        return forms.TopologyChange(
            version=topology.version,
            servers=topology.servers,
            nodes=[
                *topology.nodes,
                *(self._describe.node(node) for node in nodes if node.id not in there),
            ],
            edges=[*topology.edges, *map(self._describe.edge, more)],
            removed_servers=[],
            removed_nodes=[],
            removed_edges=[],
        )

    def _packets(self, reel: Reel, places: Places, now_ns: int) -> tuple[forms.Packets, int]:
        columns = reel.columns
        order = np.lexsort((-reel.end_ns[places], columns["ok"][places]))[:MAX_PACKETS]
        shown = np.sort(places[order])
        self._shown += len(shown)
        ends = np.round((now_ns - reel.end_ns[shown]) / MS, 3).tolist()
        packets = forms.Packets(
            edge=columns["edge"][shown].tolist(),
            end_ms=ends,
            duration_ms=np.round(columns["duration_ns"][shown] / MS, 3).tolist(),
            status=columns["status"][shown].tolist(),
            ok=columns["ok"][shown].astype(int).tolist(),
        )
        return packets, len(places) - len(shown)

    def _summaries(self, reel: Reel, places: Places) -> list[forms.CallSummary]:
        result: dict[int, forms.CallSummary] = {}
        for source in np.unique(reel.source[places]).tolist():
            mine = places[reel.source[places] == source]
            numbers = reel.number[mine]
            if source == MEMORY:
                there = (numbers >= self._calls.first) & (numbers < self._calls.end)
                mine, numbers = mine[there], numbers[there]
                told = self._describe.summaries(numbers)
            else:
                told = record.summaries(reel.parts[source], numbers)
            result |= dict(zip(mine.tolist(), told, strict=True))
        return [result[place] for place in sorted(result)]

    def _edge_totals(self, edges: Places) -> forms.EdgeTotals:
        counts = self._totals.counts[edges] if len(edges) else np.zeros((0, 3), np.int64)
        return forms.EdgeTotals(
            edge=edges.tolist(),
            calls=counts[:, 0].tolist(),
            errors=counts[:, 1].tolist(),
            bytes=counts[:, 2].tolist(),
        )

    def _status(self) -> forms.Status:
        """Nothing arrives in a replay; what it shows is what is kept."""
        return forms.Status(
            servers=[], received_per_s=0.0, shown_per_s=0.0, malformed=0, missing=0, outstanding=0,
            exact=True, reason=None,
        )  # fmt: skip
