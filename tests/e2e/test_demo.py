"""What the real demo shows within 10 s of "ready", and who is said to call whom."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import Demo
from tests.e2e.first_seconds import LIMIT_S
from tests.e2e.hub_api import eventually

COMMUNICATING = "communicating-service"
NON_COMMUNICATING = "non-communicating-service"
JOB = "reporting-job"


def ends(call: dict[str, Any]) -> tuple[str | None, ...]:
    """Kind and name of the caller, kind and name of the callee."""
    return (call["from"]["kind"], call["from"]["name"], call["to"]["kind"], call["to"]["name"])


def servers(call: dict[str, Any]) -> tuple[str | None, str | None]:
    return call["from"]["server"], call["to"]["server"]


def is_between_servers(call: dict[str, Any]) -> bool:
    return set(servers(call)) == {"server-a", "server-b"}


def test_within_ten_seconds_everything_that_was_promised_is_there(demo: Demo) -> None:
    assert not demo.first.missing
    assert demo.first.took_s < LIMIT_S


def test_the_demo_says_what_is_where(demo: Demo) -> None:
    said = "\n".join(demo.process.said)
    assert f"Open {demo.hub.url}" in said
    assert "server-a: public 198.51.100.11:80" in said
    assert "server-b: public 198.51.100.12:80" in said
    assert "namespaces: every container has its real address" in said
    traefiks = [name for name in demo.process.state["pids"] if name.endswith("-proxy")]
    assert len(traefiks) == 4


def test_calls_within_a_server_name_both_services(demo: Demo) -> None:
    calls = demo.first.of("same_server")
    assert {ends(call) for call in calls} <= {
        ("service", caller, "service", NON_COMMUNICATING) for caller in (COMMUNICATING, JOB)
    }
    assert all(a == b for a, b in map(servers, calls))
    assert {a for a, _ in map(servers, calls)} == {"server-a", "server-b"}


def test_a_cross_server_call_is_one_call_of_two_hops(demo: Demo) -> None:
    calls = [call for call in demo.first.of("cross_server") if len(call["hops"]) == 2]
    for call in calls:
        assert is_between_servers(call)
        assert call["from"]["name"] in (COMMUNICATING, JOB)
        assert call["to"]["name"] in (COMMUNICATING, NON_COMMUNICATING)
        assert [hop["server"] for hop in call["hops"]] == list(servers(call))
        assert call["hops"][0]["path"].endswith(call["hops"][1]["path"])
        assert call["join"]["by"] == "hop_id"
        assert call["join"]["missing"] is None
    assert {servers(call) for call in calls} == {
        ("server-a", "server-b"),
        ("server-b", "server-a"),
    }


def test_no_cross_server_call_stays_half_seen(demo: Demo) -> None:
    def halves() -> list[dict[str, Any]]:
        return [c for c in demo.hub.calls(origin="cross_server") if c["join"]["missing"]]

    assert not halves()


def test_a_direct_call_past_the_own_proxy_is_marked(demo: Demo) -> None:
    calls = demo.first.of("cross_server_direct")
    assert {ends(call) for call in calls} == {("service", JOB, "service", NON_COMMUNICATING)}
    assert all(is_between_servers(call) for call in calls)
    assert all("direct" in call["join"]["reason"] for call in calls)


def test_visitors_are_external_and_named_where_the_configuration_names_them(demo: Demo) -> None:
    calls = demo.first.of("public")
    assert {call["from"]["kind"] for call in calls} == {"external"}
    named = {call["from"]["address"]: call["from"]["name"] for call in calls}
    assert {named[address] for address in named if address.startswith("198.51.100.")} == {"office"}
    assert {call["to"]["name"] for call in calls if call["answered_by"] == "service"} == {
        COMMUNICATING
    }


def test_a_scanner_reaches_the_proxy_and_nothing_else(demo: Demo) -> None:
    scanned = [c for c in demo.first.of("public") if c["from"]["address"] == "203.0.113.66"]
    assert scanned
    for call in scanned:
        assert (call["status"], call["answered_by"], call["to"]["kind"]) == (404, "proxy", "proxy")
        assert call["hops"][0]["router"] is None


def test_a_hairpin_comes_from_the_other_server(demo: Demo) -> None:
    calls = demo.first.of("hairpin")
    assert {call["from"]["kind"] for call in calls} == {"server"}
    assert all(is_between_servers(call) for call in calls)
    assert {call["to"]["name"] for call in calls} == {COMMUNICATING}


def test_an_intruder_is_outside_and_has_no_server(demo: Demo) -> None:
    calls = demo.first.of("outside")
    callers = {(c["from"]["kind"], c["from"]["server"], c["from"]["address"]) for c in calls}
    assert callers == {("outside", None, "10.10.0.99")}


def test_what_the_intruder_forges_is_listed_and_changes_nothing(demo: Demo) -> None:
    def counted() -> bool:
        states = demo.hub.get("api/v1/servers")["servers"]
        return all(state["calls_spoofed"] for state in states)

    eventually(counted, "a forged hop id is counted at either server", within_s=15)
    calls = demo.hub.get("api/v1/requests?spoofed=true")["requests"]
    assert {call["origin"] for call in calls} == {"outside"}
    assert {tuple(call["hops"][0]["spoofed"]) for call in calls} == {("hop_id",)}
    assert {call["hops"][0]["forwarded"] for call in calls} == {None}, "Traefik drops it"


def test_a_process_on_the_host_stays_undecided(demo: Demo) -> None:
    calls = demo.first.of("undecided")
    assert {call["from"]["kind"] for call in calls} == {"gateway"}
    assert {call["from"]["address"] for call in calls} == {"172.20.0.1"}
    assert all(a == b for a, b in map(servers, calls))


def test_bad_requests_are_red_and_keep_their_status(demo: Demo) -> None:
    bad = eventually(lambda: demo.hub.calls(status="4xx"), "a bad request", within_s=10)
    assert all(not call["ok"] and 400 <= call["status"] < 500 for call in bad)


def test_every_origin_is_played_again_and_again(demo: Demo) -> None:
    begin = {call["id"] for call in demo.hub.calls()}
    since = time.monotonic()

    def all_new() -> bool:
        new = {c["origin"] for c in demo.hub.calls() if c["id"] not in begin}
        return new >= demo.first.origins

    # Every 5 s (CONTRACT), and a call may take 5 s more to settle.
    eventually(all_new, "calls of every origin", within_s=10)
    assert time.monotonic() - since < 10


def test_public_localhost_reaches_the_public_service_of_server_a(demo: Demo) -> None:
    page = demo.process.state["public_url"].replace("public.localhost", "127.0.0.1")
    answer = httpx.get(f"{page}?mine", headers={"Host": "public.localhost"}, timeout=10)
    assert answer.status_code == 200

    def mine() -> list[dict[str, Any]]:
        return [c for c in demo.hub.calls(origin="public", path="/*") if c["path"] == "/?mine"]

    (call,) = eventually(mine, "the own request is listed", within_s=10)
    assert (call["from"]["kind"], call["from"]["name"]) == ("external", "your browser")
    assert (call["to"]["server"], call["to"]["name"]) == ("server-a", COMMUNICATING)


def test_every_hop_of_a_call_is_one_line_of_its_log(demo: Demo) -> None:
    """Offset and fields lead back to the line as Traefik wrote it."""
    for call in demo.first.of("cross_server")[:5]:
        for hop in call["hops"]:
            logs = next(s for s in demo.process.state["servers"] if s["id"] == hop["server"])
            with Path(logs["logs"][hop["kind"]]).open("rb") as log:
                log.seek(hop["offset"])
                line = log.readline()
            entry = json.loads(line)
            assert entry["RequestPath"] == hop["path"]
            assert entry["ClientAddr"] == hop["client"]
            assert entry["DownstreamStatus"] == hop["status"]
            assert entry["Duration"] == round(hop["duration_ms"] * 1e6)
