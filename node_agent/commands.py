"""What the session wants done. Carried out by the shell, in order."""

from __future__ import annotations

from dataclasses import dataclass

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.log import Log


@dataclass(frozen=True, slots=True)
class Send:
    """Say this to the hub."""

    message: pb.AgentMessage


@dataclass(frozen=True, slots=True)
class Seek:
    """Go on reading at this offset."""

    log: Log
    offset: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Everything below `offset` is journalled."""

    log: Log
    offset: int


@dataclass(frozen=True, slots=True)
class Close:
    """Give this connection up."""

    reason: str
    code: int = 0
    """`Refusal.Code`; 0 where the hub did not refuse."""


Command = Send | Seek | Acknowledged | Close
