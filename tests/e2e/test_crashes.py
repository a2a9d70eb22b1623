"""Agents and hub are killed and come back: nothing is lost, nothing is counted twice.

One set of real servers for the whole file; each test leaves hub and agents running.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.hopwatch import SERVERS, Workbench, accounts, lines_of
from tests.e2e.hub_api import eventually, messages


@pytest.fixture
def running(workbench: Workbench) -> Iterator[Workbench]:
    """Hub and agents up and connected, traffic flowing."""
    workbench.thaw_traffic()
    if "hub" not in workbench.running:
        workbench.start_hub()
    missing = [s for s in SERVERS if f"{s}/agent" not in workbench.running]
    if missing:
        workbench.start_agents(*missing)
    workbench.wait_until_connected()
    yield workbench
    workbench.thaw_traffic()


def exact_at_rest(bench: Workbench) -> dict[tuple[str, str], int]:
    """With the traffic stopped: waits until the ledger agrees with the files; lines of each log."""
    bench.freeze_traffic()

    def agreed() -> dict[tuple[str, str], int]:
        lines = {(s, k): lines_of(bench.log(s, k)) for s in SERVERS for k in ("private", "public")}
        told = accounts(bench.hub)
        keys = ("read", "journalled", "in_calls")
        same = all(told[log][key] == count for log, count in lines.items() for key in keys)
        ledger = bench.hub.get("api/v1/ledger")
        return lines if same and ledger["exact"] and not ledger["totals"]["waiting"] else {}

    return eventually(agreed, "files and ledger agree", within_s=30)


def parts(calls: list[dict[str, Any]]) -> dict[str, set[tuple[str, str, int]]]:
    """The lines in each call, by its id."""
    return {
        call["id"]: {(hop["server"], hop["kind"], hop["offset"]) for hop in call["hops"]}
        for call in calls
    }


def test_an_agent_without_a_hub_says_so_once_and_loses_nothing(workbench: Workbench) -> None:
    workbench.start_agents()
    for server in SERVERS:
        name = f"{server}/agent"
        eventually(lambda name=name: "hub" in workbench.said(name), "it says so", within_s=30)
    before = {log: lines_of(workbench.log(log, "public")) for log in SERVERS}
    eventually(
        lambda: all(lines_of(workbench.log(s, "public")) > before[s] + 20 for s in SERVERS),
        "the servers go on",
        within_s=20,
    )
    for server in SERVERS:
        complaints = [
            line
            for line in workbench.said(f"{server}/agent").splitlines()
            if "hub" in json.loads(line)["event"]
        ]
        assert len(complaints) == 1, complaints
    workbench.start_hub()
    workbench.wait_until_connected()
    assert all(exact_at_rest(workbench).values())


def test_a_killed_agent_is_shown_as_not_connected_and_catches_up(running: Workbench) -> None:
    with running.hub.socket("api/v1/live") as socket:
        running.kill("server-b/agent")
        shown = next(
            (
                message
                for message in messages(socket, within_s=10)
                if message["status"] is not None
                for server in message["status"]["servers"]
                if server["id"] == "server-b" and not server["connected"]
            ),
            None,
        )
        assert shown, "the live view says so"
    state = running.hub.server("server-b")
    assert not state["connected"]
    assert state["reason"]
    assert running.hub.server("server-a")["connected"]
    topology = {s["id"]: s for s in running.hub.get("api/v1/topology")["servers"]}
    assert not topology["server-b"]["connected"]

    written = lines_of(running.log("server-b", "private"))
    eventually(
        lambda: lines_of(running.log("server-b", "private")) > written + 20,
        "lines that nobody reads",
        within_s=20,
    )
    running.start_agents("server-b")
    running.wait_until_connected()
    exact_at_rest(running)


def test_a_killed_hub_comes_back_with_the_same_calls_and_takes_what_it_missed(
    running: Workbench,
) -> None:
    exact_at_rest(running)
    listed = running.hub.calls()
    before = parts(listed)
    running.thaw_traffic()
    running.kill("hub")
    written = lines_of(running.log("server-a", "public"))
    eventually(
        lambda: lines_of(running.log("server-a", "public")) > written + 20,
        "lines without a hub",
        within_s=20,
    )
    running.start_hub()
    running.wait_until_connected()
    exact_at_rest(running)
    counts: list[tuple[int, int]] = []

    def all_again() -> dict[str, set[tuple[str, str, int]]]:
        now = parts(running.hub.calls())
        # Requests that were under way when the traffic stopped still end: count again.
        written = sum(lines_of(running.log(s, k)) for s in SERVERS for k in ("private", "public"))
        counts.append((sum(map(len, now.values())), written))
        return now if len(set(counts[-1])) == 1 else {}

    try:
        after = eventually(all_again, "every line is listed in one call", within_s=20)
    except AssertionError as error:
        raise AssertionError(f"(listed, written) went {counts}") from error
    everything = [part for call in after.values() for part in call]
    assert len(everything) == len(set(everything))
    # A call that was amended may bear its other half's id now; the old one still leads to it.
    moved = {call["id"]: call["revision"] for call in listed if call["id"] not in after}
    assert all(revision > 1 for revision in moved.values()), moved
    for id in [*moved, *list(before)[:: max(1, len(before) // 50)]]:
        call = running.hub.get(f"api/v1/requests/{id}")
        assert parts([call])[call["id"]] >= before[id]


def test_an_agent_killed_in_the_middle_of_a_burst_sends_no_line_twice(running: Workbench) -> None:
    for _ in range(3):
        before = running.hub.get("api/v1/ledger")["totals"]["journalled"]
        eventually(
            lambda before=before: running.hub.get("api/v1/ledger")["totals"]["journalled"] > before,
            "lines under way",
            within_s=10,
        )
        running.kill("server-a/agent")
        running.start_agents("server-a")
    running.wait_until_connected()
    exact_at_rest(running)


def test_both_end_within_five_seconds_of_a_sigterm_with_exit_0(running: Workbench) -> None:
    assert running.terminate("server-a/agent") == 0
    assert running.terminate("hub") == 0
    assert running.terminate("server-b/agent") == 0, "also without a hub"
