"""Entries to the protocol's columns.

In: `Chunk`s that follow each other, one at a time. Out: one `Columns` message (see `ingest.proto`
for its layout) of all of them. Numbers are little-endian; a column of zeros and a dictionary of ""
are left out. What is not to leave the server is redacted, once per distinct value.

A chunk is turned into columns as soon as it has been parsed, and its entries are let go: thousands
of small objects live and die in the processor's cache instead of being fetched from memory again.
Each column is made by few calls over all of the chunk: what a row costs here is what the agent
costs. What is rare (gRPC, upgrades, TLS, odd addresses) is looked for in the whole column first,
and only then row by row, as `fields` does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack
from typing import Any

import msgspec
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
from node_agent.model import COARSE, U16, Chunk, Entry
from node_agent.redact import Redactor
from node_agent.strings import Strings

Table = dict[str, Sequence[Any]]
"""The fields of some entries, each with the values of all of them."""
ROW_BYTES = 170
"""What a row takes at most, its strings aside."""
_ports = msgspec.json.Decoder(list[U16])

# A column: the field that it is of, how a number is packed.
_NUMBERS = (
    ("duration_ns", "duration", "q"),
    ("upstream_ns", "upstream", "q"),
    ("overhead_ns", "overhead", "q"),
    ("status", "status", "H"),
    ("upstream_status", "upstream_status", "H"),
    ("bytes_in", "bytes_in", "q"),
    ("bytes_out", "bytes_out", "q"),
    ("request_count", "request_count", "Q"),
    ("retries", "retries", "H"),
)
_STRINGS = (
    ("method", "method"),
    ("host", "host"),
    ("path", "path"),
    ("protocol", "protocol"),
    ("scheme", "scheme"),
    ("entry_point", "entry_point"),
    ("router", "router"),
    ("service", "service"),
    ("upstream", "upstream_url"),
    ("user_agent", "user_agent"),
)
_BLANK = {code: pack(f"<{code}", 0) for code in "BHIQq"}
_NO_STATUS = pack("<h", -1)


def columns(chunk: Chunk, redactor: Redactor) -> pb.Columns:
    """One chunk's."""
    growing = Columns(chunk.first_offset)
    growing.add(chunk)
    return growing.message(redactor)


class Columns:
    """The rows of one batch, as far as they have been read."""

    def __init__(self, first_offset: int) -> None:
        self.rows = 0
        self.size = 0
        """Bytes that the message takes at most, if redaction adds none."""
        self._first = first_offset
        self._fixed: dict[str, bytearray] = {}
        """Numbers and ids; a column is absent until one of its rows is not blank."""
        self._strings: dict[str, Strings] = {}

    def add(self, chunk: Chunk) -> None:
        """More rows: one at least; no more than 65,536 in all."""
        entries, first = chunk.entries, self._first
        by_field = zip(*map(astuple, entries), strict=True)
        table: Table = dict(zip(Entry.__struct_fields__, by_field, strict=True))
        clients, ports = peers(table["client_address"])
        self._number("offset", "I", [offset - first for offset in chunk.offsets])
        self._number("start_ns", "q", chunk.starts)
        self._number("client_port", "H", ports)
        for name, field, code in _NUMBERS:
            self._number(name, code, table[field])
        self._number("flags", "B", _flags(entries, table))
        rows = len(entries)
        self._put("grpc_status", _grpc_statuses(entries, table), _NO_STATUS, rows)
        self._put("trace_id", _trace_ids(entries, table), NO_ID, rows)
        self._put("hop_id", _ids(table["hop_id"]), NO_ID, rows)
        self._put("hop_parent", _ids(table["hop_parent"]), NO_ID, rows)
        self._string("client", clients)
        self._string("forwarded", _forwarded(table["client_host"], clients))
        for name, field in _STRINGS:
            self._string(name, table[field])
        self.rows += rows
        self.size += ROW_BYTES * rows

    def message(self, redactor: Redactor) -> pb.Columns:
        """All of them."""
        changes = {**redactor.changes, "user_agent": _shortened}
        message = pb.Columns(rows=self.rows)
        for name, data in self._fixed.items():
            setattr(message, name, bytes(data))
        for name, column in self._strings.items():
            column.fill(getattr(message, name), changes.get(name))
        return message

    def _number(self, name: str, code: str, values: Sequence[int]) -> None:
        data = pack(f"<{len(values)}{code}", *values) if any(values) else b""
        self._put(name, data, _BLANK[code], len(values))

    def _put(self, name: str, data: bytes, blank: bytes, rows: int) -> None:
        """`data`: of all `rows`; none where they are blank."""
        column = self._fixed.get(name)
        if column is not None:
            column += data or blank * rows
        elif data:
            self._fixed[name] = bytearray(blank * self.rows) + data

    def _string(self, name: str, values: Sequence[str]) -> None:
        if name not in self._strings:
            self._strings[name] = Strings()
        self.size += self._strings[name].add(values)


def peers(addresses: Sequence[str]) -> tuple[Sequence[str], Sequence[int]]:
    """Each address in two, as `address_and_port` does; at once where all are like 10.0.0.1:80."""
    parts = ":".join(addresses).split(":")
    hosts, ports = parts[::2], parts[1::2]
    # A host that took a port's place would have no dot.
    usual = len(parts) == 2 * len(addresses) and all("." in host for host in set(hosts))
    if usual and "".join(ports).isdecimal():
        try:
            return hosts, _ports.decode(f"[{','.join(ports)}]")
        except msgspec.DecodeError:
            pass
    slow = [address_and_port(address) for address in addresses]
    return [peer[0] for peer in slow], [peer[1] for peer in slow]


def _forwarded(hosts: Sequence[str], clients: Sequence[str]) -> Sequence[str]:
    if list(hosts) == clients:
        return ("",) * len(hosts)
    return ["" if host == client else host for host, client in zip(hosts, clients, strict=True)]


def _shortened(agent: str) -> str:
    return agent[:USER_AGENT_CHARACTERS]


def _grpc_statuses(entries: Sequence[Entry], table: Table) -> bytes:
    if not any(any(table[name]) for name in ("grpc_1", "grpc_2", "grpc_3", "grpc_4")):
        return b""
    values = [grpc_status(entry) for entry in entries]
    return pack(f"<{len(values)}h", *values) if max(values) >= 0 else b""


def _flags(entries: Sequence[Entry], table: Table) -> Sequence[int]:
    rare = ("tls", "upgrade_1", "upgrade_2", "upgrade_3")
    if COARSE in table["start_utc"] or any(any(table[name]) for name in rare):
        return [flags(entry) for entry in entries]
    return (0,) * len(entries)


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
