"""Entries to the protocol's columns.

In: a `Chunk`. Out: one `Columns` message (see `ingest.proto` for its layout). Numbers are
little-endian; a column of zeros and a dictionary of "" are left out. Secrets in paths are redacted,
once per distinct path.

The entries are turned into columns at once, and each column is made by few calls over all of it:
what a row costs here is what the agent costs. What is rare (gRPC, upgrades, TLS, odd addresses) is
looked for in the whole column first, and only then row by row, as `fields` does it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from hopwatch.v1 import ingest_pb2 as pb
from msgspec.structs import astuple

from node_agent.fields import (
    NO_ID,
    USER_AGENT_CHARACTERS,
    address_and_port,
    binary_id,
    flags,
    grpc_status,
    trace_id,
)
from node_agent.model import COARSE, Chunk, Entry
from node_agent.redact import Redactor

Table = dict[str, Sequence[Any]]
"""An entry's fields, each with the values of all entries."""


def columns(chunk: Chunk, redactor: Redactor) -> pb.Columns:
    """All entries in one message; at least one, at most 65,536."""
    entries = chunk.entries
    by_field = zip(*map(astuple, entries), strict=True)
    table: Table = dict(zip(Entry.__struct_fields__, by_field, strict=True))
    first = chunk.first_offset
    clients, ports = peers(table["client_address"])
    return pb.Columns(
        rows=len(entries),
        offset=_numbers("I", [offset - first for offset in chunk.offsets]),
        start_ns=_numbers("q", chunk.starts),
        duration_ns=_numbers("q", table["duration"]),
        upstream_ns=_numbers("q", table["upstream"]),
        overhead_ns=_numbers("q", table["overhead"]),
        status=_numbers("H", table["status"]),
        upstream_status=_numbers("H", table["upstream_status"]),
        bytes_in=_numbers("q", table["bytes_in"]),
        bytes_out=_numbers("q", table["bytes_out"]),
        request_count=_numbers("Q", table["request_count"]),
        client_port=_numbers("H", ports),
        retries=_numbers("H", table["retries"]),
        grpc_status=_grpc_statuses(entries, table),
        flags=_flags(entries, table),
        trace_id=_trace_ids(entries, table),
        hop_id=_ids(table["hop_id"]),
        hop_parent=_ids(table["hop_parent"]),
        client=_dictionary(clients),
        forwarded=_dictionary(_forwarded(table["client_host"], clients)),
        method=_dictionary(table["method"]),
        host=_dictionary(table["host"]),
        path=_dictionary(table["path"], redactor.path),
        protocol=_dictionary(table["protocol"]),
        scheme=_dictionary(table["scheme"]),
        entry_point=_dictionary(table["entry_point"]),
        router=_dictionary(table["router"]),
        service=_dictionary(table["service"]),
        upstream=_dictionary(table["upstream_url"], redactor.upstream),
        user_agent=_dictionary(table["user_agent"], _shortened),
    )


def peers(addresses: Sequence[str]) -> tuple[Sequence[str], Sequence[int]]:
    """Each address in two, as `address_and_port` does; at once where all are like 10.0.0.1:80."""
    if [address.count(":") for address in addresses].count(1) == len(addresses):
        parts = ":".join(addresses).split(":")
        hosts, ports = parts[::2], parts[1::2]
        digits = "".join(ports)
        usual = digits.isdecimal() and digits.isascii() and min(map(len, ports)) > 0
        if usual and max(map(len, ports)) < 6 and not any(host[:1] == "[" for host in set(hosts)):
            numbers = [int(port) for port in ports]
            if max(numbers) < 65_536:
                return hosts, numbers
    slow = [address_and_port(address) for address in addresses]
    return [peer[0] for peer in slow], [peer[1] for peer in slow]


def _forwarded(hosts: Sequence[str], clients: Sequence[str]) -> Sequence[str]:
    if list(hosts) == clients:
        return [""] * len(hosts)
    return ["" if host == client else host for host, client in zip(hosts, clients, strict=True)]


def _shortened(agent: str) -> str:
    return agent[:USER_AGENT_CHARACTERS]


def _numbers(code: str, values: Sequence[int]) -> bytes:
    if not any(values):
        return b""
    # A list is taken in half the time of a tuple.
    return _little_endian(array(code, list(values)))


def _little_endian(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _grpc_statuses(entries: Sequence[Entry], table: Table) -> bytes:
    if not any(any(table[name]) for name in ("grpc_1", "grpc_2", "grpc_3", "grpc_4")):
        return b""
    values = [grpc_status(entry) for entry in entries]
    return _little_endian(array("h", values)) if max(values) >= 0 else b""


def _flags(entries: Sequence[Entry], table: Table) -> bytes:
    rare = ("tls", "upgrade_1", "upgrade_2", "upgrade_3")
    if COARSE in table["start_local"] or any(any(table[name]) for name in rare):
        return _numbers("B", [flags(entry) for entry in entries])
    return b""


def _trace_ids(entries: Sequence[Entry], table: Table) -> bytes:
    own = table["trace_id"]
    if all(own):
        return _ids(own)
    if any(own) or any(table["traceparent"]):
        return _unless_zero(b"".join(map(trace_id, entries)))
    return b""


def _ids(texts: Sequence[str]) -> bytes:
    if not any(texts):
        return b""
    if set(map(len, texts)) == {2 * len(NO_ID)}:
        try:
            column = bytes.fromhex("".join(texts))
        except ValueError:
            column = b""
        # `fromhex` passes over blanks, which are none of an id's.
        if len(column) == len(NO_ID) * len(texts):
            return _unless_zero(column)
    return _unless_zero(b"".join(map(binary_id, texts)))


def _unless_zero(column: bytes) -> bytes:
    return column if any(column) else b""


def _dictionary(
    values: Sequence[str], change: Callable[[str], str] | None = None
) -> pb.Dictionary | None:
    """Distinct values and their codes. `change` is applied to each distinct value once."""
    distinct = set(values)
    if len(distinct) == 1:
        (only,) = distinct
        shown = change(only) if change else only
        return pb.Dictionary(values=[shown], codes=bytes(len(values))) if shown else None
    if change is None:
        table = {value: code for code, value in enumerate(distinct)}
        final: Sequence[str] = list(distinct)
    else:
        changed = {value: change(value) for value in distinct}
        final = list(dict.fromkeys(changed.values()))
        codes_of = {value: code for code, value in enumerate(final)}
        table = {value: codes_of[shown] for value, shown in changed.items()}
    codes = [table[value] for value in values]
    packed = bytes(codes) if len(final) <= 256 else _little_endian(array("H", codes))
    return pb.Dictionary(values=final, codes=packed)
