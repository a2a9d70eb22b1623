"""Which call a call was made for, where `hub.parents` cannot tell: one of the two is sealed.

Enters: columns of calls that ask, and of the lines that may answer, from memory and from files
alike. Leaves: which line answers. A hop id that its caller passed on names the parent's line on the
same server; a trace names the last begun call that was going on there and whose callee is the
caller. Who comes from elsewhere was not seen serving anybody, and does not ask. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.columns.words import mixed
from hub.join.halves import has_id
from hub.query.order import Key, Keys, joined

Numbers = NDArray[np.int64]
Ids = NDArray[np.uint64]
Mask = NDArray[np.bool_]

LOOK_BACK_NS = 60_000_000_000
"""A parent that began earlier is not found: requests that make others are seldom this long."""

MAX_STEPS = 256
"""Calls of one trace to one callee that a caller is compared with, the last begun first."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Calls by what their first lines say of whom they were made for."""

    hop: Ids
    trace: Ids
    """Shape (n, 2)."""
    server: NDArray[np.int32]
    begun: Numbers
    node: Numbers
    """The caller."""
    keys: Keys

    def __len__(self) -> int:
        return len(self.begun)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that calls may have been made for."""

    hop: Ids
    trace: Ids
    """Shape (n, 2)."""
    server: NDArray[np.int32]
    begun: Numbers
    ended: Numbers
    node: Numbers
    """The callee."""
    keys: Keys
    """Of their calls."""

    def __len__(self) -> int:
        return len(self.begun)


def asking(source: Any, calls: Numbers, keys: Keys) -> Asking:
    """Those of these calls of a part, or of the core, that ask; `keys`: of all of these."""
    table, rows = source.settling.calls.table, source.settling.rows.table
    first, node = table.take("hop0", calls), table.take("from_node", calls).astype(np.int64)
    server = _servers(source)[rows.take("log", first)]
    hop, trace = rows.take("hop_parent", first), rows.take("trace_id", first)
    own = _servers_of_nodes(source)[node] == server
    chosen = np.flatnonzero(own & (has_id(hop) | has_id(trace)))
    begun = rows.take("start_ns", first[chosen])
    return Asking(hop[chosen], trace[chosen], server[chosen], begun, node[chosen], keys.at(chosen))


def lines(source: Any, rows: Numbers, calls: Numbers, keys: Keys) -> Lines:
    """These lines, each of the call beside it, whose key stands beside that."""
    table, of = source.settling.calls.table, source.settling.rows.table
    begun = of.take("start_ns", rows)
    return Lines(
        of.take("hop_id", rows), of.take("trace_id", rows), _servers(source)[of.take("log", rows)],
        begun, begun + of.take("duration_ns", rows),
        table.take("to_node", calls).astype(np.int64), keys,
    )  # fmt: skip


def together(parts: Sequence[Any]) -> Any:
    """Several `Asking`, or several `Lines`, as one."""
    kind = type(parts[0])
    columns = [
        joined([part.keys for part in parts])
        if field.name == "keys"
        else np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(kind)
    ]
    return kind(*columns)


def parents(children: Asking, found: Lines) -> list[Key | None]:
    """The parent of each child among these lines."""
    answers = _by_hop(children, found)
    open_ = np.flatnonzero((answers < 0) & has_id(children.trace))
    answers[open_] = _by_trace(children, found, open_)
    return [found.keys.key(answer) if answer >= 0 else None for answer in answers.tolist()]


def may_tell(ids: Ids, wanted: Ids) -> Mask:
    """Which of these ids may be one of those; by their first words."""
    return np.isin(ids[:, 0], wanted[has_id(wanted), 0])


def _by_hop(children: Asking, found: Lines) -> Numbers:
    """The line that each names, on its server; -1: none."""
    usable = np.flatnonzero(has_id(found.hop))
    words = mixed(found.hop[usable, 0], found.hop[usable, 1], found.server[usable])
    order = _ordered(words, found, usable)
    words, usable = words[order], usable[order]
    asked = mixed(children.hop[:, 0], children.hop[:, 1], children.server)
    answers = np.full(len(children), -1, np.int64)
    pending = np.flatnonzero(has_id(children.hop))
    places = np.searchsorted(words, asked[pending], side="right") - 1
    for _ in range(MAX_STEPS):  # past the child's own lines
        held = places >= 0
        held[held] = words[places[held]] == asked[pending[held]]
        pending, places = pending[held], places[held]
        if not len(pending):
            break
        lines = usable[places]
        fits = (found.hop[lines] == children.hop[pending]).all(axis=1)
        fits &= ~_same(children.keys, pending, found.keys, lines)
        answers[pending[fits]] = lines[fits]
        pending, places = pending[~fits], places[~fits] - 1
    return answers


def _by_trace(children: Asking, found: Lines, asked: Numbers) -> Numbers:
    """The last begun line of each one's trace that was going on; -1: none."""
    usable = np.flatnonzero(has_id(found.trace))
    words = _trace_words(found, usable)
    order = _ordered(words, found, usable)
    words, usable = words[order], usable[order]
    begun = found.begun[usable]
    wanted = _trace_words(children, asked)
    low = np.searchsorted(words, wanted)
    high = np.searchsorted(words, wanted, side="right")
    answers = np.full(len(asked), -1, np.int64)
    pending = np.flatnonzero(high > low)
    places = high[pending] - 1
    for _ in range(MAX_STEPS):
        held = places >= low[pending]
        pending, places = pending[held], places[held]
        if not len(pending):
            break
        lines, own = usable[places], asked[pending]
        fits = (begun[places] <= children.begun[own]) & (found.ended[lines] >= children.begun[own])
        fits &= (found.trace[lines] == children.trace[own]).all(axis=1)
        fits &= ~_same(children.keys, own, found.keys, lines)
        answers[pending[fits]] = lines[fits]
        pending, places = pending[~fits], places[~fits] - 1
    return answers


def _trace_words(of: Asking | Lines, places: Numbers) -> NDArray[np.uint64]:
    return mixed(of.trace[places, 0], of.trace[places, 1], of.server[places], of.node[places])


def _ordered(words: NDArray[np.uint64], found: Lines, places: Numbers) -> NDArray[np.int64]:
    keys = found.keys.at(places)
    return np.lexsort((keys.offset, keys.log, keys.start_ns, found.begun[places], words))


def _same(one: Keys, places: Numbers, two: Keys, others: Numbers) -> Mask:
    same: Mask = one.start_ns[places] == two.start_ns[others]
    same &= one.log[places] == two.log[others]
    same &= one.offset[places] == two.offset[others]
    return same


def _servers(source: Any) -> NDArray[np.int32]:
    """The number of each log's server."""
    return np.array([log.server.number for log in source.settling.logs], np.int32)


def _servers_of_nodes(source: Any) -> NDArray[np.int32]:
    """The number of the server that each node lives on; -1: none; the last one: of no node."""
    numbers = {log.server.id: log.server.number for log in source.settling.logs}
    found = [
        numbers.get(node.server, -1)
        if node.server and node.id.startswith(f"{node.server}/")
        else -1
        for node in list(source.graph.nodes)
    ]
    return np.array([*found, -1], np.int32)
