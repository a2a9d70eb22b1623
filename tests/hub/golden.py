"""The golden examples of every endpoint and socket message: `python -m tests.hub.golden --write`.

A fixed scenario with fixed clocks goes through the real agent's parser and encoder, the real
pipeline and the real application: two servers, all seven origins, a joined cross-server call, a
half-seen one, a route that does not exist, a WebSocket, a bad request, a malformed line. What the
hub answers then is written to `docs/examples/`, and a test holds the hub to it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
from hopwatch.v1 import ingest_pb2 as pb

from hub import forms
from hub.api.app import create_app
from hub.config import load
from hub.live.channel import Channel
from hub.live.live import Live
from hub.live.sockets import Sockets
from hub.model import ClockMeasured, HelloSeen, InventorySeen, LogSeen, WatermarkSeen
from hub.query.language import BadQuery
from hub.query.language import parse as parse_query
from hub.read.describe import Describe
from hub.schemas import ENDPOINTS
from hub.security import Security
from node_agent.batch import Encoder
from node_agent.lines import Block
from node_agent.parse import parse
from tests.node_agent import build

from .world import MS, SECOND, T0, World, endpoint, log_key, private_net

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
AGENT_VERSION = "0.1.0"

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ADDRESSES = {"server-a": ("10.10.0.11", "198.51.100.1"), "server-b": ("10.10.0.12", "198.51.100.2")}
LEAF = {
    "RouterName": "leaf@file", "ServiceName": "leaf@file", "ServiceURL": "http://172.20.0.5:8000",
    "RequestPath": "/leaf/echo?q=1",
}  # fmt: skip
TO_B = {
    "RouterName": "server-b@file", "ServiceName": "server-b@file",
    "ServiceURL": "http://10.10.0.12", "RequestPath": "/server-b/leaf/echo?q=1",
}  # fmt: skip
NO_ROUTE: dict[str, Any] = {
    "RouterName": None, "ServiceName": None, "ServiceURL": None, "ServiceAddr": None,
    "OriginStatus": None, "OriginDuration": None, "DownstreamStatus": 404,
}  # fmt: skip
SOCKET = {
    "DownstreamStatus": 0, "OriginStatus": 0, "DownstreamContentSize": 0,
    "request_Upgrade": "websocket", "request_Connection": "Upgrade",
}  # fmt: skip


def entry(at_ms: float, lasts_ms: float, peer: str, number: int, **changes: Any) -> bytes:
    """One line, begun `at_ms` after T0, of the request of this number."""
    begun = build.stamp(T0 + round(at_ms * MS))
    spent = {"Duration": round(lasts_ms * MS), "OriginDuration": round(lasts_ms * MS * 0.9)}
    who = {"ClientAddr": f"{peer}:40000", "ClientHost": peer, "RequestCount": number}
    when = {"StartUTC": begun, "StartLocal": begun}
    fields = {"OriginStatus": changes.get("DownstreamStatus", 200), "DownstreamStatus": 200}
    return build.line(0, **{**LEAF, **fields, **spent, **who, **when, "Overhead": MS, **changes})


LINES: dict[tuple[str, str], list[bytes]] = {
    ("server-a", "private"): [
        entry(0, 2, "172.20.0.4", 1),  # same_server
        entry(
            10, 12, "172.20.0.4", 2, **TO_B, TraceId=TRACE, DownstreamStatus=400
        ),  # cross_server, joined below
        entry(30, 3, "172.20.0.4", 3, **TO_B, DownstreamStatus=502),  # half-seen
        entry(40, 1, "172.20.0.4", 4, **NO_ROUTE, RequestPath="/wp-login.php"),
        b'{"StartUTC": "cut off he\n',
    ],
    ("server-a", "public"): [
        entry(5, 40, "203.0.113.7", 1),  # public
        entry(50, 900, "203.0.113.8", 2, **SOCKET),
    ],
    ("server-b", "private"): [
        entry(12, 8, "10.10.0.11", 1, TraceId=TRACE, DownstreamStatus=400),  # the other half
        entry(60, 4, "10.10.0.11", 2, ClientHost="172.20.0.4"),  # cross_server_direct
        entry(70, 1, "203.0.113.99", 3, **NO_ROUTE, RequestPath="/.env"),  # outside
        entry(80, 2, "172.20.0.1", 4),  # undecided
    ],
    ("server-b", "public"): [entry(90, 6, "10.10.0.11", 1)],  # hairpin
}


def announce(world: World, server: str) -> None:
    internal, public = ADDRESSES[server]
    hello = pb.Hello(
        protocol=1,
        agent_version=AGENT_VERSION,
        server=server,
        instance=b"golden",
        internal_addresses=[internal],
        public_addresses=[public],
        proxies=[
            pb.Proxy(name=kind, kind=number, addresses=[address], networks=[f"{kind}-net"])
            for kind, number, address in (
                ("private", pb.PROXY_KIND_PRIVATE, f"{internal}:80"),
                ("public", pb.PROXY_KIND_PUBLIC, f"{public}:80"),
            )
        ],
    )
    networks = [
        private_net(),
        pb.Network(name="public-net", subnets=["172.21.0.0/16"], gateways=["172.21.0.1"]),
    ]
    endpoints = [
        endpoint("communicating", "172.20.0.4", image="communicating:1"),
        endpoint("leaf", "172.20.0.5"),
        endpoint("leaf", "172.21.0.5", network="public-net"),
    ]
    inventory = pb.Inventory(version=1, networks=networks, endpoints=endpoints)
    world.say(HelloSeen(server, hello), InventorySeen(server, inventory))
    world.say(ClockMeasured(server, round(1.5 * MS), round(0.2 * MS)))


def report(world: World, server: str, proxy: str) -> None:
    """Ship a log as the agent does, and its account."""
    data = b"".join(LINES[server, proxy])
    key = log_key(server, proxy)
    world.say(LogSeen(key, f"/var/log/traefik/{proxy}.jsonl", 0, 0, 0))
    chunk = parse(Block(0, data))
    for batch in Encoder().encode(1, chunk, 1000):
        world.commit(key, batch)
    read, malformed = len(LINES[server, proxy]), len(chunk.malformed_at)
    world.say(WatermarkSeen(server, key, T0 + 990 * MS, False, read, malformed, read, 0))


class Scene:
    """The scenario, played."""

    def __init__(self) -> None:
        self.world = World()
        self.world.now_ns = T0
        self.live = Live(self.world.pipeline)
        self.sockets = Sockets(self.world.pipeline, self.live)
        self.world.pipeline.listeners.append(self.live)
        for server in ADDRESSES:
            announce(self.world, server)
        channel = Channel(self.world.pipeline, self.live)
        self.live.step(self.world.now_ns)
        self.snapshot_before = channel.snapshot(self.world.now_ns)
        self.world.now_ns = T0 + SECOND
        for server, proxy in LINES:
            report(self.world, server, proxy)
        self.world.marks(990)
        self.world.tick()
        step = self.live.step(self.world.now_ns)
        assert step is not None
        frame = channel.frame(step)
        assert frame is not None
        self.frame = frame
        self.snapshot = channel.snapshot(self.world.now_ns)
        gate = Security(load(None)).gate
        self.app = create_app(self.world.pipeline, self.sockets, lambda: None, gate)


def bad_query(q: str) -> forms.BadQuery:
    """What the hub says of a wrong query."""
    try:
        parse_query(q)
    except BadQuery as wrong:
        return forms.BadQuery(q=q, text=wrong.text, position=wrong.position, length=wrong.length)
    raise AssertionError(q)


async def answers(scene: Scene) -> dict[str, Any]:
    """What the hub says to each question, by the example's name."""
    client = scene.app.test_client()

    async def get(path: str, status: int = 200) -> Any:
        with mock.patch("time.time_ns", lambda: scene.world.now_ns):
            response = await client.get(path, headers={"Host": "127.0.0.1:8082"})
        assert response.status_code == status, (path, response.status_code)
        return json.loads(await response.get_data())

    requests = await get("/api/v1/requests")
    (joined,) = [call for call in requests["requests"] if call["join"]["by"] == "trace"]
    numbers = scene.world.pipeline.settling.calls.kept().tolist()
    logs = [Describe(scene.world.pipeline).access_log(number) for number in numbers]
    return {
        "network_info": await get("/network_info"),
        "access_logs": to_json(logs),
        "topology": await get("/api/v1/topology"),
        "requests": requests,
        "call": await get(f"/api/v1/requests/{joined['id']}"),
        "edges": await get("/api/v1/edges?window=60s"),
        "histogram": await get(f"/api/v1/histogram?since={T0 // SECOND - 1}"),
        "servers": await get("/api/v1/servers"),
        "ledger": await get("/api/v1/ledger"),
        "session": await get("/api/v1/session"),
        "health": await get("/healthz"),
        "problem": await get("/api/v1/requests?origin=elsewhere", 400),
        "live_snapshot": to_json(scene.snapshot),
        "live_frame": to_json(scene.frame),
        "live_ack": to_json(forms.FrameAck(seq=scene.frame.seq)),
        "live_query": to_json(forms.Query(q="server:a status:5xx -service:health min:1/s")),
        "live_bad_query": to_json(bad_query("server:a status:9xx")),
    }


SCHEMA_OF: dict[str, str] = {name: name for name in ENDPOINTS} | {
    "live_snapshot": "live_from_hub",
    "live_frame": "live_from_hub",
    "live_ack": "live_to_hub",
    "live_query": "live_to_hub",
    "live_bad_query": "live_from_hub",
}
"""Schema of each example, by the example's name."""


def to_json(form: Any) -> Any:
    return json.loads(msgspec.json.encode(form))


def text(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False) + "\n"


def validator() -> Callable[[str, Any], None]:
    """Checks an example by the schema of its name."""
    import jsonschema
    from referencing import Registry, Resource

    files = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")}
    registry: Any = Registry().with_resources(
        [(name, Resource.from_contents(document)) for name, document in files.items()]
    )

    def check(name: str, example: Any) -> None:
        schema = files[f"{SCHEMA_OF[name]}.schema.json"]
        jsonschema.Draft202012Validator(schema, registry=registry).validate(example)

    return check


def main(arguments: list[str]) -> int:
    stale = []
    for name, example in asyncio.run(answers(Scene())).items():
        path = EXAMPLES / f"{name}.json"
        if path.exists() and path.read_text() == text(example):
            continue
        stale.append(name)
        if "--write" in arguments:
            EXAMPLES.mkdir(exist_ok=True)
            path.write_text(text(example))
    if stale and "--write" not in arguments:
        print(f"stale: {', '.join(stale)}; run python -m tests.hub.golden --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
