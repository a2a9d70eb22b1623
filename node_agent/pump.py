"""Looks, reads, parses, sends: the agent's one loop.

One coroutine does all sending, so messages leave in the order in which they were decided. It sleeps
until something changes, ships what has come at once, and then pauses for the coalescing interval:
so a lone line leaves immediately, and under load there is one batch per log and interval.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.checkpoint import Checkpoint
from node_agent.commands import Close
from node_agent.defaults import CHECKPOINT_INTERVAL_S, FAST_POLL_S, POLL_S, RELOOK_S
from node_agent.log import Event, Finished, Sighted, Turned, Unreadable
from node_agent.relay import Relay
from node_agent.session import Session
from node_agent.tail import Tail
from node_agent.uplink import Disconnected, Stream
from node_agent.watch import Watch

logger = structlog.get_logger(__name__)


class Pump:
    """Moves lines from the tails to the hub."""

    def __init__(
        self, tails: Sequence[Tail], session: Session, checkpoint: Checkpoint, watch: Watch
    ) -> None:
        self.wake = asyncio.Event()
        self.relay = Relay(tails, session, checkpoint)
        self._session = session
        self._checkpoint = checkpoint
        self._watch = watch
        self._stream: Stream | None = None
        self._looked_s = 0.0
        self._pause_until_s = 0.0
        self._saved_s = 0.0
        self._save_failed = False
        self.leaving = False
        """The loop ends soon: acknowledgements wake it, too."""

    # The connection's side.

    @property
    def closing(self) -> Close | None:
        """Why this side, or the hub's refusal, ended the stream."""
        return self.relay.closing

    def attach(self, stream: Stream) -> None:
        """A stream is open."""
        self._stream = stream
        self._look()
        self.relay.connected(time.monotonic())
        self.wake.set()

    def detach(self) -> None:
        """It is gone."""
        self._stream = None
        self.relay.disconnected()

    def close_stream(self, reason: str) -> None:
        """Give the connection up; the next one is made at once."""
        if self._stream is not None:
            self.relay.closing = Close(reason)
            self._stream.cancel()

    def heard(self, message: pb.HubMessage) -> None:
        """The hub said something."""
        was_full = self._session.full
        self.relay.heard(message, time.monotonic(), time.time_ns())
        self._close_where_asked()
        acknowledgement = message.WhichOneof("message") in ("ack", "clock_reply")
        if not acknowledgement or was_full or self.leaving:
            self.wake.set()

    def inventory(self, found: pb.Inventory) -> None:
        """What is known of the server has changed."""
        self.relay.inventory(found, time.time_ns())
        self.wake.set()

    def connections(self) -> None:
        """Connections to other servers have begun or ended."""
        self.relay.connections(time.time_ns())
        self.wake.set()

    # The loop's side.

    async def run(self) -> None:
        """Until leaving."""
        while not self.leaving:
            await self._rest()
            await self.turn()

    async def turn(self) -> None:
        """Look, ship, say what is due."""
        self._watch.news()
        self._look()
        await self._ship()
        self._tick()
        await self._flush()
        if time.monotonic() - self._saved_s >= CHECKPOINT_INTERVAL_S:
            self.save()

    async def rest(self, most_s: float) -> None:
        """Sleep until something happens."""
        beat = asyncio.get_running_loop().call_later(most_s, self.wake.set)
        with self._watch.telling(self.wake.set):
            await self.wake.wait()
        if beat.when() <= asyncio.get_running_loop().time():
            self._watch.refresh()
        beat.cancel()
        self.wake.clear()

    async def complete(self) -> None:
        """Say that nothing more will come from any log."""
        self.relay.complete()
        await self._flush()

    async def close(self, most_s: float) -> None:
        """Close our side of the stream, and wait for the hub to close its own."""
        deadline_s = time.monotonic() + most_s
        if self._stream is not None:
            try:
                await self._stream.finish()
            except Disconnected:
                return
        while self._session.streaming and time.monotonic() < deadline_s:
            await self.rest(0.05)

    def save(self) -> None:
        """Write the checkpoint; where the disk refuses, rotated files may be read again."""
        self._saved_s = time.monotonic()
        try:
            self._checkpoint.save()
        except OSError as error:
            if not self._save_failed:
                logger.warning("checkpoint cannot be written", reason=str(error))
            self._save_failed = True
        else:
            self._save_failed = False

    async def _rest(self) -> None:
        pause_s = self._pause_until_s - time.monotonic()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
            if self._watch.news():
                return
        beat_s = FAST_POLL_S if self._watch.polls else POLL_S
        await self.rest(min(beat_s, self._session.pace.watermark_interval_s))

    def _look(self) -> None:
        self._looked_s = time.monotonic()
        events = self.relay.look(self._looked_s, time.time_ns())
        if self.relay.to_be_saved(events):
            self.save()
        for event in events:
            _tell(event)

    async def _ship(self) -> None:
        """Read and send until every log is at its end or too much is unacknowledged."""
        more = self._session.streaming
        while more:
            now_s = time.monotonic()
            if now_s - self._looked_s >= RELOOK_S:
                self._look()
                self._tick()
            before = self.relay.shipped
            more = self.relay.ship(now_s, time.time_ns())
            if self.relay.shipped > before:
                self._pause_until_s = now_s + self._session.pace.coalesce_s
            await self._flush()
            if more:
                await asyncio.sleep(0)

    def _tick(self) -> None:
        self.relay.tick(time.monotonic(), time.time_ns())
        self._close_where_asked()

    def _close_where_asked(self) -> None:
        if self.relay.closing is not None and self._stream is not None:
            self._stream.cancel()

    async def _flush(self) -> None:
        outbox = self.relay.outbox
        while outbox and self._stream is not None:
            try:
                await self._stream.send(outbox.popleft())
            except Disconnected:
                # The receiving side tells why.
                self.relay.disconnected()


def _tell(event: Event) -> None:
    match event:
        case Sighted(log):
            fields = {"proxy": log.proxy, "path": str(log.path), "log": log.fingerprint.hex()}
            logger.info("log sighted", **fields, bytes=log.size)
        case Turned(log, how):
            logger.info(f"log {how}", proxy=log.proxy, log=log.fingerprint.hex())
        case Finished(log):
            logger.info("log finished", proxy=log.proxy, log=log.fingerprint.hex())
        case Unreadable(path, reason):
            logger.error("log cannot be read", path=str(path), reason=reason)
