"""Answers about the strings of rows, once per distinct string.

Enters: columns of codes. Leaves: columns of answers. Forgets all when codes are numbered anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hub.rows import Rows

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

MAX_ENDINGS = 100_000
"""Pairs of paths that are remembered; some 100 bytes each."""


class Texts:
    """What the join asks of paths and addresses."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._reset()

    def tails(self, paths: Codes) -> Codes:
        """A code of what follows each path's last slash."""
        self._refresh()
        return self._tails.of(paths)

    def claims(self, forwarded: Codes) -> Codes:
        """The code, as a client's address, of the first address of each forwarded header."""
        self._refresh()
        return self._claims.of(forwarded)

    def ends_with(self, longer: Codes, shorter: Codes) -> Mask:
        """Whether each path ends with the other."""
        self._refresh()
        result: Mask = longer == shorter
        undecided = np.flatnonzero(~result)
        if len(undecided):
            keys = longer[undecided].astype(np.int64) << 32 | shorter[undecided]
            distinct, where = np.unique(keys, return_inverse=True)
            answers = np.array([self._ends_with(key) for key in distinct.tolist()], np.bool_)
            result[undecided] = answers[where]
        return result

    def _ends_with(self, key: int) -> bool:
        answer = self._endings.get(key)
        if answer is None:
            if len(self._endings) >= MAX_ENDINGS:
                self._endings.clear()
            values = self._rows.strings["path"].values
            answer = values[key >> 32].endswith(values[key & 0xFFFFFFFF])
            self._endings[key] = answer
        return answer

    def _refresh(self) -> None:
        if self._epoch != self._rows.epoch:
            self._reset()

    def _reset(self) -> None:
        strings, tails = self._rows.strings, dict[str, int]()
        self._epoch = self._rows.epoch
        self._tails = _Derived(
            strings["path"].values,
            lambda paths: [tails.setdefault(path.rpartition("/")[2], len(tails)) for path in paths],
        )
        self._claims = _Derived(
            strings["forwarded"].values,
            lambda headers: strings["client"].codes(
                header.partition(",")[0].strip() for header in headers
            ),
        )
        self._endings: dict[int, bool] = {}


class _Derived:
    """A code for each code of a growing list of strings."""

    def __init__(
        self, values: list[str], derive: Callable[[list[str]], Sequence[int] | Codes]
    ) -> None:
        self._values = values
        self._derive = derive
        self._codes = np.zeros(64, np.int32)
        self._known = 0

    def of(self, codes: Codes) -> Codes:
        known, end = self._known, len(self._values)
        if known < end:
            if end > len(self._codes):
                more = np.zeros(max(end - len(self._codes), len(self._codes)), np.int32)
                self._codes = np.concatenate([self._codes, more])
            self._codes[known:end] = self._derive(self._values[known:end])
            self._known = end
        return self._codes[codes]
