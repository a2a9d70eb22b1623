"""Two frames of a page as one: what waits for a slow page stays one frame, and loses no count.

Enters: a frame that was not sent, and the one behind it. Leaves: a frame that says what both do.
Lists keep their bounds, the newest stay, and what falls out is counted in `hidden`; totals and
figures are the newer ones; times are those of the newer frame.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from hub import forms
from hub.defaults import MAX_CALL_DETAILS, MAX_ERROR_DETAILS, MAX_PACKETS

Columns = TypeVar("Columns", forms.Packets, forms.EdgeTotals, forms.EdgeMatches)
Item = TypeVar("Item")
Key = TypeVar("Key")


def merged(older: forms.Frame, newer: forms.Frame) -> forms.Frame:
    """Both frames as one with the newer one's number."""
    packets = _packets(older.packets, newer.packets, newer.time_ms - older.time_ms)
    errors, calls = [*older.errors, *newer.errors], [*older.calls, *newer.calls]
    return forms.Frame(
        seq=newer.seq,
        time_ms=newer.time_ms,
        topology=_topology(older.topology, newer.topology),
        totals=_by_edge(older.totals, newer.totals),
        matched=_by_edge(older.matched, newer.matched)
        if older.matched and newer.matched
        else newer.matched or older.matched,
        packets=packets,
        errors=errors[-MAX_ERROR_DETAILS:],
        calls=calls[-MAX_CALL_DETAILS:],
        amended=_replaced(older.amended, newer.amended, _id)[-MAX_ERROR_DETAILS:],
        hidden=forms.Hidden(
            packets=older.hidden.packets
            + newer.hidden.packets
            + len(older.packets.edge)
            + len(newer.packets.edge)
            - len(packets.edge),
            errors=older.hidden.errors + newer.hidden.errors + _over(errors, MAX_ERROR_DETAILS),
            calls=older.hidden.calls + newer.hidden.calls + _over(calls, MAX_CALL_DETAILS),
        ),
        stats=newer.stats or older.stats,
        status=newer.status or older.status,
        notices=_replaced(older.notices, newer.notices, _id),
    )


def _over(items: Sequence[object], bound: int) -> int:
    return max(len(items) - bound, 0)


def _id(item: forms.Notice | forms.CallSummary | forms.Node | forms.ServerForm) -> str:
    return item.id


def _replaced(
    older: Sequence[Item], newer: Sequence[Item], key: Callable[[Item], Hashable]
) -> list[Item]:
    """Each once, as the newer list has it."""
    known = set(map(key, newer))
    return [*(item for item in older if key(item) not in known), *newer]


def _behind(older: Columns, keep: Sequence[int], newer: Columns) -> Columns:
    """These rows of the older columns, then the newer ones."""
    names = newer.__struct_fields__
    return type(newer)(**{name: _column(older, keep, newer, name) for name in names})


def _column(older: object, keep: Sequence[int], newer: object, name: str) -> list[Any]:
    values = getattr(older, name)
    return [*(values[i] for i in keep), *getattr(newer, name)]


def _by_edge(older: Columns, newer: Columns) -> Columns:
    known = set(newer.edge)
    return _behind(older, [i for i, edge in enumerate(older.edge) if edge not in known], newer)


def _packets(older: forms.Packets, newer: forms.Packets, later_ms: float) -> forms.Packets:
    """All packets; where they are too many, older ones go, bad ones last."""
    every = range(len(older.edge))
    leaving = max(len(older.edge) + len(newer.edge) - MAX_PACKETS, 0)
    gone = set(sorted(every, key=lambda i: (not older.ok[i], i))[:leaving])
    aged = msgspec.structs.replace(older, end_ms=[round(ms + later_ms, 3) for ms in older.end_ms])
    return _behind(aged, [i for i in every if i not in gone], newer)


def _topology(
    older: forms.TopologyChange | None, newer: forms.TopologyChange | None
) -> forms.TopologyChange | None:
    """What is there after both changes, and what is gone."""
    if older is None or newer is None:
        return newer or older
    return forms.TopologyChange(
        version=newer.version,
        servers=_there(older.servers, newer.servers, newer.removed_servers, _id),
        nodes=_there(older.nodes, newer.nodes, newer.removed_nodes, _id),
        edges=_there(older.edges, newer.edges, newer.removed_edges, _index),
        removed_servers=_gone(
            older.removed_servers, newer.removed_servers, map(_id, newer.servers)
        ),
        removed_nodes=_gone(older.removed_nodes, newer.removed_nodes, map(_id, newer.nodes)),
        removed_edges=_gone(older.removed_edges, newer.removed_edges, map(_index, newer.edges)),
    )


def _index(edge: forms.Edge) -> int:
    return edge.index


def _there(
    older: Sequence[Item], newer: Sequence[Item], gone: Sequence[Key], key: Callable[[Item], Key]
) -> list[Item]:
    left = set(gone)
    return [item for item in _replaced(older, newer, key) if key(item) not in left]


def _gone(older: Sequence[Key], newer: Sequence[Key], back: Iterable[Key]) -> list[Key]:
    again = {*back, *newer}
    return [*(key for key in older if key not in again), *newer]
