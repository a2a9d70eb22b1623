"""A running hub, as its users meet it: the HTTP API, the sockets, and waiting for what must come.

Nothing here sleeps for luck: `eventually` asks again until the answer is right, and says what the
last answer was when it never is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Answer = TypeVar("Answer")

POLL_S = 0.1
ANSWER_TIMEOUT_S = 10
CLIENT = httpx.Client(trust_env=False)


@dataclass(frozen=True)
class HubApi:
    """`url` ends with a slash, as the demo prints it."""

    url: str

    def get(self, path: str, /, **query: Any) -> Any:
        """The JSON of an answer that is 200."""
        response = CLIENT.get(f"{self.url}{path}", params=query or None, timeout=ANSWER_TIMEOUT_S)
        assert response.status_code == 200, f"{response.url}: {response.text}"
        return response.json()

    def raw(self, path: str, /, **query: Any) -> httpx.Response:
        return CLIENT.get(f"{self.url}{path}", params=query or None, timeout=ANSWER_TIMEOUT_S)

    def calls(self, **filters: Any) -> list[dict[str, Any]]:
        """Every listed call, page by page."""
        return list(self._pages(filters))

    def _pages(self, filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        page = self.get("api/v1/requests", limit=500, **filters)
        yield from page["requests"]
        while page["next_cursor"] is not None:
            page = self.get("api/v1/requests", limit=500, cursor=page["next_cursor"], **filters)
            yield from page["requests"]

    def server(self, name: str) -> dict[str, Any]:
        """A server's entry of `/api/v1/servers`; empty where it is not known."""
        servers = self.get("api/v1/servers")["servers"]
        return next((server for server in servers if server["id"] == name), {})

    def connected(self) -> set[str]:
        return {s["id"] for s in self.get("api/v1/servers")["servers"] if s["connected"]}

    @contextmanager
    def socket(self, path: str) -> Iterator[ClientConnection]:
        url = f"ws{self.url.removeprefix('http')}{path}"
        with connect(url, max_size=None, close_timeout=1) as socket:
            yield socket

    def is_ready(self) -> bool:
        """Whether agents are accepted, and readers served: those wait while the journal is read."""
        accepts = self.raw("readyz").status_code == 200
        return accepts and self.raw("api/v1/topology").status_code != 503

    def wait_until_ready(self, within_s: float = 30) -> None:
        eventually(self.is_ready, "the hub is ready", within_s)


def messages(socket: ClientConnection, within_s: float) -> Iterator[Any]:
    """The socket's messages, until it closes or time is up; acknowledges frames as a page does."""
    until = time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0:
        try:
            message = json.loads(socket.recv(timeout=left))
        except (TimeoutError, ConnectionClosed):
            return
        yield message
        if isinstance(message, dict) and message["seq"] % 10 == 0:
            with suppress(ConnectionClosed):
                socket.send(json.dumps({"type": "ack", "seq": message["seq"]}))


def eventually(ask: Callable[[], Answer], what: str, within_s: float) -> Answer:
    """The first true answer."""
    until = time.monotonic() + within_s
    last: object = None
    while True:
        try:
            if answer := ask():
                return answer
            last = answer
        except (OSError, httpx.HTTPError, AssertionError) as error:
            last = error
        assert time.monotonic() < until, f"not within {within_s} s: {what}; last: {last!r}"
        time.sleep(POLL_S)
