"""The login of people: page, cookie, session, limits; and where it may lead."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from hub.config import ConfigError, Http
from hub.defaults import LOGIN_ATTEMPTS
from hub.guard.access import Access
from hub.guard.attempts import Attempts
from hub.guard.auth import Readers
from hub.guard.login import local_path
from hub.guard.logins import Sessions, session_key

from .guarded import (
    AGENT_A,
    READER,
    READER_B,
    READERS,
    TOKENS,
    Guarded,
    bearer,
    closed_with,
    guarded_hub,
    write_private,
)

HTTP = 'auth = "token"\nreaders_file = "readers.toml"'
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
DIGESTS = {"ann": b"a" * 32, "bob": b"b" * 32}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Guarded]:
    write_private(tmp_path / "tokens.toml", TOKENS)
    write_private(tmp_path / "readers.toml", READERS)
    async with guarded_hub(tmp_path, HTTP, 'tokens_file = "tokens.toml"') as running:
        yield running


async def log_in(
    client: httpx.AsyncClient, token: str = READER, after: str = "/", **headers: str
) -> httpx.Response:
    return await client.post("/login", data={"token": token, "next": after}, headers=headers)


def cookie_of(response: httpx.Response) -> Morsel[str]:
    return SimpleCookie(response.headers["Set-Cookie"])["hopwatch_session"]


# --- the flow -----------------------------------------------------------------------------------


async def test_a_person_is_led_to_the_login_and_back(hub: Guarded) -> None:
    async with hub.client() as client:
        sent = await client.get("/api/v1/requests?status=5xx&q=a%20b", headers=BROWSER)
        assert sent.status_code == 303
        page = await client.get(sent.headers["Location"])
        assert page.status_code == 200
        assert 'name="next" value="/api/v1/requests?status=5xx&amp;q=a%20b"' in page.text
        after = await log_in(client, after="/api/v1/requests?status=5xx&q=a%20b")
        assert (after.status_code, after.headers["Location"]) == (
            303,
            "/api/v1/requests?status=5xx&q=a%20b",
        )
        assert (await client.get(after.headers["Location"])).status_code == 200
        cookie = cookie_of(after)
    async with hub.socket(
        additional_headers={"Cookie": f"{cookie.key}={cookie.value}", "Origin": hub.url}
    ) as socket:
        assert "snapshot" in str(await socket.recv())


async def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(hub: Guarded) -> None:
    async with hub.client() as client:
        cookie = cookie_of(await log_in(client))
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert int(cookie["max-age"]) == 12 * 3600
        assert (cookie["domain"], cookie["secure"]) == ("", "")
        assert READER not in cookie.value
        proxied = cookie_of(await log_in(client, **{"X-Forwarded-Proto": "https"}))
        assert proxied["secure"] is True


async def test_the_page_keeps_to_the_policy_and_asks_nobody_else(hub: Guarded) -> None:
    async with hub.client() as client:
        page = await client.get("/login")
        style = await client.get("/login.css")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "form-action 'self'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    for outside in ("<style", "style=", "<script", "http://", "https://", "//"):
        assert outside not in page.text.replace("<!doctype", ""), outside
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert "prefers-color-scheme: light" in style.text
    for needed in ('<label for="token">', 'autocomplete="current-password"', 'lang="en"'):
        assert needed in page.text


@pytest.mark.parametrize("token", ["", "wrong-wrong-wrong", AGENT_A, READER + "x", "é" * 20])
async def test_a_wrong_token_is_told_and_not_repeated(hub: Guarded, token: str) -> None:
    async with hub.client() as client:
        refused = await log_in(client, token)
        assert refused.status_code == 401
        assert 'role="alert">This is no reader' in refused.text
        assert 'aria-describedby="message"' in refused.text
        assert "Set-Cookie" not in refused.headers
        assert not token or token not in refused.text


async def test_what_is_typed_into_next_is_shown_as_text(hub: Guarded) -> None:
    async with hub.client() as client:
        page = await client.get("/login", params={"next": '/"><script>alert(1)</script>'})
        assert "<script" not in page.text


async def test_logging_out_ends_the_session_everywhere(hub: Guarded) -> None:
    async with hub.client() as client:
        cookie = cookie_of(await log_in(client))
        stolen = {"Cookie": f"{cookie.key}={cookie.value}"}
        assert (await client.get("/logout")).status_code == 200
        async with hub.socket(additional_headers=stolen) as socket:
            await socket.recv()
            left = await client.post("/logout")
            assert (left.status_code, left.headers["Location"]) == (303, "/login")
            assert cookie_of(left)["max-age"] == "0"
            assert (await closed_with(socket))[0] == 1008
        assert (await client.get("/api/v1/servers")).status_code == 401
        assert (await client.get("/api/v1/servers", headers=stolen)).status_code == 401


async def test_only_who_is_let_in_by_a_login_is_told_where_to_log_out(hub: Guarded) -> None:
    async with hub.client() as client:
        assert (await client.get("/api/v1/session")).status_code == 401
        await log_in(client)
        seen = await client.get("/api/v1/session")
        assert seen.json() == {"reader": "ann", "logout": "/logout"}
        both = await client.get("/api/v1/session", headers=bearer(READER_B))
        assert both.json() == {"reader": "bob", "logout": None}


async def test_a_socket_without_a_session_is_refused_before_it_opens(hub: Guarded) -> None:
    for path in ("/api/v1/live", "/access_logs"):
        for cookie in ("", "hopwatch_session=", "hopwatch_session=W10.x", "other=1"):
            with pytest.raises(InvalidStatus) as refused:
                async with hub.socket(path, additional_headers={"Cookie": cookie}):
                    pass
            assert refused.value.response.status_code == 401
            assert b"Unauthorized" in (refused.value.response.body or b"")


async def test_a_new_token_ends_the_sessions_of_the_old_one(hub: Guarded) -> None:
    async with hub.client() as client:
        await log_in(client)
        assert (await client.get("/api/v1/servers")).status_code == 200
        write_private(hub.directory / "readers.toml", 'ann = "another-token-of-ann"\n')
        hub.hub.reload()
        assert (await client.get("/api/v1/servers")).status_code == 401


async def test_sessions_outlive_a_restart(tmp_path: Path) -> None:
    write_private(tmp_path / "readers.toml", READERS)
    async with guarded_hub(tmp_path, HTTP) as hub, hub.client() as client:
        cookie = cookie_of(await log_in(client))
    key = tmp_path / "data" / "session.key"
    assert key.stat().st_mode & 0o777 == 0o600
    async with guarded_hub(tmp_path, HTTP) as hub, hub.client() as client:
        headers = {"Cookie": f"{cookie.key}={cookie.value}"}
        assert (await client.get("/api/v1/servers", headers=headers)).status_code == 200


# --- limits -------------------------------------------------------------------------------------


async def test_too_many_wrong_tokens_must_wait_even_with_the_right_one(hub: Guarded) -> None:
    async with hub.client() as client:
        for _ in range(LOGIN_ATTEMPTS):
            assert (await log_in(client, "wrong-wrong-wrong")).status_code == 401
        limited = await log_in(client)
        assert limited.status_code == 429
        assert 1 <= int(limited.headers["Retry-After"]) <= 61
        other = await log_in(client, **{"X-Forwarded-For": "6.6.6.6, 198.51.100.7"})
        assert other.status_code == 303


async def test_a_huge_form_is_not_read(hub: Guarded) -> None:
    async with hub.client() as client:
        assert (await log_in(client, "x" * 1_000_000)).status_code == 413


def test_wrong_tokens_are_forgotten_after_the_window_and_bounded() -> None:
    attempts = Attempts(limit=3, window_s=60, max_addresses=10)
    for second in range(3):
        assert attempts.wait_s("1.2.3.4", second) == 0
        attempts.failed("1.2.3.4", second)
    assert attempts.wait_s("1.2.3.4", 10) == 50
    assert attempts.wait_s("1.2.3.5", 10) == 0
    assert attempts.wait_s("1.2.3.4", 60) == 0
    attempts.succeeded("1.2.3.4")
    assert attempts.wait_s("1.2.3.4", 10) == 0
    for number in range(1000):
        attempts.failed(f"2001:db8::{number:x}", 0)
    assert attempts.wait_s("2001:db8::ffff", 1) == 59
    for number in range(1000):
        attempts.failed(f"10.0.{number // 256}.{number % 256}", 0)
    assert len(attempts._failures) == 10


# --- sessions -----------------------------------------------------------------------------------


def test_a_session_ends_when_its_time_is_over() -> None:
    sessions, readers = Sessions(b"k" * 32, 3600), Readers(DIGESTS)
    value = sessions.begin("ann", readers, 1000)
    assert sessions.reader(value, readers, 4599) == "ann"
    assert sessions.reader(value, readers, 4600) is None


def test_a_session_of_another_key_reader_or_shape_is_nobodys() -> None:
    readers = Readers(DIGESTS)
    sessions = Sessions(b"k" * 32, 3600)
    value = sessions.begin("ann", readers, 0)
    assert Sessions(b"x" * 32, 3600).reader(value, readers, 1) is None
    assert sessions.reader(value, Readers({"bob": b"b" * 32}), 1) is None
    assert sessions.reader(value, Readers({"ann": b"c" * 32}), 1) is None
    assert sessions.reader(sessions.begin("eve", readers, 0), readers, 1) is None
    odd = [sessions._signed.dumps(shape) for shape in ([], {}, 1, "ann", [1, 2, 3, 4], None)]
    for wrong in (*odd, "", value[:-1], "a" + value, value.swapcase(), "\udc80"):
        assert sessions.reader(str(wrong), readers, 1) is None, wrong


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    assert session_key(tmp_path) == session_key(tmp_path)
    (tmp_path / "session.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"session\.key: .*0644.*chmod 600"):
        session_key(tmp_path)


def test_an_agents_session_cookie_is_no_token() -> None:
    readers, sessions = Readers(DIGESTS), Sessions(b"k" * 32, 3600)
    access = Access(Http(auth="token"), lambda: readers, sessions)
    assert access.client("127.0.0.1", ["1.1.1.1", "2.2.2.2"]) == "2.2.2.2"
    assert access.client("127.0.0.1", ["nonsense"]) == "127.0.0.1"
    assert access.client("10.1.1.1", ["1.1.1.1"]) == "10.1.1.1"
    assert access.client(None, []) == "unix"


# --- where it leads -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil", "https://evil.example",
        "http:evil", "javascript:alert(1)", "/\t/evil", "/\n//evil", "\t//evil", " //evil", "evil",
        "", "/ä", "/login", "/logout", "/login?next=/login", "/x y", "/\x00", "/a\\b",
    ],
)  # fmt: skip
async def test_a_login_never_leads_to_another_host(hub: Guarded, after: str) -> None:
    assert local_path(after) == "/"
    async with hub.client() as client:
        assert (await log_in(client, after=after)).headers["Location"] == "/"


@pytest.mark.parametrize("after", ["/", "/?a=b&c=//d", "/x#y", "/api/v1/servers", "/@x", "/:80"])
def test_a_path_of_this_hub_is_kept(after: str) -> None:
    assert local_path(after) == after


async def test_a_page_of_another_site_can_neither_log_in_nor_out(hub: Guarded) -> None:
    async with hub.client() as client:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", ""):
            assert (await log_in(client, Origin=origin)).status_code == 403, origin
            assert (await client.post("/logout", headers={"Origin": origin})).status_code == 403
        assert (await log_in(client, Origin=hub.url)).status_code == 303


async def test_a_forged_cookie_is_as_good_as_none(hub: Guarded) -> None:
    readers = Readers(DIGESTS)
    forged = Sessions(b"guess" * 8, 3600).begin("ann", readers, time.time())
    async with hub.client(cookies={"hopwatch_session": forged}) as client:
        assert (await client.get("/api/v1/servers")).status_code == 401
