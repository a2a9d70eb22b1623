"""Lines that no Traefik should write, in logs that a real one writes: counted, shown, survived."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.hopwatch import SERVERS, Workbench, accounts, lines_of
from tests.e2e.hub_api import eventually

PATH = "/end-to-end"


@pytest.fixture(scope="module")
def running(workbench: Workbench) -> Iterator[Workbench]:
    workbench.start_hub()
    workbench.start_agents()
    workbench.wait_until_connected()

    def all_logs() -> bool:
        return len(accounts(workbench.hub)) == 4

    eventually(all_logs, "all logs are followed", within_s=20)
    yield workbench
    for name in list(workbench.running):
        workbench.terminate(name)


def line(path: str, **fields: Any) -> bytes:
    """A line as the private proxy of server-a writes it, for a request now."""
    entry = {
        "ClientAddr": "127.21.0.4:40000",
        "ClientHost": "127.21.0.4",
        "DownstreamStatus": 200,
        "Duration": 2_000_000,
        "OriginDuration": 1_500_000,
        "OriginStatus": 200,
        "Overhead": 500_000,
        "RequestHost": "private-proxy",
        "RequestMethod": "GET",
        "RequestPath": f"{PATH}/{path}",
        "RequestProtocol": "HTTP/1.1",
        "RouterName": "non-communicating@file",
        "ServiceName": "non-communicating@file",
        "StartUTC": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "entryPointName": "private",
        **fields,
    }
    kept = {key: value for key, value in entry.items() if value is not None}
    return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


def append(bench: Workbench, data: bytes) -> None:
    """One write, as Traefik's own are; server-a's private log."""
    with bench.log("server-a", "private").open("ab", buffering=0) as log:
        log.write(data)


def find(bench: Workbench, path: str) -> dict[str, Any]:
    """The listed call of a line."""

    def listed() -> list[dict[str, Any]]:
        return bench.hub.calls(path=f"{PATH}/{path}*")

    (call,) = eventually(listed, f"{path} is listed", within_s=15)
    return call


MALFORMED = (
    b"this is no JSON\n",
    b'{"StartUTC": "half a li\n',
    b'["an", "array"]\n',
    b"\xff\xfe\n",
)


def test_malformed_lines_are_counted_and_shown_with_a_reason(running: Workbench) -> None:
    before = running.hub.server("server-a")["lines_malformed"]
    append(running, line("before-the-bad") + b"".join(MALFORMED) + line("after-the-bad"))
    assert find(running, "before-the-bad")["ok"]
    assert find(running, "after-the-bad")["ok"]
    wanted = before + len(MALFORMED)
    eventually(
        lambda: running.hub.server("server-a")["lines_malformed"] == wanted,
        f"{wanted} malformed lines",
        within_s=10,
    )
    samples = running.hub.server("server-a")["malformed_samples"][-len(MALFORMED) :]
    assert [sample["text"][:15] for sample in samples[:2]] == ["this is no JSON", '{"StartUTC": "h']
    assert all(sample["reason"] for sample in samples)
    assert {sample["proxy"] for sample in samples} == {"private-server-proxy"}
    content = running.log("server-a", "private").read_bytes()
    assert content[samples[0]["offset"] :].startswith(MALFORMED[0])
    assert running.hub.server("server-b")["lines_malformed"] == 0


def test_a_line_that_comes_in_two_halves_is_one_line(running: Workbench) -> None:
    """With the traffic stopped, so that no other line comes between the halves."""
    running.freeze_traffic()
    try:
        eventually_at_rest(running)
        before = running.hub.server("server-a")["lines_malformed"]
        whole = line("in-two-halves")
        append(running, whole[:200])
        append(running, whole[200:])
        assert find(running, "in-two-halves")["ok"]
        assert running.hub.server("server-a")["lines_malformed"] == before
    finally:
        running.thaw_traffic()


def test_a_cut_line_spoils_only_what_it_merges_with(running: Workbench) -> None:
    before = running.hub.server("server-a")["lines_malformed"]
    append(running, line("cut")[:150] + line("merged") + line("after-the-cut"))
    assert find(running, "after-the-cut")["ok"]
    eventually(
        lambda: running.hub.server("server-a")["lines_malformed"] == before + 1,
        "one malformed line",
        within_s=10,
    )
    assert not running.hub.calls(path=f"{PATH}/merged*")


def test_unknown_fields_are_ignored(running: Workbench) -> None:
    append(running, line("unknown", SomethingNew={"deep": [1, 2]}, Another=None, Third=1.5))
    assert find(running, "unknown")["status"] == 200


def test_a_404_without_a_router_is_answered_by_the_proxy(running: Workbench) -> None:
    gone = dict.fromkeys(("RouterName", "ServiceName", "OriginStatus", "OriginDuration"))
    append(running, line("no-router", DownstreamStatus=404, **gone))
    call = find(running, "no-router")
    assert (call["status"], call["ok"], call["answered_by"]) == (404, False, "proxy")
    assert call["to"]["kind"] == "proxy"
    assert call["hops"][0]["router"] is None


def test_a_line_of_600_kb_is_read(running: Workbench) -> None:
    append(running, line("long/" + "x" * 600_000) + line("after-the-long"))
    assert find(running, "after-the-long")["ok"]
    long = find(running, "long/")
    assert long["path"].startswith(f"{PATH}/long/xxx")


def test_the_rest_goes_on_and_the_account_counts_every_line(running: Workbench) -> None:
    running.freeze_traffic()
    eventually_at_rest(running)
    running.thaw_traffic()
    state = running.hub.server("server-a")
    assert state["connected"]
    account = accounts(running.hub)["server-a", "private"]
    assert account["malformed"] == len(MALFORMED) + 1
    assert account["parsed"] == account["read"] - account["malformed"]
    told = eventually(lambda: malformed_notices(running), "a notice", within_s=5)
    assert told == {"server-a"}


def eventually_at_rest(bench: Workbench) -> None:
    """All that is in the files has been read, and stands in calls."""

    def agreed() -> bool:
        told = accounts(bench.hub)
        return bench.hub.get("api/v1/ledger")["exact"] and all(
            told[server, kind]["read"] == lines_of(bench.log(server, kind))
            for server in SERVERS
            for kind in ("private", "public")
        )

    eventually(agreed, "files and ledger agree", within_s=30)


def malformed_notices(bench: Workbench) -> set[str]:
    """The servers that a page which opens now is warned of."""
    with bench.hub.socket("api/v1/live") as socket:
        snapshot = json.loads(socket.recv(timeout=10))
    return {n["server"] for n in snapshot["notices"] if n["kind"] == "malformed"}
