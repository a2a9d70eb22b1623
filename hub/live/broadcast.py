"""A channel's messages as bytes, made once for all viewers that they are for.

Enters: steps, and viewers that begin. Leaves: frames to offer, and what a viewer begins with: a
snapshot, and the frames behind it as one. A snapshot serves all that come within
`SNAPSHOT_REUSE_MS`: after a restart every page comes back at once, and a large one takes the hub
0.2 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from hub.defaults import SNAPSHOT_REUSE_MS
from hub.live.channel import Channel
from hub.live.live import Step
from hub.live.viewer import Outgoing
from hub.serve.http_server import Framed

MS = 1_000_000


@dataclass(slots=True)
class Opening:
    """What a viewer begins with."""

    q: str
    made_ns: int
    seq: int
    message: Framed
    behind: Outgoing | None = None
    """All frames since."""


class Broadcast:
    """The messages of one channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._opening: Opening | None = None

    def publish(self, step: Step) -> Outgoing | None:
        """The frame of a step; None: nothing for these viewers."""
        frame = self._channel.frame(step)
        outgoing = Outgoing(frame) if frame else None
        opening = self._opening
        if opening and not 0 <= step.now_ns - opening.made_ns < SNAPSHOT_REUSE_MS * MS:
            self._opening = None
        elif opening and outgoing:
            behind = opening.behind
            opening.behind = behind.followed_by(outgoing) if behind else outgoing
        return outgoing

    def opening(self, q: str, now_ns: int) -> Opening:
        """For a viewer who wrote the query like this."""
        if self._opening is None or self._opening.q != q:
            snapshot = self._channel.snapshot(now_ns, q)
            message = Framed.of(msgspec.json.encode(snapshot))
            self._opening = Opening(q, now_ns, snapshot.seq, message)
        return self._opening
