"""The live socket: snapshots and frames to the page, acknowledgements from it."""

from __future__ import annotations

from typing import Literal

from hub.forms.base import Form, JoinKey, MissingHalf, Origin
from hub.forms.topology import Edge, Node, ServerForm, Topology


class CallSummary(Form):
    """A call as the live lists show it; the whole of it is at `/api/v1/requests/{id}`."""

    id: str
    edge: int
    """`Edge.index`."""
    start_ms: float
    """Milliseconds since 1970, in the hub's clock."""
    duration_ms: float
    method: str
    host: str
    path: str
    status: int
    ok: bool
    origin: Origin
    address: str | None
    """The caller's."""
    answered_by: Literal["service", "proxy"]
    join: JoinKey
    missing: MissingHalf | None
    revision: int


class Packets(Form):
    """Columns: one entry a completed call, oldest first."""

    edge: list[int]
    """`Edge.index`."""
    end_ms: list[float]
    """When it was completed: milliseconds before the frame's time (hub's clock)."""
    duration_ms: list[float]
    status: list[int]
    ok: list[int]
    """1 or 0."""


class EdgeTotals(Form):
    """Columns: cumulative totals since the hub began, of every edge that changed. With a query: of
    all calls of an edge, and only of edges where the query fits some."""

    edge: list[int]
    calls: list[int]
    errors: list[int]
    bytes: list[int]
    """In and out."""


class EdgeMatches(Form):
    """Columns: cumulative counts of the calls that a query fits, by edge."""

    edge: list[int]
    calls: list[int]
    errors: list[int]


class EdgeStats(Form):
    """Columns: the last 60 s of every edge that had calls in them."""

    edge: list[int]
    rate: list[float]
    """Calls a second over the last 10 s."""
    calls: list[int]
    errors: list[int]
    p50_ms: list[float]
    p95_ms: list[float]
    p99_ms: list[float]
    bytes: list[int]
    """In and out."""


class NodeStats(Form):
    """Columns: the last 60 s of every service and proxy that was called in them."""

    node: list[str]
    rate: list[float]
    """Calls a second received over the last 10 s."""
    calls: list[int]
    errors: list[int]
    p50_ms: list[float]
    p95_ms: list[float]
    p99_ms: list[float]
    bytes: list[int]


class ServerStats(Form):
    """Columns: the last 60 s of every server: calls that arrived at one of its proxies."""

    server: list[str]
    rate: list[float]
    calls: list[int]
    errors: list[int]
    p50_ms: list[float]
    p95_ms: list[float]
    p99_ms: list[float]
    bytes: list[int]


class Stats(Form):
    """Sent once a second."""

    edges: EdgeStats
    nodes: NodeStats
    servers: ServerStats
    rate: float
    """Calls a second over the last 10 s, of the whole."""
    error_share: float
    p95_ms: float | None


class LiveServer(Form):
    """A server's state in the live status."""

    id: str
    connected: bool
    lag_ms: float | None
    skew_ms: float | None
    malformed: int
    missing: int


class Status(Form):
    """Sent once a second: what the view may claim."""

    servers: list[LiveServer]
    received_per_s: float
    """Lines that reached the hub."""
    shown_per_s: float
    """Calls that went out to this view as packets."""
    malformed: int
    missing: int
    outstanding: int
    exact: bool
    reason: str | None


class Notice(Form):
    """Something a person should know."""

    id: str
    """A later notice of the same id replaces it."""
    kind: Literal[
        "outside",
        "spoof",
        "hairpin",
        "half_seen",
        "skew",
        "agent_gone",
        "missing_lines",
        "malformed",
    ]
    title: str
    text: str
    count: int
    """How often it was seen."""
    time: str
    """When it was last seen."""
    ended: str | None
    """Since when it no longer holds; null while it does. Seen again, it holds again."""
    node: str | None
    """The node it speaks of."""
    edge: int | None
    server: str | None


class Hidden(Form):
    """What a frame's bounds kept out of it; totals count it all the same."""

    packets: int
    errors: int
    calls: int


class TopologyChange(Form):
    """Whole new forms of what changed, and ids of what is gone."""

    version: int
    servers: list[ServerForm]
    nodes: list[Node]
    edges: list[Edge]
    removed_servers: list[str]
    removed_nodes: list[str]
    removed_edges: list[int]


class Snapshot(Form, tag="snapshot"):
    """The first message, and again whenever the page fell more than 2 s behind."""

    protocol: int
    """1."""
    hub_version: str
    seq: int
    """Frames go on from here."""
    time_ms: float
    """The hub's clock, milliseconds since 1970."""
    frame_interval_ms: float
    """Frames come at least this often while something happens."""
    q: str
    """The query that this and the frames behind it answer, as the page sent it; "": none."""
    topology: Topology
    totals: EdgeTotals
    """Of every edge; with a query, of those in `matched`."""
    matched: EdgeMatches | None
    """With a query: the calls it fits, of those that ended since `matched_since_ms`."""
    matched_since_ms: float | None
    stats: Stats
    status: Status
    errors: list[CallSummary]
    """The newest bad ones that the query fits, oldest first, at most 200."""
    calls: list[CallSummary]
    """The newest that the query fits, oldest first, at most 200."""
    notices: list[Notice]


class Frame(Form, tag="frame"):
    """What happened since the last frame. With a query, packets and calls are those that it fits;
    topology, notices and status are of the whole."""

    seq: int
    """Grows, with gaps."""
    time_ms: float
    topology: TopologyChange | None
    totals: EdgeTotals
    matched: EdgeMatches | None
    """With a query: of the edges where it fits calls that are new."""
    packets: Packets
    """At most 2,000."""
    errors: list[CallSummary]
    """At most 200 calls that are not ok."""
    calls: list[CallSummary]
    """At most 20, the newest."""
    amended: list[CallSummary]
    """Calls shown before, in their new form (same id)."""
    hidden: Hidden
    stats: Stats | None
    status: Status | None
    notices: list[Notice]


class BadQuery(Form, tag="bad_query"):
    """The page's query is wrong; what it asked before goes on."""

    q: str
    """As the page sent it."""
    text: str
    """What is wrong, and what to do."""
    position: int
    """Where, in characters from 0."""
    length: int
    """Of what is wrong, in characters; 0: something is missing there."""


# --- page → hub ----------------------------------------------------------------------------------


class FrameAck(Form, tag="ack"):
    """Every second: the newest frame that the page has taken in."""

    seq: int


class Play(Form, tag="play"):
    """In a replay: how it goes on. What is null stays. A new time is answered by a snapshot."""

    at: str | None = None
    """Go on from there."""
    speed: float | None = None
    """0.25 to 100."""
    paused: bool | None = None


class Query(Form, tag="query"):
    """What the page wants to see from now on. Answered by a snapshot with the same `q`, or by a
    `bad_query`. The first query may stand in the socket's address: `/api/v1/live?q=…`."""

    q: str
    """In the query language; "": everything."""
