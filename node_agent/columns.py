"""Entries to the protocol's rows and columns.

In: a `Chunk`. Out: `Row` messages or one `Columns` message, which say the same (see `ingest.proto`
for their layout). Numbers are little-endian; a column of zeros and a dictionary of "" are left out.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.model import Chunk, Entry

NO_ID = bytes(16)
USER_AGENT_CHARACTERS = 200
UPGRADED = (0, 101)
"""What Traefik logs as the status of an upgraded connection: 0; 101 would be the protocol's."""


def address_and_port(peer: str) -> tuple[str, int]:
    """ "10.0.0.1:80" and "[::1]:5" in two; what has no port stays whole, with port 0."""
    host, colon, port = peer.rpartition(":")
    if not colon or not (port.isdecimal() and port.isascii() and len(port) < 6):
        return peer, 0
    if host[:1] == "[":
        host = host[1:].partition("]")[0].partition("%")[0]
    number = int(port)
    return (host, number) if number < 65_536 else (peer, 0)


def binary_id(text: str) -> bytes:
    """16 bytes of 32 hexadecimal digits, dashes allowed; zeros for anything else."""
    if not text:
        return NO_ID
    if len(text) != 32:
        text = text.replace("-", "")
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return NO_ID
    return value if len(value) == 16 else NO_ID


def trace_id(entry: Entry) -> bytes:
    """Of Traefik's own tracing, else of the client's `traceparent` (W3C Trace Context)."""
    if entry.trace_id:
        return binary_id(entry.trace_id)
    if entry.traceparent:
        parts = entry.traceparent.split("-", 2)
        return binary_id(parts[1]) if len(parts) == 3 and len(parts[1]) == 32 else NO_ID
    return NO_ID


def grpc_status(entry: Entry) -> int:
    """From the kept headers or trailers; -1: none."""
    text = entry.grpc_1 or entry.grpc_2 or entry.grpc_3 or entry.grpc_4
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 5 else -1


def flags(entry: Entry) -> int:
    """Bits of `RowFlag`."""
    bits = 0
    if entry.status in UPGRADED and (entry.upgrade_1 or entry.upgrade_2 or entry.upgrade_3):
        bits = int(pb.ROW_FLAG_UPGRADE)
    if entry.tls:
        bits |= int(pb.ROW_FLAG_TLS)
    return bits


def rows(chunk: Chunk) -> Iterator[pb.Row]:
    """One message an entry."""
    for entry, offset, start_ns in zip(chunk.entries, chunk.offsets, chunk.starts, strict=True):
        client, port = address_and_port(entry.client_address)
        status = grpc_status(entry)
        row = pb.Row(
            offset=offset - chunk.first_offset,
            start_ns=start_ns,
            duration_ns=entry.duration,
            upstream_ns=entry.upstream,
            overhead_ns=entry.overhead,
            status=entry.status,
            upstream_status=entry.upstream_status,
            bytes_in=entry.bytes_in,
            bytes_out=entry.bytes_out,
            request_count=entry.request_count,
            client_port=port,
            retries=entry.retries,
            flags=flags(entry),
            client=client,
            forwarded=entry.client_host if entry.client_host != client else "",
            method=entry.method,
            host=entry.host,
            path=entry.path,
            protocol=entry.protocol,
            scheme=entry.scheme,
            entry_point=entry.entry_point,
            router=entry.router,
            service=entry.service,
            upstream=entry.upstream_url,
            user_agent=entry.user_agent[:USER_AGENT_CHARACTERS],
        )
        if status >= 0:
            row.grpc_status = status
        _set_ids(row, entry)
        yield row


def _set_ids(row: pb.Row, entry: Entry) -> None:
    for name, value in (
        ("trace_id", trace_id(entry)),
        ("hop_id", binary_id(entry.hop_id)),
        ("hop_parent", binary_id(entry.hop_parent)),
    ):
        if value != NO_ID:
            setattr(row, name, value)


def columns(chunk: Chunk) -> pb.Columns:
    """All entries in one message; at most 65,536."""
    entries = chunk.entries
    first = chunk.first_offset
    peers = [address_and_port(entry.client_address) for entry in entries]
    clients = [peer[0] for peer in peers]
    forwarded = [
        "" if entry.client_host == client else entry.client_host
        for entry, client in zip(entries, clients, strict=True)
    ]
    return pb.Columns(
        rows=len(entries),
        offset=_numbers("I", [offset - first for offset in chunk.offsets]),
        start_ns=_numbers("q", chunk.starts),
        duration_ns=_numbers("q", [entry.duration for entry in entries]),
        upstream_ns=_numbers("q", [entry.upstream for entry in entries]),
        overhead_ns=_numbers("q", [entry.overhead for entry in entries]),
        status=_numbers("H", [entry.status for entry in entries]),
        upstream_status=_numbers("H", [entry.upstream_status for entry in entries]),
        bytes_in=_numbers("q", [entry.bytes_in for entry in entries]),
        bytes_out=_numbers("q", [entry.bytes_out for entry in entries]),
        request_count=_numbers("Q", [entry.request_count for entry in entries]),
        client_port=_numbers("H", [peer[1] for peer in peers]),
        retries=_numbers("H", [entry.retries for entry in entries]),
        grpc_status=_grpc_statuses(entries),
        flags=_numbers("B", [flags(entry) for entry in entries]),
        trace_id=_ids([entry.trace_id or entry.traceparent for entry in entries], entries),
        hop_id=_hop_ids([entry.hop_id for entry in entries]),
        hop_parent=_hop_ids([entry.hop_parent for entry in entries]),
        client=_dictionary(clients),
        forwarded=_dictionary(forwarded),
        method=_dictionary([entry.method for entry in entries]),
        host=_dictionary([entry.host for entry in entries]),
        path=_dictionary([entry.path for entry in entries]),
        protocol=_dictionary([entry.protocol for entry in entries]),
        scheme=_dictionary([entry.scheme for entry in entries]),
        entry_point=_dictionary([entry.entry_point for entry in entries]),
        router=_dictionary([entry.router for entry in entries]),
        service=_dictionary([entry.service for entry in entries]),
        upstream=_dictionary([entry.upstream_url for entry in entries]),
        user_agent=_dictionary([entry.user_agent[:USER_AGENT_CHARACTERS] for entry in entries]),
    )


def _numbers(code: str, values: Sequence[int]) -> bytes:
    if not any(values):
        return b""
    return _little_endian(array(code, values))


def _little_endian(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _grpc_statuses(entries: Sequence[Entry]) -> bytes:
    values = [grpc_status(entry) for entry in entries]
    return _little_endian(array("h", values)) if max(values) >= 0 else b""


def _ids(present: Iterable[str], entries: Sequence[Entry]) -> bytes:
    return _unless_zero(b"".join(map(trace_id, entries))) if any(present) else b""


def _hop_ids(texts: Sequence[str]) -> bytes:
    return _unless_zero(b"".join(map(binary_id, texts))) if any(texts) else b""


def _unless_zero(column: bytes) -> bytes:
    return column if any(column) else b""


def _dictionary(values: Sequence[str]) -> pb.Dictionary | None:
    table = {value: code for code, value in enumerate(dict.fromkeys(values))}
    if len(table) == 1 and "" in table:
        return None
    codes = map(table.__getitem__, values)
    packed = bytes(codes) if len(table) <= 256 else _little_endian(array("H", codes))
    return pb.Dictionary(values=table, codes=packed)
