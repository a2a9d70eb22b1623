"""Serves aiohttp routes on several addresses until SIGTERM, with a `/health` beside them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable

from aiohttp import web

Context = Callable[[web.Application], AsyncIterator[None]]


def serve(
    routes: Iterable[web.RouteDef], listen: Iterable[str], context: Context | None = None
) -> None:
    """`context` is entered before the first request and left after the last."""
    app = web.Application()
    if context is not None:
        app.cleanup_ctx.append(context)
    app.add_routes([*routes, web.get("/health", _health)])
    asyncio.run(_serve(app, listen))


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _serve(app: web.Application, listen: Iterable[str]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        for address in listen:
            host, _, port = address.rpartition(":")
            await web.TCPSite(runner, host, int(port), shutdown_timeout=1).start()
        await stop.wait()
    finally:
        await runner.cleanup()
