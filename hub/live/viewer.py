"""One viewer of the live socket: what to send it next.

Sans-io. Enters: frames, acknowledgements, the time. Leaves: the next message to send. At most one
frame waits; a newer one is merged into it. A viewer more than `STALE_VIEWER_MS` behind gets no more
frames until it acknowledges again, then a fresh snapshot; at `LOST_VIEWER_MS` it is lost. A large
snapshot may take a page longer than `STALE_VIEWER_MS` to take in: meanwhile frames are merged.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import msgspec

from hub import forms
from hub.defaults import LOST_VIEWER_MS, STALE_VIEWER_MS
from hub.live.merge import merged
from hub.serve.http_server import Framed

MS = 1_000_000


class Pace(Enum):
    """How a viewer keeps up."""

    LIVE = "live"
    BEHIND = "behind"
    LOST = "lost"


class Outgoing:
    """A frame, encoded and merged once for all viewers that it waits for."""

    def __init__(self, frame: forms.Frame) -> None:
        self.frame = frame
        self._message: Framed | None = None
        self._next: tuple[Outgoing, Outgoing] | None = None

    @property
    def seq(self) -> int:
        """The frame's number."""
        return self.frame.seq

    @property
    def message(self) -> Framed:
        """As it goes over the wire."""
        if self._message is None:
            self._message = Framed.of(msgspec.json.encode(self.frame))
        return self._message

    def followed_by(self, newer: Outgoing) -> Outgoing:
        """Both frames as one."""
        if self._next is None or self._next[0] is not newer:
            self._next = newer, Outgoing(merged(self.frame, newer.frame))
        return self._next[1]


@dataclass(slots=True)
class Sent:
    """A message without acknowledgement yet."""

    seq: int
    sent_ns: int
    is_snapshot: bool


class Viewer:
    """The send side of one page."""

    def __init__(self) -> None:
        self.needs_snapshot = True
        self._waiting: Outgoing | None = None
        self._sent: deque[Sent] = deque()
        self._newest = -1
        self._behind = False

    def offer(self, frame: Outgoing, now_ns: int) -> None:
        """A new frame; one that still waits is merged into it."""
        if self.pace(now_ns) is not Pace.LIVE or self.needs_snapshot:
            return
        if frame.seq <= max(self._newest, self._waiting.seq if self._waiting else 0):
            return  # the snapshot, or what waits, tells it already
        self._waiting = self._waiting.followed_by(frame) if self._waiting else frame

    def take(self, now_ns: int) -> Outgoing | None:
        """The frame to send now."""
        if self._sent and self._sent[0].is_snapshot and self._waited_ms(now_ns) > STALE_VIEWER_MS:
            return None
        frame, self._waiting = self._waiting, None
        return frame

    def sent(self, seq: int, now_ns: int, *, is_snapshot: bool = False) -> None:
        """A message of this number has left."""
        self._sent.append(Sent(seq, now_ns, is_snapshot))
        self._newest = seq

    def snapshot_sent(self, seq: int, now_ns: int) -> None:
        """A fresh start."""
        self.needs_snapshot = False
        self._waiting = None
        self.sent(seq, now_ns, is_snapshot=True)

    def restart(self) -> None:
        """What was offered is of no use any more."""
        self.needs_snapshot = True
        self._waiting = None

    def acknowledged(self, seq: int, now_ns: int) -> None:
        """The page took in everything up to this number. Raises `ValueError` for one never sent."""
        if seq > self._newest:
            raise ValueError(f"{seq} was never sent")
        while self._sent and self._sent[0].seq <= seq:
            if self._sent.popleft().is_snapshot:
                for later in self._sent:  # these could not be looked at before
                    later.sent_ns = now_ns
        if self._behind and not self._sent:
            self._behind = False
            self.restart()

    def pace(self, now_ns: int) -> Pace:
        """How far the page is behind, by its oldest message without acknowledgement."""
        waited_ms = self._waited_ms(now_ns)
        if waited_ms > LOST_VIEWER_MS:
            return Pace.LOST
        if waited_ms > STALE_VIEWER_MS and not self._sent[0].is_snapshot:
            self._behind = True
            self._waiting = None
        return Pace.BEHIND if self._behind else Pace.LIVE

    def _waited_ms(self, now_ns: int) -> float:
        return (now_ns - self._sent[0].sent_ns) / MS if self._sent else 0.0
