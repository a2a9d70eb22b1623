"""Decoding batches: what agents may send, and every way in which they may not."""

from __future__ import annotations

import numpy as np
import pytest
import zstandard
from hopwatch.v1 import ingest_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.columns.wire import IDS, NUMBERS, STRINGS, RemoteError, decode
from hub.defaults import MAX_COLUMNS_BYTES, MAX_ROWS

from .streams import LINE_BYTES, T0, columns, columns_batch, rows_batch


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_columns_arrive_as_they_were_sent(rows: int, packed: bool) -> None:
    message = columns(rows)
    got = decode(columns_batch(7, message, packed=packed))
    assert got.rows == rows
    for name, dtype in NUMBERS.items():
        column = getattr(got, name)
        assert column.dtype == dtype
        assert column.tobytes() == getattr(message, name)
    for name in IDS:
        assert getattr(got, name).shape == (rows, 2)
        assert getattr(got, name).tobytes() == getattr(message, name)
    for name in STRINGS:
        strings = getattr(got, name)
        assert strings.codes.dtype == np.uint16
        assert len(strings.codes) == rows
        if rows:
            sent = getattr(message, name)
            codes = np.frombuffer(sent.codes, "<u2" if len(sent.values) > 256 else "<u1")
            assert list(strings.values) == list(sent.values)
            assert strings.codes.tolist() == codes.tolist()


def test_absent_columns_are_zero_and_absent_dictionaries_empty() -> None:
    offset = np.arange(3, dtype="<u4").tobytes()
    got = decode(columns_batch(0, pb.Columns(rows=3, offset=offset)))
    assert got.status.tolist() == [0, 0, 0]
    assert got.grpc_status.tolist() == [-1, -1, -1]
    assert got.hop_id.tolist() == [[0, 0]] * 3
    assert [got.path.values[code] for code in got.path.codes] == ["", "", ""]


def test_arrays_cannot_be_changed_by_who_gets_them() -> None:
    for batch in (columns_batch(0, columns(3)), columns_batch(0, pb.Columns())):
        with pytest.raises(ValueError, match="read-only"):
            decode(batch).start_ns[...] = 1


def test_rows_and_columns_of_the_same_lines_are_the_same() -> None:
    row = pb.Row(
        offset=5,
        start_ns=T0,
        duration_ns=2,
        overhead_ns=-1,
        status=200,
        grpc_status=3,
        trace_id=bytes(range(16)),
        client="10.0.0.1",
        path="/ü",
    )
    got = decode(rows_batch(0, 0, rows=[pb.Row(path="/a"), row]))
    assert (got.rows, got.offset.tolist(), got.start_ns.tolist()) == (2, [0, 5], [0, T0])
    assert got.grpc_status.tolist() == [-1, 3]
    assert got.overhead_ns.tolist() == [0, -1]
    assert got.trace_id.tobytes() == bytes(16) + bytes(range(16))
    assert [got.path.values[code] for code in got.path.codes] == ["/a", "/ü"]
    for name, dtype in NUMBERS.items():
        assert getattr(got, name).dtype == dtype
    for name in STRINGS:
        assert getattr(got, name).codes.dtype == np.uint16


def test_a_batch_without_rows_has_no_observations() -> None:
    got = decode(pb.Batch(log=1, first_offset=0, end_offset=5, malformed=1))
    assert got.rows == len(got.path.codes) == len(got.hop_id) == 0


def packed_columns(data: bytes, **options: bool) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]


def changed(**fields: object) -> pb.Batch:
    """Columns of 2 good rows with some fields replaced."""
    message = pb.Columns(rows=2, offset=np.array([0, 900], "<u4").tobytes())
    for name, value in fields.items():
        if isinstance(value, pb.Dictionary):
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)
    return columns_batch(0, message)


def numbers(dtype: str, *values: int) -> bytes:
    return np.array(values, dtype).tobytes()


BROKEN: list[tuple[pb.Batch, str]] = [
    (pb.Batch(first_offset=5, end_offset=5), "end_offset: 5 must lie behind first_offset 5"),
    (pb.Batch(end_offset=1 << 63), "end_offset: 9223372036854775808"),
    (pb.Batch(end_offset=3, malformed=4), "malformed: 4 lines in 3 bytes"),
    (pb.Batch(end_offset=3, watermark_ns=-1), "watermark_ns: -1"),
    (pb.Batch(end_offset=3, malformed_samples=[pb.MalformedLine()] * 6), "malformed_samples: 6"),
    (
        pb.Batch(end_offset=3, malformed_samples=[pb.MalformedLine(text="x" * 1025)]),
        "malformed_samples: longer",
    ),
    (pb.Batch(end_offset=3, columns=b"", rows=[pb.Row()]), "batch: has columns and rows"),
    (pb.Batch(end_offset=3, columns=b"\xff"), "columns: not a Columns message"),
    (pb.Batch(end_offset=3, columns=b"\x9a\x01\x04\x0a\x02\xff\xfe"), "columns: not a Columns"),
    (pb.Batch(end_offset=3, columns_zstd=b"nonsense"), "columns_zstd: "),
    (
        pb.Batch(end_offset=3, columns_zstd=packed_columns(bytes(MAX_COLUMNS_BYTES + 1))),
        "columns_zstd: unpacks to 16777217 bytes",
    ),
    (
        pb.Batch(end_offset=3, columns_zstd=packed_columns(b"x", write_content_size=False)),
        "columns_zstd: the frame does not state its content size",
    ),
    (pb.Batch(end_offset=3, columns_zstd=packed_columns(b"x" * 9) + b"tail"), "columns_zstd: "),
    (columns_batch(0, pb.Columns(rows=MAX_ROWS + 1)), "rows: 65537; at most 65536"),
    (changed(status=b"123"), "status: 3 bytes; 2 rows need 4"),
    (changed(trace_id=bytes(16)), "trace_id: 16 bytes; 2 rows need 32"),
    (changed(offset=numbers("<u4", 900, 0)), "offset: must ascend"),
    (changed(offset=numbers("<u4", 5, 5)), "offset: must ascend"),
    (changed(offset=numbers("<u4", 0, 1800)), "offset: must ascend and lie within"),
    (changed(offset=b""), "offset: must ascend"),
    (changed(duration_ns=numbers("<i8", 0, -1)), "duration_ns: must be in 0"),
    (changed(start_ns=numbers("<i8", 0, 1 << 62 | 1)), "start_ns: must be in 0"),
    (changed(bytes_out=numbers("<i8", -5, 0)), "bytes_out: must be in 0"),
    (changed(overhead_ns=numbers("<i8", 0, -(2**63))), "overhead_ns: must be in"),
    (changed(path=pb.Dictionary(values=["a"], codes=b"\0\1")), "path.codes: 1, but 1 values"),
    (changed(path=pb.Dictionary(values=["a"], codes=b"\0")), "path.codes: 1 bytes; 2 rows need 2"),
    (changed(path=pb.Dictionary(codes=b"\0\0")), "path.codes: 0, but 0 values"),
    (changed(path=pb.Dictionary(values=["a"])), "path.codes: 0 bytes"),
    (
        changed(host=pb.Dictionary(values=["x"] * 300, codes=b"\0\0")),
        "host.codes: 2 bytes; 2 rows need 4",
    ),
    (changed(host=pb.Dictionary(values=[""] * 65_537, codes=bytes(4))), "host.values: 65537"),
    (rows_batch(0, 0, rows=[pb.Row(status=70_000)]), "status: a number that does not fit uint16"),
    (rows_batch(0, 0, rows=[pb.Row(hop_id=b"x")]), "hop_id: an id has 0 or 16 bytes"),
    (rows_batch(0, 0, rows=[pb.Row(duration_ns=-1)]), "duration_ns: must be in 0"),
    (rows_batch(0, 0, rows=[pb.Row(offset=LINE_BYTES)]), "offset: must ascend and lie within"),
]


@pytest.mark.parametrize(("batch", "reason"), BROKEN, ids=[reason[:40] for _, reason in BROKEN])
def test_a_broken_batch_is_the_agents_fault(batch: pb.Batch, reason: str) -> None:
    with pytest.raises(RemoteError) as raised:
        decode(batch)
    assert str(raised.value).startswith(reason)


GOOD = [
    columns_batch(0, columns(20)).SerializeToString(),
    columns_batch(0, columns(20), packed=True).SerializeToString(),
    rows_batch(0, 5).SerializeToString(),
]


@settings(max_examples=400, deadline=None)
@given(
    data=st.sampled_from(GOOD),
    edits=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_mutated_batch_is_decoded_or_refused(data: bytes, edits: list[tuple[int, int]]) -> None:
    mutated = bytearray(data)
    for place, value in edits:
        mutated[place % len(mutated)] = value
    try:
        batch = pb.Batch.FromString(bytes(mutated))
    except Exception:
        return  # The session refuses it; here is what comes after.
    try:
        got = decode(batch)
    except RemoteError:
        return
    assert all(len(getattr(got, name)) == got.rows for name in (*NUMBERS, *IDS))
    for name in STRINGS:
        strings = getattr(got, name)
        assert len(strings.codes) == got.rows
        assert not got.rows or strings.codes.max() < len(strings.values)
