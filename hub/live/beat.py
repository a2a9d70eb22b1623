"""When frames are made: at once after a quiet time, then as often as the viewers' number allows.

Enters: news of the core, and how many pages are open. Leaves: calls of `publish`. What always
holds: two frames are an interval apart, or half of one where the first was late; without news the
core is asked ten times a second whether figures are due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from hub.columns.calls import Numbers
from hub.defaults import FEW_VIEWERS, FRAME_INTERVAL_MS, MIN_FRAME_INTERVAL_MS


def interval_ms(viewers: int) -> float:
    """Between two frames: sends a second stay what they are with `FEW_VIEWERS` at full speed; where
    nobody looks, notices and figures do not need more."""
    if not viewers:
        return FRAME_INTERVAL_MS
    share = viewers / FEW_VIEWERS
    return min(max(MIN_FRAME_INTERVAL_MS * share, MIN_FRAME_INTERVAL_MS), FRAME_INTERVAL_MS)


class Beat:
    """Calls `publish`; a listener of the pipeline."""

    def __init__(
        self, publish: Callable[[int], Iterable[None]], viewers: Callable[[], int]
    ) -> None:
        self._publish = publish
        self._viewers = viewers
        self._news = asyncio.Event()

    def settled(self, new: Numbers, amended: Numbers) -> None:
        """Calls are new or amended."""
        self._news.set()

    def half_seen(self, rows: Numbers) -> None:
        """Halves may be shown."""
        self._news.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until the hub stops."""
        due_s = time.monotonic()
        while not stopping.is_set():
            try:
                async with asyncio.timeout(FRAME_INTERVAL_MS / 1e3):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            interval_s, woken_s = interval_ms(self._viewers()) / 1e3, time.monotonic()
            for _ in self._publish(time.time_ns()):
                await asyncio.sleep(0)  # others get a turn
            # A busy loop wakes late each time; what it lost so it gets back with the next frame.
            begun_s = due_s if woken_s - due_s < interval_s / 2 else woken_s
            due_s = begun_s + interval_s
            await asyncio.sleep(due_s - time.monotonic())
