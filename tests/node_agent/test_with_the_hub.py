"""The agent against the real hub's ingest and journal: the account of every line is exact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hub.model import BatchCommitted, InventorySeen, WatermarkSeen
from tests.hub.streams import Hub, running_hub

from .build import lines
from .conftest import Place


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - the hub has no event for what tests ask
            await asyncio.sleep(0.01)


def counts(hubs: list[Hub]) -> list[int]:
    """The request count of every journalled line, in the journal's order."""
    batches = [e for hub in hubs for e in hub.events if isinstance(e, BatchCommitted)]
    return [int(n) for batch in batches for n in batch.observations.request_count]


async def test_every_line_is_journalled_once_through_restarts_of_both(place: Place) -> None:
    hubs: list[Hub] = []
    for start in (0, 1000, 2000):
        place.append(lines(start, start + 900) + b"bad\n")
        async with running_hub(place.directory) as hub:
            hubs.append(hub)
            async with place.agent():
                await until(lambda s=start: len(counts(hubs)) == s + 900)
                place.append(lines(start + 900, start + 1000))
                await until(lambda s=start: len(counts(hubs)) == s + 1000)
    assert counts(hubs) == list(range(1, 3001))
    assert any(isinstance(event, InventorySeen) for event in hubs[0].events)


async def test_the_account_of_a_backfill_agrees_with_the_journal(place: Place) -> None:
    place.append(lines(0, 5000) + b"bad\n")
    async with running_hub(place.directory) as hub:
        await place.once()
        last = [e for e in hub.events if isinstance(e, WatermarkSeen) and e.complete]
    assert [(e.read, e.malformed, e.sent, e.behind_bytes) for e in last] == [(5001, 1, 5001, 0)]
    assert counts([hub]) == list(range(1, 5001))
