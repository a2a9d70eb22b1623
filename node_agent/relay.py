"""Tails and session as one: what the logs hold becomes messages, what the hub says moves offsets.

In: looks, messages of the hub, turns to ship; the time with each of them. Out: messages in
`outbox`, in the order in which they were decided, and events to be told. No socket, no clock.

What always holds:

* Sightings are saved before anything is sent of them.
* One turn ships at most one batch per log: logs that are at their end first, so that live lines
  never wait behind a backlog; then those that lie behind, none more than `CATCH_UP_SPAN_NS` of
  event time ahead of the slowest.
* What is read at once is bounded in lines and in bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.checkpoint import Checkpoint
from node_agent.commands import Acknowledged, Close, Command, Seek, Send
from node_agent.defaults import BLOCK_BYTES, CATCH_UP_SPAN_NS, HEARD_PEERS, MAX_TURN_BYTES
from node_agent.fields import address_and_port
from node_agent.log import Event, Finished, Log, Sighted
from node_agent.model import Chunk
from node_agent.parse import parse
from node_agent.session import Session
from node_agent.tail import Tail


class Relay:
    """Moves lines from the tails into the session."""

    def __init__(self, tails: Sequence[Tail], session: Session, checkpoint: Checkpoint) -> None:
        self.outbox: deque[pb.AgentMessage] = deque()
        self.closing: Close | None = None
        """Why this side, or the hub's refusal, ends the stream."""
        self._tails = {tail.proxy: tail for tail in tails}
        self._session = session
        self._checkpoint = checkpoint
        self.shipped = 0
        """Turns that found lines."""
        self.curious: Sequence[Callable[[Iterable[str]], None]] = ()
        """Hear addresses of TCP peers: of a lone line always, of many lines of the last few."""
        self._looked_ns = 0
        self._contacted = False

    # The connection's side.

    def connected(self, now_s: float) -> None:
        """A stream is open; look before, so that the hello knows the logs."""
        self.closing = None
        self.outbox.clear()
        self._do(self._session.connected(self.logs(), now_s))

    def disconnected(self) -> None:
        """It is gone, and with it what was not sent."""
        self.outbox.clear()
        self._session.disconnected()

    def heard(self, message: pb.HubMessage, now_s: float, wall_ns: int) -> None:
        """The hub said something."""
        greeting = not self._session.streaming
        self._do(self._session.received(message, now_s, wall_ns))
        if greeting and self._session.streaming:
            for log in self.logs():
                self._do(self._session.sighted(log))

    def inventory(self, found: pb.Inventory, wall_ns: int) -> None:
        """What is known of the server has changed."""
        self._do(self._session.inventory(found, wall_ns))

    def connections(self, wall_ns: int) -> None:
        """Connections to other servers have begun or ended."""
        self._do(self._session.connections_changed(wall_ns))

    # The logs' side.

    def logs(self) -> list[Log]:
        """Live ones first, then rotated ones, oldest first."""
        every = [log for tail in self._tails.values() for log in tail.logs.values()]
        return sorted(every, key=lambda log: not log.live)

    @property
    def proxies(self) -> Iterable[str]:
        """Whose logs are followed."""
        return self._tails

    def progress(self) -> tuple[int, int]:
        """Bytes acknowledged, of all bytes that the open logs hold."""
        logs = [log for log in self.logs() if log.handle is not None]
        return sum(log.acknowledged for log in logs), sum(
            max(log.handle.file.length(), log.acknowledged) for log in logs if log.handle
        )

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

    def look(self, now_s: float, wall_ns: int) -> list[Event]:
        """See what became of the files. OSError where sightings cannot be saved is the caller's."""
        self._looked_ns = wall_ns
        let_go = self._session.streaming
        events = [
            event for tail in self._tails.values() for event in tail.look(now_s, let_go=let_go)
        ]
        for event in events:
            if isinstance(event, Sighted):
                self._do(self._session.sighted(event.log))
            elif isinstance(event, Finished):
                self._do(self._session.finished(event.log))
        return events

    def to_be_saved(self, events: Iterable[Event]) -> bool:
        """The checkpoint must be written before anything is sent: first contact, or a sighting."""
        first, self._contacted = not self._contacted, True
        return first or any(isinstance(event, Sighted) for event in events)

    def ship(self, now_s: float, wall_ns: int) -> bool:
        """One batch of each log whose turn it is; whether more can be read at once."""
        more = False
        for log in self._in_turn():
            if not self._session.may_read(log):
                continue
            commands = self._session.lines(log, self._chunks(log), wall_ns, now_s)
            self._do(commands)
            self.shipped += bool(commands)
            more |= not log.at_end and bool(commands)
        return more

    def tick(self, now_s: float, wall_ns: int) -> None:
        """Say what is due."""
        self._do(self._session.tick(now_s, self._looked_ns, wall_ns))

    def complete(self) -> None:
        """Say that nothing more will come from any log."""
        for log in self.logs():
            self._do(self._session.finished(log))

    def _in_turn(self) -> list[Log]:
        followed = [log for log in self.logs() if log.handle is not None and log.buffer is not None]
        behind = [log for log in followed if not log.at_end]
        if len(behind) < 2:
            return sorted(followed, key=lambda log: not log.at_end)
        latest_ns = min(log.reached_ns for log in behind) + CATCH_UP_SPAN_NS
        return [log for log in followed if log.at_end] + [
            log for log in behind if log.reached_ns <= latest_ns
        ]

    def _chunks(self, log: Log) -> Iterator[Chunk]:
        """Up to a batch of lines, read one block at a time."""
        tail = self._tails[log.proxy]
        rows_left = self._session.pace.max_batch_rows
        bytes_left = MAX_TURN_BYTES
        while log.buffer is not None:
            before = log.buffer.end
            limit = min(BLOCK_BYTES, max(int(rows_left * log.bytes_a_line), 1))
            for piece in tail.read(log, limit):
                chunk = parse(piece, log.only)
                lines = chunk.rows + chunk.malformed
                for hear in self.curious:
                    hear(_peers(chunk))
                log.bytes_a_line = chunk.size / lines
                rows_left -= lines
                yield chunk
            read = log.buffer.end - before
            bytes_left -= read
            if log.at_end or read <= 0 or bytes_left <= 0 or rows_left <= 0:
                break
            if bytes_left < MAX_TURN_BYTES and rows_left * log.bytes_a_line < BLOCK_BYTES / 16:
                break

    def _do(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Send(message):
                    self.outbox.append(message)
                case Seek(log, offset):
                    tail = self._tails[log.proxy]
                    tail.seek(log, offset)
                    if log.fingerprint not in tail.logs:
                        self._session.forget(log)
                case Acknowledged(log, offset):
                    self._tails[log.proxy].acknowledged(log, offset)
                case Close():
                    self.closing = command


def _peers(chunk: Chunk) -> set[str]:
    return {address_and_port(entry.client_address)[0] for entry in chunk.entries[-HEARD_PEERS:]}
