"""Every answer of a running hub has the form that docs/schemas promises."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.e2e.conftest import Demo
from tests.e2e.hub_api import messages

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@cache
def registry() -> Registry[Any]:
    resources = [
        (file.name, Resource.from_contents(json.loads(file.read_bytes())))
        for file in SCHEMAS.glob("*.json")
    ]
    return Registry().with_resources(resources)


def check(answer: Any, schema: str) -> None:
    """Raises ValidationError with the place in the answer."""
    validator = jsonschema.Draft202012Validator(
        registry().contents(f"{schema}.schema.json"), registry=registry()
    )
    errors = sorted(validator.iter_errors(answer), key=lambda error: list(error.absolute_path))
    assert not errors, "; ".join(
        f"{schema} {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in errors[:5]
    )


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("network_info", "network_info"),
        ("api/v1/topology", "topology"),
        ("api/v1/requests?limit=2000", "requests"),
        ("api/v1/edges", "edges"),
        ("api/v1/edges?window=10s", "edges"),
        ("api/v1/edges?since=0", "edges"),
        ("api/v1/histogram", "histogram"),
        ("api/v1/servers", "servers"),
        ("api/v1/ledger", "ledger"),
        ("healthz", "health"),
        ("readyz", "health"),
    ],
)
def test_an_answer_has_its_form(demo: Demo, path: str, schema: str) -> None:
    answer = demo.hub.get(path)
    assert answer
    check(answer, schema)


def test_one_call_of_each_origin_has_its_form(demo: Demo) -> None:
    for origin in sorted(demo.first.origins):
        listed = demo.first.of(origin)[0]
        call = demo.hub.get(f"api/v1/requests/{listed['id']}")
        check(call, "call")
        assert call["id"] == listed["id"]
        assert call["revision"] >= listed["revision"]


def test_a_form_has_every_key_and_no_other(demo: Demo) -> None:
    forms = json.loads((SCHEMAS / "forms.schema.json").read_bytes())["$defs"]
    call = next(iter(demo.first.calls.values()))
    assert set(call) == set(forms["Call"]["properties"])
    assert set(call["hops"][0]) == set(forms["Hop"]["properties"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("api/v1/requests/no-such-call", 404),
        ("api/v1/nothing", 404),
        ("api/v1/requests?limit=many", 400),
        ("api/v1/requests?limit=10001", 400),
        ("api/v1/requests?origin=elsewhere", 400),
        ("api/v1/requests?since=yesterday-ish", 400),
        ("api/v1/requests?cursor=rubbish", 400),
        ("api/v1/edges?window=long", 400),
    ],
)
def test_an_error_is_a_problem_that_says_what_is_wrong(demo: Demo, path: str, status: int) -> None:
    answer = demo.hub.raw(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    check(answer.json(), "problem")
    assert answer.json()["detail"]


def test_ndjson_has_one_call_a_line_and_csv_a_head(demo: Demo) -> None:
    lines = demo.hub.raw("api/v1/requests", format="ndjson", limit=50).text.splitlines()
    assert len(lines) == 50
    check({"requests": [json.loads(line) for line in lines], "next_cursor": None}, "requests")
    rows = demo.hub.raw("api/v1/requests", format="csv", limit=50).text.splitlines()
    assert len(rows) == 51
    assert "origin" in rows[0].split(",")


def test_metrics_are_prometheus_text(demo: Demo) -> None:
    answer = demo.hub.raw("metrics")
    assert answer.status_code == 200
    assert "# TYPE hopwatch_" in answer.text


def test_access_logs_streams_arrays_of_their_form(demo: Demo) -> None:
    with demo.hub.socket("access_logs") as socket:
        for _, entries in zip(range(5), messages(socket, within_s=10), strict=False):
            check(entries, "access_logs")
            assert entries


def test_the_live_socket_begins_with_a_snapshot_and_goes_on_in_frames(demo: Demo) -> None:
    kinds, full = [], set()
    with demo.hub.socket("api/v1/live") as socket:
        for message in messages(socket, within_s=4):
            kinds.append(message["type"])
            check(message, "live_from_hub")
            full |= {key for key, value in message.items() if value}
    check({"type": "ack", "seq": 1}, "live_to_hub")
    assert kinds[0] == "snapshot"
    assert set(kinds[1:]) == {"frame"}
    assert len(kinds) > 20, "ten frames a second"
    assert full >= {"totals", "packets", "calls", "stats", "status"}


def test_a_browser_that_sends_rubbish_is_closed_with_a_reason(demo: Demo) -> None:
    for rubbish in ("rubbish", '{"type": "nothing"}', "[]"):
        with demo.hub.socket("api/v1/live") as socket:
            socket.recv(timeout=5)
            socket.send(rubbish)
            for _ in messages(socket, within_s=5):
                pass
            assert socket.close_code not in (None, 1000, 1006), rubbish
            assert socket.close_reason
    assert demo.hub.raw("healthz").status_code == 200
