"""The hub's values: what travels between its cores.

Frozen and free of I/O. Shapes: every array of an `Observations` has `rows` entries. Times are int64
nanoseconds since 1970 UTC, in the clock of the server that reported them unless a name says
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray


class ProxyKind(IntEnum):
    """Where a proxy stands; numbered as in `ingest.proto`."""

    PUBLIC = 1
    PRIVATE = 2


@dataclass(frozen=True, slots=True)
class LogKey:
    """A log's identity: it survives renames, copies and restarts."""

    server: str
    proxy: str
    fingerprint: bytes
    """16 bytes: the head of the SHA-256 of the log's first line."""


@dataclass(frozen=True, slots=True)
class Strings:
    """A column of strings by dictionary: row i has `values[codes[i]]`."""

    values: tuple[str, ...]
    codes: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Observations:
    """The access log entries of one batch, in columns; fields as in `Columns` of `ingest.proto`."""

    rows: int
    offset: NDArray[np.uint32]
    """Of the line in its log, less the batch's first offset."""
    start_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    upstream_ns: NDArray[np.int64]
    overhead_ns: NDArray[np.int64]
    status: NDArray[np.uint16]
    upstream_status: NDArray[np.uint16]
    bytes_in: NDArray[np.int64]
    bytes_out: NDArray[np.int64]
    request_count: NDArray[np.uint64]
    client_port: NDArray[np.uint16]
    retries: NDArray[np.uint16]
    grpc_status: NDArray[np.int16]
    """-1: none."""
    flags: NDArray[np.uint8]
    """Bits of `RowFlag`."""
    trace_id: NDArray[np.uint64]
    """Shape (rows, 2); zeros: none. The 16 bytes in order, read as two little-endian words."""
    hop_id: NDArray[np.uint64]
    hop_parent: NDArray[np.uint64]
    client: Strings
    forwarded: Strings
    method: Strings
    host: Strings
    path: Strings
    protocol: Strings
    scheme: Strings
    entry_point: Strings
    router: Strings
    service: Strings
    upstream: Strings
    user_agent: Strings


# --- what reaches the pipeline, in journal order -------------------------------------------------


@dataclass(frozen=True, slots=True)
class HelloSeen:
    """An agent's stream was accepted. Journalled: addresses and proxies are needed for replay."""

    server: str
    hello: pb.Hello


@dataclass(frozen=True, slots=True)
class InventorySeen:
    """A server's inventory changed. Journalled."""

    server: str
    inventory: pb.Inventory


@dataclass(frozen=True, slots=True)
class ConnectionsSeen:
    """Whose a server's connections to others are. Journalled: they name callers."""

    server: str
    connections: pb.Connections


@dataclass(frozen=True, slots=True)
class BatchCommitted:
    """Lines of one log, journalled."""

    seq: int
    """The journal's number of it; grows in commit order, hellos and inventories included."""
    log: LogKey
    first_offset: int
    end_offset: int
    malformed: int
    malformed_samples: tuple[pb.MalformedLine, ...]
    watermark_ns: int
    """0: unknown."""
    observations: Observations


# --- what reaches the pipeline, not journalled ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class WatermarkSeen:
    """A log (None: every log of the server) is complete up to a completion time."""

    server: str
    log: LogKey | None
    watermark_ns: int
    complete: bool
    read: int
    malformed: int
    sent: int
    behind_bytes: int


@dataclass(frozen=True, slots=True)
class LogSeen:
    """A log that an agent sees and the hub's account of it."""

    log: LogKey
    path: str
    offset: int
    lines: int
    malformed: int


@dataclass(frozen=True, slots=True)
class ClockMeasured:
    """A clock probe came back: the server's clock minus the hub's."""

    server: str
    skew_ns: int
    uncertainty_ns: int


@dataclass(frozen=True, slots=True)
class AgentGone:
    """A server's stream ended."""

    server: str
    reason: str


Journalled = HelloSeen | InventorySeen | ConnectionsSeen | BatchCommitted
Event = Journalled | WatermarkSeen | LogSeen | ClockMeasured | AgentGone
