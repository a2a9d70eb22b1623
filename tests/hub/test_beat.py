"""When frames are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from hub.defaults import FEW_VIEWERS, FRAME_INTERVAL_MS, MIN_FRAME_INTERVAL_MS
from hub.live.beat import Beat, interval_ms

NOTHING = np.zeros(0, np.int64)


@pytest.mark.parametrize("viewers", [1, FEW_VIEWERS])
def test_few_viewers_get_thirty_frames_a_second(viewers: int) -> None:
    assert interval_ms(viewers) == MIN_FRAME_INTERVAL_MS


def test_more_viewers_get_fewer_frames_but_ten_a_second() -> None:
    assert MIN_FRAME_INTERVAL_MS < interval_ms(FEW_VIEWERS * 2) < FRAME_INTERVAL_MS
    assert interval_ms(300) == interval_ms(10_000) == FRAME_INTERVAL_MS


def test_a_hub_at_which_nobody_looks_makes_no_more_frames_than_notices_need() -> None:
    assert interval_ms(0) == FRAME_INTERVAL_MS


class Beating:
    """A beat, and the frames that it asked for."""

    def __init__(self, viewers: int) -> None:
        self.beat = Beat(self.publish, lambda: viewers)
        self.published: asyncio.Queue[int] = asyncio.Queue()
        self.turns = 0

    def publish(self, now_ns: int) -> Iterator[None]:
        self.published.put_nowait(now_ns)
        yield
        self.turns += 1

    async def next_ns(self) -> int:
        async with asyncio.timeout(10):
            return await self.published.get()


@asynccontextmanager
async def beating(viewers: int) -> AsyncIterator[Beating]:
    made, stopping = Beating(viewers), asyncio.Event()
    running = asyncio.create_task(made.beat.run(stopping))
    try:
        yield made
    finally:
        stopping.set()
        async with asyncio.timeout(5):
            await running


async def test_news_make_a_frame_and_more_news_the_next_one_an_interval_later() -> None:
    async with beating(1_000) as made:
        made.beat.settled(NOTHING, NOTHING)
        first = await made.next_ns()
        for _ in range(100):
            made.beat.half_seen(NOTHING)
        second = await made.next_ns()
        assert second - first >= (FRAME_INTERVAL_MS - 5) * 1_000_000
        assert made.published.empty(), "one frame for all of them"


async def test_without_news_the_core_is_asked_all_the_same() -> None:
    async with beating(1) as made:
        await made.next_ns()
        await made.next_ns()
        assert made.turns >= 1


async def test_the_beat_ends_with_the_hub() -> None:
    made: Any
    async with beating(1) as made:
        await made.next_ns()
    assert made.turns
