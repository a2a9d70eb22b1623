"""Servers, nodes, edges, and what an edge carried in a window of time."""

from __future__ import annotations

from hub.forms.base import Form, NodeKind, Origin, ProxyKind


class NetworkForm(Form):
    """A relevant network of a server."""

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
    within: str | None = None
    """Of a busy address of the internet: the node that its calls name as caller, as all others
    of the internet do. Its edges are its own, and no part of that node's."""


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


class Histogram(Form):
    """`GET /api/v1/histogram`: what happened over time, one entry a step."""

    since: str
    until: str
    step_s: int
    calls: list[int]
    """That ended within the step."""
    errors: list[int]
    p95_ms: list[float | None]
    """Within 2 %; null without calls."""
    share: float
    """Of the calls in files those that were looked at; below 1 the counts are estimates."""
