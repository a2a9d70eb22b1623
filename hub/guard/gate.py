"""The gate of the web application: every request passes it before anything else sees it.

Enters: requests and websocket handshakes. Leaves: nothing, or the refusal: 403 for a peer, a page
or a Host that is not this hub's, 401 without a reader (a browser that opens a page is sent to the
login). An open socket is closed within `REVOKED_CHECK_S` when its reader may not read any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import msgspec
from quart import Quart, Request, Response, Websocket, redirect, request, websocket

from hub import forms
from hub.defaults import REVOKED_CHECK_S
from hub.guard.access import Access, Asked
from hub.guard.hosts import Hosts

COOKIE = "hopwatch_session"
OPEN = frozenset({"/healthz", "/readyz"})
"""For probes: without reader and under any Host."""
LOGOUT = "/logout"
LOGIN = frozenset({"/login", "/login.css", LOGOUT, "/favicon.svg"})
"""What there is to see before a login."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = 1008


class Revoked(Exception):
    """The reader of an open socket may not read any more."""


def stand_before(app: Quart, check: Callable[[Request | Websocket], Response | None]) -> None:
    """Ask this before every request and every websocket; its answer is the answer."""

    @app.before_request
    async def check_request() -> Response | None:
        return check(request)

    @app.before_websocket
    async def check_websocket() -> Response | None:
        return check(websocket)


class Gate:
    """The rules of one hub, installed into its application."""

    def __init__(self, access: Access, hosts: Hosts, proxy_header: str, *, own_tls: bool) -> None:
        self.access = access
        self.hosts = hosts
        self._proxy_header = proxy_header
        self._own_tls = own_tls

    def install(self, app: Quart) -> None:
        """Stand before every request and every websocket."""
        stand_before(app, self._check)

    def session(self) -> forms.Session:
        """Who asks by the request at hand, which has passed the gate."""
        asked = self._asked(request)
        reader = self.access.reader(asked, time.time())
        logout = LOGOUT if reader and self.access.by_login(asked) else None
        return forms.Session(reader=reader or None, logout=logout)

    def is_https(self, asked: Request | Websocket) -> bool:
        """Whether the client speaks TLS, to us or to a proxy of ours."""
        if self._own_tls:
            return True
        proto = asked.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip()
        return proto == "https" and self.access.trusts(peer_of(asked))

    async def while_allowed(self, serve: Callable[[Websocket], Awaitable[None]]) -> None:
        """Serve the websocket at hand, as long as its reader may read."""
        if self.access.mode == "none":
            await serve(websocket)
            return
        asked = self._asked(websocket)
        try:
            async with asyncio.TaskGroup() as tasks:
                watcher = tasks.create_task(self._watch(asked))
                await serve(websocket)
                watcher.cancel()
        except* Revoked:
            await websocket.close(_POLICY, "this reader may not read any more; log in again")

    async def _watch(self, asked: Asked) -> None:
        while self.access.reader(asked, time.time()) is not None:  # noqa: ASYNC110 - expiry tells nobody
            await asyncio.sleep(REVOKED_CHECK_S)
        raise Revoked

    def _check(self, asked: Request | Websocket) -> Response | None:
        if asked.path in OPEN:
            return None
        return self._check_way(asked) or self._check_reader(asked)

    def _check_way(self, asked: Request | Websocket) -> Response | None:
        if not self.access.may_connect(peer_of(asked)):
            return problem(
                403, "Forbidden", "Plain HTTP is for the proxies in http.trusted_proxies; use them."
            )
        host, local = asked.headers.get("Host", ""), (asked.scope.get("server") or (None,))[0]
        if not self.hosts.allows(host, local):
            return problem(
                421,
                "Misdirected Request",
                f'"{host[:100]}" is no name of this hub; if it is to be one, '
                "put it into http.allowed_hosts.",
            )
        origin = asked.headers.get("Origin")
        if origin is None or (isinstance(asked, Request) and asked.method in _SAFE):
            return None  # A browser says which page asks; scripts say nothing.
        if self.hosts.same_origin(origin, host, https=self.is_https(asked)):
            return None
        return problem(403, "Forbidden", "The page's origin is not this hub's address.")

    def _check_reader(self, asked: Request | Websocket) -> Response | None:
        mode = self.access.mode
        if mode == "token" and asked.path in LOGIN:
            return None
        if self.access.reader(self._asked(asked), time.time()) is not None:
            return None
        if mode == "token" and _is_navigation(asked):
            after = asked.full_path.rstrip("?")
            found = redirect(f"/login?next={quote(after, safe='/')}", 303)
            assert isinstance(found, Response)
            return found
        detail = (
            "Log in at /login, or send Authorization: Bearer with a reader's token."
            if mode == "token"
            else f"The proxy in front of this hub must send {self._proxy_header}."
        )
        refusal = problem(401, "Unauthorized", detail)
        refusal.headers["WWW-Authenticate"] = 'Bearer realm="hopwatch"'
        return refusal

    def _asked(self, asked: Request | Websocket) -> Asked:
        return Asked(
            peer=peer_of(asked),
            authorization=asked.headers.get("Authorization"),
            session=asked.cookies.get(COOKIE),
            named=tuple(asked.headers.getlist(self._proxy_header)),
        )


def peer_of(asked: Request | Websocket) -> str | None:
    """The address of the connection's other end; None on a Unix socket."""
    client = asked.scope.get("client")
    return str(client[0]) if client else None


def problem(status: int, title: str, detail: str) -> Response:
    """A refusal as problem+json."""
    form = forms.Problem(type="about:blank", title=title, status=status, detail=detail)
    return Response(msgspec.json.encode(form), status, content_type="application/problem+json")


def _is_navigation(asked: Request | Websocket) -> bool:
    """A person's browser that opens a page, and no script."""
    if not isinstance(asked, Request) or asked.method not in ("GET", "HEAD"):
        return False
    return "text/html" in asked.headers.get("Accept", "") and "Authorization" not in asked.headers
