"""Agents of every release so far work with this hub: their recorded streams are taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hopwatch import __version__
from hopwatch.v1 import ingest_pb2 as pb

from hub.model import BatchCommitted, HelloSeen, InventorySeen
from tests.compatibility.recording import FEW, ROWS, STREAMS, read
from tests.hub.streams import Agent, running_hub

RELEASES = sorted(STREAMS.glob("*.stream"))


def test_this_release_is_recorded() -> None:
    """`python -m tests.compatibility.recording` records it."""
    assert STREAMS / f"{__version__}.stream" in RELEASES


@pytest.mark.parametrize("path", RELEASES, ids=[path.stem for path in RELEASES])
async def test_a_recorded_stream_is_taken_to_its_last_line(path: Path, tmp_path: Path) -> None:
    messages = list(read(path))
    assert {message.WhichOneof("message") for message in messages} == {
        "hello",
        "inventory",
        "batch",
        "watermark",
        "clock_probe",
        "log_sighting",
    }
    ends: dict[int, int] = {}
    for message in messages:
        if message.HasField("batch"):
            ends[message.batch.log] = message.batch.end_offset
    async with running_hub(tmp_path) as hub, Agent(hub.address) as agent:
        welcome = await agent.join(messages[0])
        assert welcome.protocol == messages[0].hello.protocol
        for message in messages[1:]:
            await agent.say(message)
        done: dict[int, pb.Resume] = {}
        while any(ends[log] > (done[log].offset if log in done else 0) for log in ends):
            answer = await agent.hear()
            assert not answer.HasField("refusal"), answer
            for resume in answer.ack.logs:
                done[resume.number] = resume
        batches = [event for event in hub.events if isinstance(event, BatchCommitted)]
        assert sum(batch.observations.rows for batch in batches) == ROWS + 2 * FEW
        assert sum(resume.malformed for resume in done.values()) == 1
        assert any(isinstance(event, HelloSeen) for event in hub.events)
        assert any(isinstance(event, InventorySeen) for event in hub.events)
