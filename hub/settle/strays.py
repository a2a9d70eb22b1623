"""Callees' halves that no caller's half is left for, though another line tells whose they are.

A proxy that tries again writes one line, with the last attempt's upstream, and its attempts have a
line each at the callees': these stand in the call of the caller's line. A proxy that passes on what
another server's proxy sent it has one line for both, and that one is joined with the caller's: what
it passed on is a call of its own, made for that one.

Enters: caller's halves as they are joined, lines that pass on, and halves that wait no longer.
Leaves: for each of those the line that tells of it. A hop id is enough. By a trace, or by nothing
but the addresses, an attempt must fit into what the caller's proxy did not spend with the last one
(its overhead), must have gone wrong, and must not overlap with another attempt.
Always holds: lines are noted for `NOTED_S` or `MAX_NOTED` words, and twice that at the most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Calls
from hub.defaults import MAX_NOTED, MAX_NOTED_OF_WORD, NOTED_S
from hub.enums import CalleeKind, JoinKey, Role
from hub.join import fits
from hub.join.half_view import HalfView
from hub.join.halves import Halves
from hub.join.ids import words

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

TRIED_AGAIN_NS = 200_000
"""A proxy that spends less of its own time on a request than this did not try twice."""

APART_NS = 1_000_000
"""By which two attempts may overlap: what the stamps of two servers are off."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A line that belongs into a call."""

    row: int
    call: int
    hops: tuple[int, ...]
    """All of the call with this one, in their order: the caller's, then the attempts."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A line whose caller is another server's proxy, and the line that this one wrote."""

    row: int
    by_row: int
    key: JoinKey


class Strays:
    """Notes what may tell of them."""

    def __init__(self, halves: Halves, calls: Calls) -> None:
        self._halves = halves
        self._calls = calls
        self._rows = halves.rows.table
        self._noted: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})
        """Rows by word, those of the current `NOTED_S` and of the ones before."""
        self._since_ns = 0

    def joined(self, callers: Numbers) -> None:
        """Callers' halves that were joined: some may have tried more than once."""
        again = callers[self._rows.take("overhead_ns", callers) > TRIED_AGAIN_NS]
        if len(again):
            self._note(words(self._rows.take("hop_id", again)), again)
            self._note(words(self._rows.take("trace_id", again)), again)
            self._note(self._rows.take("key", again).tolist(), again)

    def pass_on(self, rows: Numbers, kinds: NDArray[np.int32]) -> None:
        """Halves, and the `CalleeKind`s of whom they called: some may pass on a request of another
        server to a third one."""
        passing = kinds == CalleeKind.OTHER_SERVER
        passing &= self._rows.take("role", rows) == Role.CALLEE
        if passing.any():
            self._note(words(self._rows.take("hop_id", rows[passing])), rows[passing])
            self._note(words(self._rows.take("trace_id", rows[passing])), rows[passing])

    def passed(self, now_ns: int) -> None:
        """Forget what is too old."""
        full = len(self._noted[0]) > MAX_NOTED
        if full or now_ns - self._since_ns > NOTED_S * 1_000_000_000:
            self._since_ns = now_ns
            self._noted = {}, self._noted[0]

    # --- readings

    def find(self, rows: Numbers, skews: Numbers) -> Iterator[Attempt | Passed]:
        """Of halves that wait no longer: those of which a line tells. Each answer counts with the
        calls as the ones before it have left them."""
        if not any(self._noted):
            return
        halves = HalfView(self._halves, rows[self._rows.take("role", rows) == Role.CALLEE], skews)
        asked = zip(
            halves.rows.tolist(),
            words(halves.hop),
            words(halves.trace),
            halves.key.tolist(),
            strict=True,
        )
        for row, hop, trace, key in asked:
            by = (JoinKey.HOP_ID, hop), (JoinKey.TRACE, trace), (JoinKey.ADDRESS, key)
            for kind, word in by:
                found = self._told_by(row, self._those(word), kind, skews) if word else None
                if found is not None:
                    yield found
                    break

    def _told_by(
        self, row: int, lines: Sequence[int], kind: JoinKey, skews: Numbers
    ) -> Attempt | Passed | None:
        lines = [line for line in lines if line >= self._rows.first]
        if not lines:
            return None
        stray = HalfView(self._halves, np.full(len(lines), row), skews)
        told = HalfView(self._halves, np.array(lines, np.int64), skews)
        near = self._may_be(told, stray, kind)
        attempts = [self._attempt(row, line, kind, skews) for line in told.rows[near & told.leads]]
        found = [attempt for attempt in attempts if attempt is not None]
        if len(found) == 1:
            return found[0]
        passing = told.rows[near & ~told.leads]
        if not found and len(passing) == 1:
            return Passed(row, int(passing[0]), kind)
        return None

    def _may_be(self, told: HalfView, stray: HalfView, kind: JoinKey) -> Mask:
        """Which of these lines may be of the proxy that sent the stray."""
        near: Mask = fits.nested(told, stray, fits.TOLERANCE_NS) & (told.server != stray.server)
        if kind is JoinKey.HOP_ID:
            near &= (self._rows.take("hop_id", told.rows) == stray.hop).all(axis=1)
            return near
        near &= (told.method == stray.method) & ((told.server == stray.other) | (stray.other < 0))
        near &= self._halves.texts.ends_with(told.path, stray.path)
        if kind is JoinKey.TRACE:
            near &= (told.trace == stray.trace).all(axis=1)
            return near
        near &= fits.agree(told.trace, stray.trace)
        return near

    def _attempt(self, row: int, caller: int, kind: JoinKey, skews: Numbers) -> Attempt | None:
        """The call of the caller's line with this row in it; None: it is none of its attempts."""
        take = self._rows.take
        call = self._rows.value("call", caller)
        known = call >= self._calls.table.first and not self._calls.table.value("gone", call)
        if not known or self._calls.table.value("hop0", call) != caller:
            return None
        others = self._calls.hops(call, self._rows)[1:]
        rows = np.array([row, *others], np.int64)
        attempts = HalfView(self._halves, rows, skews)
        order = np.argsort(attempts.start_ns, kind="stable")
        start, end = attempts.start_ns[order], attempts.end_ns[order]
        if kind is not JoinKey.HOP_ID:
            failed = take("status", rows[order][:-1]) >= 400
            spare_ns = self._rows.value("overhead_ns", caller) + APART_NS
            if not (
                failed.all()
                and (end[:-1] <= start[1:] + APART_NS).all()
                and take("duration_ns", rows[order][:-1]).sum() <= spare_ns
            ):
                return None
        return Attempt(row, call, (caller, *rows[order].tolist()))

    def _those(self, word: int) -> list[int]:
        now, before = self._noted
        return now.get(word, []) + before.get(word, [])

    def _note(self, keys: Sequence[int], rows: Numbers) -> None:
        noted = self._noted[0]
        for word, row in zip(keys, rows.tolist(), strict=True):
            if word:
                lines = noted.setdefault(word, [])
                lines.append(row)
                if len(lines) > MAX_NOTED_OF_WORD:
                    del lines[0]
