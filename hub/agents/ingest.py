"""Where agents come in: the gRPC shell around `session` and `journal`.

Enters: streams of `AgentMessage`s. Leaves: `HubMessage`s, and through the journal's sink the events
of `model`, in journal order. A stream is read by its handler and written by one task beside it; the
handler carries out the session's commands.

What always holds: a server has one stream at a time. A new one of the same instance ends the old
one and waits until what it had appended is settled; one of another instance is refused while the
first is connected (keepalive finds a dead one in 10 s). An Ack goes out after the commit, one for
all that a commit brought. At most `MAX_PENDING_BATCHES` of a stream wait for the journal and
`MAX_UNSENT_MESSAGES` for the agent; then it is not read. Whatever an agent does, only its own
stream ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from hopwatch import __version__
from hopwatch.v1 import ingest_pb2 as pb

from hub.agents.commands import Append, Close, Command, Emit, Join, LookUp, Record, Send
from hub.agents.session import Session, State
from hub.defaults import (
    CANCELLED_WITHIN_S,
    DRAIN_S,
    HELLO_TIMEOUT_S,
    MAX_LIST,
    MAX_PENDING_BATCHES,
    MAX_UNSENT_MESSAGES,
)
from hub.guard.agent_access import AgentAccess, authorizer, peer_address
from hub.guard.auth import Tokens
from hub.journal.journal import Journal, Lane, Outcome, StorageFull
from hub.journal.writer import Sink
from hub.model import AgentGone, ConnectionsSeen, InventorySeen
from hub.serve.serving import ListenError, Listening, serve

__all__ = ["IngestServicer", "ListenError", "Listening", "serve"]

SERVICE = "hopwatch.v1.Ingest"
Context = grpc.aio.ServicerContext[bytes, pb.HubMessage]
logger = logging.getLogger(__name__)


class IngestServicer:
    """All streams of all agents. Call it with a server to be served by it."""

    def __init__(
        self,
        journal: Journal,
        tokens: Tokens | None,
        sink: Sink,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        journal.sink = sink
        self.journal = journal
        self.clock = clock
        self.refused = 0
        """Streams ended by a refusal, since the start."""
        self._access = AgentAccess(tokens)
        self._streams: dict[str, Stream] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._open: set[Stream] = set()
        self._stopping = False

    def __call__(self, server: grpc.aio.Server) -> None:
        # Messages come as bytes: one that cannot be parsed gets a reason, not an internal error.
        stream: Any = grpc.stream_stream_rpc_method_handler(
            self.stream, response_serializer=pb.HubMessage.SerializeToString
        )
        handler = grpc.method_handlers_generic_handler(SERVICE, {"Stream": stream})
        server.add_generic_rpc_handlers((handler,))

    @property
    def connected(self) -> frozenset[str]:
        """Servers whose agents are here now."""
        return frozenset(self._streams)

    async def stream(self, requests: object, context: Context) -> None:
        """One agent's stream, from its hello to its end."""
        shown = context.invocation_metadata() or (), context.auth_context()
        seen = peer_address(context.peer())
        session = Session(authorizer(lambda: self._access, *shown), __version__, seen)
        stream = Stream(self, session, context)
        self._open.add(stream)
        try:
            if self._stopping:
                stream.end(session.refuse(pb.Refusal.CODE_UNAVAILABLE, "the hub stops"))
            await stream.run()
        finally:
            self._open.discard(stream)

    def allow(self, access: AgentAccess) -> None:
        """The rule has changed: end the streams that it does not allow any more."""
        self._access = access
        for stream in list(self._open):
            for command in stream.session.reauthorize():
                assert isinstance(command, Close)
                stream.end(command)

    async def close(self, reason: str = "the hub stops; reconnect") -> None:
        """End all streams, when what they sent is settled and acknowledged."""
        self._stopping = True
        for stream in list(self._open):
            stream.end(stream.session.refuse(pb.Refusal.CODE_UNAVAILABLE, reason))
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                for stream in list(self._open):
                    await stream.done.wait()

    async def take(self, stream: Stream) -> str | None:
        """Make a stream its server's, ending an older one of its instance; or why it may not be."""
        session = stream.session
        while (old := self._streams.get(session.server)) is not None:
            if old.session.instance != session.instance:
                return (
                    f'another agent reports for "{session.server}" and still answers: stop it, '
                    "or give this one another server id"
                )
            reason = "the same agent has connected again"
            old.end(old.session.refuse(pb.Refusal.CODE_OCCUPIED, reason))
            await old.done.wait()
        self._streams[session.server] = stream
        if self._addresses.get(session.server) != session.addresses:
            self._addresses[session.server] = session.addresses
            for other in self._streams.values():
                if other is not stream:  # its welcome tells it
                    other.peers_changed()
        return None

    def peers_of(self, server: str) -> list[str]:
        """Addresses of the other servers that reported since the start, none of them its own."""
        others = {one for id, told in self._addresses.items() if id != server for one in told}
        return sorted(others - {*self._addresses.get(server, ())})[:MAX_LIST]

    def leave(self, stream: Stream, reason: str) -> None:
        """The stream's last deed: all it appended is settled."""
        server = stream.session.server
        if self._streams.get(server) is stream:
            del self._streams[server]
            self.journal.emit(AgentGone(server, reason))


class Stream:
    """One stream: reads, carries out the session's commands, writes."""

    def __init__(self, servicer: IngestServicer, session: Session, context: Context) -> None:
        self.session = session
        self.done = asyncio.Event()
        self._servicer = servicer
        self._journal = servicer.journal
        self._context = context
        self._lane = Lane()
        self._outbox: deque[pb.HubMessage] = deque()
        self._dirty = asyncio.Event()
        self._sent = asyncio.Event()
        self._over = False
        self._settings_due = False
        self._places = asyncio.Semaphore(MAX_PENDING_BATCHES)
        self._ending: Close | None = None
        self._reading: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def end(self, close: Close) -> None:
        """End the stream from anywhere; the first reason stands."""
        if self._ending is None:
            self._ending = close
            if self._reading is not None:
                self._reading.cancel()

    def peers_changed(self) -> None:
        """Other servers' addresses are others than they were."""
        self._settings_due = True
        self._dirty.set()

    async def run(self) -> None:
        """Until the agent, a refusal or the connection ends it; then say so."""
        reason = "the connection was lost"
        try:
            async with asyncio.TaskGroup() as tasks:
                self._reading = tasks.create_task(self._read())
                self._writing = tasks.create_task(self._write())
                await asyncio.wait([self._reading])
                async with asyncio.timeout(DRAIN_S):
                    await self._drain()
                if self._ending is None:
                    await asyncio.sleep(CANCELLED_WITHIN_S)
            reason = self._ending.refusal.reason if self._ending else "the agent left"
        except* (grpc.aio.BaseError, TimeoutError) as broken:
            logger.info("stream of %s broke: %r", self.session.server, broken.exceptions[0])
        finally:
            self._servicer.leave(self, reason)
            self.done.set()
        if self._ending is not None:
            await self._refuse(self._ending)

    async def _refuse(self, close: Close) -> None:
        self._servicer.refused += 1
        logger.warning(
            "stream of %s ended: %s",
            self.session.server or self._context.peer(),
            close.refusal.reason,
        )
        await self._context.write(pb.HubMessage(refusal=close.refusal))
        await self._context.abort(close.status, close.refusal.reason)

    # --- in ---

    async def _read(self) -> None:
        if self._ending is not None:
            return
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S) as until_hello:
                while await self._read_one():
                    if self.session.state is State.OPEN and until_hello.when() is not None:
                        until_hello.reschedule(None)
        except TimeoutError:
            self._invalid(f"hello: did not come within {HELLO_TIMEOUT_S:g} s")
        except StorageFull as full:
            self._unavailable(full)

    async def _read_one(self) -> bool:
        """Read and carry out one message; False: there will be no more."""
        data: Any = await self._context.read()
        if data is grpc.aio.EOF:
            return False
        for command in self.session.receive(data, self._servicer.clock()):
            await self._carry_out(command)
        return self._ending is None

    async def _carry_out(self, command: Command) -> None:
        match command:
            case Append():
                await self._append(command)
            case Send(message):
                await self._send(message)
            case Emit(event):
                self._journal.emit(event, self._lane)
            case Record(InventorySeen() as event):
                await self._journal.room()
                await self._journal.append_inventory(event, self._lane)
            case Record(ConnectionsSeen() as event):
                await self._journal.room()
                await self._journal.append_connections(event, self._lane)
            case LookUp(log, sighting):
                seen = await self._journal.resume(log, sighting, self._lane)
                await self._carry_out_all(self.session.sighted(sighting.number, seen))
            case Join():
                await self._join(command)
            case Close():
                self.end(command)

    async def _carry_out_all(self, commands: list[Command]) -> None:
        for command in commands:
            await self._carry_out(command)

    async def _join(self, join: Join) -> None:
        if not self._journal.state.ok:
            raise StorageFull(self._journal.state.reason)
        if refusal := await self._servicer.take(self):
            self.end(self.session.refuse(pb.Refusal.CODE_OCCUPIED, refusal))
            return
        await self._journal.append_hello(join.event, self._lane)
        seen = await asyncio.gather(
            *[self._journal.resume(log, sighting, self._lane) for log, sighting in join.logs]
        )
        peers = self._servicer.peers_of(self.session.server)
        await self._carry_out_all(self.session.joined(seen, peers))

    async def _append(self, append: Append) -> None:
        await self._journal.room()
        await self._places.acquire()
        future = self._journal.submit_batch(
            append.log, append.batch, append.observations, self._lane
        )
        number = append.batch.log
        future.add_done_callback(lambda done: self._settled(number, done))

    def _settled(self, number: int, done: asyncio.Future[Outcome]) -> None:
        self._places.release()
        if isinstance(failure := done.exception(), StorageFull):
            self._unavailable(failure)
            return
        for command in self.session.settled(number, done.result()):
            assert isinstance(command, Close)
            self.end(command)
        self._dirty.set()

    def _invalid(self, reason: str) -> None:
        self.end(self.session.refuse(pb.Refusal.CODE_INVALID, reason))

    def _unavailable(self, full: StorageFull) -> None:
        self.end(self.session.refuse(pb.Refusal.CODE_UNAVAILABLE, str(full)))

    # --- out ---

    async def _send(self, message: pb.HubMessage) -> None:
        while len(self._outbox) >= MAX_UNSENT_MESSAGES:
            self._sent.clear()
            await self._sent.wait()
        self._outbox.append(message)
        self._dirty.set()

    async def _write(self) -> None:
        while not self._over or self._dirty.is_set():
            await self._dirty.wait()
            self._dirty.clear()
            while self._outbox:
                await self._context.write(self._outbox.popleft())
                self._sent.set()
            if self._settings_due and self.session.state is State.OPEN:
                self._settings_due = False
                peers = self._servicer.peers_of(self.session.server)
                await self._context.write(self.session.settings(peers))
            for command in self.session.acknowledgement():
                assert isinstance(command, Send)
                await self._context.write(command.message)

    async def _drain(self) -> None:
        """Wait until all that was appended is settled, and what is to be said is said."""
        for _ in range(MAX_PENDING_BATCHES):
            await self._places.acquire()
        self._over = True
        self._dirty.set()
        assert self._writing is not None
        await self._writing
