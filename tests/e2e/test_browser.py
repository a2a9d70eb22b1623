"""What a person sees of the real demo, seen by a real Chromium."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import browser
from tests.e2e.conftest import Demo
from tests.e2e.hub_api import eventually

REASON = browser.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

PICTURES = browser.REPOSITORY / "docs" / "images"
SERVERS = ("server-a", "server-b")


def topology(demo: Demo) -> dict[str, Any]:
    answer: dict[str, Any] = demo.hub.get("api/v1/topology")
    return answer


def of_kind(demo: Demo, kind: str) -> list[str]:
    return [node["id"] for node in topology(demo)["nodes"] if node["kind"] == kind]


def busy_addresses(demo: Demo) -> list[str]:
    return [node["id"] for node in topology(demo)["nodes"] if node["within"] == "internet"]


@pytest.fixture(scope="module")
def seen(demo: Demo) -> dict[str, Any]:
    """One visit to the view."""

    def cross_server() -> list[str]:
        edges = demo.hub.get("api/v1/edges", window="10s")["edges"]
        busy = [e for e in edges if e["origin"] == "cross_server" and e["calls"]]
        return [edge["id"] for edge in sorted(busy, key=lambda e: -e["calls"])]

    busy = eventually(lambda: busy_addresses(demo), "busy addresses of the internet", within_s=60)
    nodes = [*of_kind(demo, "service"), *of_kind(demo, "proxy"), *of_kind(demo, "outside"), *busy]
    answer: dict[str, Any] = browser.run(
        "see_demo.mjs",
        {
            "url": demo.hub.url,
            "nodes": [*SERVERS, *nodes],
            "crossServerEdges": eventually(cross_server, "cross-server calls", within_s=10),
        },
    )
    return answer


def test_nothing_went_wrong_on_the_page(seen: dict[str, Any]) -> None:
    assert not seen["consoleErrors"]
    assert not seen["pageErrors"]
    assert not seen["failed"]


def test_the_page_asks_nobody_but_its_hub(seen: dict[str, Any]) -> None:
    assert not seen["strangers"]


def test_the_view_says_that_it_is_live_and_what_it_may_claim(seen: dict[str, Any]) -> None:
    assert seen["live"].strip() == "LIVE"
    assert "2 of 2 servers" in seen["statusBar"]
    assert "0 malformed" in seen["statusBar"]
    assert "0 missing" in seen["statusBar"]


def test_both_hulls_are_drawn_and_hold_their_services(seen: dict[str, Any]) -> None:
    hulls = {node["id"]: node for node in seen["nodes"] if node["kind"] == "hull"}
    assert set(hulls) == set(SERVERS)
    for node in seen["nodes"]:
        if node["kind"] != "service":
            continue
        hull = hulls[next(server for server in SERVERS if server in node["id"])]
        assert hull["x"] <= node["x"]
        assert node["x"] + node["w"] <= hull["x"] + hull["w"]
        assert hull["y"] <= node["y"]
        assert node["y"] + node["h"] <= hull["y"] + hull["h"]
    for hull in hulls.values():
        assert hull["x"] >= 0
        assert hull["y"] >= 0
        assert hull["x"] + hull["w"] <= 1600
        assert hull["y"] + hull["h"] <= 948


def test_requests_move_as_packets(demo: Demo, seen: dict[str, Any]) -> None:
    assert len(seen["packets"]) == 10
    drawn = {packet["edgeId"] for packet in seen["packets"]}
    assert drawn <= {edge["id"] for edge in topology(demo)["edges"]}


def test_a_cross_server_call_opens_with_two_hops_and_how_it_was_joined(
    seen: dict[str, Any],
) -> None:
    text = seen["crossServer"]["text"].lower()
    assert "hop 1 ·" in text
    assert "hop 2 ·" in text
    assert "server-a" in text
    assert "server-b" in text
    assert "by hop id" in text
    assert "cross-server" in text
    assert "between the servers" in text, "on one time axis"


def test_an_intruder_is_a_node_of_its_own_and_a_notice(demo: Demo, seen: dict[str, Any]) -> None:
    (outside,) = of_kind(demo, "outside")
    marks = [node for node in seen["nodes"] if node["kind"] == "outside"]
    assert [mark["id"] for mark in marks] == [outside]
    hulls = [node for node in seen["nodes"] if node["kind"] == "hull"]
    assert not any(
        hull["x"] < marks[0]["x"] < hull["x"] + hull["w"]
        and hull["y"] < marks[0]["y"] < hull["y"] + hull["h"]
        for hull in hulls
    ), "it stands outside every server"
    knocks = [notice for notice in seen["notices"] if "10.10.0.99 knocks on" in notice]
    assert len(knocks) >= 2, "on both servers"


def test_the_busiest_addresses_of_the_internet_are_sources_of_their_own(
    demo: Demo, seen: dict[str, Any]
) -> None:
    left = min(node["x"] for node in seen["nodes"] if node["kind"] == "hull")
    drawn = {node["id"]: node for node in seen["nodes"] if node["id"].startswith("internet:")}
    assert drawn
    assert set(drawn) <= set(busy_addresses(demo))
    for id, node in drawn.items():
        assert node["x"] + node["w"] < left, "in the column of sources"
        calls = demo.hub.get("api/v1/requests", node=id)["requests"]
        assert {call["from"]["address"] for call in calls} == {id.removeprefix("internet:")}
        assert {call["from"]["node"] for call in calls} == {"internet"}
        assert f"{id.removeprefix('internet:')}" in seen["table"]


def test_bad_requests_are_listed_in_red_with_their_details(seen: dict[str, Any]) -> None:
    bad = seen["bad"]
    codes = {row.split()[0] for row in bad["rows"]}
    assert codes & {"400", "404"}
    assert "502" in codes
    assert not any(code.startswith(("2", "3")) for code in codes)
    red, green, blue = colour(bad["colour"])
    assert red > green
    assert red > blue
    assert "hop 1 ·" in bad["details"].lower()


def test_the_stretch_states_its_default_and_what_it_does(seen: dict[str, Any]) -> None:
    stretch = seen["stretch"]
    default = next(text for text in stretch["options"] if "default" in text)
    assert stretch["value"] in default
    assert "10 ms shown as 0.4 s" in stretch["text"]
    assert stretch["after"] != stretch["text"]


def test_the_theme_can_be_changed(seen: dict[str, Any]) -> None:
    themes = dict(seen["themes"])
    assert set(themes) == {"dark", "light"}
    assert themes["dark"] != themes["light"]


def test_the_table_says_the_same_to_a_screen_reader(seen: dict[str, Any]) -> None:
    for name in ("communicating-service", "non-communicating-service", "private-server-proxy"):
        assert name in seen["table"]
    assert "outside knock" in seen["table"]


def test_a_service_is_found_by_a_part_of_its_name(seen: dict[str, Any]) -> None:
    assert len(seen["found"]) >= 2
    assert all("non-communicating" in text for text in seen["found"][:2])
    assert seen["searched"] == "non-communicating-service"


@pytest.mark.parametrize("name", ["overview-dark", "overview-light", "request-dark"])
def test_the_pictures_of_the_docs_are_taken_from_the_running_demo(
    demo: Demo, tmp_path: Path, name: str
) -> None:
    """Into the repository only when asked: HOPWATCH_WRITE_SCREENSHOTS=1, `make screenshots`."""
    asked = os.environ.get("HOPWATCH_WRITE_SCREENSHOTS") == "1"
    path = (PICTURES if asked else tmp_path) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    services = of_kind(demo, "service")
    inspected = next(id for id in services if "server-a" in id and "non-" in id)
    answer = browser.run(
        "screenshot.mjs",
        {
            "url": demo.hub.url,
            "nodes": [*SERVERS, *services, *of_kind(demo, "outside")],
            "path": str(path),
            "watchedS": 60 if asked else 0,
            "theme": name.partition("-")[2],
            "service": inspected if name.startswith("request") else None,
        },
    )
    assert not answer["consoleErrors"]
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 50_000


def colour(text: str) -> tuple[float, float, float]:
    """`rgb(251, 113, 133)`."""
    red, green, blue = text.partition("(")[2].rstrip(")").split(",")[:3]
    return float(red), float(green), float(blue)
