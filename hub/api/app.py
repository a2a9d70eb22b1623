"""The web application: the view, the API and the websockets, on Quart.

Enters: HTTP requests. Leaves: the forms of `hub.forms`, problem+json for every error, and the built
view. Handlers read the core's state on the event loop that also feeds it, so each answer is one
consistent moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from quart import Quart, Response, request, send_from_directory, websocket
from werkzeug.exceptions import HTTPException

from hub import forms
from hub.api.metrics import exposition
from hub.defaults import ROLLUP_S
from hub.guard.gate import Gate, problem
from hub.history.history import Condition
from hub.history.pages import Pages
from hub.history.replays import Replays, course
from hub.history.windows import Windows, past_window, steps_of
from hub.live.sockets import Sockets
from hub.query.filters import BadFilter, Filters, histogram_filters, parse
from hub.read.describe import Describe
from hub.read.edges import edge_rates, edges_of
from hub.read.export import csv_lines, ndjson_lines
from hub.read.state import State
from hub.settle.pipeline import Pipeline
from hub.stamps import SECOND

HUB = Path(__file__).parent.parent
WEB = next(
    (path for path in (HUB / "web", HUB.parent / "web" / "dist") if path.is_dir()),
    HUB / "web",
)
"""The built view: inside an installed package, or beside it in a checkout."""

CONTENT_POLICY = (
    "default-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def create_app(
    pipeline: Pipeline,
    sockets: Sockets,
    not_ready: Callable[[], str | None],
    gate: Gate,
    pages: Pages | None = None,
    windows: Windows | None = None,
    replays: Replays | None = None,
    sealing: Callable[[], Condition] | None = None,
) -> Quart:
    """The application; `not_ready` gives the reason why agents are not accepted, None if they
    are. `gate` stands before it. `pages` and `windows`: calls and counts, with the
    history's; `sealing`: how that stands."""
    app = Quart("hopwatch", static_folder=None)
    gate.install(app)
    _add_errors(app)
    _add_view(app)
    _add_health(app, pipeline, sockets, not_ready, sealing)
    pages = pages or Pages(pipeline, None)
    _add_reads(app, pipeline, gate, windows or Windows(pipeline, None), pages)
    _add_requests(app, pages)
    _add_sockets(app, sockets, gate, replays)
    return app


def _json(form: Any, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(form), status, content_type=content_type)


def _add_errors(app: Quart) -> None:
    @app.errorhandler(HTTPException)
    async def http_error(error: HTTPException) -> Response:
        return problem(error.code or 500, error.name, error.description or error.name)

    @app.errorhandler(BadFilter)
    async def bad_filter(error: BadFilter) -> Response:
        return problem(400, "Bad Request", str(error))

    @app.errorhandler(Exception)
    async def failure(error: Exception) -> Response:
        app.logger.exception("request failed", exc_info=error)
        return problem(500, "Internal Server Error", "The hub failed here; its log says how.")

    @app.after_request
    async def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        # Stricter, and a browser says "Origin: null" with our own login form.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _add_view(app: Quart) -> None:
    @app.get("/")
    async def view() -> Response:
        if not (WEB / "index.html").exists():
            return problem(503, "View not built", "The view is not built; run `make setup`.")
        response = await send_from_directory(WEB, "index.html")
        response.headers["Cache-Control"] = "no-cache"
        return response

    @app.get("/<path:name>")
    async def file(name: str) -> Response:
        response = await send_from_directory(WEB, name)
        lasting = name.startswith("assets/")  # their names hold their hash
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if lasting else "no-cache"
        )
        return response


def _add_health(
    app: Quart,
    pipeline: Pipeline,
    sockets: Sockets,
    not_ready: Callable[[], str | None],
    sealing: Callable[[], Condition] | None,
) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        return _json(forms.Health(status="ok", reason=None))

    @app.get("/readyz")
    async def readyz() -> Response:
        reason = not_ready()
        if reason is None:
            # Without history agents are still accepted, and nothing is lost: this is no 503.
            trouble = sealing().problem if sealing else None
            return _json(forms.Health(status="ok", reason=trouble))
        return _json(forms.Health(status="unavailable", reason=reason), 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        content_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(exposition(pipeline, sockets, sealing), content_type=content_type)


def _add_reads(app: Quart, pipeline: Pipeline, gate: Gate, windows: Windows, pages: Pages) -> None:
    describe, state = Describe(pipeline), State(pipeline)

    @app.get("/network_info")
    async def network_info() -> Response:
        return _json(describe.network_info())

    @app.get("/api/v1/topology")
    async def topology() -> Response:
        return _json(describe.topology())

    @app.get("/api/v1/servers")
    async def servers() -> Response:
        return _json(forms.Servers(servers=state.servers(time.time_ns())))

    @app.get("/api/v1/ledger")
    async def ledger() -> Response:
        return _json(state.ledger())

    @app.get("/api/v1/session")
    async def session() -> Response:
        return _json(gate.session())

    @app.get("/api/v1/edges")
    async def edges() -> Response:
        if "since" in request.args:
            now = time.time_ns() // SECOND
            return _json(await windows.edges(*past_window(request.args, now), now))
        window_s = _window_s(request.args.get("window", "60s"))
        return _json(edge_rates(pipeline, window_s, time.time_ns()))

    @app.get("/api/v1/histogram")
    async def histogram() -> Response:
        now = time.time_ns() // SECOND
        since, until = past_window(request.args, now)
        filters = histogram_filters(request.args.to_dict())
        edges = None if filters == Filters() else edges_of(pipeline.graph, filters)
        if filters == Filters() or edges is not None:
            return _json(await windows.histogram(since, until, now, edges))
        return _json(await pages.histogram(filters, steps_of(since, until, now)))


def _add_requests(app: Quart, pages: Pages) -> None:
    @app.get("/api/v1/requests")
    async def requests() -> Response:
        filters, page = parse(request.args.to_dict())
        as_lines = ndjson_lines if page.format == "ndjson" else csv_lines
        kind = "application/x-ndjson" if page.format == "ndjson" else "text/csv; charset=utf-8"
        if page.limit is None:
            form: Literal["csv", "ndjson"] = "ndjson" if page.format == "ndjson" else "csv"
            parts = pages.export(filters, form, page.cursor)
            response = Response((part.lines async for part in parts), content_type=kind)
            response.timeout = None  # it lasts as long as somebody reads
            return response
        calls, cursor = await pages.page(filters, page.limit, page.cursor)
        if page.format == "json":
            return _json(forms.Requests(requests=calls, next_cursor=cursor))
        response = Response(b"".join(as_lines(calls)), content_type=kind)
        if cursor:
            next_page = urlencode({**request.args.to_dict(), "cursor": cursor})
            response.headers["Link"] = f'<?{next_page}>; rel="next"'
        return response

    @app.get("/api/v1/requests/<id>")
    async def one(id: str) -> Response:
        call = await pages.in_full(id)
        if call is None:
            return problem(404, "Not Found", f"No kept call has the id {id[:100]}.")
        return _json(call)


def _window_s(text: str) -> int:
    number, unit = (text[:-1], text[-1:]) if text[-1:].isalpha() else (text, "s")
    factor = {"s": 1, "m": 60, "h": 3600}.get(unit)
    if (
        factor is None
        or not (number.isascii() and number.isdigit() and len(number) < 10)
        or not 1 <= int(number) * factor <= ROLLUP_S
    ):
        raise BadFilter(
            f'window = "{text[:40]}": must be 1s to {ROLLUP_S // 3600}h, such as 60s or 5m'
        )
    return int(number) * factor


def _add_sockets(app: Quart, sockets: Sockets, gate: Gate, replays: Replays | None) -> None:
    @app.websocket("/api/v1/live")
    async def live() -> Any:
        if "replay_from" in websocket.args:
            if replays is None:
                return problem(501, "Not Implemented", "This hub keeps no history.")
            asked = course(websocket.args)
            await gate.while_allowed(lambda socket: replays.serve(socket, asked))
            return None
        q = websocket.args.get("q", "")
        await gate.while_allowed(lambda socket: sockets.live(socket, q))
        return None

    @app.websocket("/access_logs")
    async def access_logs() -> Any:
        await gate.while_allowed(sockets.access_logs)
        return None
