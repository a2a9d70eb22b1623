"""How a person looks at the past: the list of requests, the timeline, a replay."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from tests.e2e import browser
from tests.e2e.conftest import Demo
from tests.e2e.hub_api import eventually
from tests.e2e.test_view import SERVERS, services

REASON = browser.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

ENOUGH_CALLS = 1500
"""More than a page of the list holds, so that there is something to scroll to."""


@pytest.fixture(scope="module")
def past(demo: Demo) -> dict[str, Any]:
    """One visit to all of it, once enough has happened."""

    def happened() -> bool:
        since = str(int(time.time()) - 3000)
        return sum(demo.hub.get("api/v1/histogram", since=since)["calls"]) >= ENOUGH_CALLS

    eventually(happened, f"{ENOUGH_CALLS} calls", within_s=120)
    newest = demo.hub.get("api/v1/requests", limit=1000)["requests"]
    answer: dict[str, Any] = browser.run(
        "history.mjs",
        {
            "url": demo.hub.url,
            "nodes": [*SERVERS, *services(demo.hub)],
            "replayFromMs": _start_ms(newest[-1]),
        },
    )
    assert not answer["consoleErrors"]
    assert not answer["pageErrors"]
    assert not answer["strangers"]
    return answer


def _start_ms(call: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(call["start"][:26] + "+00:00").timestamp() * 1000)


def test_new_requests_wait_and_what_is_read_stands_still(past: dict[str, Any]) -> None:
    seen = past["list"]
    assert "page=requests" in seen["address"]
    before, after = seen["stood"]
    assert before == after
    assert "request" in seen["count"]


def test_a_request_is_opened_by_keyboard_and_a_link_opens_it_again(past: dict[str, Any]) -> None:
    seen = past["list"]
    assert seen["active"] == "true"
    assert seen["linked"] == seen["opened"]


def test_only_what_is_on_screen_is_in_the_document(past: dict[str, Any]) -> None:
    assert 10 < past["list"]["inDocument"] < 60
    assert 10 < past["scroll"]["inDocument"] < 60
    assert past["scroll"]["there"]


def test_columns_are_remembered_and_the_export_is_what_is_filtered(past: dict[str, Any]) -> None:
    seen = past["kept"]
    assert "Trace" in seen["heads"]
    assert seen["name"] == "requests.csv"
    assert seen["statuses"]
    assert {status[0] for status in seen["statuses"]} == {"4"}


def test_the_timeline_zooms_and_a_selected_time_lists_its_requests(past: dict[str, Any]) -> None:
    seen = past["timeline"]
    assert "kept since" in seen["kept"]
    assert seen["now"] == "now"
    before, closer, farther = seen["lengths"]
    assert closer < before
    assert farther > closer
    since, until = seen["window"]
    assert since < until


def test_a_replay_says_so_and_now_returns(past: dict[str, Any], demo: Demo) -> None:
    seen = past["replay"]
    assert seen["words"] == "REPLAY 4×"
    assert "Replay of" in seen["claims"]
    assert seen["mode"] == "replay"
    assert seen["speed"] == "4"
    assert seen["stood"][0] == seen["stood"][1]
    assert seen["sought"][1] != seen["stood"][0]
    assert seen["back"] == "live"


def test_columns_are_chosen_on_a_phone_and_all_can_be_reached(past: dict[str, Any]) -> None:
    seen = past["phone"]
    assert seen["heads"] == ["Started", "Status", "Request", "Took", "Client"]
    assert seen["reaches"]
    assert seen["wide"] <= 390, "the page itself is not scrolled sideways"


def test_axe_finds_nothing_serious_in_list_and_replay(past: dict[str, Any]) -> None:
    assert not "\n".join(past["findings"]), past["findings"]
