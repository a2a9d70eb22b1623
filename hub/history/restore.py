"""The core as it was at the last checkpoint: then the journal goes on from there.

Enters: the catalogue, an empty core. Leaves: the core with its graph, its counts and what was
carried, and the journal entry behind which lines are to be read.
"""

from __future__ import annotations

import numpy as np

from hub.defaults import ROLLUP_S
from hub.graph.rollup import Deltas
from hub.history import carry, catalog, core, rollups
from hub.journal.store import Store
from hub.settle.pipeline import Pipeline

SECOND = 1_000_000_000


def restore(pipeline: Pipeline, store: Store, now_ns: int) -> int:
    """The journal entry up to which everything is there; 0: nothing was ever sealed."""
    pipeline.seals = True
    checkpoint = catalog.checkpoint(store)
    if checkpoint is None:
        return 0
    saved = core.restore_graph(pipeline, checkpoint.core)
    pipeline.handle(store.announcements(checkpoint.seq), now_ns)
    core.restore_counts(pipeline, saved)
    carry.restore(pipeline, checkpoint.carry, checkpoint.rows)
    pipeline.seq = checkpoint.seq
    _refill(pipeline, store, now_ns // SECOND)
    return checkpoint.seq


def finish(pipeline: Pipeline, store: Store) -> None:
    """The journal was read: what an earlier release deleted of it was in calls."""
    if catalog.checkpoint(store) is None:
        core.let_go(pipeline, store.lines_below(0))


def _refill(pipeline: Pipeline, store: Store, now: int) -> None:
    """The last hour's counts."""
    pipeline.rollup.passed(now)
    for body in catalog.rollups(store, rollups.SECOND_STEP, now - ROLLUP_S, now + 1):
        seconds, deltas = rollups.read(body)
        moments, first = np.unique(seconds, return_index=True)
        for moment, low, high in zip(
            moments.tolist(), first, [*first[1:], len(seconds)], strict=True
        ):
            if moment >= now - ROLLUP_S:
                part = Deltas(deltas.key[low:high], deltas.counts[low:high])
                pipeline.rollup.restore(moment, part)
