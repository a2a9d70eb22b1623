"""Calls of the read side as the API's forms, and as rows of a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hopwatch.v1 import observe_pb2 as pb

from cli.output import Cell, Column, Row
from hub import forms
from hub.stamps import SECOND, rfc3339

MS = 1e6

COLUMNS = (
    Column("start", width=18, style="dim"),
    Column("status", width=6),
    Column("ms", right=True, width=9),
    Column("method", width=7),
    Column("from", width=28),
    Column("to", width=28),
    Column("origin", width=19),
    Column("url"),
    Column("join", style="dim"),
    Column("id", style="dim"),
)
SHOWN = COLUMNS[:-2]
"""Of these columns, on a terminal: the others are for programs."""
ORIGIN_STYLES = {"outside": "yellow", "undecided": "yellow", "hairpin": "yellow", "public": "cyan"}


def call_form(call: pb.Call) -> forms.Call:
    """The form that `/api/v1/requests` has of it."""
    return forms.Call(
        id=call.id,
        start=rfc3339(call.start_ns),
        duration_ms=call.duration_ns / MS,
        method=call.method,
        host=call.host,
        path=call.path,
        status=call.status,
        ok=call.ok,
        from_=_party(getattr(call, "from")),
        to=_party(call.to),
        origin=_word(call.origin),
        answered_by=_word(call.answered_by),
        join=forms.Join(
            by=_word(call.join.by),
            confidence=call.join.confidence,
            missing=_word(call.join.missing) or None,
            reason=call.join.reason or None,
        ),
        parent=call.parent or None,
        revision=call.revision,
        grpc_status=call.grpc_status if call.HasField("grpc_status") else None,
        hops=[_hop(hop) for hop in call.hops],
    )


def _word(text: str) -> Any:
    """One of a form's words: the hub's messages hold no others."""
    return text


def _party(party: pb.Party) -> forms.Party:
    return forms.Party(
        node=party.node,
        kind=_word(party.kind),
        server=party.server or None,
        name=party.name or None,
        address=party.address or None,
    )


def _hop(hop: pb.Hop) -> forms.Hop:
    return forms.Hop(
        server=hop.server,
        proxy=hop.proxy,
        kind=_word(hop.kind),
        log=hop.log,
        offset=hop.offset,
        start=rfc3339(hop.start_ns),
        duration_ms=hop.duration_ns / MS,
        upstream_ms=hop.upstream_ns / MS,
        overhead_ms=hop.overhead_ns / MS,
        status=hop.status,
        upstream_status=hop.upstream_status,
        client=hop.client,
        forwarded=hop.forwarded or None,
        spoofed=[_word(claim) for claim in hop.spoofed],
        entry_point=hop.entry_point or None,
        router=hop.router or None,
        service=hop.service or None,
        upstream=hop.upstream or None,
        path=hop.path,
        protocol=hop.protocol,
        user_agent=hop.user_agent or None,
        bytes_in=hop.bytes_in,
        bytes_out=hop.bytes_out,
        request_count=hop.request_count,
        retries=hop.retries,
        trace_id=hop.trace_id or None,
        why=hop.why,
    )


def row(call: pb.Call) -> Row:
    """Of a table with `COLUMNS`."""
    good = "green" if call.ok else "bold red"
    ms = call.duration_ns / MS
    return (
        Cell(rfc3339(call.start_ns), local_time(call.start_ns)),
        Cell(call.status, style=good),
        Cell(ms, f"{ms:.1f}"),
        Cell(call.method),
        Cell(label(getattr(call, "from"))),
        Cell(label(call.to)),
        Cell(call.origin, style=ORIGIN_STYLES.get(call.origin, "")),
        Cell(call.host + call.path),
        Cell(call.join.by),
        Cell(call.id),
    )


def label(party: pb.Party) -> str:
    """Who it is, with the server where there is one."""
    name = party.name or party.address or party.node
    return f"{party.server}/{name}" if party.server and party.server != name else name


def local_time(ns: int) -> str:
    """`11-22 14:32:07.153`, of this machine's time zone."""
    moment = datetime.fromtimestamp(ns // SECOND, UTC).astimezone()
    return f"{moment:%m-%d %H:%M:%S}.{ns % SECOND // 1_000_000:03d}"
