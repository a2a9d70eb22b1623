"""The gate of the gRPC read side: `Observe` wants a reader's token where the network is shared.

Enters: calls with their metadata. Leaves: the call, or UNAUTHENTICATED with a reason. A stream of
answers ends when its reader's token is withdrawn. Agents' streams, health and reflection pass: the
first have their own tokens, the others show nothing of anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from hub.api.observe import SERVICE
from hub.defaults import REVOKED_CHECK_S
from hub.guard.auth import Readers, bearer


class ReaderCalls(grpc.aio.ServerInterceptor):
    """Asks every call of `Observe` for a reader's token."""

    def __init__(self, readers: Callable[[], Readers | None]) -> None:
        self._readers = readers

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: Any
    ) -> Any:
        handler = await continuation(details)
        if handler is None or not details.method.startswith(f"/{SERVICE}/"):
            return handler
        token = bearer(details.invocation_metadata or ())
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(handler.unary_stream, token),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(handler.unary_unary, token),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _unary(self, inner: Any, token: str | None) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            await self._check(context, token)
            return await inner(request, context)

        return answer

    def _stream(self, inner: Any, token: str | None) -> Any:
        async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
            await self._check(context, token)
            handler = asyncio.current_task()
            assert handler is not None
            watcher = asyncio.create_task(self._watch(token, handler))
            try:
                async for response in inner(request, context):
                    await self._check(context, token)
                    yield response
            except asyncio.CancelledError:
                await self._check(context, token)
                raise
            finally:
                watcher.cancel()

        return answer

    async def _watch(self, token: str | None, handler: asyncio.Task[Any]) -> None:
        """End a stream that has nothing to say, too."""
        while self._refusal(token) is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(REVOKED_CHECK_S)
        handler.cancel()

    async def _check(self, context: Any, token: str | None) -> None:
        if refusal := self._refusal(token):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, refusal)

    def _refusal(self, token: str | None) -> str | None:
        readers = self._readers()
        if readers is None:
            return "this hub has no readers: set http.readers_file"
        if token is None:
            return "reading needs a reader's token: authorization: Bearer"
        return None if readers.name(token) else "this is no reader's token"
