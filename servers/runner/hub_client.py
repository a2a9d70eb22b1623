"""Asks the running hub. Enters: its URL. Leaves: what its HTTP API says, as plain values."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import aiohttp

from servers.runner import defaults
from servers.runner.ready import answered


class HubClient:
    def __init__(self, url: str) -> None:
        self.url = url
        timeout = aiohttp.ClientTimeout(total=defaults.REQUEST_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def __aenter__(self) -> HubClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ready(self) -> None:
        """Returns when agents may connect and people may look."""
        await answered(self._session, "the hub", f"{self.url}readyz", lambda s, _: s == 200)

    async def connected(self, servers: set[str]) -> None:
        """Returns when the agents of these servers are connected."""

        def all_connected(status: int, answer: Any) -> bool:
            if status != 200:
                return False
            return servers <= {s["id"] for s in answer["servers"] if s["connected"]}

        url = f"{self.url}api/v1/servers"
        await answered(self._session, "the connection of the agents", url, all_connected)

    async def ledger(self) -> dict[str, Any]:
        async with self._session.get(f"{self.url}api/v1/ledger") as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer
