"""Strings as small integers, the same ones over all batches and servers.

Code 0 is "" always. Codes are dense; a code stays valid until `keep_only` drops it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Interner:
    """A two-way table of strings and their codes."""

    def __init__(self) -> None:
        self.values: list[str] = [""]
        self._codes: dict[str, int] = {"": 0}

    def __len__(self) -> int:
        return len(self.values)

    def code(self, value: str) -> int:
        """The string's code, a new one where it was never seen."""
        code = self._codes.get(value)
        if code is None:
            code = self._codes[value] = len(self.values)
            self.values.append(value)
        return code

    def codes(self, values: Sequence[str]) -> NDArray[np.int32]:
        """The codes of several strings."""
        return np.fromiter(map(self.code, values), np.int32, len(values))

    def keep_only(self, used: NDArray[np.int32]) -> NDArray[np.int32]:
        """Drop all other codes and number anew; an array that maps old codes to new ones."""
        used = np.union1d(used, np.zeros(1, np.int32))
        mapping = np.zeros(len(self.values), np.int32)
        mapping[used] = np.arange(len(used), dtype=np.int32)
        self.values = [self.values[code] for code in used.tolist()]
        self._codes = {value: code for code, value in enumerate(self.values)}
        return mapping
