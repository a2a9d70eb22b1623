"""What a session wants done about its stream; `ingest` carries it out, in order."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from hopwatch.v1 import ingest_pb2 as pb

from hub.model import ConnectionsSeen, Event, HelloSeen, InventorySeen, LogKey, Observations


@dataclass(frozen=True, slots=True)
class Join:
    """Make this stream the server's, journal the hello, look up the logs, then call `joined`."""

    event: HelloSeen
    logs: tuple[tuple[LogKey, pb.LogSighting], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """To the agent."""

    message: pb.HubMessage


@dataclass(frozen=True, slots=True)
class Append:
    """Journal a batch, then call `settled`."""

    log: LogKey
    batch: pb.Batch
    observations: Observations


@dataclass(frozen=True, slots=True)
class Record:
    """Journal an inventory, or connections."""

    event: InventorySeen | ConnectionsSeen


@dataclass(frozen=True, slots=True)
class LookUp:
    """Note a sighting, then call `sighted`."""

    log: LogKey
    sighting: pb.LogSighting


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the pipeline, in its place behind the batches before it."""

    event: Event


@dataclass(frozen=True, slots=True)
class Close:
    """Send the refusal, then end the stream with the status and the refusal's reason."""

    refusal: pb.Refusal
    status: grpc.StatusCode


Command = Join | Send | Append | Record | LookUp | Emit | Close
