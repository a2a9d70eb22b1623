"""The HTTP API over a real Hypercorn with a real client."""

from __future__ import annotations

import csv
import io
import json
import socket
from collections.abc import AsyncIterator

import pytest

from hub.query.filters import BadFilter, parse
from hub.serve import http_server
from hub.serve.serving import ListenError

from .web import Web, served
from .world import T0, from_other, ident, row, to_other


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with served("server-a", "server-b") as running:
        yield running


PROBLEMS = [
    ("/api/v1/requests?origin=x", 400, 'origin = "x": must be one of same_server'),
    ("/api/v1/requests?since=yesterday", 400, 'since = "yesterday": must be RFC 3339'),
    ("/api/v1/requests?since=1e300", 400, 'since = "1e300": must be RFC 3339'),
    ("/api/v1/requests?until=nan", 400, 'until = "nan": must be RFC 3339'),
    ("/api/v1/requests?limit=0", 400, 'limit = "0": must be 1 to 10000'),
    ("/api/v1/requests?limit=10001", 400, 'limit = "10001": must be 1 to 10000'),
    ("/api/v1/requests?status=6xx", 400, 'status = "6xx": must be a number'),
    ("/api/v1/requests?join=luck", 400, 'join = "luck": must be one of none, hop_id'),
    ("/api/v1/requests?trace_id=12", 400, 'trace_id = "12": must be 32 hexadecimal digits'),
    ("/api/v1/requests?format=xml", 400, 'format = "xml": must be json, ndjson or csv'),
    ("/api/v1/requests?cursor=abc", 400, 'cursor = "abc": must be next_cursor'),
    ("/api/v1/requests?colour=red", 400, "colour: no such parameter; there are cursor"),
    ("/api/v1/edges?window=2h", 400, 'window = "2h": must be 1s to 1h'),
    ("/api/v1/edges?window=\u00b2s", 400, 'window = "\u00b2s": must be 1s to 1h'),
    ("/api/v1/edges?window=", 400, 'window = "": must be'),
    ("/api/v1/requests/nothing", 404, "No kept call has the id nothing"),
    ("/no/such/page", 404, ""),
    ("/../../etc/passwd", 404, ""),
]


@pytest.mark.parametrize(("path", "status", "detail"), PROBLEMS, ids=[p[0] for p in PROBLEMS])
async def test_every_error_is_a_problem_that_says_what_is_allowed(
    web: Web, path: str, status: int, detail: str
) -> None:
    response = await web.client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["type"]) == (status, "about:blank")
    assert problem["detail"].startswith(detail)


async def test_another_method_is_a_problem_too(web: Web) -> None:
    response = await web.client.post("/api/v1/requests")
    assert (response.status_code, response.json()["status"]) == (405, 405)


async def test_our_own_fault_tells_nothing_of_the_inside(web: Web) -> None:
    @web.app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("a secret path")

    response = await web.client.get("/broken")
    assert (response.status_code, response.json()["status"]) == (500, 500)
    assert "secret" not in response.text


async def test_every_answer_has_the_headers_that_guard_the_view(web: Web) -> None:
    for path in ("/api/v1/topology", "/no/such/page", "/healthz"):
        headers = (await web.client.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert headers["cache-control"] == "no-store"


async def test_readiness_says_why_not(web: Web) -> None:
    assert (await web.client.get("/readyz")).json() == {"status": "ok", "reason": None}
    web.not_ready[0] = "the journal is being read"
    response = await web.client.get("/readyz")
    assert (response.status_code, response.json()["reason"]) == (503, "the journal is being read")
    assert (await web.client.get("/healthz")).status_code == 200


async def test_pages_follow_each_other_while_newer_calls_arrive(web: Web) -> None:
    lines = [row(i, path=f"/leaf/{i}") for i in reversed(range(25))]  # the oldest came last
    web.world.lines("server-a", *lines)
    seen: list[str] = []
    cursor = ""
    for page in range(4):
        answer = (await web.client.get(f"/api/v1/requests?limit=7&cursor={cursor}")).json()
        seen += [call["path"] for call in answer["requests"]]
        cursor = answer["next_cursor"]
        assert (cursor is None) == (page == 3)
        web.world.lines("server-a", row(1_000 + page, path="/newer"))
    assert seen == [f"/leaf/{i}" for i in reversed(range(25))]


async def test_the_very_first_call_of_the_hub_can_end_a_page(web: Web) -> None:
    web.world.lines(
        "server-a", row(5, path="/first"), row(1, path="/second"), row(9, path="/third")
    )
    answer = (await web.client.get("/api/v1/requests?limit=2")).json()
    assert [call["path"] for call in answer["requests"]] == ["/third", "/first"]
    rest = await web.client.get(f"/api/v1/requests?limit=2&cursor={answer['next_cursor']}")
    assert [call["path"] for call in rest.json()["requests"]] == ["/second"]


async def test_the_link_to_the_next_page_keeps_the_filters(web: Web) -> None:
    web.world.lines("server-a", *[row(i, path=f"/a b/{i}") for i in range(4)], row(9, path="/c"))
    response = await web.client.get("/api/v1/requests?path=/a b/*&limit=3&format=ndjson")
    assert len(response.text.splitlines()) == 3
    link = response.links["next"]["url"]
    rest = await web.client.get(f"/api/v1/requests{link}")
    assert [json.loads(line)["path"] for line in rest.text.splitlines()] == ["/a b/0"]
    assert "next" not in rest.links


async def test_calls_come_as_ndjson_and_csv(web: Web) -> None:
    evil = '=HYPERLINK("http://evil")'
    web.world.lines("server-a", row(0, path="/plain,with comma"), row(1, path=evil, host="@x"))
    lines = await web.client.get("/api/v1/requests?format=ndjson")
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["path"] for line in lines.text.splitlines()] == [
        evil,
        "/plain,with comma",
    ]
    table = await web.client.get("/api/v1/requests?format=csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    records = list(csv.DictReader(io.StringIO(table.text)))
    assert [record["path"] for record in records] == ["'" + evil, "/plain,with comma"]
    assert records[0]["host"] == "'@x"
    assert (records[1]["from"], records[1]["to"], records[1]["status"]) == (
        "communicating",
        "leaf",
        "200",
    )


async def test_a_call_is_found_by_the_id_of_each_of_its_halves(web: Web) -> None:
    web.world.lines("server-b", from_other("server-a", trace_id=ident("t")))
    web.world.marks(2_000)
    web.world.tick()
    (alone,) = web.world.calls()
    web.world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    web.world.settle()
    answer = (await web.client.get(f"/api/v1/requests/{alone.id}")).json()
    assert (answer["id"], len(answer["hops"])) == (alone.id, 2)


async def test_metrics_agree_with_the_ledger(web: Web) -> None:
    web.world.lines("server-a", row(), row(1, status=500))
    text = (await web.client.get("/metrics")).text
    assert 'hopwatch_lines_journalled_total{proxy="private",server="server-a"} 2.0' in text
    assert 'hopwatch_calls{origin="same_server"} 2.0' in text
    assert 'hopwatch_call_errors{origin="same_server"} 1.0' in text
    assert "hopwatch_ledger_exact 1.0" in text


# --- filters -------------------------------------------------------------------------------------

FILTERS = [
    ({}, {"0", "1", "2", "3", "4"}),
    ({"since": "2026-11-18T11:06:40.002Z"}, {"2", "3", "4"}),
    ({"until": "2026-11-18T11:06:40.002000000Z"}, {"0", "1"}),
    ({"since": "1e30"}, set()),
    ({"until": "1e30", "since": "-1e30"}, {"0", "1", "2", "3", "4"}),
    ({"server": "server-a"}, {"0", "1", "2", "4"}),
    ({"server": "server-b"}, {"3", "4"}),
    ({"service": "leaf"}, {"0", "1", "3", "4"}),
    ({"from": "communicating"}, {"0", "1", "4"}),
    ({"from": "server-a/communicating"}, {"0", "1", "4"}),
    ({"to": "server-a/leaf"}, {"0", "1"}),
    ({"to": "private"}, {"2"}),
    ({"origin": "outside"}, {"2", "3"}),
    ({"status": "404"}, {"2"}),
    ({"status": "4xx"}, {"2"}),
    ({"status": "error"}, {"1", "2"}),
    ({"status": "ok"}, {"0", "3", "4"}),
    ({"method": "post"}, {"1"}),
    ({"path": "/leaf/*"}, {"0", "3", "4"}),
    ({"path": "*[1]?*"}, {"1"}),
    ({"path": "/server-b/*"}, {"4"}),
    ({"join": "trace"}, {"4"}),
    ({"join": "none"}, {"0", "1", "2", "3"}),
    ({"trace_id": ident("t").hex().upper()}, {"4"}),
    ({"node": "server-a/proxy:private"}, {"0", "1", "2", "4"}),
    ({"node": "nobody"}, set()),
    ({"edge": "server-a/communicating>server-a/leaf:same_server"}, {"0", "1"}),
    ({"q": "COMMUNICATING"}, {"0", "1", "4"}),
    ({"q": "wp-login"}, {"2"}),
    ({"q": "203.0.113.9"}, {"2", "3"}),
    ({"origin": "outside", "status": "ok"}, {"3"}),
    ({"method": ""}, {"0", "1", "2", "3", "4"}),
]


@pytest.mark.parametrize(("given", "found"), FILTERS, ids=[str(f[0]) for f in FILTERS])
async def test_each_filter_finds_what_it_says(
    web: Web, given: dict[str, str], found: set[str]
) -> None:
    nobody = {"router": "", "service": "", "upstream": "", "status": 404, "upstream_status": 0}
    trace = {"trace_id": ident("t")}
    web.world.lines(
        "server-a",
        row(0, host="0"),
        row(1, host="1", method="POST", path="/a[1]?b", status=500),
        row(2, host="2", path="/wp-login.php", client="203.0.113.9", **nobody),
        to_other("server-b", 4, host="4", **trace),
    )
    web.world.lines(
        "server-b",
        row(3, host="3", client="203.0.113.9"),
        from_other("server-a", 5, host="4", **trace),
    )
    response = await web.client.get("/api/v1/requests", params=given)
    assert response.status_code == 200, response.text
    assert {call["host"] for call in response.json()["requests"]} == found


def test_times_are_read_to_the_nanosecond() -> None:
    since = {"since": "2026-11-18T12:06:40.000000001+01:00"}
    assert parse(since)[0].since_ns == T0 + 1
    assert parse({"since": "1795000000"})[0].since_ns == T0


def test_a_pattern_has_no_other_wildcards_than_the_star() -> None:
    pattern = parse({"path": "/a?b[c]*d"})[0].path
    assert pattern is not None
    assert pattern.match("/a?b[c]/any/d")
    assert not pattern.match("/axbcd")
    assert not pattern.match("/a?b[c]/any/d/more")


def test_a_wrong_value_is_shown_cut() -> None:
    with pytest.raises(BadFilter) as caught:
        parse({"since": "x" * 10_000})
    assert len(str(caught.value)) < 200


# --- the address ---------------------------------------------------------------------------------


def test_an_address_in_use_is_said_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError) as caught:
            http_server.bind(address)
    assert str(caught.value) == (
        f"{address} is in use by another process; stop it, or change http.listen"
    )
