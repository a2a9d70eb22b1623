"""Sends requests for ever, until SIGTERM: what the jobs and the visitors share."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

Send = Callable[[str, Mapping[str, str]], Awaitable[None]]
TIMEOUT_S = 10.0
"""Longer than the slowest page."""
MAX_UNDER_WAY = 100
"""Requests at once; what comes while so many wait is not sent: the servers are down."""


def play(program: Callable[[Send], Awaitable[None]]) -> None:
    """Run a program that sends and pauses; an answer is read and forgotten, a failure too."""
    asyncio.run(_play(program))


async def _play(program: Callable[[Send], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    under_way: set[asyncio.Task[None]] = set()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def request(url: str, headers: Mapping[str, str]) -> None:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(url, headers=headers) as answer:
                    await answer.read()

        async def send(url: str, headers: Mapping[str, str]) -> None:
            if len(under_way) < MAX_UNDER_WAY:
                task = asyncio.create_task(request(url, headers))
                under_way.add(task)
                task.add_done_callback(under_way.discard)

        playing = asyncio.ensure_future(program(send))
        await stop.wait()
        playing.cancel()
        for task in under_way:
            task.cancel()
        await asyncio.gather(playing, *under_way, return_exceptions=True)
