"""The columns of sealed calls: one row a call with its one or two hops. docs/history.md tells them.

The format's version is in each file's metadata and in `manifest.json`. A column may be added
without a new version; whoever reads takes columns by name, and one that a file lacks as null. Files
of version 1 are read, too: there, nothing is left out of the second hop. A call's own columns are
its first hop's where both say the same, so that nothing is stored twice: `start_ns`, `duration_ns`,
`bytes_in` and `bytes_out` have no `hop0_` twin.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

VERSION: Final = 2

TEXT = pa.dictionary(pa.int32(), pa.string())
ID = pa.binary(16)

CALL: Final[dict[str, pa.DataType]] = {
    "start_ns": pa.int64(),
    "duration_ns": pa.int64(),
    "clock_ns": pa.int64(),
    "row": pa.int64(),
    "revision": pa.uint16(),
    "id_hop": pa.uint8(),
    "status": pa.uint16(),
    "ok": pa.bool_(),
    "grpc_status": pa.int16(),
    "origin": TEXT,
    "from_node": TEXT,
    "to_node": TEXT,
    "from_address": TEXT,
    "to_address": TEXT,
    "edge": pa.int32(),
    "answered_by_service": pa.bool_(),
    "join_by": TEXT,
    "confidence": pa.float32(),
    "missing": TEXT,
    "reason": TEXT,
    "claims": pa.uint8(),
    "ignored": pa.bool_(),
    "bytes_in": pa.int64(),
    "bytes_out": pa.int64(),
    "attempts": pa.string(),
}

TEXTS: Final = (
    "client", "forwarded", "method", "host", "path", "protocol", "scheme", "entry_point", "router",
    "service", "upstream", "user_agent",
)  # fmt: skip
"""Columns of rows that are strings."""

NUMBERS: Final[dict[str, pa.DataType]] = {
    "offset": pa.int64(),
    "upstream_ns": pa.int64(),
    "overhead_ns": pa.int64(),
    "status": pa.uint16(),
    "upstream_status": pa.uint16(),
    "client_port": pa.uint16(),
    "request_count": pa.uint64(),
    "retries": pa.uint16(),
    "flags": pa.uint8(),
    "grpc_status": pa.int16(),
}
"""Columns of rows that go in as they are."""

TWINS: Final = ("start_ns", "duration_ns", "bytes_in", "bytes_out")
"""Columns of rows that are the call's for its first hop."""

IDS: Final = ("trace_id", "hop_id", "hop_parent")

SAME: Final = {"hop1_trace_id": ("hop0_trace_id", 1), "hop1_hop_parent": ("hop0_hop_id", 2)}
"""Ids that are null where this bit of `hop1_same` says that they are those of the first hop: in a
call that ids joined they are, and nothing else of it is as long."""

PLACE: Final = ("server", "proxy", "proxy_kind", "log", "log_sum")
"""Where a hop was logged."""


def _hop(hop: int) -> dict[str, pa.DataType]:
    columns: dict[str, pa.DataType] = dict.fromkeys(PLACE, TEXT)
    columns |= NUMBERS
    if hop:
        columns |= dict.fromkeys(TWINS, pa.int64())
    columns |= dict.fromkeys(TEXTS, TEXT)
    columns |= dict.fromkeys(IDS, ID)
    columns |= {"why": TEXT, "spoofed": pa.uint8()}
    if hop:
        columns["same"] = pa.uint8()
    return {f"hop{hop}_{name}": kind for name, kind in columns.items()}


COLUMNS: Final = CALL | _hop(0) | _hop(1)
SCHEMA: Final = pa.schema(
    list(COLUMNS.items()), metadata={b"hopwatch.schema": str(VERSION).encode()}
)

FEW: Final = ("clock_ns", "bytes_in", "bytes_out", "hop1_bytes_in", "hop1_bytes_out")
"""Wide numbers with few distinct values."""

DELTA: Final = [
    name for name, kind in COLUMNS.items() if kind in (pa.int64(), pa.uint64()) and name not in FEW
]
"""Other wide numbers: times, offsets and counts grow along the file, and durations are short."""

PLAIN: Final = [*DELTA, *(name for name, kind in COLUMNS.items() if kind == ID)]
"""Columns that compression would make hardly smaller, and slower to read."""

DICTIONARY: Final = [
    name
    for name, kind in COLUMNS.items()
    if name in FEW or not (name in PLAIN or kind in (pa.bool_(), pa.string()))
]
"""Columns with few distinct values."""

ROW_GROUP: Final = 16_384
"""Calls of a row group: what a look-up by id has to read, some 1 MB. Half as many make files 3 %
larger, four times as many 4 % smaller."""

COMPRESSION_LEVEL: Final = 3
