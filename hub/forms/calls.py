"""Calls and their hops."""

from __future__ import annotations

from typing import Literal

from hub.forms.base import Form, JoinKey, MissingHalf, NodeKind, Origin, ProxyKind


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
    spoofed: list[Literal["forwarded", "hop_id"]]
    """What its headers claim and a peer like this may not: shown, not believed."""
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


class CallInFull(Call):
    """`GET /api/v1/requests/{id}`."""

    children: list[str]
    """`id`s of the calls whose `parent` this is, the first begun first; 1,000 at the most."""


class Requests(Form):
    """`GET /api/v1/requests`."""

    requests: list[Call]
    next_cursor: str | None
