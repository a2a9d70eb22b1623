"""What the hub showed of a demo in the first seconds after it was ready."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.hub_api import POLL_S, HubApi, messages

LIMIT_S = 10.0
ORIGINS = frozenset(
    {
        *("same_server", "cross_server", "cross_server_direct"),
        *("public", "hairpin", "outside", "undecided"),
    }
)
LIMIT_CALLS = 10_000


@dataclass
class FirstSeconds:
    """`missing` is empty when everything was seen in time."""

    origins: frozenset[str]
    took_s: float = 0.0
    network_info: dict[str, Any] = field(default_factory=dict)
    streamed: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, origin: str) -> list[dict[str, Any]]:
        return [call for call in self.calls.values() if call["origin"] == origin]

    @property
    def services(self) -> dict[str, set[str]]:
        """Names by server, as `/network_info` tells them."""
        named: dict[str, set[str]] = {}
        for network in self.network_info.values():
            names = named.setdefault(network["server"], set())
            names |= {service["name"] for service in network["services"]}
        return named

    @property
    def missing(self) -> list[str]:
        both = {"server-a", "server-b"}
        wanted = {"communicating-service", "non-communicating-service"}
        streamed = {entry["server"] for entry in list(self.streamed)}
        joined = [call for call in self.of("cross_server") if len(call["hops"]) == 2]
        checks = {
            "/network_info names the services of both servers": all(
                wanted <= self.services.get(server, set()) for server in both
            ),
            f"/access_logs streams both servers, not only {streamed}": both <= streamed,
            "cross-server calls with two hops": bool(joined),
        }
        lacking = [what for what, there in checks.items() if not there]
        return lacking + [f"{o} calls" for o in sorted(self.origins) if not self.of(o)]


def watch(url: str, origins: frozenset[str] = ORIGINS) -> FirstSeconds:
    """Call it when the demo says that it is ready. Returns when all was seen, or time is up."""
    api, seen = HubApi(url), FirstSeconds(origins)
    begin = time.monotonic()
    done = threading.Event()

    def listen() -> None:
        with api.socket("access_logs") as socket:
            for entries in messages(socket, LIMIT_S):
                seen.streamed += entries
                if done.is_set():
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        while seen.missing and time.monotonic() - begin < LIMIT_S:
            try:
                seen.network_info = api.get("network_info")
                listed = api.get("api/v1/requests", limit=LIMIT_CALLS)["requests"]
                seen.calls |= {call["id"]: call for call in listed}
            except httpx.HTTPError:
                pass
            time.sleep(POLL_S)
        seen.took_s = time.monotonic() - begin
    finally:
        done.set()
        listener.join()
    return seen
