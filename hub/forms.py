"""The JSON forms of the HTTP API and the live socket: what users, scripts and the view may rely on.

Every answer of the hub is one of these structs, encoded with msgspec. Their JSON Schemas are
generated into `docs/schemas/` (`make gen`), the TypeScript types of the view from those; golden
examples stand in `docs/examples/`. All keys are always there, null where unknown. Times are
RFC 3339 with nanoseconds, UTC.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Origin = Literal[
    "same_server",
    "cross_server",
    "cross_server_direct",
    "public",
    "hairpin",
    "outside",
    "undecided",
]
NodeKind = Literal["service", "proxy", "server", "external", "outside", "gateway"]
ProxyKind = Literal["public", "private"]
JoinKey = Literal["hop_id", "trace", "address", "conntrack", "forwarded", "none"]
MissingHalf = Literal["caller_half", "callee_half"]


class Form(Struct, kw_only=True, rename={"from_": "from"}):
    """Base of all forms: keyword-only, every key always written. Made to be encoded at once."""


# --- calls ---------------------------------------------------------------------------------------


class Party(Form):
    """One end of a call."""

    node: str
    """`Node.id`."""
    kind: NodeKind
    server: str | None
    """The server it lives on; null for what lies outside every server."""
    name: str | None
    """What to show; null where only the address is known."""
    address: str | None


class Join(Form):
    """How the halves of a call were joined, and how surely."""

    by: JoinKey
    """`none` for a call seen whole by one proxy, and for a half that stayed alone."""
    confidence: float
    """0 to 1."""
    missing: MissingHalf | None
    reason: str | None
    """Why the missing half can be missing, in words."""


class Hop(Form):
    """One proxy's part in a call: the fields of its access log line."""

    server: str
    proxy: str
    kind: ProxyKind
    log: str
    """The log's fingerprint, 32 hexadecimal digits."""
    offset: int
    """The byte offset of the line in its log."""
    start: str
    """In the server's own clock."""
    duration_ms: float
    upstream_ms: float
    """What the upstream took; 0 where the proxy answered by itself."""
    overhead_ms: float
    """What the proxy took."""
    status: int
    upstream_status: int
    """0: the upstream did not answer, or the connection was upgraded."""
    client: str
    """The TCP peer, `ip:port`."""
    forwarded: str | None
    """The client that the peer claims to speak for, where the entry point trusts it."""
    entry_point: str | None
    router: str | None
    """null: no route matched."""
    service: str | None
    upstream: str | None
    """The configured upstream URL."""
    path: str
    """As it arrived at this proxy."""
    protocol: str
    user_agent: str | None
    bytes_in: int
    bytes_out: int
    request_count: int
    retries: int
    trace_id: str | None
    """32 hexadecimal digits."""
    why: str
    """Why the call's origin is what it is, as far as this hop tells."""


class Call(Form):
    """One logical request from a caller to a callee."""

    id: str
    """Begins with the time, so ids sort by it."""
    start: str
    """In the first hop's clock."""
    duration_ms: float
    method: str
    host: str
    path: str
    """As it arrived at the callee's proxy, where that is known."""
    status: int
    """What the caller got. 101 for an upgraded connection."""
    ok: bool
    """1xx to 3xx, and no gRPC error."""
    from_: Party
    to: Party
    origin: Origin
    answered_by: Literal["service", "proxy"]
    join: Join
    parent: str | None
    """`id` of the call that caused this one."""
    revision: int
    """From 1; grows when later evidence amends the call."""
    grpc_status: int | None
    hops: list[Hop]
    """Caller's side first."""


class Requests(Form):
    """`GET /api/v1/requests`."""

    requests: list[Call]
    next_cursor: str | None


# --- topology ------------------------------------------------------------------------------------


class NetworkForm(Form):
    """A network of a server."""

    name: str
    subnets: list[str]
    shared: bool


class ServerForm(Form):
    """A machine with its own node agent."""

    id: str
    connected: bool
    internal_addresses: list[str]
    public_addresses: list[str]
    networks: list[NetworkForm]
    proxies: list[str]
    """Node ids of its proxies, public ones first."""


class Container(Form):
    """A container (or its stand-in) of a service."""

    name: str
    address: str
    network: str
    image: str | None


class Node(Form):
    """Something that calls or is called."""

    id: str
    kind: NodeKind
    server: str | None
    name: str
    proxy_kind: ProxyKind | None
    """For `kind` proxy."""
    addresses: list[str]
    containers: list[Container]
    first_seen: str | None
    """The first call that it had part in; null: none yet."""
    last_seen: str | None


class Edge(Form):
    """All calls from one node to another by one way."""

    id: str
    index: int
    """How live frames name it. Stable while the hub runs."""
    from_: str
    to: str
    origin: Origin
    via: list[str]
    """Node ids of the proxies on the way, caller's side first."""


class Topology(Form):
    """`GET /api/v1/topology`."""

    version: int
    """Grows with every change."""
    servers: list[ServerForm]
    nodes: list[Node]
    edges: list[Edge]


class EdgeRate(Form):
    """One edge in a window of time."""

    id: str
    from_: str
    to: str
    origin: Origin
    calls: int
    rate: float
    """Calls a second."""
    errors: int
    error_share: float
    """0 to 1."""
    p50_ms: float | None
    """Percentiles from a logarithmic histogram, within 2 % of the exact ones; null without calls.
    """
    p95_ms: float | None
    p99_ms: float | None
    bytes_in: int
    bytes_out: int


class Edges(Form):
    """`GET /api/v1/edges`."""

    since: str
    until: str
    window_s: float
    edges: list[EdgeRate]


# --- state of the servers, ledger ----------------------------------------------------------------


class MalformedForm(Form):
    """A line that could not be read."""

    proxy: str
    log: str
    offset: int
    text: str
    """Its first 200 bytes."""
    reason: str


class ServerState(Form):
    """How a server's reporting stands."""

    id: str
    connected: bool
    version: str | None
    """The agent's release."""
    last_batch: str | None
    """When the hub last journalled lines of it."""
    lag_ms: float | None
    """How far the hub's knowledge of the server's completed lines is behind now."""
    skew_ms: float | None
    """The server's clock minus the hub's."""
    skew_uncertainty_ms: float | None
    lines_read: int
    lines_malformed: int
    lines_missing: int
    """Lost by the proxies' own count of requests."""
    malformed_samples: list[MalformedForm]
    """The last 5."""
    reason: str | None
    """Why it is not connected, where the hub knows."""


class Servers(Form):
    """`GET /api/v1/servers`."""

    servers: list[ServerState]


class LedgerLog(Form):
    """The account of one log, in lines."""

    server: str
    proxy: str
    log: str
    """The log's fingerprint, 32 hexadecimal digits."""
    path: str
    read: int
    """By the agent, malformed ones included."""
    parsed: int
    malformed: int
    sent: int
    acknowledged: int
    journalled: int
    in_calls: int
    """Lines that stand in exactly one call, waiting ones included."""
    outstanding: int
    """Requests that the proxy began and that have no line yet."""
    missing: int
    """Requests whose line will never come."""


class LedgerTotals(Form):
    """Sums over all logs."""

    read: int
    parsed: int
    malformed: int
    sent: int
    acknowledged: int
    journalled: int
    in_calls: int
    outstanding: int
    missing: int


class Ledger(Form):
    """`GET /api/v1/ledger`."""

    logs: list[LedgerLog]
    totals: LedgerTotals
    exact: bool
    """read = parsed + malformed, parsed = sent = acknowledged = journalled = in calls, none
    missing."""
    reason: str | None
    """Why not."""


class NetworkService(Form):
    """A service on a network, as `/network_info` tells it."""

    name: str
    ip: str
    server: str


class NetworkInfo(Form):
    """One entry of `GET /network_info`, which is an object of them by `<server>/<network>`."""

    id: str
    server: str
    network: str
    services: list[NetworkService]


class AccessLog(Form):
    """One element of the arrays of `WS /access_logs`."""

    from_: str
    to: str
    status: int
    ms: float
    network: str
    timestamp: str
    path: str
    server: str
    origin: Origin


class Problem(Form):
    """RFC 9457: every error of the API."""

    type: str
    title: str
    status: int
    detail: str


class Health(Form):
    """`GET /healthz` and `/readyz`."""

    status: Literal["ok", "unavailable"]
    reason: str | None


# --- the live socket: hub → page -----------------------------------------------------------------


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
    """Columns: cumulative totals since the hub began, of every edge that changed lately."""

    edge: list[int]
    calls: list[int]
    errors: list[int]
    bytes: list[int]
    """In and out."""


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


class NodeStats(Form):
    """Columns: the last 60 s of every service and proxy that was called in them."""

    node: list[str]
    rate: list[float]
    """Calls a second received over the last 10 s."""
    calls: list[int]
    errors: list[int]
    p95_ms: list[float]


class ServerStats(Form):
    """Columns: the last 60 s of every server: calls that arrived at one of its proxies."""

    server: list[str]
    rate: list[float]
    calls: list[int]
    errors: list[int]
    p95_ms: list[float]


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
    topology: Topology
    totals: EdgeTotals
    """Of every edge."""
    stats: Stats
    status: Status
    errors: list[CallSummary]
    """The newest bad ones, oldest first, at most 200."""
    calls: list[CallSummary]
    """The newest, oldest first, at most 200."""
    notices: list[Notice]


class Frame(Form, tag="frame"):
    """What happened since the last frame. Totals are cumulative: a skipped frame loses no count."""

    seq: int
    """Grows; gaps are frames that this page was too slow for."""
    time_ms: float
    topology: TopologyChange | None
    totals: EdgeTotals
    packets: Packets
    """At most 2,000."""
    errors: list[CallSummary]
    """At most 200 calls that are not ok."""
    calls: list[CallSummary]
    """At most 50, the newest."""
    amended: list[CallSummary]
    """Calls shown before, in their new form (same id)."""
    hidden: Hidden
    stats: Stats | None
    status: Status | None
    notices: list[Notice]


# --- the live socket: page → hub -----------------------------------------------------------------


class FrameAck(Form, tag="ack"):
    """Every second: the newest frame that the page has taken in."""

    seq: int
