"""The leaf: answers by itself, and on purpose not always well.

`python -m servers.services.non_communicating --listen ip:port`. Every twelfth request for an item
is answered 400 (by count, so the share is exact), `/slow?ms=` takes its time, `/fail` is a 500.
"""

from __future__ import annotations

import asyncio

import click
from aiohttp import web

from servers.runner import defaults
from servers.services.serving import serve

PREFIX = "/non-communicating"


class Leaf:
    """The handlers, and the count that decides which item is refused."""

    def __init__(self, bad_request_every: int) -> None:
        self._bad_request_every = bad_request_every
        self._items = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", f"{PREFIX}/echo", self.echo),
            web.get(f"{PREFIX}/items/{{item}}", self.item),
            web.get(f"{PREFIX}/slow", self.slow),
            web.get(f"{PREFIX}/fail", self.fail),
        ]

    async def echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        return web.json_response({"path": request.path_qs, "received_bytes": len(body)})

    async def item(self, request: web.Request) -> web.Response:
        self._items += 1
        item = request.match_info["item"]
        if self._items % self._bad_request_every == 0:
            return web.json_response({"item": item, "error": "no such item"}, status=400)
        return web.json_response({"item": item, "in_stock": self._items % 7})

    async def slow(self, request: web.Request) -> web.Response:
        try:
            ms = min(int(request.query.get("ms", defaults.SLOW_MS)), 60_000)
        except ValueError:
            return web.json_response({"error": "ms is not a number"}, status=400)
        await asyncio.sleep(ms / 1000)
        return web.json_response({"took_ms": ms})

    async def fail(self, _: web.Request) -> web.Response:
        return web.json_response({"error": "broken on purpose"}, status=500)


@click.command()
@click.option("--listen", multiple=True, required=True, help="ip:port; may be repeated.")
def main(listen: tuple[str, ...]) -> None:
    """Serve until SIGTERM."""
    serve(Leaf(defaults.BAD_REQUEST_EVERY).routes(), listen)


if __name__ == "__main__":
    main()
