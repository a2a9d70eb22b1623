"""While the journal is read: probes are answered, readers are refused for the moment.

Enters: requests, websocket handshakes, gRPC calls of `Observe`. Leaves: nothing, or 503 and
UNAVAILABLE with the reason, until `over`. Readers would see a part of the past as if it were all of
it. Agents may come sooner (`accepting`): what they report is journalled and waits its turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from quart import Quart, Request, Response, Websocket

from hub.guard.gate import OPEN, problem, stand_before


class Startup:
    """From the start of the process until it can serve."""

    def __init__(self) -> None:
        self.reason: str | None = "the journal is being read"
        """Why readers wait; None: they do not."""
        self.accepting = False
        """Whether agents are accepted."""

    def progress(self, lines: int) -> None:
        """So many lines were read."""
        self.reason = f"the journal is being read: {lines} lines so far"

    def over(self) -> None:
        """Serve from now on."""
        self.reason = None
        self.accepting = True

    def install(self, app: Quart) -> None:
        """Stand behind the gate of the application."""
        stand_before(app, self._check)

    def _check(self, asked: Request | Websocket) -> Response | None:
        if self.reason is None or asked.path in OPEN:
            return None
        refusal = problem(503, "Service Unavailable", f"Not yet: {self.reason}.")
        refusal.headers["Retry-After"] = "1"
        return refusal


class ReadersWait(grpc.aio.ServerInterceptor):
    """Refuses calls of this service until the start is over."""

    def __init__(self, startup: Startup, service: str) -> None:
        self._startup = startup
        self._prefix = f"/{service}/"

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: Any
    ) -> Any:
        handler = await continuation(details)
        if handler is None or self._startup.reason is None:
            return handler
        if not details.method.startswith(self._prefix):
            return handler
        reason = f"not yet: {self._startup.reason}"

        async def refuse(_: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, reason)

        made = (
            grpc.unary_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return made(refuse, handler.request_deserializer, handler.response_serializer)
