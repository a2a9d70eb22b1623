from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node_agent import fields as of
from node_agent.lines import Block, OverLong
from node_agent.model import Chunk, Entry
from node_agent.parse import parse
from node_agent.stamps import parse_ns
from tests.node_agent.build import START_NS, entry, line, lines

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
FILES = sorted(
    file
    for folder in ("scenarios", "two-engines")
    for file in (SAMPLES / folder).glob("*.jsonl")
    if not file.name.endswith(".otlp.jsonl")
)
KEYS = {field.encode_name: field.name for field in msgspec.structs.fields(Entry)}


def expected(fields: dict[str, Any]) -> Entry:
    return Entry(**{KEYS[key]: value for key, value in fields.items() if key in KEYS})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_captured_line_parses(file: Path) -> None:
    data = file.read_bytes()
    chunk = parse(Block(0, data)) if data else Chunk(0, 0)
    assert (chunk.rows, chunk.malformed) == (data.count(b"\n"), 0)
    assert list(chunk.entries) == [expected(json.loads(each)) for each in data.splitlines()]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "RequestPath": TEXT,
        "RequestHost": TEXT,
        "RouterName": st.none() | TEXT,
        "request_User-Agent": TEXT,
        "Duration": st.integers(0, 10**15),
        "DownstreamStatus": st.integers(0, 999),
        "DownstreamContentSize": st.integers(0, 2**62),
        "RequestCount": st.integers(0, 2**62),
        "unknown": st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
            max_leaves=6,
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=20), st.booleans(), st.booleans())
def test_the_fast_path_reads_what_json_reads(
    changes: list[dict[str, Any]], ascii_only: bool, compact: bool
) -> None:
    separators = (",", ":") if compact else (", ", ": ")
    texts = [
        json.dumps(entry(i, **each), ensure_ascii=ascii_only, separators=separators)
        for i, each in enumerate(changes)
    ]
    data = "".join(text + "\n" for text in texts).encode()
    chunk = parse(Block(7, data))
    assert chunk.malformed == 0
    assert list(chunk.entries) == [expected(json.loads(text)) for text in texts]
    assert list(chunk.starts) == [parse_ns(json.loads(text)["StartUTC"]) for text in texts]
    at = 7
    for offset, text in zip(chunk.offsets, texts, strict=True):
        assert offset == at
        at += len(text.encode()) + 1
    assert chunk.end_offset == at


def test_a_line_of_600_kilobytes_is_an_entry() -> None:
    path = "/" + "ä&x" * 200_000
    chunk = parse(Block(0, line(1) + line(2, RequestPath=path) + line(3)))
    assert (chunk.rows, chunk.malformed) == (3, 0)
    assert chunk.entries[1].path == path


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "empty"),
        (b"{", "truncated"),
        (b"garbage", "neither JSON"),
        (line(5)[:300], "truncated"),
        (line(5)[:300] + line(6)[:-1], "JSON"),
        (b"[]", "neither JSON"),
        (b'{"a":1}', "no StartUTC"),
        (b'{"StartUTC":"soon"}', "not a time"),
        (line(5, Duration="long")[:-1], "Duration"),
        (line(5, DownstreamStatus=70_000)[:-1], "DownstreamStatus"),
        (line(5, Duration=-1)[:-1], "Duration"),
        (line(5, StartUTC="2190-01-01T00:00:00Z")[:-1], "out of range"),
        (line(5, RequestPath=None)[:-2] + b',"RequestPath":"\xff"}', "UTF-8"),
        (line(5)[:-1] + line(6)[:-1], "JSON"),
        (
            b'172.20.0.4 - - [22/Nov/2026:10:55:24 +0000] "GET / HTTP/1.1" 200 1',
            "common log format",
        ),
    ],
)
def test_a_bad_line_is_counted_and_the_rest_goes_on(bad: bytes, reason: str) -> None:
    before, after = lines(0, 3), lines(3, 6)
    chunk = parse(Block(100, before + bad + b"\n" + after))
    assert (chunk.rows, list(chunk.malformed_at)) == (6, [100 + len(before)])
    (failure,) = chunk.samples
    assert failure.offset == 100 + len(before)
    assert failure.text == bad[:200].decode(errors="replace")
    assert reason in failure.reason
    assert chunk.offsets[3] == 100 + len(before) + len(bad) + 1


def test_values_that_do_not_keep_to_their_lines_are_not_mistaken_for_lines() -> None:
    two_in_one = line(1)[:-1] + line(2)
    over_two = line(3).replace(b',"ClientHost"', b',\n"ClientHost"')
    chunk = parse(Block(0, two_in_one + over_two + line(4)))
    assert (chunk.rows, chunk.malformed) == (1, 3)


def test_only_a_few_bad_lines_are_kept_to_be_shown() -> None:
    chunk = parse(Block(0, b"x\n" * 1000))
    assert (chunk.malformed, len(chunk.samples)) == (1000, 5)


def test_an_over_long_line_is_a_bad_line() -> None:
    chunk = parse(OverLong(10, 2_000_010, b"{" * 200))
    assert (chunk.rows, chunk.malformed) == (0, 1)
    assert "1999999 bytes" in chunk.samples[0].reason


def test_a_local_start_stands_in_for_a_missing_utc_one() -> None:
    text = line(0, StartUTC=None, StartLocal="2026-11-22T12:00:00.5+02:00")
    chunk = parse(Block(0, text))
    assert list(chunk.starts) == [parse_ns("2026-11-22T10:00:00.5Z")]


def test_a_404_without_a_router_is_an_entry() -> None:
    gone = dict.fromkeys(("RouterName", "ServiceName", "ServiceURL", "ServiceAddr"))
    chunk = parse(Block(0, line(0, DownstreamStatus=404, **gone)))
    assert chunk.entries[0].router == ""
    assert chunk.starts[0] == START_NS


@given(st.binary(max_size=400))
def test_no_bytes_can_break_the_parser(data: bytes) -> None:
    block = Block(0, line(1) + data + b"\n" + line(2))
    chunk = parse(block)
    assert chunk.rows + chunk.malformed == block.data.count(b"\n")


@pytest.mark.parametrize(
    ("peer", "host", "port"),
    [
        ("10.0.0.1:80", "10.0.0.1", 80),
        ("[::1]:5", "::1", 5),
        ("[fe80::1%eth0]:443", "fe80::1", 443),
        ("10.0.0.1", "10.0.0.1", 0),
        ("@", "@", 0),
        ("", "", 0),
        ("10.0.0.1:99999", "10.0.0.1:99999", 0),
    ],
)
def test_a_peer_is_split_in_address_and_port(peer: str, host: str, port: int) -> None:
    assert of.address_and_port(peer) == (host, port)


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"trace_id": TRACE}, TRACE),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"trace_id": TRACE, "traceparent": f"00-{TRACE[::-1]}-00f067aa0ba902b7-01"}, TRACE),
        ({"traceparent": "00-zz-1-1"}, "00" * 16),
        ({"trace_id": "xyz"}, "00" * 16),
        ({}, "00" * 16),
    ],
)
def test_the_trace_id_is_traefiks_else_the_clients(fields: dict[str, str], value: str) -> None:
    assert of.trace_id(Entry(**fields)).hex() == value


def test_an_upgrade_is_marked_and_an_offered_one_is_not() -> None:
    assert of.flags(Entry(status=0, upgrade_1="websocket")) == 1
    assert of.flags(Entry(status=200, upgrade_3="h2c", tls="1.3")) == 2
    assert of.flags(Entry(status=0)) == 0
