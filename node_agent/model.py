"""The agent's values: what travels between its cores. Frozen and free of I/O."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import msgspec

Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**60)]
"""A duration: below 37 years, so that no sum with a time leaves 64 bits."""
Overhead = Annotated[int, msgspec.Meta(ge=-(2**60), le=2**60)]
"""Traefik subtracts two measurements for it."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""The hub takes no number beyond."""
U16 = Annotated[int, msgspec.Meta(ge=0, le=2**16 - 1)]


COARSE = "clf"
"""`Entry.start_utc` of a line whose time is known to the second only."""


class LogFormat(IntEnum):
    """How a log is written; numbered as in `ingest.proto`."""

    JSON = 1
    CLF = 2


class Entry(msgspec.Struct, gc=False):
    """One access log entry, by Traefik's keys; a key that is missing keeps its default.

    In the order in which Traefik writes the keys (sorted): so msgspec finds each at once.
    """

    client_address: str = msgspec.field(default="", name="ClientAddr")
    client_host: str = msgspec.field(default="", name="ClientHost")
    bytes_out: Count = msgspec.field(default=0, name="DownstreamContentSize")
    status: U16 = msgspec.field(default=0, name="DownstreamStatus")
    duration: Nanoseconds = msgspec.field(default=0, name="Duration")
    upstream: Nanoseconds = msgspec.field(default=0, name="OriginDuration")
    upstream_status: U16 = msgspec.field(default=0, name="OriginStatus")
    overhead: Overhead = msgspec.field(default=0, name="Overhead")
    bytes_in: Count = msgspec.field(default=0, name="RequestContentSize")
    request_count: Count = msgspec.field(default=0, name="RequestCount")
    host: str = msgspec.field(default="", name="RequestHost")
    method: str = msgspec.field(default="", name="RequestMethod")
    path: str = msgspec.field(default="", name="RequestPath")
    protocol: str = msgspec.field(default="", name="RequestProtocol")
    scheme: str = msgspec.field(default="", name="RequestScheme")
    retries: U16 = msgspec.field(default=0, name="RetryAttempts")
    router: str = msgspec.field(default="", name="RouterName")
    service: str = msgspec.field(default="", name="ServiceName")
    upstream_url: str = msgspec.field(default="", name="ServiceURL")
    start_utc: str = msgspec.field(default="", name="StartUTC")
    tls: str = msgspec.field(default="", name="TLSVersion")
    trace_id: str = msgspec.field(default="", name="TraceId")
    grpc_1: str = msgspec.field(default="", name="downstream_Grpc-Status")
    grpc_2: str = msgspec.field(default="", name="downstream_Trailer:Grpc-Status")
    upgrade_1: str = msgspec.field(default="", name="downstream_Upgrade")
    entry_point: str = msgspec.field(default="", name="entryPointName")
    grpc_3: str = msgspec.field(default="", name="origin_Grpc-Status")
    grpc_4: str = msgspec.field(default="", name="origin_Trailer:Grpc-Status")
    upgrade_2: str = msgspec.field(default="", name="origin_Upgrade")
    traceparent: str = msgspec.field(default="", name="request_Traceparent")
    upgrade_3: str = msgspec.field(default="", name="request_Upgrade")
    user_agent: str = msgspec.field(default="", name="request_User-Agent")
    hop_id: str = msgspec.field(default="", name="request_X-Hop-Id")
    hop_parent: str = msgspec.field(default="", name="request_X-Hop-Parent")


class LocalTime(msgspec.Struct, gc=False):
    """Where an entry without `StartUTC` may say its time: asked of few lines."""

    start_local: str = msgspec.field(default="", name="StartLocal")


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """A line that is no access log entry."""

    offset: int
    """Of its first byte in the log."""
    text: str
    """Its first 200 bytes, invalid UTF-8 replaced."""
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """The lines of [first_offset, end_offset) of one log, parsed.

    `entries`, `offsets` and `starts` have one item per good line, in the log's order.
    """

    first_offset: int
    end_offset: int
    entries: Sequence[Entry] = ()
    offsets: Sequence[int] = ()
    """Of each entry's line in the log."""
    starts: Sequence[int] = ()
    """Nanoseconds since 1970 UTC."""
    malformed_at: Sequence[int] = ()
    """Offsets of the lines that are no entries."""
    samples: tuple[ParseFailure, ...] = ()
    """The first few of them."""

    @property
    def rows(self) -> int:
        """Good lines."""
        return len(self.entries)

    @property
    def size(self) -> int:
        """Bytes of all its lines."""
        return self.end_offset - self.first_offset

    @property
    def malformed(self) -> int:
        """Lines that are no entries."""
        return len(self.malformed_at)

    def split(self, row: int) -> tuple[Chunk, Chunk]:
        """Cut before the entry `row`, 0 < row < rows."""
        border = self.offsets[row]
        bad = bisect_left(self.malformed_at, border)
        shown = sum(sample.offset < border for sample in self.samples)
        head = Chunk(
            self.first_offset,
            border,
            self.entries[:row],
            self.offsets[:row],
            self.starts[:row],
            self.malformed_at[:bad],
            self.samples[:shown],
        )
        tail = Chunk(
            border,
            self.end_offset,
            self.entries[row:],
            self.offsets[row:],
            self.starts[row:],
            self.malformed_at[bad:],
            self.samples[shown:],
        )
        return head, tail
