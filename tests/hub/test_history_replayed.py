"""What a page was told live, and what it is told when the same time is replayed, by a real hub: the
same calls, the same counts, the same names, the same notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from hopwatch.v1 import ingest_pb2 as pb

from hub.stamps import rfc3339

from ..cli.world import World, world
from ..e2e.hub_api import eventually
from .streams import Agent
from .world import INTERNAL, MS, SECOND, ident, inventory

STATES = ("agent_gone", "malformed", "missing_lines", "skew")
"""Notices of servers' states, which are not kept."""
ROUNDS = 5
CALLS = 6 * ROUNDS
"""Of `traffic`: no more good ones than a single frame has in detail."""


@dataclass
class Seen:
    """What a page knows, having taken in all that it was told."""

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: dict[int, Any] = field(default_factory=dict)
    totals: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    notices: dict[str, Any] = field(default_factory=dict)
    packets: int = 0
    """Shown and counted ones."""
    hidden: int = 0
    times: list[float] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_packets(self, count: int) -> None:
        """Until so many calls, or halves of calls, were shown."""
        async with asyncio.timeout(60):
            while self.packets < count:
                self.news.clear()
                await self.news.wait()

    def take(self, told: dict[str, Any]) -> None:
        topology = told["topology"] or {"nodes": [], "edges": []}
        self.nodes |= {node["id"]: node for node in topology["nodes"]}
        self.edges |= {edge["index"]: edge for edge in topology["edges"]}
        columns = [told["totals"][name] for name in ("edge", "calls", "errors", "bytes")]
        self.totals |= {edge: tuple(counts) for edge, *counts in zip(*columns, strict=True)}
        for call in [*told["errors"], *told["calls"], *told.get("amended", [])]:
            self.calls[call["id"]] = call
        self.notices |= {notice["id"]: notice for notice in told["notices"]}
        self.times.append(told["time_ms"])
        if told["type"] == "frame":
            self.packets += len(told["packets"]["edge"]) + told["hidden"]["packets"]
            self.hidden += told["hidden"]["errors"] + told["hidden"]["calls"]
        self.news.set()

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Calls, errors and bytes by edge."""
        return {self.edges[edge]["id"]: counts for edge, counts in self.totals.items()}

    def names(self) -> dict[str, tuple[str, str, str]]:
        """Of both ends of each edge that carried something: id, kind and name."""
        ends = [self.edges[edge][end] for edge in self.totals for end in ("from", "to")]
        return {id: tuple(self.nodes[id][key] for key in ("kind", "server", "name")) for id in ends}

    def noticed(self) -> dict[str, tuple[str, str, int]]:
        told = self.notices.values()
        return {
            one["id"]: (one["title"], one["text"], one["count"])
            for one in told
            if one["kind"] not in STATES
        }


async def watch(url: str, enough: Callable[[Seen], bool], seen: Seen | None = None) -> Seen:
    """Take in frames, and acknowledge them, until enough was seen."""
    seen = seen or Seen()
    async with websockets.connect(url, max_size=None) as socket, asyncio.timeout(60):
        while not seen.times or not enough(seen):
            told = json.loads(await socket.recv())
            seen.take(told)
            await socket.send(json.dumps({"type": "ack", "seq": told["seq"]}))
    return seen


def kept(base: str) -> int:
    """Calls in files."""
    text = httpx.get(f"http://{base}/metrics").text
    return int(float(text.partition("\nhopwatch_history_calls ")[2].split()[0]))


async def introduce(agent: Agent, server: str) -> None:
    """Containers by name, so that there are names to compare."""
    said = inventory(server).inventory
    await agent.say(pb.AgentMessage(inventory=said))


async def traffic(made: World, began_ns: int, seen: Seen) -> None:
    """Within a server, to another, failed, from strangers, forged, half seen."""
    a, b = made.agents["server-a"], made.agents["server-b"]
    for number in range(ROUNDS):
        at = began_ns + number * 300 * MS
        hop = {"hop_id": ident(f"{began_ns} {number}")}
        out = {
            "path": "/server-b/leaf/x", "router": "server-b@file", "service": "server-b@file",
            "upstream": f"http://{INTERNAL['server-b']}", "bytes_out": 100 + number,
        }  # fmt: skip
        await a.lines(
            {"start_ns": at, "bytes_out": 7},
            {"start_ns": at + 2 * MS, "status": 503, "path": f"/bad/{number}"},
            {"start_ns": at + 3 * MS, "client": "203.0.113.9", "status": 404},
            {"start_ns": at + 4 * MS, "client": "203.0.113.8", "forwarded": "172.20.0.4"},
            {"start_ns": at + 5 * MS, "duration_ns": 40 * MS, **out, **hop},
            {"start_ns": at + 6 * MS, "hop_id": ident(f"lost {began_ns} {number}"), **out},
        )
        if number % 2:
            await seen.until_packets(6 * (number + 1))  # also the half that waits
        said = {"start_ns": at + 15 * MS, "client": INTERNAL["server-a"], "path": "/leaf/x"}
        await b.lines({**said, "duration_ns": 20 * MS, "hop_parent": hop["hop_id"]})


@pytest.mark.parametrize("sealed", [False, True], ids=["of memory", "of files"])
async def test_a_stretch_replayed_is_what_it_was_live(
    tmp_path: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_DATA__SEAL_INTERVAL_S", "1" if sealed else "3600")
    async with world(tmp_path) as made:
        for server, reports in made.agents.items():
            await introduce(reports.agent, server)
        base = f"127.0.0.1:{made.port}"
        url = f"ws://{base}/api/v1/live"
        began_ns = made.now_ns()
        counted = lambda seen: sum(calls for calls, *_ in seen.totals.values()) == CALLS  # noqa: E731
        settled = lambda seen: counted(seen) and len(seen.calls) == CALLS  # noqa: E731
        seen = Seen()
        watching = asyncio.create_task(watch(url, settled, seen))
        await traffic(made, began_ns, seen)
        live = await watching
        assert (live.hidden, live.packets) == (0, CALLS)
        if sealed:
            await asyncio.to_thread(eventually, lambda: kept(base) >= CALLS, "all is sealed", 60)
        end_ns = began_ns + ROUNDS * 300 * MS + SECOND
        window = f"replay_from={rfc3339(began_ns)}&until={rfc3339(end_ns)}"
        until_end = lambda seen: seen.times[-1] >= end_ns / MS  # noqa: E731
        again = await watch(f"{url}?{window}&speed=2", until_end)
    assert again.counts() == live.counts()
    assert again.names() == live.names()
    assert again.calls == live.calls
    assert (again.hidden, again.packets) == (0, CALLS)
    assert again.noticed() == live.noticed()
    assert {id.partition(":")[0] for id in again.noticed()} == {"outside", "spoof", "half_seen"}
    bad = sum(errors for _, errors, _ in again.counts().values())
    assert bad == sum(not call["ok"] for call in live.calls.values()) == 2 * ROUNDS
