"""Growing columns: NumPy arrays that are appended to at one end and forgotten at the other.

Invariants: a row's number never changes and is never used again; `first <= number < end` are the
kept ones; all columns have the same rows. Appending is amortised O(rows appended).
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
        self._base = 0  # number of the row at index 0 of the arrays
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.zeros((capacity, *shape), dtype) for name, (dtype, shape) in columns.items()
        }
        self._capacity = capacity

    def begin_at(self, number: int) -> None:
        """Give the first row this number. While there are no rows."""
        assert not len(self)
        self.first = self.end = self._base = number

    def __len__(self) -> int:
        return self.end - self.first

    def append(self, count: int, values: Mapping[str, Any]) -> NDArray[np.int64]:
        """Append `count` rows. Their numbers.

        `values` are arrays of that length, lists of arrays that make up that length, or scalars.
        """
        self._make_room(count)
        start = self.end - self._base
        for name, array in self._arrays.items():
            value = values[name]
            if isinstance(value, list):
                np.concatenate(value, out=array[start : start + count], casting="unsafe")
            else:
                array[start : start + count] = value
        numbers = np.arange(self.end, self.end + count, dtype=np.int64)
        self.end += count
        return numbers

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A view of the kept rows of one column, in order. Valid until the next append."""
        return self._arrays[name][self.first - self._base : self.end - self._base]

    def take(self, name: str, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The values of the rows of these numbers."""
        return self._arrays[name][numbers - self._base]

    def put(self, name: str, numbers: NDArray[np.int64], values: Any) -> None:
        """Overwrite the values of the rows of these numbers."""
        self._arrays[name][numbers - self._base] = values

    def value(self, name: str, number: int) -> Any:
        """One value, as a Python object."""
        return self._arrays[name][number - self._base].item()

    def forget_before(self, number: int) -> None:
        """Let go of the rows below this number."""
        self.first = max(self.first, min(number, self.end))

    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        return sum(array.nbytes for array in self._arrays.values())

    def _make_room(self, count: int) -> None:
        kept = self.end - self.first
        if self.end - self._base + count <= self._capacity:
            return
        if (kept + count) * 2 > self._capacity:
            self._capacity = max(self._capacity * 2, (kept + count) * 2)
        offset = self.first - self._base
        for name, old in self._arrays.items():
            new = np.zeros((self._capacity, *old.shape[1:]), old.dtype)
            new[:kept] = old[offset : offset + kept]
            self._arrays[name] = new
        self._base = self.first
