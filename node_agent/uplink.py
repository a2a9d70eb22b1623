"""The wire to the hub: one gRPC stream after another.

`dial` opens a stream; its `Stream` sends and receives messages, and turns every way in which it can
end into `Disconnected`, whose `reason` is one sentence for the agent's log. `Backoff` says how long
to wait before the next attempt.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc

from node_agent.config import Hub, Tls
from node_agent.credentials import Credentials, explain, hint
from node_agent.defaults import CONNECT_MS, KEEPALIVE_MS, RECONNECT_MAX_S, RECONNECT_MIN_S

_OPTIONS = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_MS),
    # So is the bound of one attempt to connect called, too.
    ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
    ("grpc.http2.max_pings_without_data", 0),
    # Each attempt is a new channel of its own: no memory of earlier failures.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
)
_FINAL = {
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
}


class Disconnected(Exception):
    """The stream is over. `refused`: the hub said no, and will say so again."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


class Stream:
    """One open stream."""

    def __init__(self, call: Any, tls: Tls | None = None) -> None:
        self._call = call
        self._tls = tls
        self._heard = False

    async def send(self, message: pb.AgentMessage) -> None:
        """Hand one message to the wire."""
        await self._try(self._call.write(message))

    async def receive(self) -> pb.HubMessage:
        """The hub's next message."""
        message = await self._try(self._call.read())
        if message is grpc.aio.EOF:
            raise await self._end()
        self._heard = True
        return message  # type: ignore[no-any-return]

    async def finish(self) -> None:
        """Say that nothing more will come."""
        await self._try(self._call.done_writing())

    def cancel(self) -> None:
        """Give it up at once."""
        self._call.cancel()

    async def _try(self, step: Awaitable[Any]) -> Any:
        try:
            return await step
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            raise await self._end() from None
        except asyncio.CancelledError:
            # gRPC says so for a call that we gave up; our own task's end goes on as it is.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise Disconnected("closed") from None

    async def _end(self) -> Disconnected:
        if self._call.cancelled():
            return Disconnected("closed")
        code = await self._call.code()
        details = await self._call.details()
        if code is grpc.StatusCode.OK:
            return Disconnected("closed by the hub")
        if untrusted := explain(details):
            return Disconnected(untrusted, refused=True)
        reason = details or code.name.lower()
        if not self._heard:  # A hub that has answered takes us as we are.
            reason += hint(details, self._tls)
        return Disconnected(reason, refused=code in _FINAL)


@asynccontextmanager
async def dial(hub: Hub, shown: Credentials) -> AsyncIterator[Stream]:
    """Open a stream to the hub; Disconnected shows at its first use."""
    metadata = [("authorization", f"Bearer {shown.token}")] if shown.token else []
    async with _channel(hub, shown) as channel:
        call = ingest_pb2_grpc.IngestStub(channel).Stream(metadata=metadata)  # type: ignore[no-untyped-call]
        try:
            yield Stream(call, hub.tls)
        finally:
            call.cancel()


def _channel(hub: Hub, shown: Credentials) -> grpc.aio.Channel:
    if hub.tls is None:
        return grpc.aio.insecure_channel(hub.address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(shown.ca, shown.key, shown.cert)
    return grpc.aio.secure_channel(hub.address, credentials, options=_OPTIONS)


class Backoff:
    """Waits that double, with jitter, until something worked."""

    def __init__(self) -> None:
        self._next_s = RECONNECT_MIN_S

    def wait_s(self) -> float:
        """How long to wait now."""
        wait_s = self._next_s * random.uniform(0.75, 1.25)
        self._next_s = min(self._next_s * 2, RECONNECT_MAX_S)
        return min(wait_s, RECONNECT_MAX_S)

    def reset(self) -> None:
        """It worked."""
        self._next_s = RECONNECT_MIN_S
