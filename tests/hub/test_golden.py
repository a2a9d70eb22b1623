"""The hub's real answers, held to the golden examples and to the JSON Schemas."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from .golden import EXAMPLES, SCHEMA_OF, Scene, answers, text, validator

NAMES = sorted(set(SCHEMA_OF) - {"live_from_hub", "live_to_hub"})


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture
async def said(scene: Scene) -> dict[str, Any]:
    return await answers(scene)


async def test_every_endpoint_and_message_has_an_example(said: dict[str, Any]) -> None:
    assert sorted(said) == NAMES == sorted(path.stem for path in EXAMPLES.glob("*.json"))


async def test_the_hub_says_what_the_examples_show(said: dict[str, Any]) -> None:
    for name in NAMES:
        assert text(said[name]) == (EXAMPLES / f"{name}.json").read_text(), name


@pytest.mark.parametrize("name", NAMES)
def test_an_example_keeps_to_its_schema(name: str) -> None:
    validator()(name, json.loads((EXAMPLES / f"{name}.json").read_text()))


def test_the_schemas_refuse_what_is_not_documented() -> None:
    check = validator()
    call = json.loads((EXAMPLES / "call.json").read_text())
    for spoilt in ({**call, "extra": 1}, {**call, "origin": "elsewhere"}, {"id": call["id"]}):
        with pytest.raises(jsonschema.ValidationError):
            check("call", spoilt)


def test_the_examples_hold_what_they_are_there_for() -> None:
    calls = json.loads((EXAMPLES / "requests.json").read_text())["requests"]
    assert {call["origin"] for call in calls} == {
        "same_server",
        "cross_server",
        "cross_server_direct",
        "public",
        "hairpin",
        "outside",
        "undecided",
    }
    assert {call["join"]["missing"] for call in calls} == {None, "callee_half"}
    assert {101, 400, 404, 502} <= {call["status"] for call in calls}
    assert sum(len(call["hops"]) for call in calls) == 11


def test_a_snapshot_and_the_frames_behind_it_tell_the_same(scene: Scene) -> None:
    frame, after = scene.frame, scene.snapshot
    assert (scene.snapshot_before.seq, frame.seq, after.seq) == (1, 2, 2)
    assert frame.totals == after.totals
    assert sum(frame.totals.calls) == len(frame.packets.edge) == 10
    edges = {edge.index for edge in after.topology.edges}
    assert set(frame.packets.edge) <= edges
    assert {call.id for call in [*frame.errors, *frame.calls]} == {c.id for c in after.calls}
    assert {call.id for call in frame.errors} == {call.id for call in after.errors}
