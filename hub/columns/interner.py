"""Strings as small integers, the same ones over all batches and servers.

Code 0 is "" always. Codes are dense; a code stays valid until `keep_only` drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray


class Interner:
    """A two-way table of strings and their codes."""

    def __init__(self) -> None:
        self.values: list[str] = [""]
        self._codes = _Codes(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def code(self, value: str) -> int:
        """The string's code, a new one where it was never seen."""
        return self._codes[value]

    @property
    def translate(self) -> Callable[[str], int]:
        """`code` without its frame, until the next `keep_only`."""
        return self._codes.__getitem__

    def codes(self, values: Iterable[str]) -> NDArray[np.int32]:
        """The codes of several strings."""
        return np.array(list(map(self._codes.__getitem__, values)), np.int32)

    def keep_only(self, used: NDArray[np.int32]) -> NDArray[np.int32]:
        """Drop all other codes and number anew; an array that maps old codes to new ones."""
        used = np.union1d(used, np.zeros(1, np.int32))
        mapping = np.zeros(len(self.values), np.int32)
        mapping[used] = np.arange(len(used), dtype=np.int32)
        self.values = [self.values[code] for code in used.tolist()]
        self._codes = _Codes(self.values)
        return mapping


class _Codes(dict[str, int]):
    """Codes by string; the next one for a string that was never seen."""

    def __init__(self, values: list[str]) -> None:
        super().__init__({value: code for code, value in enumerate(values)})
        self._values = values

    def __missing__(self, value: str) -> int:
        code = self[value] = len(self._values)
        self._values.append(value)
        return code
