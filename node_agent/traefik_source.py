"""What a Traefik says about itself: routers, services, entry points, from its API.

Read again every 5 s. An API that does not answer is reported once, and what it said last still
holds. Odd answers count as no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.defaults import (
    TRAEFIK_MAX_PAGES,
    TRAEFIK_POLL_S,
    TRAEFIK_RULE_CHARACTERS,
    TRAEFIK_TIMEOUT_S,
)

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)


class BadAnswer(Exception):
    """The API answered something that is not Traefik's."""


class TraefikSource:
    """One proxy's API, polled."""

    def __init__(self, proxy: str, address: str, poll_s: float = TRAEFIK_POLL_S) -> None:
        self._proxy = proxy
        self._address = address
        self._poll_s = poll_s

    @property
    def name(self) -> str:
        """For the log."""
        return f"traefik api of {self._proxy}"

    async def run(self, report: Callable[[pb.Inventory], Awaitable[None]]) -> None:
        """Report what it says, whenever it could be read; for ever."""
        import httpx

        answers: bool | None = None
        async with httpx.AsyncClient(
            base_url=self._address, timeout=TRAEFIK_TIMEOUT_S, trust_env=False
        ) as client:
            while True:
                try:
                    found = await self._read(client)
                except (httpx.HTTPError, httpx.InvalidURL, BadAnswer) as error:
                    if answers is not False:
                        reason = str(error) or type(error).__name__
                        log.warning("traefik api does not answer", proxy=self._proxy, reason=reason)
                    answers = False
                else:
                    if answers is not True:
                        log.info("traefik api answers", proxy=self._proxy)
                    answers = True
                    await report(found)
                await asyncio.sleep(self._poll_s)

    async def _read(self, client: httpx.AsyncClient) -> pb.Inventory:
        try:
            return pb.Inventory(
                routers=[
                    pb.Router(
                        proxy=self._proxy,
                        name=each["name"],
                        rule=each.get("rule", "")[:TRAEFIK_RULE_CHARACTERS],
                        service=each.get("service", ""),
                        entry_points=each.get("entryPoints", ()),
                    )
                    for each in await _all(client, "/api/http/routers")
                ],
                services=[
                    pb.UpstreamService(proxy=self._proxy, name=each["name"], urls=_urls(each))
                    for each in await _all(client, "/api/http/services")
                ],
                entry_points=[
                    pb.EntryPoint(
                        proxy=self._proxy, name=each["name"], address=each.get("address", "")
                    )
                    for each in await _all(client, "/api/entrypoints")
                ],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BadAnswer(f"not as Traefik's API answers: {error!r}") from None


def _urls(service: dict[str, Any]) -> list[str]:
    servers = (service.get("loadBalancer") or {}).get("servers") or ()
    return [server["url"] for server in servers if server.get("url")]


async def _all(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Every page; the last one's `X-Next-Page` points back to the first."""
    found: list[dict[str, Any]] = []
    page = 1
    for _ in range(TRAEFIK_MAX_PAGES):
        answer = await client.get(path, params={"page": page, "per_page": 100})
        answer.raise_for_status()
        try:
            found += answer.json()
            following = int(answer.headers.get("X-Next-Page", "1"))
        except ValueError as error:
            raise BadAnswer(f"{path}: {error}") from None
        if following <= page:
            return found
        page = following
    raise BadAnswer(f"{path}: more than {TRAEFIK_MAX_PAGES} pages")
