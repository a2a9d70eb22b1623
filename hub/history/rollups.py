"""Counts by edge and latency bin for past windows: each second of a day, each minute of it all.

Enters: what was counted and taken back, as the core did. Leaves: bodies for the catalogue, and sums
of any window made of them. Bodies are deltas: several of one minute add up, late and amended calls
included. Latencies are in the bins of `hub.rollup`: percentiles within 2 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hub.columns.calls import Counted
from hub.graph.rollup import Deltas, by_second, sum_of
from hub.history.columns import pack, unpack

MINUTE = 60
SECOND_STEP, MINUTE_STEP = 1, 60


@dataclass(frozen=True, slots=True)
class Body:
    """Deltas of one minute; `step_s`: by second, or all together."""

    step_s: int
    minute: int
    body: bytes


def bodies(counted: Iterable[tuple[int, Counted]]) -> list[Body]:
    """What to add to the catalogue for these counts."""
    aside = [(sign, calls) for sign, calls in counted if len(calls.edge)]
    minutes: dict[int, list[tuple[int, Deltas]]] = {}
    for second, deltas in by_second(aside) if aside else ():
        minutes.setdefault(second // MINUTE, []).append((second, deltas))
    result = []
    for minute, parts in minutes.items():
        result.append(Body(SECOND_STEP, minute, _packed(parts)))
        whole = sum_of([deltas for _, deltas in parts])
        result.append(Body(MINUTE_STEP, minute, _packed([(minute * MINUTE, whole)])))
    return result


def _packed(parts: list[tuple[int, Deltas]]) -> bytes:
    seconds = [np.full(len(deltas.key), second, np.int64) for second, deltas in parts]
    return pack(
        {
            "second": np.concatenate(seconds),
            "key": np.concatenate([deltas.key for _, deltas in parts]),
            "counts": np.concatenate([deltas.counts for _, deltas in parts]),
        }
    )


def read(body: bytes) -> tuple[np.ndarray, Deltas]:
    """The seconds of a body's rows, and its deltas."""
    columns = unpack(body)
    return columns["second"], Deltas(columns["key"], columns["counts"])


def within(body: bytes, since: int, until: int) -> Deltas:
    """A body's deltas of the seconds [since, until)."""
    seconds, deltas = read(body)
    inside = (seconds >= since) & (seconds < until)
    return Deltas(deltas.key[inside], deltas.counts[inside])
