"""How a person works with the view: by mouse, by keyboard, on a phone, with the hub away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import browser
from tests.e2e.conftest import Demo
from tests.e2e.hopwatch import Workbench

REASON = browser.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

SERVERS = ("server-a", "server-b")


def services(hub: Any) -> list[str]:
    nodes = hub.get("api/v1/topology")["nodes"]
    return [node["id"] for node in nodes if node["kind"] == "service"]


@pytest.fixture(scope="module")
def chosen(demo: Demo) -> dict[str, Any]:
    """One visit that filters, changes views, closes a hull, drags a card, pauses."""
    ids = services(demo.hub)
    answer: dict[str, Any] = browser.run(
        "choose.mjs",
        {
            "url": demo.hub.url,
            "nodes": [*SERVERS, *ids],
            "server": "server-a",
            "service": next(id for id in ids if "server-a" in id and "non-" in id),
        },
    )
    assert not answer["consoleErrors"]
    assert not answer["pageErrors"]
    assert not answer["strangers"]
    return answer


def test_a_filter_draws_only_what_fits_and_stands_in_the_address(chosen: dict[str, Any]) -> None:
    seen = chosen["filter"]
    assert "q=origin%3Across_server" in seen["address"]
    assert "fitted since" in seen["fits"]
    assert len(seen["edges"]) >= 5
    assert {edge.rpartition(":")[2] for edge in seen["edges"]} == {"cross_server"}


def test_a_wrong_filter_is_answered_with_what_to_do(chosen: dict[str, Any]) -> None:
    assert "did you mean status:" in chosen["filter"]["error"]


def test_noise_is_hidden_by_one_click_and_the_menu_makes_terms(chosen: dict[str, Any]) -> None:
    address, pressed = chosen["filter"]["noise"]
    assert "q=-is%3Anoise" in address
    assert pressed == "false"
    assert chosen["filter"]["menu"] == "method:POST"


def test_services_of_one_name_are_one_node_and_flat_has_no_hulls(chosen: dict[str, Any]) -> None:
    merged = chosen["views"]["Services"]
    assert "service:non-communicating-service" in merged["ids"]
    assert merged["address"] == "?view=services"
    assert not any("communicating" in id and id.startswith("server-") for id in merged["ids"])
    flat = chosen["views"]["Flat"]
    assert not flat["hulls"]
    assert len([id for id in flat["ids"] if "non-communicating" in id]) == 2
    assert chosen["views"]["Servers"]["address"] == ""


def test_a_closed_hull_shows_its_totals_and_stays_closed_in_this_browser(
    chosen: dict[str, Any],
) -> None:
    for ids in chosen["collapse"].values():
        assert "all:server-a" in ids
        assert not any("communicating-service" in id and "server-a" in id for id in ids)
        assert any("communicating-service" in id and "server-b" in id for id in ids)


def test_a_card_stays_where_it_was_dragged(chosen: dict[str, Any]) -> None:
    drag = chosen["drag"]
    assert drag["dragged"]["x"] > drag["before"]["x"] + 20
    assert drag["reloaded"]["x"] == pytest.approx(drag["dragged"]["x"], abs=1)
    assert drag["reloaded"]["y"] == pytest.approx(drag["dragged"]["y"], abs=1)


def test_a_pause_freezes_the_picture_and_not_the_data(chosen: dict[str, Any]) -> None:
    before, after = chosen["pause"]["packets"]
    assert before == after
    assert chosen["pause"]["words"] == "PAUSED"


def test_a_link_opens_the_same_view(chosen: dict[str, Any]) -> None:
    assert "select=node" in chosen["link"]["address"]
    assert chosen["link"]["title"] == "non-communicating-service"


def test_everything_is_reached_without_a_mouse(demo: Demo) -> None:
    seen = browser.run(
        "keyboard.mjs", {"url": demo.hub.url, "nodes": [*SERVERS, *services(demo.hub)]}
    )
    assert len(set(seen["walked"])) >= 4, "each arrow leads on"
    assert all("calls" in words for words in seen["walked"]), "and says the figures"
    assert seen["opened"] in seen["walked"][-1]
    assert seen["request"] == "Request"
    assert seen["lists"] == ["Bad requests", "Notices"]
    assert "non-communicating-service" in seen["table"]
    assert "Search" in seen["search"]


@pytest.mark.parametrize(
    ("theme", "width", "height"),
    [("dark", 1440, 900), ("light", 1440, 900), ("dark", 390, 844), ("light", 390, 844)],
)
def test_axe_finds_nothing_serious_and_nothing_lies_outside_the_window(
    demo: Demo, theme: str, width: int, height: int
) -> None:
    seen = browser.run(
        "access.mjs",
        {
            "url": demo.hub.url,
            "nodes": [*SERVERS, *services(demo.hub)],
            "theme": theme,
            "width": width,
            "height": height,
        },
    )
    assert not "\n".join(seen["findings"])
    assert seen["wide"] <= 0
    assert not seen["outside"]


def test_the_view_says_that_the_hub_is_gone_and_goes_on_when_it_is_back(
    workbench: Workbench,
) -> None:
    workbench.start_hub()
    workbench.start_agents()
    workbench.wait_until_connected()
    arguments = {"url": workbench.hub.url, "nodes": list(SERVERS), "timeoutMs": 40_000}
    with browser.talk("reconnect.mjs", arguments) as page:
        page.wait_for("live")
        workbench.kill("hub")
        page.wait_for("lost")
        workbench.start_hub()
        seen = page.result()
    assert seen["lost"]["words"] == "RECONNECTING"
    assert "No connection to the hub" in seen["lost"]["claims"]
    assert seen["lost"]["nodes"] > len(SERVERS), "what was known stays on the screen"
    assert seen["packet"]
    assert "No connection" not in seen["claims"]
    assert not seen["pageErrors"]
