"""The gRPC read side for tools: calls, topology, state of the servers.

Enters: requests of `observe.proto`. Leaves: its messages, made of the same forms as the HTTP API. A
follower has a bounded backlog; what did not fit is told in-band as `Losses`, and goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import grpc
import grpc.aio
import numpy as np
from hopwatch.v1 import observe_pb2 as pb
from hopwatch.v1 import observe_pb2_grpc

from hub import forms
from hub.columns.calls import Numbers, parse_call_id
from hub.defaults import (
    CALLS_AT_ONCE,
    EXPORT_MESSAGE_BYTES,
    MAX_QUERY_CALLS,
    MAX_READERS,
    MAX_UNSENT_CALLS,
    ROLLUP_S,
)
from hub.history.pages import Pages
from hub.history.windows import Windows, past_window
from hub.query.filters import BadFilter, Filters, parse
from hub.query.query import Query
from hub.read.describe import Describe
from hub.read.edges import edge_rates
from hub.read.state import State
from hub.settle.pipeline import Pipeline
from hub.stamps import SECOND, parse_time, rfc3339

SERVICE = "hopwatch.v1.Observe"
FOLLOWING = "hopwatch-following"
"""Initial metadata of a stream that follows."""
TEXT_FILTERS = (
    "server", "service", "from", "to", "origin", "status", "method", "path", "join", "trace_id",
    "node", "edge", "q",
)  # fmt: skip
DEFAULT_LIMIT = 1_000
DEFAULT_WINDOW_S = 60
MS = 1e6


class Follower:
    """One reader that follows: calls that settled and were not sent yet."""

    def __init__(self, fitting: Callable[[Numbers], Numbers]) -> None:
        self.unsent: list[int] = []
        self.lost = 0
        """Calls that fit and found no room."""
        self.wake = asyncio.Event()
        self._fitting = fitting

    def add(self, numbers: Numbers) -> None:
        """Calls are new or amended."""
        room = MAX_UNSENT_CALLS - len(self.unsent)
        self.unsent += numbers[:room].tolist()
        if len(numbers) > room:
            self.lost += len(self._fitting(numbers[room:]))
        self.wake.set()


class ObserveServicer(observe_pb2_grpc.ObserveServicer):
    """Serves readers; a listener of the pipeline."""

    def __init__(
        self, pipeline: Pipeline, pages: Pages | None = None, windows: Windows | None = None
    ) -> None:
        self._pipeline = pipeline
        self._pages = pages or Pages(pipeline, None)
        self._windows = windows or Windows(pipeline, None)
        self._describe = Describe(pipeline)
        self._query = Query(pipeline)
        self._state = State(pipeline)
        self._followers: set[Follower] = set()

    def __call__(self, server: grpc.aio.Server) -> None:
        add_to_server: Any = observe_pb2_grpc.add_ObserveServicer_to_server
        add_to_server(self, server)

    def settled(self, new: Numbers, amended: Numbers) -> None:
        """Calls that are new or amended."""
        for follower in self._followers:
            follower.add(np.concatenate([new, amended]))

    def half_seen(self, rows: Numbers) -> None:
        """Only settled calls are told here."""

    async def GetCalls(
        self, request: pb.GetCallsRequest, context: Any
    ) -> AsyncIterator[pb.GetCallsResponse]:
        """Kept calls, then with `follow` new ones."""
        try:
            filters = _filters(request)
            _check_cursor(request.cursor)
        except BadFilter as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        follower = Follower(lambda numbers: self._fitting(filters, numbers))
        if request.follow:
            if len(self._followers) >= MAX_READERS:
                reason = f"{MAX_READERS} readers follow, which is the most; try later"
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
            self._followers.add(follower)
        try:
            if request.follow:  # a reader knows that it is connected, whenever the first call comes
                await context.send_initial_metadata(((FOLLOWING, "1"),))
            limit = request.limit or (0 if request.follow else DEFAULT_LIMIT)
            most = min(limit or MAX_QUERY_CALLS, MAX_QUERY_CALLS)
            calls, _ = await self._pages.page(filters, most, request.cursor or None)
            for call in reversed(calls):
                yield pb.GetCallsResponse(call=call_message(call))
            if request.follow:
                async for response in self._follow(follower, filters):
                    yield response
        finally:
            self._followers.discard(follower)

    async def _follow(
        self, follower: Follower, filters: Filters
    ) -> AsyncIterator[pb.GetCallsResponse]:
        while True:
            await follower.wake.wait()
            follower.wake.clear()
            unsent = follower.unsent[:CALLS_AT_ONCE]
            follower.unsent = follower.unsent[CALLS_AT_ONCE:]
            if follower.unsent:
                follower.wake.set()
            lost, follower.lost = follower.lost, 0
            if lost:
                yield pb.GetCallsResponse(losses=self._losses(lost))
            for call in self._describe.calls(self._fitting(filters, np.array(unsent, np.int64))):
                yield pb.GetCallsResponse(call=call_message(call))

    def _fitting(self, filters: Filters, numbers: Numbers) -> Numbers:
        """Those of these that still stand and that a reader asked for."""
        table = self._pipeline.settling.calls.table
        kept = numbers[numbers >= table.first]
        return self._query.matching(filters, kept[~table.take("gone", kept)])

    def _losses(self, calls: int) -> pb.Losses:
        servers = [
            pb.ServerLoss(
                server=state.id, missing=state.lines_missing, malformed=state.lines_malformed
            )
            for state in self._state.servers(time.time_ns())
        ]
        return pb.Losses(calls=calls, servers=servers)

    async def ExportCalls(
        self, request: pb.ExportCallsRequest, context: Any
    ) -> AsyncIterator[pb.ExportCallsResponse]:
        """Kept calls as text."""
        calls = request.calls
        try:
            if request.format not in ("csv", "ndjson"):
                raise BadFilter(f'format = "{request.format[:40]}": must be csv or ndjson')
            filters = _filters(calls)
            _check_cursor(calls.cursor)
        except BadFilter as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        form: Literal["csv", "ndjson"] = "csv" if request.format == "csv" else "ndjson"
        parts = self._pages.export(filters, form, calls.cursor or None, calls.limit or None)
        async for part in parts:
            places = range(0, len(part.lines), EXPORT_MESSAGE_BYTES)
            for place in places:
                last = place == places[-1]
                yield pb.ExportCallsResponse(
                    lines=part.lines[place : place + EXPORT_MESSAGE_BYTES],
                    calls=part.calls if last else 0,
                )

    async def GetTopology(
        self, request: pb.GetTopologyRequest, context: Any
    ) -> pb.GetTopologyResponse:
        """Everything that is shown now."""
        topology = self._describe.topology()
        return pb.GetTopologyResponse(
            version=topology.version,
            servers=[_server_message(server) for server in topology.servers],
            nodes=[_node_message(node) for node in topology.nodes],
            edges=[_edge_message(edge) for edge in topology.edges],
        )

    async def GetEdges(self, request: pb.GetEdgesRequest, context: Any) -> pb.GetEdgesResponse:
        """What edges carried."""
        if request.since_ns or request.until_ns:
            return await self._past_edges(request, context)
        window_s = request.window_s or DEFAULT_WINDOW_S
        if window_s > ROLLUP_S:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"window_s = {window_s}: must be {ROLLUP_S} at the most",
            )
        return _edges_message(edge_rates(self._pipeline, window_s, time.time_ns()))

    async def _past_edges(self, request: pb.GetEdgesRequest, context: Any) -> pb.GetEdgesResponse:
        now = time.time_ns() // SECOND
        asked = {"since": request.since_ns, "until": request.until_ns}
        given = {name: rfc3339(at_ns) for name, at_ns in asked.items() if at_ns}
        try:
            window = past_window(given, now)
        except BadFilter as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return _edges_message(await self._windows.edges(*window, now))

    async def ServerStatus(
        self, request: pb.ServerStatusRequest, context: Any
    ) -> pb.ServerStatusResponse:
        """How each server's reporting stands."""
        states = self._state.servers(time.time_ns())
        return pb.ServerStatusResponse(servers=[_state_message(state) for state in states])


def _filters(request: pb.GetCallsRequest) -> Filters:
    given = {name: getattr(request, name) for name in TEXT_FILTERS}
    for name, time_ns in (("since", request.since_ns), ("until", request.until_ns)):
        given[name] = rfc3339(time_ns) if time_ns else ""
    return parse(given)[0]


def _check_cursor(cursor: str) -> None:
    try:
        if cursor:
            parse_call_id(cursor)
    except ValueError:
        raise BadFilter(f'cursor = "{cursor[:100]}": must be the id of a call') from None


def call_message(call: forms.Call) -> pb.Call:
    """A call as a message."""
    message = pb.Call(
        id=call.id,
        start_ns=parse_time(call.start),
        duration_ns=round(call.duration_ms * MS),
        method=call.method,
        host=call.host,
        path=call.path,
        status=call.status,
        ok=call.ok,
        to=_party_message(call.to),
        origin=call.origin,
        answered_by=call.answered_by,
        join=pb.Join(
            by=call.join.by,
            confidence=call.join.confidence,
            missing=call.join.missing or "",
            reason=call.join.reason or "",
        ),
        parent=call.parent or "",
        revision=call.revision,
        grpc_status=call.grpc_status,
        hops=[_hop_message(hop) for hop in call.hops],
    )
    getattr(message, "from").CopyFrom(_party_message(call.from_))
    return message


def _party_message(party: forms.Party) -> pb.Party:
    return pb.Party(
        node=party.node,
        kind=party.kind,
        server=party.server or "",
        name=party.name or "",
        address=party.address or "",
    )


def _hop_message(hop: forms.Hop) -> pb.Hop:
    return pb.Hop(
        server=hop.server,
        proxy=hop.proxy,
        kind=hop.kind,
        log=hop.log,
        offset=hop.offset,
        start_ns=parse_time(hop.start),
        duration_ns=round(hop.duration_ms * MS),
        upstream_ns=round(hop.upstream_ms * MS),
        overhead_ns=round(hop.overhead_ms * MS),
        status=hop.status,
        upstream_status=hop.upstream_status,
        client=hop.client,
        router=hop.router or "",
        service=hop.service or "",
        upstream=hop.upstream or "",
        path=hop.path,
        bytes_in=hop.bytes_in,
        bytes_out=hop.bytes_out,
        trace_id=hop.trace_id or "",
        why=hop.why,
        forwarded=hop.forwarded or "",
        spoofed=hop.spoofed,
        entry_point=hop.entry_point or "",
        protocol=hop.protocol,
        user_agent=hop.user_agent or "",
        request_count=hop.request_count,
        retries=hop.retries,
    )


def _server_message(server: forms.ServerForm) -> pb.Server:
    return pb.Server(
        id=server.id,
        connected=server.connected,
        internal_addresses=server.internal_addresses,
        public_addresses=server.public_addresses,
        networks=[network.name for network in server.networks],
    )


def _node_message(node: forms.Node) -> pb.Node:
    return pb.Node(
        id=node.id,
        kind=node.kind,
        server=node.server or "",
        name=node.name,
        addresses=node.addresses,
        containers=[container.name for container in node.containers],
    )


def _edge_message(edge: forms.Edge) -> pb.Edge:
    message = pb.Edge(id=edge.id, to=edge.to, origin=edge.origin, via=edge.via)
    setattr(message, "from", edge.from_)
    return message


def _edges_message(edges: forms.Edges) -> pb.GetEdgesResponse:
    return pb.GetEdgesResponse(
        since_ns=parse_time(edges.since),
        until_ns=parse_time(edges.until),
        edges=[_rate_message(rate) for rate in edges.edges],
    )


def _rate_message(rate: forms.EdgeRate) -> pb.EdgeRate:
    message = pb.EdgeRate(
        id=rate.id,
        to=rate.to,
        origin=rate.origin,
        calls=rate.calls,
        rate=rate.rate,
        errors=rate.errors,
        p50_ms=rate.p50_ms,
        p95_ms=rate.p95_ms,
        p99_ms=rate.p99_ms,
        bytes_in=rate.bytes_in,
        bytes_out=rate.bytes_out,
    )
    setattr(message, "from", rate.from_)
    return message


def _state_message(state: forms.ServerState) -> pb.ServerState:
    return pb.ServerState(
        id=state.id,
        connected=state.connected,
        version=state.version or "",
        last_batch_ns=parse_time(state.last_batch) if state.last_batch else 0,
        lag_ns=round((state.lag_ms or 0.0) * MS),
        skew_ns=round((state.skew_ms or 0.0) * MS),
        read=state.lines_read,
        malformed=state.lines_malformed,
        missing=state.lines_missing,
    )
