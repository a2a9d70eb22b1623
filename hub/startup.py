"""While the journal is read: probes are answered, everything else is refused for the moment.

Enters: requests and websocket handshakes. Leaves: nothing, or 503 with the reason, until `over`.
Readers would see a part of the past as if it were all of it.
"""

from __future__ import annotations

from quart import Quart, Request, Response, Websocket, request, websocket

from hub.gate import OPEN, problem


class Startup:
    """From the start of the process until it can serve."""

    def __init__(self) -> None:
        self.reason: str | None = "the journal is being read"

    def progress(self, lines: int) -> None:
        """So many lines were read."""
        self.reason = f"the journal is being read: {lines} lines so far"

    def over(self) -> None:
        """Serve from now on."""
        self.reason = None

    def install(self, app: Quart) -> None:
        """Stand behind the gate of the application."""

        @app.before_request
        async def check_request() -> Response | None:
            return self._check(request)

        @app.before_websocket
        async def check_websocket() -> Response | None:
            return self._check(websocket)

    def _check(self, asked: Request | Websocket) -> Response | None:
        if self.reason is None or asked.path in OPEN:
            return None
        refusal = problem(503, "Service Unavailable", f"Not yet: {self.reason}.")
        refusal.headers["Retry-After"] = "1"
        return refusal
