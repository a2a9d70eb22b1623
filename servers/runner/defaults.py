"""Every default of the runner, with its unit and its reason."""

from __future__ import annotations

from typing import Final

SERVERS: Final = 2
"""Two servers are the fewest that have cross-server calls."""

MAX_SERVERS: Final = 50
"""The private proxies' addresses 10.10.0.11 … .60 fit the range their peers trust, .0 … .63."""

RATE_PER_S: Final = 12.0
"""Visitors' requests a second over all servers: lively, and each one can still be followed."""

HTTP_PORT: Final = 8082
"""Where the hub shows the view (CONTRACT)."""

PUBLIC_PORT: Final = 8081
"""Where `public.localhost` answers: unprivileged, and beside the view's own port."""

PROXY_PORT: Final = 80
SERVICE_PORT: Final = 8080
API_PORT: Final = 8081
"""Ports in namespaces: each container has its own, so they are the usual ones."""

FIRST_LOOPBACK_PORT: Final = 8100
"""On loopback the proxies' port is the first free one from here (an ordinary user's range);
services take the next, and the Traefik API the one after."""

SPECIAL_PERIOD_S: Final = 3.0
"""How often each special act (hairpin, intruder, …) is played; CONTRACT asks for every 5 s."""

REQUEST_TIMEOUT_S: Final = 10.0
"""Longer than the slowest page; what takes longer is counted as failed."""

READY_TIMEOUT_S: Final = 60.0
"""Four Traefiks with the plugin need 2 s on an idle machine; a busy one may take much longer."""

READY_POLL_S: Final = 0.05
"""Readiness is asked for, not waited out."""

SETTLE_TIMEOUT_S: Final = 30.0
"""Calls settle within 5 s of their commit (CONTRACT); the rest is room for a busy machine."""

LEDGER_POLL_S: Final = 0.25
"""How often the ledger is asked at the end."""

TERMINATE_TIMEOUT_S: Final = 8.0
"""SIGTERM drains within 5 s (CONTRACT); what still lives after this is killed."""

DRAIN_TIMEOUT_S: Final = 5.0
"""Traffic under way gets this long to end before it is cut."""

LOG_TAIL_LINES: Final = 15
"""Lines of a crashed process's log that are shown: enough for a traceback's end."""

SLOW_MS: Final = 700
"""What `/slow` takes when not told: visible as slow, shorter than any timeout."""

BAD_REQUEST_EVERY: Final = 12
"""Every twelfth request for an item is answered 400: visible, and still the exception."""

MAX_SOCKET_PATH: Final = 100
"""Bytes; Linux allows 107 for a Unix socket, and gRPC adds a few."""
