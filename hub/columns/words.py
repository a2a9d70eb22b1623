"""Several columns of integers as one column of words: equal rows have equal words.

Two rows that differ share a word once in 2**64. A row of zeros has the word 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_FACTORS = tuple(
    np.uint64(factor)
    for factor in (0xD1B54A32D192ED03, 0xAEF17502108EF2D9, 0xC2B2AE3D27D4EB4F, 0x27D4EB2F165667C5)
)
"""Odd; the golden ratio is not among them: ids are often made by multiplying counters with it."""


def mixed(*columns: NDArray[np.integer[Any]]) -> Words:
    """One word a row, of up to four columns."""
    word = np.zeros(len(columns[0]), np.uint64)
    for column, factor in zip(columns, _FACTORS[: len(columns)], strict=True):
        word ^= column.astype(np.uint64) * factor
    word ^= word >> np.uint64(29)
    return word
