"""Answers about the strings of rows, once per distinct string.

Enters: columns of codes. Leaves: columns of answers. Forgets all when codes are numbered anew.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hub.columns.rows import Rows
from hub.identity.forwarded import nearest

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

REDACTED = "REDACTED"
"""What agents put in place of secrets."""
MAX_ENDINGS = 100_000
"""Pairs of paths that are remembered; some 100 bytes each."""


Hashes = NDArray[np.uint64]
"""Of strings: 0 for the empty one, and the same for equal strings however they are numbered."""

_64_BITS = (1 << 64) - 1


class Texts:
    """What the join asks of paths and addresses."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._reset()

    def tails(self, paths: Codes) -> Hashes:
        """Of what follows each path's last slash."""
        self._refresh()
        return self._tails.of(paths)

    def methods(self, methods: Codes) -> Hashes:
        """Of methods."""
        self._refresh()
        return self._methods.of(methods)

    def clients(self, clients: Codes) -> Hashes:
        """Of clients' addresses."""
        self._refresh()
        return self._clients.of(clients)

    def claims(self, forwarded: Codes) -> Hashes:
        """Of whom each forwarded header's sender itself says to speak for."""
        self._refresh()
        return self._claims.of(forwarded)

    def claimed(self, code: int) -> str:
        """Whom a forwarded header's sender itself says to speak for."""
        return nearest(self._rows.strings["forwarded"].values[code])

    def ends_with(self, longer: Codes, shorter: Codes) -> Mask:
        """Whether each path ends with the other, as far as both were not redacted."""
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
            answer = ends_alike(values[key >> 32], values[key & 0xFFFFFFFF])
            self._endings[key] = answer
        return answer

    def _refresh(self) -> None:
        if self._epoch != self._rows.epoch:
            self._reset()

    def _reset(self) -> None:
        strings = self._rows.strings
        self._epoch = self._rows.epoch
        self._tails = _Hashed(strings["path"].values, lambda path: path.rpartition("/")[2])
        self._methods = _Hashed(strings["method"].values, str)
        self._clients = _Hashed(strings["client"].values, str)
        self._claims = _Hashed(strings["forwarded"].values, nearest)
        self._endings: dict[int, bool] = {}


def ends_alike(longer: str, shorter: str) -> bool:
    """Whether a path ends with the other; what one of them has redacted may be anything."""
    if longer.endswith(shorter):
        return True
    if REDACTED not in longer and REDACTED not in shorter:
        return False
    path, _, query = longer.partition("?")
    end, _, other = shorter.partition("?")
    segments, last = path.split("/"), end.split("/")[1:]
    alike = 0 < len(last) < len(segments) and all(map(_alike, segments[-len(last) :], last))
    return alike and _same_queries(query, other)


def _same_queries(one: str, other: str) -> bool:
    if REDACTED in (one, other):
        return True
    ones, others = (query.replace(";", "&").split("&") for query in (one, other))
    return len(ones) == len(others) and all(map(_alike, ones, others))


def _alike(one: str, other: str) -> bool:
    """Of segments or parameters."""
    return one == other or REDACTED in one or REDACTED in other


class _Hashed:
    """A hash of a part of each string of a growing list."""

    def __init__(self, values: list[str], part: Callable[[str], str]) -> None:
        self._values = values
        self._part = part
        self._hashes = np.zeros(64, np.uint64)
        self._known = 0

    def of(self, codes: Codes) -> Hashes:
        known, end = self._known, len(self._values)
        if known < end:
            if end > len(self._hashes):
                more = np.zeros(max(end - len(self._hashes), len(self._hashes)), np.uint64)
                self._hashes = np.concatenate([self._hashes, more])
            parts = map(self._part, self._values[known:end])
            self._hashes[known:end] = [hash(part) & _64_BITS if part else 0 for part in parts]
            self._known = end
        return self._hashes[codes]
