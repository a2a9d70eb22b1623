"""Readers of the API in a process of their own: `python -m bench._queries ADDRESS`, told to read.

Enters: lines on standard input: `read SECONDS PER_S`. Leaves: a line of JSON for each: by kind of
question, milliseconds of each answer. The questions come in turns, each from a reader of its own,
so that a slow one does not keep the others from asking; `READERS` wait at most, and then nobody
asks. What is asked for lies mostly in files.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import httpx
import uvloop

READERS = 4
EXPORT_S, FILTER_S, HOUR_S = 20, 60, 3600
"""Of the past that is exported, filtered, counted."""


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


class Readers:
    """Who asks."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.took_ms: dict[str, list[float]] = defaultdict(list)
        self._ids: list[str] = []
        self._questions = itertools.cycle(
            [self.filtered, self.found, self.one, self.edges, self.histogram, self.one, self.table]
        )

    async def ask_next(self) -> None:
        question = next(self._questions)
        began = time.perf_counter()
        await question()
        self.took_ms[question.__name__].append((time.perf_counter() - began) * 1e3)

    async def filtered(self) -> None:
        """A server's errors of a minute that is sealed."""
        asked = {"status": "5xx", "server": "server-01", "since": ago(2 * FILTER_S)}
        found = await self._get("/api/v1/requests", {**asked, "until": ago(30), "limit": "100"})
        self._ids += [call["id"] for call in found.json()["requests"]][:20]

    async def found(self) -> None:
        """A query over paths."""
        asked = {"q": "path:/items/2* status:404", "until": ago(30), "limit": "100"}
        found = await self._get("/api/v1/requests", asked)
        self._ids = [call["id"] for call in found.json()["requests"]][-20:] + self._ids[:200]

    async def one(self) -> None:
        """A call by its id."""
        if self._ids:
            await self._get(f"/api/v1/requests/{self._ids.pop()}", {})

    async def edges(self) -> None:
        """Of the last hour."""
        await self._get("/api/v1/edges", {"since": ago(HOUR_S), "until": ago(0)})

    async def histogram(self) -> None:
        """Of the last hour."""
        await self._get("/api/v1/histogram", {"since": ago(HOUR_S), "until": ago(0)})

    async def table(self) -> None:
        """A part of the past as CSV, as it is read by a script."""
        asked = {"format": "csv", "since": ago(30 + EXPORT_S), "until": ago(30), "status": "404"}
        async with self._client.stream("GET", "/api/v1/requests", params=asked) as response:
            response.raise_for_status()
            async for _ in response.aiter_bytes():
                pass

    async def _get(self, path: str, asked: dict[str, str]) -> httpx.Response:
        response = await self._client.get(path, params=asked)
        response.raise_for_status()
        return response


async def read(address: str, seconds: float, per_s: float) -> dict[str, list[float]]:
    """Ask at this pace; how long the answers took."""
    async with httpx.AsyncClient(
        base_url=f"http://{address}", timeout=60, trust_env=False
    ) as client:
        readers, loop = Readers(client), asyncio.get_running_loop()
        places = asyncio.Semaphore(READERS)
        due_s, until_s = loop.time(), loop.time() + seconds

        async def ask() -> None:
            try:
                await readers.ask_next()
            finally:
                places.release()

        async with asyncio.TaskGroup() as tasks:
            while due_s < until_s:
                await places.acquire()
                tasks.create_task(ask())
                due_s = max(due_s + 1 / per_s, loop.time())
                await asyncio.sleep(due_s - loop.time())
        return readers.took_ms


async def main(address: str) -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while order := (await orders.readline()).decode().split():
        answer = await read(address, float(order[1]), float(order[2]))
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
