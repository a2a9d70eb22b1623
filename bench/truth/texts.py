"""Strings by number, so that millions of lines are columns of integers.

Number 0 is "". One table for all columns.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


class Texts:
    """A two-way table."""

    def __init__(self) -> None:
        self.values: list[str] = [""]
        self._codes: dict[str, int] = {"": 0}

    def code(self, value: str) -> int:
        """The string's number."""
        code = self._codes.setdefault(value, len(self.values))
        if code == len(self.values):
            self.values.append(value)
        return code

    def codes(self, values: Iterable[str]) -> Codes:
        """The numbers of several strings."""
        return np.array([self.code(value) for value in values], np.int64)
