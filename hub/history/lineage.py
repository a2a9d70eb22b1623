"""Which call a sealed call was made for, as `hub.parents` tells of those in memory.

Enters: sealed calls, and the row groups in which their parents may be. Leaves: ids. A hop id that
its caller passed on names the parent's line on the same server; a trace names the last begun call
that was going on there and whose callee is the caller. A parent that began more than `LOOK_BACK_NS`
earlier is not found, nor one that is still in memory: then none is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.history.part import Part
from hub.order import Key

Numbers = NDArray[np.int64]

LOOK_BACK_NS = 60_000_000_000
"""Requests that make others are seldom this long."""


class Child:
    """A call that may have a parent."""

    __slots__ = ("caller", "hop", "key", "parent", "server", "start_ns", "trace")

    def __init__(self, part: Part, number: int) -> None:
        def told(name: str) -> Any:
            return part.told(name, np.array([number]))[0]

        self.key: Key = part.keys.key(number)
        self.server = told("hop0_server")
        self.caller = told("from_node")
        self.start_ns = int(part["start_ns"][number])
        self.hop, self.trace = told("hop0_hop_parent"), told("hop0_trace_id")
        self.parent: tuple[int, Key] | None = None
        """How late it began, and its id."""

    @property
    def asks(self) -> bool:
        """Whether ids may tell: who comes from elsewhere was not seen serving anybody."""
        return bool(self.hop or self.trace) and str(self.caller).startswith(f"{self.server}/")


def find(
    children: Iterable[Child], parts: Iterable[Part], standing: Callable[[Part], Numbers]
) -> None:
    """Give each child its parent, of the calls of these parts that stand."""
    asking = [child for child in children if child.asks]
    by_hop = _by_word((child.hop, child) for child in asking if child.hop)
    by_trace = _by_word((child.trace, child) for child in asking if child.trace)
    for part in parts if asking else ():
        told = np.zeros(part.count, np.bool_)
        told[standing(part)] = True
        for column, wanted in (("hop_id", by_hop), ("trace_id", by_trace)):
            words = part.rows.table[column][:, 0]
            rows = np.flatnonzero(np.isin(words, list(wanted)) & np.tile(told, 2))
            for row in rows.tolist():
                hop, number = divmod(row, part.count)
                for child in wanted[int(words[row])]:
                    _weigh(child, part, number, hop, column)


def _by_word(pairs: Iterable[tuple[bytes, Child]]) -> dict[int, list[Child]]:
    """Children by the first word of an id."""
    found: dict[int, list[Child]] = {}
    for id, child in pairs:
        found.setdefault(int.from_bytes(id[:8], "little"), []).append(child)
    return found


def _weigh(child: Child, part: Part, number: int, hop: int, column: str) -> None:
    one = np.array([number])
    id = part.told(f"hop{hop}_{column}", one)[0]
    if part.told(f"hop{hop}_server", one)[0] != child.server:
        return
    begun, lasted = (
        int(part.numbers(f"hop1_{name}" if hop else name)[number])
        for name in ("start_ns", "duration_ns")
    )
    if column == "hop_id":
        fits = id == child.hop
        begun = 1 << 62  # it names the line itself
    else:
        callee = part.told("to_node", one)[0]
        under_way = begun <= child.start_ns <= begun + lasted
        fits = id == child.trace and under_way and callee == child.caller
    key = part.keys.key(number)
    if fits and key != child.key and (child.parent is None or child.parent[0] < begun):
        child.parent = begun, key
