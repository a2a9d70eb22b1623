"""Looks, reads, parses, sends: the agent's one loop.

One coroutine does all sending, so messages leave in the order in which they were decided. It sleeps
until something changes, ships what has come at once, and then pauses for the coalescing interval:
so a lone line leaves immediately, and under load there is one batch per log and interval.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence

import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.checkpoint import Checkpoint
from node_agent.commands import Acknowledged, Close, Command, Seek, Send
from node_agent.defaults import CHECKPOINT_INTERVAL_S, FAST_POLL_S, POLL_S
from node_agent.log import Event, Finished, Log, Sighted, Turned, Unreadable
from node_agent.model import Chunk, join
from node_agent.parse import parse
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
        self.closing: Close | None = None
        """Why this side, or the hub's refusal, ended the stream."""
        self._tails = tails
        self._session = session
        self._checkpoint = checkpoint
        self._watch = watch
        self._stream: Stream | None = None
        self._outbox: deque[pb.AgentMessage] = deque()
        self._idle = asyncio.Event()
        self._looked_ns = 0
        self._pause_until_s = 0.0
        self._saved_s = 0.0
        self._save_failed = False
        self.leaving = False
        """The loop ends soon: acknowledgements wake it, too."""

    # The connection's side.

    def attach(self, stream: Stream) -> None:
        """A stream is open."""
        self.closing = None
        self._stream = stream
        self._look()
        self._do(self._session.connected(self.logs(), time.monotonic()))
        self.wake.set()

    def detach(self) -> None:
        """It is gone."""
        self._stream = None
        self._outbox.clear()
        self._session.disconnected()

    def heard(self, message: pb.HubMessage) -> None:
        """The hub said something."""
        was_full = self._session.full
        greeting = not self._session.streaming
        commands = self._session.received(message, time.monotonic(), time.time_ns())
        self._do(commands)
        if greeting and self._session.streaming:
            for log in self.logs():
                self._do(self._session.sighted(log))
        acknowledgement = message.WhichOneof("message") in ("ack", "clock_reply")
        if not acknowledgement or was_full or self.leaving:
            self.wake.set()

    def inventory(self, found: pb.Inventory) -> None:
        """What is known of the server has changed."""
        self._do(self._session.inventory(found, time.time_ns()))
        self.wake.set()

    async def wake_by_watch(self) -> None:
        """Let directory changes wake the loop, but only while it sleeps."""
        while True:
            await self._watch.changed()
            self.wake.set()
            self._idle.clear()
            await self._idle.wait()

    # The loop's side.

    def logs(self) -> list[Log]:
        """Live ones first, then rotated ones, oldest first."""
        every = [log for tail in self._tails for log in tail.logs.values()]
        return sorted(every, key=lambda log: not log.live)

    @property
    def resumed(self) -> bool:
        """The hub has said of every log where to go on."""
        return all(log.buffer is not None for log in self.logs())

    @property
    def through(self) -> bool:
        """Everything that the logs hold has been acknowledged."""
        return (
            self._session.streaming
            and not self._session.unacknowledged
            and all(log.through or log.handle is None for log in self.logs())
        )

    async def run(self) -> None:
        """Until leaving."""
        while not self.leaving:
            await self._rest()
            await self.turn()

    async def turn(self) -> None:
        """Look, ship, say what is due."""
        self._look()
        await self._ship()
        now_s = time.monotonic()
        self._do(self._session.tick(now_s, self._looked_ns, time.time_ns()))
        await self._flush()
        if now_s - self._saved_s >= CHECKPOINT_INTERVAL_S:
            self.save()

    async def rest(self, most_s: float) -> None:
        """Sleep until something happens."""
        self._idle.set()
        try:
            async with asyncio.timeout(most_s):
                await self.wake.wait()
        except TimeoutError:
            self._watch.refresh()
        self._idle.clear()
        self.wake.clear()

    async def complete(self) -> None:
        """Say that nothing more will come from any log."""
        for log in self.logs():
            self._do(self._session.finished(log))
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
        beat_s = FAST_POLL_S if self._watch.polls else POLL_S
        await self.rest(min(beat_s, self._session.pace.watermark_interval_s))

    def _look(self) -> None:
        self._looked_ns = time.time_ns()
        now_s = time.monotonic()
        let_go = self._session.streaming
        events = [event for tail in self._tails for event in tail.look(now_s, let_go=let_go)]
        if any(isinstance(event, Sighted) for event in events):
            self.save()
        for event in events:
            _tell(event)
            if isinstance(event, Sighted):
                self._do(self._session.sighted(event.log))
            elif isinstance(event, Finished):
                self._do(self._session.finished(event.log))

    async def _ship(self) -> None:
        """Read and send until every log is at its end or too much is unacknowledged."""
        pending = self.logs()
        while pending and self._session.streaming:
            more = []
            for log in pending:
                if not self._session.may_read(log):
                    continue
                read_ns, chunk = self._collect(log)
                now_s = time.monotonic()
                self._do(self._session.lines(log, chunk, log.at_end, read_ns, now_s))
                if chunk is not None:
                    self._pause_until_s = now_s + self._session.pace.coalesce_s
                    if not log.at_end:
                        more.append(log)
                await self._flush()
            pending = more
            if more:
                await asyncio.sleep(0)

    def _collect(self, log: Log) -> tuple[int, Chunk | None]:
        """Up to a batch of lines, and the wall clock before the last read."""
        tail = self._tail_of(log)
        chunks: list[Chunk] = []
        rows = 0
        while True:
            read_ns = time.time_ns()
            before = log.buffer.end if log.buffer else 0
            for piece in tail.read(log):
                chunks.append(parse(piece))
                rows += chunks[-1].rows
            nothing = log.buffer is None or log.buffer.end == before
            if log.at_end or nothing or rows >= self._session.pace.max_batch_rows:
                return read_ns, join(chunks) if chunks else None

    async def _flush(self) -> None:
        while self._outbox and self._stream is not None:
            try:
                await self._stream.send(self._outbox.popleft())
            except Disconnected:
                # The receiving side tells why.
                self._session.disconnected()
                self._outbox.clear()

    def _do(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Send(message):
                    self._outbox.append(message)
                case Seek(log, offset):
                    tail = self._tail_of(log)
                    tail.seek(log, offset)
                    if log.fingerprint not in tail.logs:
                        self._session.forget(log)
                case Acknowledged(log, offset):
                    self._tail_of(log).acknowledged(log, offset)
                case Close():
                    self.closing = command
                    if self._stream is not None:
                        self._stream.cancel()

    def _tail_of(self, log: Log) -> Tail:
        return next(tail for tail in self._tails if tail.proxy == log.proxy)


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
