"""A fault of the hub's own: nothing acknowledged is lost, and it does not go on without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.model import BatchCommitted
from hub.settle.pipeline import Pipeline

from .guarded import guarded_hub
from .streams import LINE_BYTES, Agent, hello, rows_batch


async def test_a_fault_of_the_core_ends_the_hub_and_the_next_start_has_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Pipeline.handle

    def faulty(self: Pipeline, events: Any, now_ns: int) -> None:
        events = list(events)
        if any(isinstance(event, BatchCommitted) for event in events):
            raise RuntimeError("a fault")
        handle(self, events, now_ns)

    monkeypatch.setattr(Pipeline, "handle", faulty)
    with pytest.raises(RuntimeError, match="a fault"):
        async with guarded_hub(tmp_path) as hub, Agent(hub.grpc) as agent:
            await agent.join(hello("server-a"))
            await agent.send(rows_batch(0, 3))
            await agent.acknowledged(3 * LINE_BYTES)
    monkeypatch.undo()
    async with guarded_hub(tmp_path) as hub:
        assert hub.hub.pipeline.rows_received == 3
