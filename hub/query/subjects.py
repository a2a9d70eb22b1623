"""What a query can be tried on: settled calls, or halves that wait, as columns.

Enters: numbers of calls or of rows. Leaves: columns by the names of `hub.calls.COLUMNS`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers
from hub.settle.pipeline import Pipeline


class Subjects(Protocol):
    """What a condition is tried on."""

    def __len__(self) -> int: ...

    def take(self, name: str) -> NDArray[Any]:
        """A column of `hub.calls.COLUMNS`."""

    def part(self, positions: Numbers) -> Subjects:
        """Those at these positions."""


class SettledCalls:
    """Calls by number."""

    def __init__(self, pipeline: Pipeline, numbers: Numbers) -> None:
        self._pipeline, self.numbers = pipeline, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, name: str) -> NDArray[Any]:
        return self._pipeline.settling.calls.table.take(name, self.numbers)

    def part(self, positions: Numbers) -> SettledCalls:
        return SettledCalls(self._pipeline, self.numbers[positions])


class WaitingHalves:
    """Rows of halves that are shown while they wait: calls as far as they are known."""

    def __init__(self, pipeline: Pipeline, rows: Numbers) -> None:
        self._pipeline, self.rows = pipeline, rows

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, name: str) -> NDArray[Any]:
        take = self._pipeline.settling.rows.table.take
        match name:
            case "edge":
                return take("shown_edge", self.rows)
            case "hop0":
                return self.rows
            case "hop1":
                return np.full(len(self.rows), -1)
            case "ok":
                status = take("status", self.rows)
                return (status >= 100) & (status < 400)
            case "answered_by_service":
                return take("upstream_status", self.rows) > 0
            case "by" | "missing" | "claims":
                return np.zeros(len(self.rows), np.uint8)
        return take(name, self.rows)

    def part(self, positions: Numbers) -> WaitingHalves:
        return WaitingHalves(self._pipeline, self.rows[positions])
