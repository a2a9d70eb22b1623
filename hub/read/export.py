"""Calls as lines of text: NDJSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import msgspec

from hub import forms

COLUMNS = (
    "id", "start", "duration_ms", "method", "host", "path", "status", "ok", "from", "from_server",
    "from_address", "to", "to_server", "origin", "answered_by", "join_by", "join_confidence",
    "join_missing", "grpc_status", "trace_id", "hops",
)  # fmt: skip


def ndjson_lines(calls: Iterable[forms.Call]) -> Iterator[bytes]:
    """One JSON object a line."""
    for call in calls:
        yield msgspec.json.encode(call) + b"\n"


def csv_lines(calls: Iterable[forms.Call]) -> Iterator[bytes]:
    """RFC 4180 with a header; a cell that a spreadsheet would take for a formula gets a quote."""
    yield csv_header()
    for call in calls:
        hops = " > ".join(f"{hop.server}/{hop.proxy}" for hop in call.hops)
        yield row(
            (
                call.id, call.start, call.duration_ms, call.method, call.host, call.path,
                call.status, call.ok, call.from_.name or call.from_.node, call.from_.server,
                call.from_.address,
                call.to.name or call.to.node, call.to.server, call.origin, call.answered_by,
                call.join.by, call.join.confidence, call.join.missing, call.grpc_status,
                call.hops[0].trace_id, hops,
            )
        )  # fmt: skip


def csv_header() -> bytes:
    """The names of the columns."""
    return row(COLUMNS)


def row(cells: Iterable[object]) -> bytes:
    """One line of these."""
    text = io.StringIO()
    csv.writer(text).writerow(map(_cell, cells))
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
