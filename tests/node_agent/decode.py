"""Reads batches with nothing but `array`: what the messages say, as a list of dictionaries."""

from __future__ import annotations

from array import array
from typing import Any

import zstandard
from hopwatch.v1 import ingest_pb2 as pb

NUMBERS = {
    "offset": "I",
    "start_ns": "q",
    "duration_ns": "q",
    "upstream_ns": "q",
    "overhead_ns": "q",
    "status": "H",
    "upstream_status": "H",
    "bytes_in": "q",
    "bytes_out": "q",
    "request_count": "Q",
    "client_port": "H",
    "retries": "H",
    "grpc_status": "h",
    "flags": "B",
}
IDS = ("trace_id", "hop_id", "hop_parent")
STRINGS = (
    "client",
    "forwarded",
    "method",
    "host",
    "path",
    "protocol",
    "scheme",
    "entry_point",
    "router",
    "service",
    "upstream",
    "user_agent",
)


def observations(batch: pb.Batch) -> list[dict[str, Any]]:
    """Every row of a batch, whichever way it travels."""
    if batch.rows:
        return [_of_row(row) for row in batch.rows]
    kind = batch.WhichOneof("payload")
    if kind is None:
        return []
    payload = batch.columns
    if kind == "columns_zstd":
        payload = zstandard.ZstdDecompressor().decompress(batch.columns_zstd)
    return _of_columns(pb.Columns.FromString(payload))


def _of_row(row: pb.Row) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in (*NUMBERS, *STRINGS)}
    if not row.HasField("grpc_status"):
        found["grpc_status"] = -1
    return found | {name: getattr(row, name) or bytes(16) for name in IDS}


def _of_columns(columns: pb.Columns) -> list[dict[str, Any]]:
    count = columns.rows
    table: dict[str, list[Any]] = {}
    for name, code in NUMBERS.items():
        data = getattr(columns, name)
        absent = -1 if name == "grpc_status" else 0
        table[name] = array(code, data).tolist() if data else [absent] * count
    for name in IDS:
        data = getattr(columns, name) or bytes(16 * count)
        table[name] = [data[16 * i : 16 * i + 16] for i in range(count)]
    for name in STRINGS:
        table[name] = _strings(columns, name, count)
    assert all(len(values) == count for values in table.values())
    return [{name: values[i] for name, values in table.items()} for i in range(count)]


def _strings(columns: pb.Columns, name: str, count: int) -> list[str]:
    if not columns.HasField(name):
        return [""] * count
    dictionary = getattr(columns, name)
    values = list(dictionary.values)
    assert len(set(values)) == len(values) <= 65_536
    codes = array("B" if len(values) <= 256 else "H", dictionary.codes)
    return [values[code] for code in codes]
