"""What the hub made of the lines: the only module that knows where its core keeps results.

Enters: a `Pipeline`. Leaves: `Answer`, its calls in columns that name lines by their numbers in
`Lines` and parties as the truth does; and counts of what is held in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.truth.texts import Texts
from hub.enums import NodeKind
from hub.settle.pipeline import Pipeline

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """Columns, one entry a call that stands; -1: none."""

    first: Numbers
    """Line of its first hop."""
    second: Numbers
    caller: Numbers
    """Party."""
    callee: Numbers
    origin: Numbers
    missing: Numbers
    reason: Numbers


def answer(pipeline: Pipeline, texts: Texts) -> Answer:
    """All calls that are settled now."""
    rows, calls = pipeline.settling.rows.table, pipeline.settling.calls.table
    kept = np.flatnonzero(~calls["gone"]) + calls.first
    parties = np.array([_party(pipeline, n, texts) for n in range(len(pipeline.graph.nodes))])
    hop0, hop1 = calls.take("hop0", kept), calls.take("hop1", kept)
    two = hop1 >= 0
    second = np.full(len(kept), -1)
    second[two] = rows.take("bytes_in", hop1[two]) - 1
    return Answer(
        rows.take("bytes_in", hop0) - 1,
        second,
        parties[calls.take("from_node", kept)],
        parties[calls.take("to_node", kept)],
        calls.take("origin", kept).astype(np.int64),
        calls.take("missing", kept).astype(np.int64),
        calls.take("reason", kept).astype(np.int64),
    )


def _party(pipeline: Pipeline, number: int, texts: Texts) -> int:
    node = pipeline.graph.nodes[number]
    name = node.name if node.kind is not NodeKind.GATEWAY else f"host of {node.server}"
    return texts.code(f"{node.kind.name.lower()} {node.server or '-'} {name or '-'}")


def skew_ns(pipeline: Pipeline, server: str) -> int:
    """The hub's estimate of the server's clock minus its own."""
    return pipeline.skews.ns(server)


def waiting(pipeline: Pipeline) -> int:
    """Halves that wait for their other half."""
    return len(pipeline.settling.join.waiting)


def remembered(pipeline: Pipeline) -> int:
    """Settled halves that a late one may still amend."""
    return pipeline.settling.join.remembered()
