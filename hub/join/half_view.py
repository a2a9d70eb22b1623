"""The columns of some halves, each taken from the table once, when it is first asked for.

Enters: rows of halves, and the servers' clocks. Leaves: columns, aligned with the rows. `at` gives
the same of a part of them, or of them several times over, as pairs need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hub.enums import HalfState, Role
from hub.join.halves import Halves

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]
C = TypeVar("C", Numbers, Codes, Mask, Words)

UNREACHED = (502, 503, 504)
"""What Traefik answers where it got no answer."""

_UNREACHED = np.zeros(1 << 16, np.bool_)
_UNREACHED[list(UNREACHED)] = True
_CUT_OFF = _UNREACHED.copy()
_CUT_OFF[[0, 101, 499]] = True


class _column(Generic[C]):
    """A column that is taken once; of a part, the part of the whole's.

    As `functools.cached_property`, without its lock: a step takes some fifty of them.
    """

    def __init__(self, take: Callable[[HalfView], C]) -> None:
        self._take: Callable[[HalfView], C] = take
        self._name = take.__name__
        self.__doc__ = take.__doc__

    def __get__(self, view: HalfView, owner: type[HalfView]) -> C:
        column: C
        if view.whole is None:
            column = self._take(view)
        else:
            column = getattr(view.whole, self._name)[view.index]
        view.__dict__[self._name] = column
        return column


class HalfView:
    """Halves of these rows."""

    def __init__(self, halves: Halves, rows: Numbers, skews: Numbers) -> None:
        self.rows = rows
        self.whole: HalfView | None = None
        self.index: NDArray[np.intp] = np.zeros(0, np.intp)
        self._halves = halves
        self.skews = skews

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, index: NDArray[np.integer] | Mask) -> HalfView:
        """Of the rows at these places."""
        part = HalfView(self._halves, self.rows[index], self.skews)
        part.whole = self if self.whole is None else self.whole
        part.index = np.flatnonzero(index) if index.dtype == bool else index  # type: ignore[assignment]
        if self.whole is not None:
            part.index = self.index[part.index]
        return part

    def _take(self, name: str) -> NDArray[Any]:
        return self._halves.rows.table.take(name, self.rows)

    @property
    def waits(self) -> Mask:
        """Which wait for their other half, as of now."""
        waits: Mask = self._halves.state(self.rows) == HalfState.WAITING
        return waits

    @property
    def unpaired(self) -> Mask:
        """Which are in no pair, as of now."""
        unpaired: Mask = self._halves.state(self.rows) != HalfState.JOINED
        return unpaired

    @_column
    def leads(self) -> Mask:
        """Which are the callers' halves."""
        leads: Mask = self._take("role") == Role.CALLER
        return leads

    @_column
    def server(self) -> Codes:
        """The numbers of the servers that logged them."""
        return self._halves.logs.servers(self._take("log"))

    @_column
    def other(self) -> Codes:
        """Where the other half should be; -1: any server (the peer's address does not tell)."""
        return self._take("other")

    @_column
    def clock_ns(self) -> Numbers:
        """Their starts in their servers' own clocks."""
        return self._take("start_ns")

    @_column
    def duration_ns(self) -> Numbers:
        """How long they took."""
        return self._take("duration_ns")

    @_column
    def start_ns(self) -> Numbers:
        """Their starts in the hub's clock."""
        return self.clock_ns - self.skews[self.server]

    @_column
    def end_ns(self) -> Numbers:
        """Their ends in the hub's clock."""
        return self.start_ns + self.duration_ns

    @_column
    def seen_ns(self) -> Numbers:
        """When they were committed, or began to wait again, in the hub's clock."""
        return self._take("seen_ns")

    @_column
    def hop(self) -> Words:
        """The callers' hop ids, and those that the callees' requests arrived with; shape (n, 2)."""
        return np.where(self.leads[:, None], self._take("hop_id"), self._take("hop_parent"))

    @_column
    def trace(self) -> Words:
        """Their trace ids; shape (n, 2)."""
        return self._take("trace_id")

    @_column
    def key(self) -> Words:
        """The same in both halves of a call: servers, method and the path's end."""
        return self._take("key")

    @_column
    def claim(self) -> Words:
        """The same in both halves of a call: the callers' peer, and whom the callees' peers speak
        for; 0: not told."""
        return self._take("claim")

    @_column
    def method(self) -> Codes:
        """Codes of their methods."""
        return self._take("method")

    @_column
    def path(self) -> Codes:
        """Codes of their paths."""
        return self._take("path")

    @_column
    def by_address(self) -> Mask:
        """Which may be joined by address and time."""
        return self._take("by_address")

    @_column
    def cut_off(self) -> Mask:
        """One side gave the other up: who ends first is not said."""
        cut_off: Mask = _CUT_OFF[self._take("status")]
        return cut_off

    @_column
    def unreached(self) -> Mask:
        """The proxy made the answer: the request may never have reached the callee."""
        unreached: Mask = _UNREACHED[self._take("status")]
        return unreached
