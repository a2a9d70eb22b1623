"""The login page: a reader's token becomes a session.

Enters: a posted form. Leaves: the page, the cookie and where to go next, always on this hub. The
cookie is HttpOnly and SameSite=Strict, and Secure where TLS is spoken. Nothing of a token is logged
or sent back. The gate has checked Host and Origin before.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import structlog
from quart import Quart, Response, request

from hub import defaults
from hub.guard.attempts import Attempts
from hub.guard.auth import Readers
from hub.guard.gate import COOKIE, Gate, peer_of
from hub.guard.logins import Sessions

log = structlog.get_logger("hub")

PAGES = Path(__file__).parent / "pages"


def add_login(
    app: Quart, gate: Gate, sessions: Sessions, readers: Callable[[], Readers | None]
) -> None:
    """Add `/login`, its style and `/logout`."""
    app.config["MAX_CONTENT_LENGTH"] = defaults.MAX_FORM_BYTES
    attempts = Attempts(
        defaults.LOGIN_ATTEMPTS, defaults.LOGIN_WINDOW_S, defaults.MAX_LOGIN_ADDRESSES
    )
    style = (PAGES / "login.css").read_bytes()

    @app.get("/login.css")
    async def login_style() -> Response:
        return Response(style, content_type="text/css; charset=utf-8")

    @app.get("/login")
    async def login_page() -> Response:
        return _login_page(request.args.get("next", ""))

    @app.post("/login")
    async def login() -> Response:
        now_s, client = time.time(), _client(gate)
        form = await request.form
        after = form.get("next", "")
        if wait_s := attempts.wait_s(client, now_s):
            refusal = _login_page(
                after, "Too many wrong tokens. Wait a minute, then try again.", 429
            )
            refusal.headers["Retry-After"] = str(int(wait_s) + 1)
            return refusal
        known = readers()
        name = known.name(form.get("token", "").strip()) if known else None
        if name is None or known is None:
            attempts.failed(client, now_s)
            log.warning("login refused", client=client)
            return _login_page(after, "This is no reader's token.", 401)
        attempts.succeeded(client)
        log.info("reader logged in", reader=name, client=client)
        response = Response(status=303, headers={"Location": local_path(after)})
        _set_cookie(response, gate, sessions.begin(name, known, now_s), int(sessions.lifetime_s))
        return response

    @app.get("/logout")
    async def logout_page() -> Response:
        return _page("logout.html", 200)

    @app.post("/logout")
    async def logout() -> Response:
        sessions.end(request.cookies.get(COOKIE, ""))
        response = Response(status=303, headers={"Location": "/login"})
        _set_cookie(response, gate, "", 0)
        return response


def local_path(after: str) -> str:
    """Where to go after a login: a path of this hub, else "/".

    Browsers read a backslash as a slash and drop control characters, so that "/\\evil" and
    "/<tab>/evil" would be other hosts.
    """
    if not after.startswith("/") or after.startswith("//") or "\\" in after:
        return "/"
    if not after.isascii() or not after.isprintable() or " " in after:
        return "/"
    parts = urlsplit(after)
    return "/" if parts.scheme or parts.netloc or parts.path in ("/login", "/logout") else after


def _client(gate: Gate) -> str:
    return gate.access.client(peer_of(request), request.headers.getlist("X-Forwarded-For"))


def _set_cookie(response: Response, gate: Gate, value: str, max_age_s: int) -> None:
    response.set_cookie(
        COOKIE,
        value,
        max_age=max_age_s,
        path="/",
        secure=gate.is_https(request),
        httponly=True,
        samesite="Strict",
    )


def _login_page(after: str, message: str = "", status: int = 200) -> Response:
    shown = f'<p id="message" role="alert">{html.escape(message)}</p>' if message else ""
    described = ' aria-invalid="true" aria-describedby="message"' if message else ""
    return _page(
        "login.html",
        status,
        message=shown,
        described=described,
        next=html.escape(local_path(after)),
    )


def _page(name: str, status: int, **values: str) -> Response:
    text = Template((PAGES / name).read_text("utf-8")).substitute(values)
    return Response(text, status, content_type="text/html; charset=utf-8")
