"""Growing columns: NumPy arrays that are appended to at one end and forgotten at the other.

Invariants: a row's number never changes and is never used again; `first <= number < end` are the
kept ones; all columns have the same rows. Appending is amortised O(rows appended), and no single
append pays for all: each column is moved to a larger array, or back to the beginning of one, by
itself, when its own room ends. Their rooms differ, so of a million rows with 50 columns a step
copies a few MB at a time where it would stand still for half a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Column = tuple[DTypeLike, tuple[int, ...]]
"""The element's type, and the shape of one row's value (`()` for a scalar)."""


class Table:
    """Rows of fixed columns, numbered from 0 in the order of their arrival."""

    def __init__(self, columns: Mapping[str, Column], capacity: int = 1024) -> None:
        self.first = 0
        self.end = 0
        self._arrays: dict[str, NDArray[Any]] = {}
        self._bases = dict.fromkeys(columns, 0)
        """Of each column: the number of the row at index 0 of its array."""
        for place, (name, (dtype, shape)) in enumerate(columns.items()):
            room = capacity + capacity * place // len(columns)
            self._arrays[name] = np.zeros((room, *shape), dtype)
        self._room_until = capacity
        """Every column has room for the rows below this number."""

    def begin_at(self, number: int) -> None:
        """Give the first row this number. While there are no rows."""
        assert not len(self)
        self.first = self.end = number
        self._bases = dict.fromkeys(self._bases, number)
        self._room_until = number + min(map(len, self._arrays.values()))

    def __len__(self) -> int:
        return self.end - self.first

    def append(self, count: int, values: Mapping[str, Any]) -> NDArray[np.int64]:
        """Append `count` rows. Their numbers.

        `values` are arrays of that length, lists of arrays that make up that length, or scalars.
        """
        if self.end + count > self._room_until:
            self._make_room(count)
        for name, array in self._arrays.items():
            value, start = values[name], self.end - self._bases[name]
            if isinstance(value, list):
                np.concatenate(value, out=array[start : start + count], casting="unsafe")
            else:
                array[start : start + count] = value
        numbers = np.arange(self.end, self.end + count, dtype=np.int64)
        self.end += count
        return numbers

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A view of the kept rows of one column, in order. Valid until the next append."""
        base = self._bases[name]
        return self._arrays[name][self.first - base : self.end - base]

    def take(self, name: str, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The values of the rows of these numbers."""
        return self._arrays[name].take(numbers - self._bases[name], axis=0)

    def put(self, name: str, numbers: NDArray[np.int64], values: Any) -> None:
        """Overwrite the values of the rows of these numbers."""
        self._arrays[name][numbers - self._bases[name]] = values

    def value(self, name: str, number: int) -> Any:
        """One value, as a Python object."""
        return self._arrays[name][number - self._bases[name]].item()

    def forget_before(self, number: int) -> None:
        """Let go of the rows below this number."""
        self.first = max(self.first, min(number, self.end))

    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        return sum(array.nbytes for array in self._arrays.values())

    def _make_room(self, count: int) -> None:
        """Move the columns whose own room ends."""
        for name, old in self._arrays.items():
            base = self._bases[name]
            if self.end - base + count > len(old):
                self._arrays[name] = _moved(old, self.first - base, self.end - base, count)
                self._bases[name] = self.first
        self._room_until = min(
            self._bases[name] + len(array) for name, array in self._arrays.items()
        )


def _moved(old: NDArray[Any], first: int, end: int, count: int) -> NDArray[Any]:
    """The rows [first, end) at the beginning of an array with room for `count` more, and for half
    as many again before it is full. All sizes grow by the same factor, so they stay different."""
    kept, capacity = end - first, len(old)
    while capacity < (kept + count) * 3 // 2:
        capacity += capacity // 4 + 1
    new = np.zeros((capacity, *old.shape[1:]), old.dtype)
    new[:kept] = old[first:end]
    return new
