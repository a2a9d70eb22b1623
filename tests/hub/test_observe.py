"""The gRPC read side, over a real server on a Unix socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hopwatch.v1 import observe_pb2 as pb
from hopwatch.v1 import observe_pb2_grpc

from hub.api.observe import SERVICE, ObserveServicer
from hub.serve.serving import serve

from .world import T0, World, from_other, ident, row, to_other


class Tool:
    def __init__(self, world: World, servicer: ObserveServicer, channel: Any) -> None:
        self.world, self.servicer, self.channel = world, servicer, channel
        self.stub: Any = observe_pb2_grpc.ObserveStub(channel)

    async def calls(self, **request: Any) -> list[pb.Call]:
        answers = self.stub.GetCalls(pb.GetCallsRequest(**request))
        return [answer.call async for answer in answers]


@pytest.fixture
async def tool(tmp_path: Path) -> AsyncIterator[Tool]:
    world = World("server-a", "server-b")
    servicer = ObserveServicer(world.pipeline)
    world.pipeline.listeners.append(servicer)
    address = f"unix:{tmp_path}/hub.sock"
    listening = await serve([address], [servicer], [SERVICE])
    async with grpc.aio.insecure_channel(address) as channel:
        yield Tool(world, servicer, channel)
    await listening.stop(0)


async def read(stream: Any) -> pb.GetCallsResponse:
    async with asyncio.timeout(10):
        answer: pb.GetCallsResponse = await stream.read()
    return answer


async def following(tool: Tool, **fields: Any) -> Any:
    """A stream that follows, once the hub has it."""
    stream = tool.stub.GetCalls(pb.GetCallsRequest(follow=True, **fields))
    tool.world.lines("server-a", row(0, path="/kept", status=500))
    assert (await read(stream)).call.path == "/kept"
    return stream


async def test_kept_calls_come_oldest_first_and_whole(tool: Tool) -> None:
    trace = {"trace_id": ident("t")}
    tool.world.lines("server-a", row(7, status=500), to_other("server-b", 0, **trace))
    tool.world.lines("server-b", from_other("server-a", **trace))
    joined, whole = await tool.calls()
    assert (joined.origin, joined.join.by, len(joined.hops)) == ("cross_server", "trace", 2)
    assert (joined.start_ns, joined.duration_ns, joined.ok) == (T0, 10_000_000, True)
    assert (getattr(joined, "from").name, joined.to.name) == ("communicating", "leaf")
    assert joined.hops[1].client == "10.10.0.11:40000"
    assert (whole.status, whole.HasField("grpc_status")) == (500, False)


async def test_filters_hold_as_over_http(tool: Tool) -> None:
    tool.world.lines(
        "server-a", *[row(i, path=f"/{i}", status=200 + 200 * (i % 2)) for i in range(6)]
    )
    request = {"status": "4xx", "since_ns": T0 + 2_000_000, "until_ns": T0 + 5_000_000}
    assert [call.path for call in await tool.calls(**request)] == ["/3"]
    assert [call.path for call in await tool.calls(limit=2)] == ["/4", "/5"], "the newest ones"


async def test_a_wrong_filter_is_an_invalid_argument_that_says_why(tool: Tool) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tool.calls(origin="elsewhere")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "must be one of same_server" in (caught.value.details() or "")


async def test_a_follower_gets_new_and_amended_calls_until_it_leaves(tool: Tool) -> None:
    stream = await following(tool)
    tool.world.lines("server-b", from_other("server-a", trace_id=ident("t")))
    tool.world.marks(2_000)
    tool.world.tick()
    half = (await read(stream)).call
    assert half.origin == "cross_server_direct"
    tool.world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    tool.world.settle()
    whole = (await read(stream)).call
    assert (whole.id, whole.origin) == (half.id, "cross_server")
    assert whole.revision > half.revision
    stream.cancel()
    async with asyncio.timeout(10):
        while tool.servicer._followers:  # noqa: ASYNC110 - gRPC tells when it cancelled
            await asyncio.sleep(0.005)


async def test_a_follower_that_is_too_slow_is_told_what_it_lost(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await following(tool)
    monkeypatch.setattr("hub.api.observe.MAX_UNSENT_CALLS", 5)
    tool.world.lines("server-a", *[row(10 + i, path=f"/{i}") for i in range(9)])
    answer = await read(stream)
    assert answer.losses.calls == 4
    assert [(await read(stream)).call.path for _ in range(5)] == [f"/{i}" for i in range(5)]


async def test_a_follower_is_told_of_no_loss_that_does_not_concern_it(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await following(tool, status="5xx")
    monkeypatch.setattr("hub.api.observe.MAX_UNSENT_CALLS", 5)
    tool.world.lines("server-a", *[row(10 + i, status=500 if i == 4 else 200) for i in range(9)])
    assert (await read(stream)).call.status == 500


async def test_the_followers_are_counted_and_one_too_many_is_refused(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.api.observe.MAX_READERS", 1)
    await following(tool)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read(await following(tool))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_pages_follow_each_other_by_the_oldest_id(tool: Tool) -> None:
    tool.world.lines("server-a", *[row(i // 2, path=f"/{i}") for i in range(6)])
    newest = await tool.calls(limit=3)
    rest = await tool.calls(limit=10, cursor=newest[0].id)
    assert [call.path for call in rest + newest] == [f"/{i}" for i in range(6)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tool.calls(cursor="x")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_edges_are_told_for_a_window(tool: Tool) -> None:
    now_ms = (time.time_ns() - T0) / 1e6
    tool.world.lines("server-a", row(now_ms), row(now_ms, status=500), row(now_ms - 120_000))
    for window_s, calls in ((0, 2), (600, 3)):
        answer = await tool.stub.GetEdges(pb.GetEdgesRequest(window_s=window_s))
        (edge,) = answer.edges
        assert (edge.to, edge.calls, edge.errors) == ("server-a/leaf", calls, 1)
        assert answer.until_ns - answer.since_ns == (window_s or 60) * 10**9
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tool.stub.GetEdges(pb.GetEdgesRequest(window_s=3601))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_topology_and_the_servers_are_told(tool: Tool) -> None:
    tool.world.lines("server-a", row())
    topology = await tool.stub.GetTopology(pb.GetTopologyRequest())
    assert [server.id for server in topology.servers] == ["server-a", "server-b"]
    (edge,) = topology.edges
    assert (getattr(edge, "from"), edge.to) == ("server-a/communicating", "server-a/leaf")
    status = await tool.stub.ServerStatus(pb.ServerStatusRequest())
    assert [(server.id, server.connected, server.read) for server in status.servers] == [
        ("server-a", True, 1),
        ("server-b", True, 0),
    ]


async def test_reflection_lists_the_services(tool: Tool) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(tool.channel)
    stream = stub.ServerReflectionInfo()
    await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await stream.read()
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    stream.cancel()
