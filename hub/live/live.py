"""What happens in the federation, step by step, for all pages at once.

Enters: calls as they settle, halves that wait. Leaves: a `Step` for every channel to make its frame
of, once for all of them: what is new, how the topology changed, figures once a second, notices.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from hub import forms
from hub.columns.calls import Numbers
from hub.graph.stats import Stats, last_of
from hub.live.notices import Notices
from hub.read.describe import Describe
from hub.read.state import State
from hub.settle.pipeline import Pipeline

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one second."""

    stats: forms.Stats
    status: forms.Status
    elapsed_s: float
    """Since the last ones."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happened since the last step."""

    seq: int
    now_ns: int
    new: Numbers
    """Calls, ascending; all of them stand."""
    amended: Numbers
    gone: Numbers
    """Calls that were told, and were merged into others."""
    halves: Numbers
    """Rows of halves that still wait."""
    changed: Numbers
    """Edges whose totals changed."""
    topology: forms.TopologyChange | None
    figures: Figures | None
    """Once a second."""
    notices: list[forms.Notice]


class Live:
    """Collects what settles; a listener of the pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._calls = pipeline.settling.calls.table
        self._describe = Describe(pipeline)
        self._stats = Stats(pipeline.rollup, pipeline.graph)
        self._state = State(pipeline)
        self._notices = Notices(pipeline)
        self._new: list[Numbers] = []
        self._amended: list[Numbers] = []
        self._halves: list[Numbers] = []
        self.seq = 0
        self.told = self._calls.end
        """Calls below this number were told in steps."""
        self.told_ns = 0
        """When the last step was made."""
        self._topology = pipeline.graph.version
        self._totals = pipeline.totals.version
        self._second = 0
        self._rows_then, self._then_ns = pipeline.rows_received, 0
        self._figures: Figures | None = None
        """The last ones."""
        self._measured: Figures | None = None
        """Those that no step has told yet."""

    # --- Listener

    def settled(self, new: Numbers, amended: Numbers) -> None:
        """Calls that are new or amended."""
        self._new.append(new)
        self._amended.append(amended)

    def half_seen(self, rows: Numbers) -> None:
        """Halves that are shown while they wait."""
        self._halves.append(rows)

    # --- steps

    def measure(self, now_ns: int) -> Iterator[None]:
        """Make this second's figures for the next step, where they are due, in some turns."""
        if self._is_due(now_ns):
            self._measured = yield from self._measuring(now_ns)

    def step(self, now_ns: int) -> Step | None:
        """What happened since the last step; None: nothing, and no figures are due."""
        due = self._measured is not None or self._is_due(now_ns)
        idle = not (self._new or self._amended or self._halves)
        graph, totals = self._pipeline.graph, self._pipeline.totals
        if idle and not due and self._topology == graph.version:
            return None
        new, _ = self._kept(self._new)
        amended, gone = self._kept(self._amended)
        halves = np.concatenate([np.zeros(0, np.int64), *self._halves])
        halves = halves[halves >= self._pipeline.settling.rows.table.first]
        self._new, self._amended, self._halves = [], [], []
        self._notices.calls(new, now_ns)
        figures, self._measured = self._measured, None
        if due and figures is None:
            figures = last_of(self._measuring(now_ns))
        self.seq += 1
        step = Step(
            seq=self.seq,
            now_ns=now_ns,
            new=new,
            amended=np.setdiff1d(amended, new),
            gone=gone,
            halves=halves[self._pipeline.settling.waits(halves)],
            changed=totals.changed_since(self._totals),
            topology=self._describe.changes_since(self._topology),
            figures=figures,
            notices=self._notices.take_changed(),
        )
        self._topology, self._totals = graph.version, totals.version
        self.told, self.told_ns = self._calls.end, now_ns
        return step

    def figures(self, now_ns: int) -> Figures:
        """The last ones."""
        return self._figures or last_of(self._measuring(now_ns))

    def _is_due(self, now_ns: int) -> bool:
        return now_ns // SECOND != self._second

    def notices(self) -> list[forms.Notice]:
        """All that are kept."""
        return self._notices.all()

    def _kept(self, parts: list[Numbers]) -> tuple[Numbers, Numbers]:
        """Of these calls those that stand, and those that are gone; each once, by number."""
        numbers = np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
        numbers = numbers[numbers >= self._calls.first]
        gone = self._calls.take("gone", numbers)
        return numbers[~gone], numbers[gone]

    def _measuring(self, now_ns: int) -> Generator[None, None, Figures]:
        """This second's figures, made in some turns."""
        self._second = now_ns // SECOND
        stats = yield from self._stats.making(now_ns)
        elapsed_s = max((now_ns - self._then_ns) / SECOND, 0.001)
        received = self._pipeline.rows_received - self._rows_then
        servers = self._state.servers(now_ns)
        self._notices.states(servers, now_ns)
        status = self._state.status(servers, received / elapsed_s if self._then_ns else 0.0)
        self._rows_then, self._then_ns = self._pipeline.rows_received, now_ns
        self._figures = Figures(stats, status, elapsed_s)
        return self._figures
