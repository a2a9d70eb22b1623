"""Calls other services through its server's own private proxy, and puts their answers together.

`python -m servers.services.communicating --listen ip:port --proxy URL --source ip --peers FILE`. It
knows no other server's address: the paths of its private proxy lead there (`/server-b/…`). FILE
is a JSON list of the other servers' names; it is read at each request, so servers may come and go.
A `traceparent` that a request brings is passed on. What cannot be reached is part of the answer;
only an answer without any good part is a 502.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiohttp import web

from servers.services.serving import serve

PREFIX = "/communicating"
LEAF = "/non-communicating"
CALL_TIMEOUT_S = 8.0
"""Shorter than the callers' own timeout, so that they get an answer that says what was slow."""


class Aggregator:
    """The handlers; one client session to the private proxy."""

    def __init__(self, proxy: str, source: str, peers: Path) -> None:
        self._proxy = proxy
        self._source = source
        self._peers = peers
        self._pages = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.home),
            web.get(f"{PREFIX}/orders", self.orders),
            web.get(f"{PREFIX}/summary", self.summary),
            web.get(f"{PREFIX}/compare", self.compare),
            web.get(f"{PREFIX}/slow", self.slow),
            web.get(f"{PREFIX}/broken", self.broken),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """The widest fan-out: own leaf, and on every other server the leaf and the aggregator."""
        own = [f"{LEAF}/items/{self._next()}", f"{LEAF}/echo?q=home"]
        others = [
            f"/{peer}{path}"
            for peer in self._other_servers()
            for path in (f"{LEAF}/items/{self._pages}", f"{PREFIX}/summary")
        ]
        return await self._gather(request, own + others)

    async def orders(self, request: web.Request) -> web.Response:
        return await self._gather(request, [f"{LEAF}/items/{self._next()}"])

    async def summary(self, request: web.Request) -> web.Response:
        """Own leaf only, so that two servers that ask each other do so once."""
        return await self._gather(request, [f"{LEAF}/items/{self._next()}"])

    async def compare(self, request: web.Request) -> web.Response:
        """The same item on every server, in parallel."""
        item = f"{LEAF}/items/{self._next()}"
        paths = [item, *(f"/{peer}{item}" for peer in self._other_servers())]
        return await self._gather(request, paths)

    async def slow(self, request: web.Request) -> web.Response:
        paths = [f"{LEAF}/slow", *(f"/{peer}{LEAF}/slow?ms=300" for peer in self._other_servers())]
        return await self._gather(request, paths)

    async def broken(self, request: web.Request) -> web.Response:
        return await self._gather(request, [f"{LEAF}/fail"])

    def _next(self) -> int:
        self._pages += 1
        return self._pages

    def _other_servers(self) -> list[str]:
        try:
            return list(json.loads(self._peers.read_bytes()))
        except (OSError, ValueError):
            return []

    async def _gather(self, request: web.Request, paths: list[str]) -> web.Response:
        passed_on = {
            name: request.headers[name]
            for name in ("traceparent", "tracestate")
            if name in request.headers
        }
        parts = await asyncio.gather(*(self._call(path, passed_on) for path in paths))
        good = any(part["status"] < 500 for part in parts)
        return web.json_response({"parts": parts}, status=200 if good else 502)

    async def _call(self, path: str, headers: dict[str, str]) -> dict[str, Any]:
        try:
            async with self._session.get(self._proxy + path, headers=headers) as response:
                text = await response.text()
                return {"path": path, "status": response.status, "answer": text[:500]}
        except (aiohttp.ClientError, TimeoutError) as error:
            return {"path": path, "status": 599, "answer": type(error).__name__}

    async def session(self, app: web.Application) -> AsyncIterator[None]:
        """aiohttp's clean-up context: the session lives as long as the application."""
        del app
        connector = aiohttp.TCPConnector(local_addr=(self._source, 0), limit=50)
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
        agent = {"User-Agent": "communicating-service"}
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=agent
        ) as self._session:
            yield


@click.command()
@click.option("--listen", multiple=True, required=True, help="ip:port; may be repeated.")
@click.option("--proxy", required=True, help="URL of the private proxy.")
@click.option("--source", required=True, help="The address to call from.")
@click.option("--peers", required=True, type=click.Path(path_type=Path), help="JSON list of names.")
def main(listen: tuple[str, ...], proxy: str, source: str, peers: Path) -> None:
    """Serve until SIGTERM."""
    aggregator = Aggregator(proxy, source, peers)
    serve(aggregator.routes(), listen, aggregator.session)


if __name__ == "__main__":
    main()
