"""What ended in a stretch of the past, in the order in which it did: what a replay shows.

Enters: a moment of `Pages`, a stretch of time, a query. Leaves: columns of calls, each with the
place where its details are: a part of the history, or memory. Runs in the history's thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Counted, Numbers
from hub.history.part import Part
from hub.query.conditions import Conditions
from hub.query.expression import EVERYTHING, Expression
from hub.query.subjects import SettledCalls

COLUMNS = (
    "edge", "duration_ns", "status", "ok", "bytes_in", "bytes_out", "claims", "origin", "missing",
)  # fmt: skip
MEMORY = -1


@dataclass(frozen=True, slots=True)
class Reel:
    """Calls by their ends, ascending."""

    end_ns: Numbers
    columns: dict[str, NDArray[Any]]
    source: Numbers
    """Of each call: the place in `parts`, or `MEMORY`."""
    number: Numbers
    """Of each call in its source."""
    parts: list[Part]

    def between(self, since_ns: int, until_ns: int) -> NDArray[np.int64]:
        """Places of the calls that ended in [since, until)."""
        low, high = np.searchsorted(self.end_ns, [since_ns, until_ns]).tolist()
        return np.arange(low, high)

    def beside(self, other: Reel) -> Reel:
        """Both; this one is of memory only."""
        order = np.argsort(np.concatenate([self.end_ns, other.end_ns]), kind="stable")

        def both(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([one, two])[order]

        return Reel(
            both(self.end_ns, other.end_ns),
            {name: both(self.columns[name], other.columns[name]) for name in COLUMNS},
            both(self.source, other.source),
            both(self.number, other.number),
            other.parts,
        )

    def counted(self, places: NDArray[np.int64]) -> Counted:
        """These calls, for rollups."""
        of = {name: column[places] for name, column in self.columns.items()}
        return Counted(
            of["edge"].astype(np.int64), self.end_ns[places], of["duration_ns"],
            of["ok"].astype(np.bool_), of["bytes_in"], of["bytes_out"], of["claims"] != 0,
        )  # fmt: skip


def cut(part: Any, numbers: Numbers, since_ns: int, until_ns: int, query: Expression) -> Numbers:
    """Of calls of a part, or of the core, those that ended in [since, until) and the query fits;
    what is on ignored networks stays out, as it did."""
    take = part.settling.calls.table.take
    ends = take("end_ns", numbers)
    numbers = numbers[(ends >= since_ns) & (ends < until_ns)]
    numbers = numbers[~take("ignored", numbers).astype(np.bool_)]
    if query != EVERYTHING and len(numbers):
        numbers = numbers[Conditions(part).of(query)(SettledCalls(part, numbers))]
    return numbers


def wound(pieces: Iterable[tuple[Any, Numbers, int]], parts: list[Part]) -> Reel:
    """One reel of pieces: what they are of, which calls, and the place of their source."""
    ends, sources, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], []
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS}
    for of, chosen, source in pieces:
        take = of.settling.calls.table.take
        ends.append(take("end_ns", chosen))
        sources.append(np.full(len(chosen), source))
        numbers.append(chosen)
        for name in COLUMNS:
            columns[name].append(take(name, chosen))
    end_ns = np.concatenate(ends)
    order = np.argsort(end_ns, kind="stable")
    nothing = np.zeros(0, np.int64)
    whole = {name: np.concatenate([nothing, *columns[name]])[order] for name in COLUMNS}
    number = np.concatenate([nothing, *numbers])[order]
    return Reel(end_ns[order], whole, np.concatenate(sources)[order], number, parts)
