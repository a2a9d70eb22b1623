"""The agent's half of the ingest protocol, without sockets, files or clocks.

In: connected, messages of the hub, disconnected, lines read, tick. Out: commands. The protocol is
in `ingest.proto`; what this half adds:

* Nothing is sent before the welcome, and no log is read before its resume.
* At most `max_unacknowledged_bytes` of batches are unacknowledged (and one batch more); the lines
  wait in the log. After a disconnect all is forgotten: the next welcome says where to go on.
* Within a stream, a log's watermark never runs backwards. It lies `WATERMARK_SLACK_NS` below the
  time at which the read began that found the log's end: a line is written just after completion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.account import Account, Pace, Totals, pace_of
from node_agent.batch import Encoder
from node_agent.commands import Acknowledged, Close, Command, Seek, Send
from node_agent.connections import ConnectionBook
from node_agent.defaults import CATCH_UP_SHARE, SILENCE_S, WATERMARK_SLACK_NS
from node_agent.log import Log
from node_agent.model import Chunk
from node_agent.probe import Prober
from node_agent.redact import Redactor


class State(Enum):
    """Where the conversation stands."""

    OFFLINE = "offline"
    GREETED = "greeted"
    STREAMING = "streaming"


class Session:
    """One agent's side of one stream after another."""

    def __init__(self, hello: pb.Hello, redactor: Redactor | None = None) -> None:
        self.state = State.OFFLINE
        self.pace = Pace()
        self.hub_version = ""
        self._hello = hello
        self._redactor = redactor or Redactor()
        self._encoder = Encoder(self._redactor)
        self._accounts: dict[Log, Account] = {}
        self._by_number: dict[int, Account] = {}
        self._totals: defaultdict[str, Totals] = defaultdict(Totals)
        self._next_number = 1
        self._unacknowledged = 0
        self._inventory: pb.Inventory | None = None
        self._server_watermark_ns = 0
        self._server_said_s = 0.0
        self._heard_s = 0.0
        self._prober = Prober(0.0)
        self.connections: ConnectionBook | None = None
        """Where connection tracking is on."""
        self.peers: tuple[str, ...] = ()
        """Addresses of the other servers, as the hub names them."""

    # The connection.

    def connected(self, logs: Iterable[Log], now_s: float) -> list[Command]:
        """A stream is open: introduce ourselves."""
        self.disconnected()
        self.state = State.GREETED
        self._heard_s = now_s
        self._prober = Prober(now_s)
        self._server_watermark_ns = 0
        hello = pb.Hello()
        hello.CopyFrom(self._hello)
        hello.logs.extend(self._sighting(log) for log in logs)
        return [Send(pb.AgentMessage(hello=hello))]

    def disconnected(self) -> None:
        """The stream is gone, and with it all that was not acknowledged."""
        self.state = State.OFFLINE
        self._accounts.clear()
        self._by_number.clear()
        self._next_number = 1
        self._unacknowledged = 0

    def received(self, message: pb.HubMessage, now_s: float, wall_ns: int) -> list[Command]:
        """The hub said something."""
        self._heard_s = now_s
        kind = message.WhichOneof("message")
        if kind == "ack":
            return [done for each in message.ack.logs for done in self._acknowledge(each)]
        if kind == "welcome":
            return self._welcome(message.welcome, wall_ns)
        if kind == "resume":
            return self._resume(message.resume)
        if kind == "settings":
            self._set(message.settings)
        elif kind == "clock_reply":
            self._prober.answered(message.clock_reply, now_s, wall_ns)
        elif kind == "refusal":
            return [Close(message.refusal.reason, message.refusal.code)]
        return []

    def _welcome(self, welcome: pb.Welcome, wall_ns: int) -> list[Command]:
        self.state = State.STREAMING
        self.hub_version = welcome.hub_version
        self._set(welcome.settings)
        commands: list[Command] = []
        if self._inventory is not None:
            commands.append(self._send_inventory(self._inventory, wall_ns))
        for resume in welcome.resumes:
            commands += self._resume(resume)
        if self.connections is not None and self.peers:
            commands += map(_tell, self.connections.all(wall_ns))
        return commands

    def _set(self, settings: pb.Settings) -> None:
        self.pace = pace_of(settings)
        self.peers = tuple(settings.peer_addresses)
        self._redactor.peers(self.peers)

    def _resume(self, resume: pb.Resume) -> list[Command]:
        account = self._by_number.get(resume.number)
        if account is None or account.resumed:
            return []
        account.resumed = True
        account.read, account.malformed = resume.lines, resume.malformed
        account.sent = account.acknowledged = resume.lines
        return [Seek(account.log, resume.offset)]

    def _acknowledge(self, resume: pb.Resume) -> list[Command]:
        account = self._by_number.get(resume.number)
        if account is None:
            return []
        self._unacknowledged -= account.land(resume.offset)
        if resume.lines > account.acknowledged:
            self._totals[account.log.proxy].acknowledged += resume.lines - account.acknowledged
            account.acknowledged = resume.lines
        return [Acknowledged(account.log, resume.offset)]

    # Logs and their lines.

    @property
    def streaming(self) -> bool:
        """The hub takes what we send."""
        return self.state is State.STREAMING

    @property
    def full(self) -> bool:
        """Too much is unacknowledged: let a backlog's lines wait in their logs."""
        return self._unacknowledged >= self.pace.max_unacknowledged_bytes * CATCH_UP_SHARE

    @property
    def unacknowledged(self) -> int:
        """Bytes of batches in flight."""
        return self._unacknowledged

    def totals(self, proxy: str) -> Totals:
        """What this process did with a proxy's lines."""
        return self._totals[proxy]

    def may_read(self, log: Log) -> bool:
        """Lines of this log can be sent now."""
        account = self._accounts.get(log)
        if not self.streaming or account is None or not account.resumed:
            return False
        room = self.pace.max_unacknowledged_bytes
        return self._unacknowledged < (room if log.at_end else room * CATCH_UP_SHARE)

    def sighted(self, log: Log) -> list[Command]:
        """A log appeared, or was there before the welcome and not in the hello."""
        if not self.streaming or log in self._accounts:
            return []
        return [Send(pb.AgentMessage(log_sighting=self._sighting(log)))]

    def lines(self, log: Log, chunks: Iterable[Chunk], read_ns: int, now_s: float) -> list[Command]:
        """What a turn reads, to the last chunk. `read_ns`: wall clock as the reading began."""
        account, totals = self._accounts[log], self._totals[log.proxy]
        before_ns = account.watermark_ns
        counted = account.counted(chunks, totals)
        messages = [
            pb.AgentMessage(batch=batch)
            for batch in self._encoder.encode_all(account.number, counted, self.pace.max_batch_rows)
        ]
        account.complete_until(read_ns)
        if not messages:
            return []
        for message in messages:
            message.batch.watermark_ns = before_ns
            size = message.ByteSize()
            account.fly(message.batch.end_offset, size)
            self._unacknowledged += size
        messages[-1].batch.watermark_ns = account.watermark_ns
        totals.sent = totals.read
        account.sent = account.read
        account.said_s = now_s
        return [Send(message) for message in messages]

    def finished(self, log: Log) -> list[Command]:
        """Nothing more will come from a log, and all of it is acknowledged."""
        account = self._accounts.pop(log, None)
        if account is None:
            return []
        del self._by_number[account.number]
        self._unacknowledged -= sum(size for _, size in account.in_flight)
        return [_say(account.watermark(complete=True))] if account.resumed else []

    def forget(self, log: Log) -> None:
        """A log that will not be read after all."""
        if account := self._accounts.pop(log, None):
            del self._by_number[account.number]

    def _sighting(self, log: Log) -> pb.LogSighting:
        account = Account(log, self._next_number)
        self._next_number += 1
        self._accounts[log] = self._by_number[account.number] = account
        return pb.LogSighting(
            number=account.number,
            proxy=log.proxy,
            fingerprint=log.fingerprint,
            path=str(log.path),
            size=log.size,
            format=pb.LogFormat.Name(log.format),
        )

    # Time.

    def tick(self, now_s: float, looked_ns: int, wall_ns: int) -> list[Command]:
        """What is due. `looked_ns`: wall clock before the last look at the files."""
        if self.state is not State.OFFLINE and now_s - self._heard_s > SILENCE_S:
            return [Close(f"the hub has been silent for {SILENCE_S:.0f} s")]
        if not self.streaming:
            return []
        commands: list[Command] = []
        for account in self._accounts.values():
            if account.resumed and now_s - account.said_s >= self.pace.watermark_interval_s:
                account.said_s = now_s
                commands.append(_say(account.watermark()))
        if now_s - self._server_said_s >= self.pace.watermark_interval_s:
            self._server_said_s = now_s
            commands += self._server_watermark(looked_ns - WATERMARK_SLACK_NS)
        if (probe := self._prober.tick(now_s, wall_ns)) is not None:
            commands.append(Send(pb.AgentMessage(clock_probe=probe)))
        return commands

    def _server_watermark(self, looked_ns: int) -> list[Command]:
        followed = [account for account in self._accounts.values() if account.log.handle]
        if not all(account.resumed for account in followed):
            return []
        mark_ns = min((account.watermark_ns for account in followed), default=looked_ns)
        mark_ns = min(mark_ns, looked_ns)
        self._server_watermark_ns = max(self._server_watermark_ns, mark_ns)
        return [_say(pb.Watermark(log=0, watermark_ns=self._server_watermark_ns))]

    # Inventory.

    def inventory(self, inventory: pb.Inventory, wall_ns: int) -> list[Command]:
        """What is known of the server; sent when it differs from what was said last."""
        known = self._inventory
        inventory.version = known.version if known else 0
        inventory.as_of_ns = 0
        if known is not None and inventory == known:
            return []
        # Grows over restarts too: the instance outlives the process.
        inventory.version = max(inventory.version + 1, wall_ns // 1_000_000)
        self._inventory = inventory
        self._redactor.inventory(inventory)
        return [self._send_inventory(inventory, wall_ns)] if self.streaming else []

    def _send_inventory(self, inventory: pb.Inventory, wall_ns: int) -> Send:
        message = pb.AgentMessage(inventory=inventory)
        message.inventory.as_of_ns = wall_ns
        return Send(message)

    # Connections.

    def connections_changed(self, wall_ns: int) -> list[Command]:
        """Tell whose connections to other servers have begun and ended."""
        if self.connections is None or not self.streaming or not self.peers:
            return []
        return [*map(_tell, self.connections.news(wall_ns))]


def _tell(connections: pb.Connections) -> Send:
    return Send(pb.AgentMessage(connections=connections))


def _say(mark: pb.Watermark) -> Send:
    return Send(pb.AgentMessage(watermark=mark))
