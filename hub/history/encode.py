"""Calls as an Arrow table, in the order and the schema of a file.

Enters: a `Snapshot` with its texts. Leaves: a table sorted by the ids' times. Runs in a thread:
reads copies only. Cost: docs/benchmarks.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hub.enums import JoinKey, Missing, Origin
from hub.history.schema import COLUMNS, ID, IDS, NUMBERS, PLACE, SAME, SCHEMA, TEXT, TEXTS, TWINS
from hub.history.snapshot import Columns, Snapshot
from hub.join.halves import has_id

Codes = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]


def table(snapshot: Snapshot, which: dict[str, tuple[Any, Any]]) -> pa.Table:
    """The calls of a snapshot; `which` are its questions, answered in `snapshot.texts`."""
    calls, (first, second) = snapshot.calls, snapshot.hops
    two = calls["hop1"] >= 0
    id_hop = (calls["id_row"] != calls["hop0"]).astype(np.uint8)
    id_ns = calls["start_ns"].copy()
    other = np.zeros(len(two), np.int64)
    other[two] = second["start_ns"]
    id_ns[id_hop == 1] = other[id_hop == 1]
    order = np.argsort(id_ns, kind="stable")
    columns: dict[str, pa.Array] = {}

    def told(name: str) -> pa.Array:
        return _text(which[name][1], snapshot.texts[name])

    numbers = {
        name: calls[name]
        for name in (
            "start_ns", "duration_ns", "revision", "status", "ok", "grpc_status", "edge",
            "answered_by_service", "confidence", "claims", "ignored", "bytes_in", "bytes_out",
        )
    }  # fmt: skip
    numbers["clock_ns"] = calls["start_ns"] + calls["duration_ns"] - calls["end_ns"]
    numbers["row"] = calls["low"]
    numbers["id_hop"] = id_hop
    for name, values in numbers.items():
        columns[name] = pa.array(values, COLUMNS[name])
    columns["origin"] = _text(calls["origin"], _words(Origin))
    columns["join_by"] = _text(calls["by"], _words(JoinKey))
    columns["missing"] = _text(calls["missing"], [None, *_words(Missing)[1:]])
    for name in ("from_node", "to_node"):
        columns[name] = _text(calls[name], snapshot.nodes)
    for name in ("from_address", "to_address", "reason"):
        columns[name] = told(name)
    tried: list[str | None] = [None] * len(two)
    for place, hops in snapshot.attempts.items():
        tried[place] = hops.decode()
    columns["attempts"] = pa.array(tried, pa.string())
    client = _text(first["client"], snapshot.strings["client"])
    columns["from_address"] = _where_other(columns["from_address"], client)
    _hop(columns, 0, first, snapshot, None)
    same = _same(first, second, two)
    left_out = {name.removeprefix("hop1_"): same & bit != 0 for name, (_, bit) in SAME.items()}
    second = second | {
        name: np.where(out[:, None], 0, second[name]) for name, out in left_out.items()
    }
    _hop(columns, 1, second, snapshot, two)
    columns["hop1_same"] = _spread(pa.array(same), two)
    columns["hop0_why"] = told("hop0_why")
    columns["hop1_why"] = _spread(told("hop1_why"), two)
    columns["hop0_spoofed"] = pa.array(snapshot.spoofed[0])
    columns["hop1_spoofed"] = _spread(pa.array(snapshot.spoofed[1]), two)
    unsorted = pa.Table.from_arrays([columns[name] for name in COLUMNS], schema=SCHEMA)
    if (np.diff(order) == 1).all():
        return unsorted
    return unsorted.take(pa.array(order))


def _same(first: Columns, second: Columns, two: Mask) -> NDArray[np.uint8]:
    """Which ids of second hops are those of the first ones: bits of `SAME`."""
    same = np.zeros(int(two.sum()), np.uint8)
    for name, (usual, bit) in SAME.items():
        ids = second[name.removeprefix("hop1_")]
        equal = (ids == first[usual.removeprefix("hop0_")][two]).all(axis=1)
        same[equal & has_id(ids)] |= bit
    return same


def _hop(
    columns: dict[str, pa.Array], hop: int, said: Columns, snapshot: Snapshot, there: Mask | None
) -> None:
    """Columns of one hop; `there`: which calls have it."""
    made: dict[str, pa.Array] = {}
    for place, name in enumerate(PLACE):
        made[name] = _text(said["log"], [log[place] for log in snapshot.places])
    for name, kind in NUMBERS.items():
        made[name] = pa.array(said[name], kind)
    for name in TWINS if hop else ():
        made[name] = pa.array(said[name], pa.int64())
    for name in TEXTS:
        made[name] = _text(said[name], snapshot.strings[name])
    for name in IDS:
        made[name] = _ids(said[name])
    for name, array in made.items():
        columns[f"hop{hop}_{name}"] = array if there is None else _spread(array, there)


def _spread(array: pa.Array, there: Mask) -> pa.Array:
    """The values where they belong, null elsewhere."""
    places = np.cumsum(there) - 1
    return array.take(pa.array(places, mask=~there))


def _text(codes: Codes, values: list[Any]) -> pa.Array:
    """A column of strings, with a dictionary of just those that occur; "" stays ""."""
    used = np.zeros(max(len(values), 1), np.bool_)
    used[codes] = True
    kept = np.flatnonzero(used)
    number = np.zeros(len(used), np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    texts = [values[code] for code in kept.tolist()]
    indices = number[codes]
    if None in texts:
        empty = np.array([text is None for text in texts], np.bool_)[indices]
        array = pa.DictionaryArray.from_arrays(
            pa.array(indices, mask=empty), pa.array([text or "" for text in texts], pa.string())
        )
    else:
        array = pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(texts, pa.string()))
    return array.cast(TEXT)


def _ids(words: NDArray[np.uint64]) -> pa.Array:
    """Ids as their 16 bytes, null where there is none."""
    given = (words != 0).any(axis=1)
    data = np.ascontiguousarray(words, "<u8")
    valid = pa.py_buffer(np.packbits(given, bitorder="little").tobytes())
    return pa.Array.from_buffers(ID, len(words), [valid, pa.py_buffer(data)])


def _where_other(array: pa.Array, usual: pa.Array) -> pa.Array:
    """Null where it is what is usual."""
    plain = array.cast(pa.string())
    same = pc.fill_null(pc.equal(plain, usual.cast(pa.string())), False)
    places = np.arange(len(array))
    return array.take(pa.array(places, mask=same.to_numpy(zero_copy_only=False)))


def _words(enum: Any) -> list[str]:
    return [member.name.lower() for member in enum]
