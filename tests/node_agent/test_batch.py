from __future__ import annotations

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.batch import Encoder
from node_agent.columns import columns
from node_agent.fields import rows
from node_agent.lines import Block
from node_agent.parse import parse
from node_agent.redact import Redactor
from tests.node_agent.build import START_NS, line, lines
from tests.node_agent.decode import observations

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
VARIED = b"".join(
    (
        line(0),
        line(1, TraceId=TRACE, DownstreamStatus=0, downstream_Upgrade="websocket"),
        line(2, **{"request_X-Hop-Id": TRACE[::-1], "request_X-Hop-Parent": TRACE}),
        line(3, ClientHost="6.6.6.6, 7.7.7.7", TLSVersion="1.3", RouterName=None),
        line(4, **{"downstream_Trailer:Grpc-Status": "5", "request_User-Agent": "ü" * 300}),
        line(5, ClientAddr="[2001:db8::1]:5", RetryAttempts=2, RequestContentSize=2**40),
        line(6, **{"origin_Grpc-Status": "0", "request_Traceparent": f"00-{TRACE}-1-01"}),
    )
)


def test_rows_and_columns_say_the_same() -> None:
    chunk = parse(Block(50, VARIED))
    as_rows = observations(pb.Batch(rows=rows(chunk, Redactor())))
    as_columns = observations(pb.Batch(columns=columns(chunk, Redactor()).SerializeToString()))
    assert as_rows == as_columns
    first, upgraded, hop, forwarded, grpc, six, traced = as_rows
    assert first["start_ns"] == START_NS
    assert first["client"] == "172.20.0.2" and first["forwarded"] == ""
    assert (upgraded["flags"], upgraded["trace_id"].hex()) == (1, TRACE)
    assert (hop["hop_id"].hex(), hop["hop_parent"].hex()) == (TRACE[::-1], TRACE)
    assert (forwarded["forwarded"], forwarded["flags"], forwarded["router"]) == (
        "6.6.6.6, 7.7.7.7",
        2,
        "",
    )
    assert (grpc["grpc_status"], grpc["user_agent"]) == (5, "ü" * 200)
    assert (six["client"], six["client_port"], six["retries"]) == ("2001:db8::1", 5, 2)
    assert six["bytes_in"] == 2**40
    assert (traced["grpc_status"], traced["trace_id"].hex(), first["grpc_status"]) == (0, TRACE, -1)


@pytest.mark.parametrize(
    ("count", "kind"), [(1, None), (9, None), (10, "columns_zstd"), (3000, "columns_zstd")]
)
def test_few_lines_travel_as_rows_and_many_as_compressed_columns(
    count: int, kind: str | None
) -> None:
    chunk = parse(Block(0, lines(0, count)))
    (batch,) = Encoder().encode(3, chunk)
    assert batch.WhichOneof("payload") == kind
    assert batch.log == 3
    found = observations(batch)
    assert [each["request_count"] for each in found] == list(range(1, count + 1))
    assert [each["offset"] for each in found] == list(chunk.offsets)


def test_more_than_256_different_strings_take_two_bytes_a_code() -> None:
    text = b"".join(line(i, RequestPath=f"/{i}") for i in range(1000))
    (batch,) = Encoder().encode(1, parse(Block(0, text)))
    assert [each["path"] for each in observations(batch)] == [f"/{i}" for i in range(1000)]


def test_a_chunk_is_cut_at_rows_and_at_bytes_without_gap_or_overlap() -> None:
    text = b"".join(
        b"bad\n" if i % 7 == 0 else line(i, RequestPath=f"/{i}" * 2000) for i in range(200)
    )
    chunk = parse(Block(100, text))
    batches = list(Encoder(max_payload_bytes=100_000).encode(1, chunk, max_rows=120))
    assert len(batches) > 3
    assert all(batch.ByteSize() <= 100_000 for batch in batches)
    at = 100
    for batch in batches:
        assert batch.first_offset == at
        at = batch.end_offset
    assert at == 100 + len(text)
    counts = [each["request_count"] for batch in batches for each in observations(batch)]
    assert counts == [i + 1 for i in range(200) if i % 7]
    assert sum(batch.malformed for batch in batches) == 29
    for batch in batches:
        inside = text[batch.first_offset - 100 : batch.end_offset - 100].split(b"\n")
        assert batch.malformed == inside.count(b"bad")
        for each in observations(batch):
            assert text[batch.first_offset - 100 + each["offset"] :].startswith(b'{"ClientAddr"')


def test_chunks_that_follow_each_other_become_one_batch() -> None:
    texts = [lines(0, 30), b"bad\n", VARIED, lines(30, 400), line(7, RequestPath="/?token=x")]
    chunks, at = [], 5
    for text in texts:
        chunks.append(parse(Block(at, text)))
        at += len(text)
    (batch,) = Encoder().encode_all(1, chunks, 5000)
    assert (batch.first_offset, batch.end_offset, batch.malformed) == (5, at, 1)
    apart = [
        each for chunk in chunks for b in Encoder().encode(1, chunk) for each in observations(b)
    ]
    starts = [offset - 5 for chunk in chunks for offset in chunk.offsets]
    assert observations(batch) == [
        each | {"offset": offset} for each, offset in zip(apart, starts, strict=True)
    ]


def test_bad_lines_alone_still_move_the_offset() -> None:
    (batch,) = Encoder().encode(1, parse(Block(10, b"bad\nworse\n")))
    assert (batch.first_offset, batch.end_offset, batch.malformed) == (10, 20, 2)
    assert [bad.text for bad in batch.malformed_samples] == ["bad", "worse"]
    assert observations(batch) == []
