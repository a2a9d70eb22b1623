"""The wire: one `Batch` in, its `Observations` out, or the reason why the agent broke the protocol.

The format is `ingest.proto`'s. Columns become NumPy views of the received bytes (nothing is copied,
so arrays are read-only); absent columns share one zeroed array. What leaves here always holds:

* every column has `rows` entries, rows <= 65,536, every code lies below its dictionary's length;
* offsets ascend and lie within the batch's byte range;
* `start_ns`, durations and sizes lie in 0 .. 2**62, so a sum of two cannot overflow
  (`overhead_ns` may be negative: it is a difference).

Anything else raises `RemoteError`: the peer's fault, never ours. Memory is bounded before it is
allocated: a compressed payload must state its size. Cost: 0.05-0.1 us a row at 1000 rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import zstandard
from google.protobuf.message import DecodeError
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.defaults import (
    MAX_COLUMNS_BYTES,
    MAX_DICTIONARY_VALUES,
    MAX_MALFORMED_SAMPLES,
    MAX_OFFSET,
    MAX_ROWS,
    MAX_SAMPLE_CHARS,
)
from hub.model import Observations, Strings

Array = NDArray[Any]


class RemoteError(Exception):
    """The peer broke the protocol; the text names the field and what is allowed."""


NUMBERS: Final[dict[str, np.dtype[Any]]] = {
    name: np.dtype(code)
    for name, code in {
        "offset": "<u4",
        "start_ns": "<i8",
        "duration_ns": "<i8",
        "upstream_ns": "<i8",
        "overhead_ns": "<i8",
        "status": "<u2",
        "upstream_status": "<u2",
        "bytes_in": "<i8",
        "bytes_out": "<i8",
        "request_count": "<u8",
        "client_port": "<u2",
        "retries": "<u2",
        "grpc_status": "<i2",
        "flags": "<u1",
    }.items()
}
IDS: Final = ("trace_id", "hop_id", "hop_parent")
STRINGS: Final = (
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
NOT_NEGATIVE: Final = ("start_ns", "duration_ns", "upstream_ns", "bytes_in", "bytes_out")

_WORD: Final = np.dtype("<u8")
_CODE: Final = (np.dtype("<u1"), np.dtype("<u2"))


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


_ABSENT: Final[dict[str, Array]] = {
    name: _frozen(np.full(MAX_ROWS, -1 if name == "grpc_status" else 0, dtype))
    for name, dtype in NUMBERS.items()
}
_NO_IDS: Final = _frozen(np.zeros((MAX_ROWS, 2), _WORD))
_NO_CODES: Final = _frozen(np.zeros(MAX_ROWS, np.uint16))


# --- a batch -------------------------------------------------------------------------------------


def decode(batch: pb.Batch) -> Observations:
    """The observations of a batch, validated. Raises `RemoteError`."""
    span = _check_range(batch)
    payload = batch.WhichOneof("payload")
    if payload is not None and batch.rows:
        raise RemoteError("batch: has columns and rows; allowed is one of them")
    if payload is None:
        columns = _from_rows(batch.rows)
    else:
        data = batch.columns if payload == "columns" else _decompress(batch.columns_zstd)
        columns = _from_columns(_parse_columns(data))
    _check_values(columns, span)
    return Observations(**columns)


def _check_range(batch: pb.Batch) -> int:
    first, end = batch.first_offset, batch.end_offset
    if not first < end <= MAX_OFFSET:
        raise RemoteError(f"end_offset: {end} must lie behind first_offset {first}, up to 2**62")
    if batch.malformed > end - first:
        raise RemoteError(f"malformed: {batch.malformed} lines in {end - first} bytes")
    if not 0 <= batch.watermark_ns <= MAX_OFFSET:
        raise RemoteError(f"watermark_ns: {batch.watermark_ns} must be in 0 .. 2**62")
    _check_samples(batch.malformed_samples)
    return end - first


def _check_samples(samples: Sequence[pb.MalformedLine]) -> None:
    if len(samples) > MAX_MALFORMED_SAMPLES:
        raise RemoteError(f"malformed_samples: {len(samples)}; at most {MAX_MALFORMED_SAMPLES}")
    for sample in samples:
        if len(sample.text) > MAX_SAMPLE_CHARS or len(sample.reason) > MAX_SAMPLE_CHARS:
            raise RemoteError(f"malformed_samples: longer than {MAX_SAMPLE_CHARS} characters")


def _decompress(data: bytes) -> bytes:
    """One zstd frame, whose stated size is checked before anything is allocated."""
    try:
        size = zstandard.get_frame_parameters(data).content_size
        if size == zstandard.CONTENTSIZE_UNKNOWN:
            raise RemoteError("columns_zstd: the frame does not state its content size")
        if size > MAX_COLUMNS_BYTES:
            raise RemoteError(f"columns_zstd: unpacks to {size} bytes; at most {MAX_COLUMNS_BYTES}")
        # Not shared: a decompressor must not be used by two threads, and making one costs 0.5 us.
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise RemoteError(f"columns_zstd: {error}") from None


def _parse_columns(data: bytes) -> pb.Columns:
    if len(data) > MAX_COLUMNS_BYTES:
        raise RemoteError(f"columns: {len(data)} bytes; at most {MAX_COLUMNS_BYTES}")
    try:
        return pb.Columns.FromString(data)
    except DecodeError:
        raise RemoteError("columns: not a Columns message") from None


def _check_values(columns: dict[str, Any], span: int) -> None:
    if not columns["rows"]:
        return
    offset = columns["offset"]
    if offset[-1] >= span or not (offset[1:] > offset[:-1]).all():
        raise RemoteError("offset: must ascend and lie within first_offset .. end_offset")
    for name in NOT_NEGATIVE:
        # Read as unsigned, negative numbers are the largest: one pass checks both ends.
        if columns[name].view(_WORD).max() > MAX_OFFSET:
            raise RemoteError(f"{name}: must be in 0 .. 2**62")
    overhead = columns["overhead_ns"]
    if overhead.max() > MAX_OFFSET or overhead.min() < -MAX_OFFSET:
        raise RemoteError("overhead_ns: must be in -2**62 .. 2**62")


# --- columns -------------------------------------------------------------------------------------


def _from_columns(message: pb.Columns) -> dict[str, Any]:
    rows = message.rows
    if rows > MAX_ROWS:
        raise RemoteError(f"rows: {rows}; at most {MAX_ROWS}")
    columns: dict[str, Any] = {"rows": rows}
    for name, dtype in NUMBERS.items():
        data = getattr(message, name)
        columns[name] = _numbers(name, data, rows, dtype) if data else _ABSENT[name][:rows]
    for name in IDS:
        data = getattr(message, name)
        columns[name] = _ids(name, data, rows) if data else _NO_IDS[:rows]
    columns.update(_dictionaries(message, rows))
    return columns


def _numbers(name: str, data: bytes, rows: int, dtype: np.dtype[Any]) -> Array:
    if len(data) != rows * dtype.itemsize:
        raise RemoteError(f"{name}: {len(data)} bytes; {rows} rows need {rows * dtype.itemsize}")
    return np.frombuffer(data, dtype)


def _ids(name: str, data: bytes, rows: int) -> Array:
    if len(data) != rows * 16:
        raise RemoteError(f"{name}: {len(data)} bytes; {rows} rows need {rows * 16}")
    return np.frombuffer(data, _WORD).reshape(rows, 2)


def _dictionaries(message: pb.Columns, rows: int) -> dict[str, Strings]:
    """All columns of strings. Those with narrow codes are checked and widened as one block."""
    columns = dict.fromkeys(STRINGS, _empty(rows))
    narrow: dict[str, tuple[str, ...]] = {}
    block: list[bytes] = []
    for name in STRINGS:
        if not message.HasField(name):
            continue
        dictionary = getattr(message, name)
        values, codes = tuple(dictionary.values), dictionary.codes
        if len(values) > MAX_DICTIONARY_VALUES:
            raise RemoteError(f"{name}.values: {len(values)}; at most {MAX_DICTIONARY_VALUES}")
        if not values and not codes:
            continue
        wide = _numbers(f"{name}.codes", codes, rows, _CODE[len(values) > 256])
        if not rows:
            continue
        if len(values) > 256:
            _check_codes(name, int(wide.max()), len(values))
            columns[name] = Strings(values, wide)
        else:
            narrow[name] = values
            block.append(codes)
    return columns | _narrow(narrow, block, rows)


def _narrow(named: dict[str, tuple[str, ...]], block: list[bytes], rows: int) -> dict[str, Strings]:
    if not named:
        return {}
    codes = np.frombuffer(b"".join(block), _CODE[0]).reshape(len(block), rows)
    for (name, values), top in zip(named.items(), codes.max(axis=1).tolist(), strict=True):
        _check_codes(name, top, len(values))
    widened = _frozen(codes.astype(np.uint16))
    return {name: Strings(v, widened[i]) for i, (name, v) in enumerate(named.items())}


def _check_codes(name: str, top: int, values: int) -> None:
    if top >= values:
        raise RemoteError(f"{name}.codes: {top}, but {values} values")


def _empty(rows: int) -> Strings:
    return Strings(("",), _NO_CODES[:rows])


# --- rows ----------------------------------------------------------------------------------------


def _from_rows(messages: Sequence[pb.Row]) -> dict[str, Any]:
    rows = len(messages)
    if rows > MAX_ROWS:
        raise RemoteError(f"rows: {rows}; at most {MAX_ROWS}")
    columns: dict[str, Any] = {"rows": rows}
    for name, dtype in NUMBERS.items():
        columns[name] = _row_numbers(name, messages, dtype)
    for name in IDS:
        columns[name] = _row_ids(name, messages)
    for name in STRINGS:
        columns[name] = _row_strings(getattr(message, name) for message in messages)
    return columns


def _row_numbers(name: str, messages: Sequence[pb.Row], dtype: np.dtype[Any]) -> Array:
    if name == "grpc_status":
        values = [m.grpc_status if m.HasField("grpc_status") else -1 for m in messages]
    else:
        values = [getattr(m, name) for m in messages]
    try:
        return np.array(values, dtype)
    except OverflowError:
        raise RemoteError(f"{name}: a number that does not fit {dtype.name}") from None


def _row_ids(name: str, messages: Sequence[pb.Row]) -> Array:
    values = [getattr(m, name) for m in messages]
    if any(len(value) not in (0, 16) for value in values):
        raise RemoteError(f"{name}: an id has 0 or 16 bytes")
    data = b"".join(value or bytes(16) for value in values)
    return np.frombuffer(data, _WORD).reshape(len(values), 2)


def _row_strings(values: Iterable[str]) -> Strings:
    known: dict[str, int] = {}
    codes = [known.setdefault(value, len(known)) for value in values]
    return Strings(tuple(known) or ("",), np.array(codes, np.uint16))
