"""One agent's stream, without sockets: what the agent says in, what to do about it out.

    EXPECT_HELLO --hello--> JOINING --joined--> OPEN --any refusal--> CLOSED

`receive(message, now_ns)` takes the agent's messages, `joined`, `sighted` and `settled` what the
shell found out; all return commands, in the order in which to carry them out. A broken rule is the
agent's fault: the stream ends with a `Close` that names it, and nothing else happens.

What always holds: a hello comes first and once; its server is the one that the token stands for;
nothing is said of a log or a proxy that was not announced; what is emitted for a server comes from
that server's stream. Offsets are compared by the journal, which knows them: see `settled`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto

import grpc
from hopwatch.v1 import ingest_pb2 as pb

from hub import defaults
from hub.agents import announcements
from hub.agents.commands import Append, Close, Command, Emit, Join, LookUp, Record, Send
from hub.columns.wire import RemoteError, decode
from hub.guard.auth import Denial
from hub.journal.journal import Account, Outcome, OutOfPlace
from hub.model import (
    ClockMeasured,
    ConnectionsSeen,
    HelloSeen,
    InventorySeen,
    LogKey,
    LogSeen,
    WatermarkSeen,
)

PROTOCOL = 1
SETTINGS = pb.Settings(
    coalesce_ms=defaults.COALESCE_MS,
    max_batch_rows=defaults.MAX_BATCH_ROWS,
    max_unacknowledged_bytes=defaults.MAX_UNACKNOWLEDGED_BYTES,
    watermark_interval_ms=defaults.WATERMARK_INTERVAL_MS,
)


class State(Enum):
    """Of a stream."""

    EXPECT_HELLO = auto()
    JOINING = auto()
    """The hello was good; older streams and the logs' offsets are being looked up."""
    OPEN = auto()
    CLOSED = auto()


_MAY_COME: dict[State, frozenset[str]] = {
    State.EXPECT_HELLO: frozenset({"hello"}),
    State.JOINING: frozenset(),
    State.OPEN: frozenset(
        {"inventory", "batch", "watermark", "clock_probe", "log_sighting", "connections"}
    ),
    State.CLOSED: frozenset(),
}
_OUT_OF_TURN: dict[State, str] = {
    State.EXPECT_HELLO: "{}: the first message must be a hello",
    State.JOINING: "{}: comes before the welcome",
    State.OPEN: "{}: comes only once, as the first message",
    State.CLOSED: "{}: comes behind the end",
}


# --- the machine ---------------------------------------------------------------------------------


class Session:
    """The state of one stream; `authorize` tells why a server may not be reported for,
    `seen_address` from where the stream comes."""

    def __init__(
        self,
        authorize: Callable[[str], Denial | None],
        hub_version: str,
        seen_address: str = "",
    ) -> None:
        self.state = State.EXPECT_HELLO
        self.server = ""
        self.instance = b""
        self.addresses: tuple[str, ...] = ()
        """The server's, as its hello names them."""
        self._authorize = authorize
        self._hub_version = hub_version
        self._seen_address = seen_address
        self._proxies: frozenset[str] = frozenset()
        self._logs: dict[int, LogKey] = {}
        self._watermarks: dict[int, int] = {}
        self._accounts: dict[int, Account] = {}
        self._replied_ns = 0

    def receive(self, data: bytes, now_ns: int) -> list[Command]:
        """One message of the agent, as it came; `now_ns` is the hub's clock."""
        try:
            message = announcements.parse(data)
            kind = message.WhichOneof("message")
            if kind is None:
                return []  # Of a later protocol: receivers ignore what they do not know.
            if kind not in _MAY_COME[self.state]:
                raise RemoteError(_OUT_OF_TURN[self.state].format(kind))
            return self._handle(message, kind, now_ns)
        except RemoteError as error:
            return [self.refuse(pb.Refusal.CODE_INVALID, str(error))]

    def joined(self, seen: list[LogSeen], peers: Sequence[str] = ()) -> list[Command]:
        """The stream is the server's; the accounts of the hello's logs, in their order, and the
        addresses of the other servers."""
        self.state = State.OPEN
        resumes = [_resume(n, s) for n, s in zip(self._logs, seen, strict=True)]
        settings = self.settings(peers).settings
        welcome = pb.Welcome(
            protocol=PROTOCOL,
            hub_version=self._hub_version,
            resumes=resumes,
            settings=settings,
            seen_address=self._seen_address,
        )
        return [Send(pb.HubMessage(welcome=welcome))]

    def settings(self, peers: Sequence[str]) -> pb.HubMessage:
        """How batches are wanted, and which addresses are other servers'."""
        message = pb.HubMessage(settings=SETTINGS)
        message.settings.peer_addresses.extend(peers)
        return message

    def sighted(self, number: int, seen: LogSeen) -> list[Command]:
        """The account of a log that was sighted later."""
        return [Send(pb.HubMessage(resume=_resume(number, seen)))]

    def settled(self, number: int, outcome: Outcome) -> list[Command]:
        """What became of a batch of that log; `acknowledgement` has it from now on."""
        if isinstance(outcome, OutOfPlace):
            resume = _resume(number, outcome.account)
            reason = f"batch: does not begin at {outcome.expected}, up to where the hub has the log"
            return [self.refuse(pb.Refusal.CODE_OFFSET, reason, expected=resume)]
        self._accounts[number] = outcome.account
        return []

    def acknowledgement(self) -> list[Command]:
        """One cumulative Ack for all logs that moved since the last."""
        if not self._accounts:
            return []
        ack = pb.Ack(logs=[_resume(n, account) for n, account in self._accounts.items()])
        self._accounts.clear()
        return [Send(pb.HubMessage(ack=ack))]

    def refuse(
        self,
        code: pb.Refusal.Code,
        reason: str,
        *,
        status: grpc.StatusCode | None = None,
        expected: pb.Resume | None = None,
    ) -> Close:
        """End the stream; nothing more is taken from it."""
        self.state = State.CLOSED
        refusal = pb.Refusal(
            code=code, reason=reason, expected=expected, seen_address=self._seen_address
        )
        return Close(refusal, status or _STATUS[code])

    def reauthorize(self) -> list[Command]:
        """Permissions have changed: a stream that is not allowed any more ends."""
        if self.state not in (State.JOINING, State.OPEN):
            return []
        denial = self._authorize(self.server)
        return [self._deny(denial)] if denial else []

    # --- by message ---

    def _handle(self, message: pb.AgentMessage, kind: str, now_ns: int) -> list[Command]:
        match kind:
            case "batch":
                return self._batch(message.batch)
            case "watermark":
                return self._watermark(message.watermark)
            case "clock_probe":
                return self._clock_probe(message.clock_probe, now_ns)
            case "inventory":
                announcements.check_inventory(message.inventory)
                return [Record(InventorySeen(self.server, message.inventory))]
            case "connections":
                announcements.check_connections(message.connections)
                return [Record(ConnectionsSeen(self.server, message.connections))]
            case "log_sighting":
                log = self._sight(message.log_sighting)
                return [LookUp(log, message.log_sighting)]
            case _:
                return self._hello(message.hello)

    def _hello(self, hello: pb.Hello) -> list[Command]:
        if hello.protocol < PROTOCOL:
            raise RemoteError(f"hello.protocol: {hello.protocol}; this hub speaks {PROTOCOL}")
        announcements.check_server(hello.server)
        if denial := self._authorize(hello.server):
            return [self._deny(denial)]
        announcements.check_hello(hello)
        self.server, self.instance = hello.server, hello.instance
        self.addresses = (*hello.internal_addresses, *hello.public_addresses)
        self._proxies = frozenset(proxy.name for proxy in hello.proxies)
        logs = tuple((self._sight(sighting), sighting) for sighting in hello.logs)
        self.state = State.JOINING
        return [Join(HelloSeen(hello.server, hello), logs)]

    def _deny(self, denial: Denial) -> Close:
        unknown, known = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
        status = unknown if denial.unknown else known
        return self.refuse(pb.Refusal.CODE_DENIED, denial.reason, status=status)

    def _sight(self, sighting: pb.LogSighting) -> LogKey:
        announcements.check_sighting(sighting)
        if sighting.proxy not in self._proxies:
            raise RemoteError(f'log_sighting.proxy: "{sighting.proxy}" is not in the hello')
        log = LogKey(self.server, sighting.proxy, sighting.fingerprint)
        if self._logs.setdefault(sighting.number, log) != log:
            raise RemoteError(f"log_sighting.number: {sighting.number} is another log's")
        if len(self._logs) > defaults.MAX_STREAM_LOGS:
            raise RemoteError(f"log_sighting: more than {defaults.MAX_STREAM_LOGS} logs")
        return log

    def _log(self, field: str, number: int) -> LogKey:
        if number not in self._logs:
            raise RemoteError(f"{field}: log {number} was not sighted")
        return self._logs[number]

    def _batch(self, batch: pb.Batch) -> list[Command]:
        log = self._log("batch.log", batch.log)
        return [Append(log, batch, decode(batch))]

    def _watermark(self, said: pb.Watermark) -> list[Command]:
        log = self._log("watermark.log", said.log) if said.log else None
        if not 0 <= said.watermark_ns <= defaults.MAX_OFFSET:
            raise RemoteError(f"watermark_ns: {said.watermark_ns} must be in 0 .. 2**62")
        newest = max(said.watermark_ns, self._watermarks.get(said.log, 0))
        self._watermarks[said.log] = newest  # A server's clock may step back; its watermark not.
        seen = WatermarkSeen(
            self.server,
            log,
            newest,
            said.complete,
            said.read,
            said.malformed,
            said.sent,
            said.behind_bytes,
        )
        return [Emit(seen)]

    def _clock_probe(self, probe: pb.ClockProbe, now_ns: int) -> list[Command]:
        reply = pb.HubMessage(clock_reply=pb.ClockReply(number=probe.number, hub_ns=now_ns))
        commands: list[Command] = [Send(reply)]
        if measured := measure(self.server, probe, self._replied_ns):
            commands.append(Emit(measured))
        self._replied_ns = now_ns
        return commands


def measure(server: str, probe: pb.ClockProbe, replied_ns: int) -> ClockMeasured | None:
    """The clocks' distance by the previous probe, whose reply said `replied_ns` (Cristian).

    skew = (sent + received) / 2 - hub, give or take (received - sent) / 2. None where the times
    cannot be: no previous probe, not our reply, received before sent.
    """
    sent, received, hub = (
        probe.previous_sent_ns,
        probe.previous_received_ns,
        probe.previous_hub_ns,
    )
    if not replied_ns or hub != replied_ns or not 0 < sent <= received <= defaults.MAX_OFFSET:
        return None
    return ClockMeasured(server, (sent + received) // 2 - hub, (received - sent) // 2)


def _resume(number: int, account: Account | LogSeen) -> pb.Resume:
    return pb.Resume(
        number=number,
        offset=account.offset,
        lines=account.lines,
        malformed=account.malformed,
    )


_STATUS: dict[int, grpc.StatusCode] = {
    pb.Refusal.CODE_INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    pb.Refusal.CODE_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    pb.Refusal.CODE_OCCUPIED: grpc.StatusCode.FAILED_PRECONDITION,
    pb.Refusal.CODE_OFFSET: grpc.StatusCode.FAILED_PRECONDITION,
    pb.Refusal.CODE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
