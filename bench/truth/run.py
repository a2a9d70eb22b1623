"""Runs a scenario through the hub's core and measures it.

Enters: a scenario and a seed. Leaves: `Run`: the truth, the lines, the answer, and figures. Time is
given to the core, so it runs as fast as it can; only `handle` and `tick` are timed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from bench.truth import answer as hub
from bench.truth.answer import Answer
from bench.truth.calls import make_truth
from bench.truth.delivery import Commit, commits
from bench.truth.limits import ambiguous
from bench.truth.lines import Lines, make_lines
from bench.truth.scenario import Scenario
from bench.truth.sites import SECOND, T0_NS, Sites
from bench.truth.texts import Texts
from bench.truth.truth import Mask, Truth
from hub.defaults import TICK_MS
from hub.settle.pipeline import Pipeline

TICK_NS = TICK_MS * 1_000_000
BUNDLE_NS = 200_000_000
SKEW_FROM_NS = 5 * SECOND
"""Estimates are judged from then on: probes and pairs have come by then."""


@dataclass
class Figures:
    """What was measured on the way."""

    cpu_s: float = 0.0
    make_s: float = 0.0
    """CPU of the generator."""
    peak_waiting: int = 0
    peak_remembered: int = 0
    skew_error_ns: dict[str, int] = field(default_factory=dict)
    """The largest since `SKEW_FROM_NS` while lines came, by server."""


@dataclass(frozen=True)
class Run:
    """A scenario that was run."""

    scenario: Scenario
    truth: Truth
    lines: Lines
    answer: Answer
    figures: Figures
    ambiguous: Mask
    """Requests whose pair nobody could tell for sure; see `limits`."""


def run(scenario: Scenario, seed: int) -> Run:
    """Make, feed, read."""
    random = np.random.default_rng(seed)
    began = time.process_time()
    texts = Texts()
    sites = Sites(scenario, texts, random)
    truth = make_truth(scenario, sites, texts, random)
    lines = make_lines(truth, sites)
    pipeline = Pipeline(recent_calls=len(lines) * 2 + 1)
    figures = Figures()
    ticked = T0_NS
    for bundle in bundled(commits(scenario, sites, texts, lines, random)):
        before = time.process_time()
        for commit in bundle:
            pipeline.handle(commit.events, commit.now_ns)
            if commit.now_ns >= ticked:
                pipeline.tick(commit.now_ns)
                ticked = commit.now_ns + TICK_NS
        figures.cpu_s += time.process_time() - before
        _watch(figures, pipeline, sites, scenario, bundle[-1].now_ns - T0_NS)
    limit = ambiguous(truth, sites)
    figures.make_s = time.process_time() - began - figures.cpu_s
    return Run(scenario, truth, lines, hub.answer(pipeline, texts), figures, limit)


def bundled(stream: Iterable[Commit]) -> Iterator[list[Commit]]:
    """Commits of `BUNDLE_NS` together: all are made before the first is timed, so that the
    generator does not cool the core's caches between two."""
    for _, bundle in groupby(stream, lambda commit: (commit.now_ns - T0_NS - 1) // BUNDLE_NS):
        yield list(bundle)


def _watch(
    figures: Figures, pipeline: Pipeline, sites: Sites, scenario: Scenario, now: int
) -> None:
    figures.peak_waiting = max(figures.peak_waiting, hub.waiting(pipeline))
    figures.peak_remembered = max(figures.peak_remembered, hub.remembered(pipeline))
    if not SKEW_FROM_NS <= now < scenario.seconds * SECOND or now % SECOND:
        return
    for site in sites.items:
        skew = int(site.clock.skew(np.array([now]))[0])
        error = abs(hub.skew_ns(pipeline, site.id) - skew)
        figures.skew_error_ns[site.id] = max(figures.skew_error_ns.get(site.id, 0), error)
