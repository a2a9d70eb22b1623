"""What one entry says: its values as the protocol wants them, and the whole of it as a `Row`.

`columns` gives the same values for many entries at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.model import COARSE, Chunk, Entry
from node_agent.redact import Redactor

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
    if entry.start_utc == COARSE:
        bits |= int(pb.ROW_FLAG_COARSE_TIME)
    return bits


def rows(chunk: Chunk, redactor: Redactor, first_offset: int | None = None) -> Iterator[pb.Row]:
    """One message an entry; offsets are relative to the batch's first, as a rule the chunk's."""
    first = chunk.first_offset if first_offset is None else first_offset
    for entry, offset, start_ns in zip(chunk.entries, chunk.offsets, chunk.starts, strict=True):
        client, port = address_and_port(entry.client_address)
        status = grpc_status(entry)
        row = pb.Row(
            offset=offset - first,
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
            path=redactor.path(entry.path),
            protocol=entry.protocol,
            scheme=entry.scheme,
            entry_point=entry.entry_point,
            router=entry.router,
            service=entry.service,
            upstream=redactor.upstream(entry.upstream_url),
            user_agent=entry.user_agent[:USER_AGENT_CHARACTERS],
        )
        if status >= 0:
            row.grpc_status = status
        _set_ids(row, entry)
        if redactor.truncation is not None:
            row.client = redactor.truncation.address(row.client)
            row.forwarded = redactor.truncation.forwarded(row.forwarded)
        yield row


def _set_ids(row: pb.Row, entry: Entry) -> None:
    for name, value in (
        ("trace_id", trace_id(entry)),
        ("hop_id", binary_id(entry.hop_id)),
        ("hop_parent", binary_id(entry.hop_parent)),
    ):
        if value != NO_ID:
            setattr(row, name, value)
