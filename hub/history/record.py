"""Sealed calls in the words of the API.

Enters: calls of a `Part`. Leaves: `forms.Call`s, as `hub.describe` makes them of what is in memory.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.describe import host_port
from hub.enums import Claim
from hub.history.part import Part
from hub.history.schema import COLUMNS
from hub.stamps import rfc3339

MS = 1e6
Row = dict[str, Any]

SPOOFED: Final[list[Any]] = [
    tuple((claim.name or "").lower() for claim in Claim if claim & bits) for bits in range(4)
]
"""What the bits of `Claim` say."""

SUMMARY = (
    "id_hop", "start_ns", "hop1_start_ns", "hop0_log_sum", "hop1_log_sum", "hop0_offset",
    "hop1_offset", "edge", "duration_ns", "hop0_method", "hop0_host", "hop0_path", "hop1_path",
    "status", "ok", "origin", "from_address", "hop0_client", "answered_by_service", "join_by",
    "missing", "revision",
)  # fmt: skip


def calls(part: Part, numbers: NDArray[np.integer]) -> list[forms.Call]:
    """These calls, in this order."""
    return [_call(part, row) for row in _rows(part, tuple(COLUMNS), numbers)]


def summaries(part: Part, numbers: NDArray[np.integer]) -> list[forms.CallSummary]:
    """These calls, as the live lists show them."""
    ends = part["end_ns"][numbers].tolist()
    rows = _rows(part, SUMMARY, numbers)
    return [_summary(row, end) for row, end in zip(rows, ends, strict=True)]


def _summary(row: Row, end_ns: int) -> forms.CallSummary:
    return forms.CallSummary(
        id=call_id(row),
        edge=row["edge"],
        start_ms=(end_ns - row["duration_ns"]) / MS,
        duration_ms=row["duration_ns"] / MS,
        method=row["hop0_method"],
        host=row["hop0_host"],
        path=row["hop1_path" if row["two"] else "hop0_path"],
        status=row["status"],
        ok=row["ok"],
        origin=row["origin"],
        address=row["from_address"] or row["hop0_client"] or None,
        answered_by="service" if row["answered_by_service"] else "proxy",
        join=row["join_by"],
        missing=row["missing"],
        revision=row["revision"],
    )


def _rows(part: Part, names: tuple[str, ...], numbers: NDArray[np.integer]) -> list[Row]:
    """Columns as rows; `two`: there is a second hop."""
    columns = [part.told(name, numbers) for name in names]
    columns.append(part.two[numbers].tolist())
    keys = (*names, "two")
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]


def call_id(row: Row) -> str:
    """As `hub.calls.call_id`."""
    hop = row["id_hop"]
    start_ns = row["hop1_start_ns"] if hop else row["start_ns"]
    return f"{start_ns:019d}-{row[f'hop{hop}_log_sum']}-{row[f'hop{hop}_offset']:x}"


def _call(part: Part, row: Row) -> forms.Call:
    two = row["two"]
    return forms.Call(
        id=call_id(row),
        start=rfc3339(row["start_ns"]),
        duration_ms=row["duration_ns"] / MS,
        method=row["hop0_method"],
        host=row["hop0_host"],
        path=row["hop1_path" if two else "hop0_path"],
        status=row["status"],
        ok=row["ok"],
        from_=_party(part, row["from_node"], row["from_address"] or row["hop0_client"] or None),
        to=_party(part, row["to_node"], row["to_address"]),
        origin=row["origin"],
        answered_by="service" if row["answered_by_service"] else "proxy",
        join=forms.Join(
            by=row["join_by"],
            confidence=round(row["confidence"], 3),
            missing=row["missing"],
            reason=row["reason"],
        ),
        parent=None,
        revision=row["revision"],
        grpc_status=row["grpc_status"] if row["grpc_status"] >= 0 else None,
        hops=[_hop(row, 0), *_attempts(row), *([_hop(row, 1)] if two else [])],
    )


def _attempts(row: Row) -> list[forms.Hop]:
    return msgspec.json.decode(row["attempts"], type=list[forms.Hop]) if row["attempts"] else []


def _party(part: Part, id: str, address: str | None) -> forms.Party:
    node = part.graph.find(id)
    assert node is not None, id
    return forms.Party(
        node=id,
        kind=node.kind.name.lower(),  # type: ignore[arg-type]
        server=node.server,
        name=node.name,
        address=address,
    )


def _hop(row: Row, hop: int) -> forms.Hop:
    def told(name: str) -> Any:
        return row[f"hop{hop}_{name}"]

    def twin(name: str) -> Any:
        return told(name) if hop else row[name]

    trace = told("trace_id")
    return forms.Hop(
        server=told("server"),
        proxy=told("proxy"),
        kind=told("proxy_kind"),
        log=told("log"),
        offset=told("offset"),
        start=rfc3339(twin("start_ns")),
        duration_ms=twin("duration_ns") / MS,
        upstream_ms=told("upstream_ns") / MS,
        overhead_ms=told("overhead_ns") / MS,
        status=told("status"),
        upstream_status=told("upstream_status"),
        client=host_port(told("client"), told("client_port")),
        forwarded=told("forwarded") or None,
        spoofed=list(SPOOFED[told("spoofed")]),
        entry_point=told("entry_point") or None,
        router=told("router") or None,
        service=told("service") or None,
        upstream=told("upstream") or None,
        path=told("path"),
        protocol=told("protocol"),
        user_agent=told("user_agent") or None,
        bytes_in=twin("bytes_in"),
        bytes_out=twin("bytes_out"),
        request_count=told("request_count"),
        retries=told("retries"),
        trace_id=trace.hex() if trace else None,
        why=told("why"),
    )
