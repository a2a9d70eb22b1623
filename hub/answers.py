"""Distinct questions asked once: their answers by number, and by time where these changed.

Enters: columns of what distinguishes questions. Leaves: columns of numbers of answers. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
Times = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dated:
    """Numbers of answers, each of which holds from some time on; the first one since ever."""

    from_ns: tuple[int, ...]
    numbers: tuple[int, ...]


def at(answers: Sequence[Dated], where: NDArray[np.intp], times: Times) -> Codes:
    """The number of `answers[where[i]]` that holds at `times[i]`; mostly the newest one does."""
    newest = np.array([dated.numbers[-1] for dated in answers], np.int32)
    since = np.array([dated.from_ns[-1] for dated in answers], np.int64)
    result = newest[where]
    for earlier in np.flatnonzero(times < since[where]).tolist():
        dated = answers[where[earlier]]
        result[earlier] = dated.numbers[bisect_right(dated.from_ns, times[earlier]) - 1]
    return result


class Answers(Generic[T]):
    """Distinct answers by number, with columns for the vectorised readers."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.items: list[T] = []
        self._numbers: dict[T, int] = {}
        self._columns = {name: np.zeros(64, np.int32) for name in columns}

    def number(self, item: T) -> int:
        number = self._numbers.get(item)
        if number is None:
            number = self._numbers[item] = len(self.items)
            self.items.append(item)
            for name, column in self._columns.items():
                if number == len(column):
                    self._columns[name] = column = np.concatenate([column, np.zeros_like(column)])
                column[number] = getattr(item, name)
        return number

    def column(self, name: str, numbers: Codes) -> Codes:
        return self._columns[name][numbers]


def distinct_tuples(
    columns: Sequence[NDArray[np.integer[Any]]], shape: tuple[int, ...]
) -> tuple[list[tuple[int, ...]], NDArray[np.intp]]:
    """The distinct tuples of non-negative integers below `shape`, and which of them each row is.

    One sort of single integers: `numpy.unique` over an axis costs ten times that.
    """
    unique, where = np.unique(np.ravel_multi_index(columns, shape), return_inverse=True)
    parts = np.unravel_index(unique, shape)
    return list(zip(*(part.tolist() for part in parts), strict=True)), where
