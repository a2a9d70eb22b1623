"""How the servers report, the account of every line, and the smaller answers."""

from __future__ import annotations

from typing import Literal

from hub.forms.base import Form, Origin


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
    calls_spoofed: int
    """Calls to it whose headers claim what their peer may not."""
    calls_ignored: int
    """Calls on networks that are none of the relevant ones: out of the view, but listed."""
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
    waiting: int
    """Of those the lines that still wait for their other half; no list of calls shows them yet."""
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
    waiting: int
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


class Session(Form):
    """`GET /api/v1/session`: who asks, as the hub sees it."""

    reader: str | None
    """None: nobody is asked here."""
    logout: str | None
    """Where to post to end the session; None: it is not a login that lets this reader in."""


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
