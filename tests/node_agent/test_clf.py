"""Traefik's common log format; the sample lines were written by Traefik 3.7.15."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_agent.clf import parse_clf
from node_agent.fields import rows
from node_agent.lines import Block
from node_agent.model import LogFormat
from node_agent.parse import parse
from node_agent.redact import Redactor
from tests.node_agent.build import line
from tests.node_agent.decode import _of_row

SAMPLES = Path(__file__).parents[1] / "data/clf/traefik-3.7.15.log"
SECOND_NS = 1_795_361_976_000_000_000


def test_every_captured_line_is_read_but_the_one_that_is_no_utf8() -> None:
    chunk = parse(Block(0, SAMPLES.read_bytes()))
    assert (chunk.rows, chunk.malformed) == (17, 1)
    assert [failure.reason for failure in chunk.samples] == ["not UTF-8"]
    assert [entry.request_count for entry in chunk.entries] == [*range(1, 17), 18]
    assert {start_ns % 1_000_000_000 for start_ns in chunk.starts} == {0}
    found = [_of_row(row) for row in rows(chunk, Redactor())]
    first = found[0] | {"offset": 0}
    told = {key: value for key, value in first.items() if value and value != bytes(16)}
    assert told == {
        "start_ns": SECOND_NS,
        "duration_ns": 1_000_000,
        "status": 200,
        "bytes_out": 5,
        "request_count": 1,
        "grpc_status": -1,
        "flags": 4,
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/a/plain",
        "protocol": "HTTP/1.1",
        "router": "a@file",
        "upstream": "http://127.0.0.1:19190",
        "user_agent": "curl/7.88.1",
    }
    by_path = {row["path"]: row for row in found}
    assert by_path["/a/ua"]["user_agent"] == 'agent "quoted" \\back\\ slash ü'
    assert by_path["/a/v6"]["client"] == "::1"
    listed = by_path["/a/xff"]
    assert (listed["client"], listed["forwarded"]) == ("", "6.6.6.6, 7.7.7.7")
    assert by_path["/a/xff2"]["client"] == "6.6.6.6"
    assert (by_path["/nothing"]["router"], by_path["/nothing"]["upstream"]) == ("", "")
    assert by_path["/auth/x"]["status"] == 401
    assert by_path["/a/h2"]["protocol"] == "HTTP/2.0"


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("22/Nov/2026:15:39:36 +0000", SECOND_NS),
        ("22/Nov/2026:17:39:36 +0200", SECOND_NS),
        ("22/Nov/2026:10:09:36 -0530", SECOND_NS),
    ],
)
def test_the_zone_counts(stamp: str, expected: int) -> None:
    text = f'1.1.1.1 - - [{stamp}] "GET / HTTP/1.1" 200 1 "-" "-" 1 "r" "u" 3ms'
    assert parse_clf(text)[1] == expected


def test_a_user_name_cannot_forge_a_line() -> None:
    forged = '[01/Jan/2020:00:00:00 +0000] "GET /forged HTTP/1.1" 200 1 "-" "-" 1 "r" "u" 1ms'
    text = f'1.1.1.1 - {forged} [22/Nov/2026:15:39:36 +0000] "GET /real HTTP/1.1" 401 1'
    entry, start_ns = parse_clf(text + ' "-" "-" 2 "r" "-" 0ms')
    assert (entry.path, entry.status, start_ns) == ("/real", 401, SECOND_NS)


def test_a_log_whose_format_was_changed_goes_on_and_a_given_format_is_kept_to() -> None:
    clf = SAMPLES.read_bytes().splitlines(keepends=True)[0]
    both = Block(0, line(1) + clf + line(2))
    assert (parse(both).rows, parse(both).malformed) == (3, 0)
    assert parse(both, LogFormat.JSON).malformed == 1
    assert parse(both, LogFormat.CLF).malformed == 2


@given(st.text(max_size=200), st.integers(0, 250), st.integers(0, 250))
def test_no_text_can_break_the_parser(text: str, start: int, end: int) -> None:
    sample = SAMPLES.read_text(errors="replace").splitlines()[2]
    for each in (text, sample[:start] + text + sample[end:]):
        try:
            entry, start_ns = parse_clf(each)
        except ValueError:
            continue
        assert start_ns >= 0 and entry.duration >= 0
