"""One viewer of the live socket: what to send it next.

Sans-io. Enters: frames, acknowledgements, the time. Leaves: the next message to send. At most one
frame waits; a newer one replaces it. A viewer more than `STALE_VIEWER_MS` behind gets no more
frames until it acknowledges again, then a fresh snapshot; at `LOST_VIEWER_MS` it is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from hub.defaults import LOST_VIEWER_MS, STALE_VIEWER_MS

MS = 1_000_000


class Pace(Enum):
    """How a viewer keeps up."""

    LIVE = "live"
    BEHIND = "behind"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame as it goes over the wire."""

    seq: int
    text: bytes
    changes_topology: bool


class Viewer:
    """The send side of one page."""

    def __init__(self) -> None:
        self.needs_snapshot = True
        self._frame: Encoded | None = None
        self._sent: deque[tuple[int, int]] = deque()
        self._newest = -1
        self._behind = False

    def offer(self, frame: Encoded, now_ns: int) -> None:
        """A new frame; it replaces one that still waits."""
        if self.pace(now_ns) is not Pace.LIVE or self.needs_snapshot:
            return
        if self._frame is not None and self._frame.changes_topology:
            self.needs_snapshot = True  # what the replaced frame told is told by a snapshot
        self._frame = frame

    def take(self) -> Encoded | None:
        """The frame to send now."""
        frame, self._frame = self._frame, None
        return frame

    def sent(self, seq: int, now_ns: int) -> None:
        """A message of this number has left."""
        self._sent.append((seq, now_ns))
        self._newest = seq

    def snapshot_sent(self, seq: int, now_ns: int) -> None:
        """A fresh start."""
        self.needs_snapshot = False
        self._frame = None
        self.sent(seq, now_ns)

    def acknowledged(self, seq: int) -> None:
        """The page took in everything up to this number. Raises `ValueError` for one never sent."""
        if seq > self._newest:
            raise ValueError(f"{seq} was never sent")
        while self._sent and self._sent[0][0] <= seq:
            self._sent.popleft()
        if self._behind and not self._sent:
            self._behind = False
            self.needs_snapshot = True

    def pace(self, now_ns: int) -> Pace:
        """How far the page is behind, by its oldest message without acknowledgement."""
        waited_ns = now_ns - self._sent[0][1] if self._sent else 0
        if waited_ns > LOST_VIEWER_MS * MS:
            return Pace.LOST
        if waited_ns > STALE_VIEWER_MS * MS:
            self._behind = True
        return Pace.BEHIND if self._behind else Pace.LIVE
