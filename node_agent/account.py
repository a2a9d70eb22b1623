"""What a stream keeps of one log, and how the hub wants its batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.defaults import (
    COALESCE_S,
    COARSE_SLACK_NS,
    HARD_MAX_BATCH_ROWS,
    HARD_MAX_UNACKNOWLEDGED_BYTES,
    MAX_BATCH_ROWS,
    MAX_COALESCE_S,
    MAX_UNACKNOWLEDGED_BYTES,
    WATERMARK_INTERVAL_S,
    WATERMARK_SLACK_NS,
)
from node_agent.log import Log
from node_agent.model import Chunk, LogFormat


@dataclass(frozen=True, slots=True)
class Pace:
    """How the hub wants batches."""

    coalesce_s: float = COALESCE_S
    max_batch_rows: int = MAX_BATCH_ROWS
    max_unacknowledged_bytes: int = MAX_UNACKNOWLEDGED_BYTES
    watermark_interval_s: float = WATERMARK_INTERVAL_S


@dataclass(slots=True)
class Totals:
    """Lines of one proxy since the process began."""

    read: int = 0
    malformed: int = 0
    sent: int = 0
    acknowledged: int = 0


@dataclass(slots=True, eq=False)
class Account:
    """What was read and said of one log in this stream."""

    log: Log
    number: int
    resumed: bool = False
    read: int = 0
    malformed: int = 0
    sent: int = 0
    acknowledged: int = 0
    """Lines, as the hub counts them."""
    watermark_ns: int = 0
    said_s: float = 0.0
    in_flight: deque[tuple[int, int]] = field(default_factory=deque)
    """End offset and bytes of each unacknowledged batch."""

    def counted(self, chunks: Iterable[Chunk], totals: Totals) -> Iterator[Chunk]:
        """Let chunks pass, and count their lines here and there."""
        for chunk in chunks:
            lines = chunk.rows + chunk.malformed
            self.read += lines
            self.malformed += chunk.malformed
            totals.read += lines
            totals.malformed += chunk.malformed
            if chunk.rows:
                self.log.reached_ns = chunk.starts[-1] + chunk.entries[-1].duration
            yield chunk

    def complete_until(self, read_ns: int) -> None:
        """Move the watermark after a read that began at `read_ns`.

        At the log's end it follows the clock as the read began; before it, the last completion that
        was read: lines are written in that order. It never runs backwards.
        """
        mark_ns = read_ns if self.log.at_end else min(read_ns, self.log.reached_ns)
        self.watermark_ns = max(self.watermark_ns, mark_ns - self._slack_ns)

    @property
    def _slack_ns(self) -> int:
        return COARSE_SLACK_NS if self.log.format is LogFormat.CLF else WATERMARK_SLACK_NS

    def fly(self, end_offset: int, size: int) -> None:
        """A batch is on its way."""
        self.in_flight.append((end_offset, size))

    def land(self, offset: int) -> int:
        """Everything below `offset` is journalled: the bytes of the batches that have landed."""
        landed = 0
        while self.in_flight and self.in_flight[0][0] <= offset:
            landed += self.in_flight.popleft()[1]
        return landed

    def watermark(self, complete: bool = False) -> pb.Watermark:
        """How far the log is complete, and its account."""
        return pb.Watermark(
            log=self.number,
            watermark_ns=self.watermark_ns,
            complete=complete,
            read=self.read,
            malformed=self.malformed,
            sent=self.sent,
            behind_bytes=self.log.behind,
        )


def pace_of(settings: pb.Settings) -> Pace:
    """The hub's wishes; what it leaves open is our default."""
    default = Pace()
    return Pace(
        min(settings.coalesce_ms / 1000, MAX_COALESCE_S) or default.coalesce_s,
        min(settings.max_batch_rows, HARD_MAX_BATCH_ROWS) or default.max_batch_rows,
        min(settings.max_unacknowledged_bytes, HARD_MAX_UNACKNOWLEDGED_BYTES)
        or default.max_unacknowledged_bytes,
        settings.watermark_interval_ms / 1000 or default.watermark_interval_s,
    )
