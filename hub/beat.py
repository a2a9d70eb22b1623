"""When frames are made: at once after a quiet time, then as often as the viewers' number allows.

Enters: news of the core, and how many pages are open. Leaves: calls of `publish`. What always
holds: two frames are at least an interval apart, and never more than `FRAME_INTERVAL_MS` while
something happens; without news the core is asked ten times a second whether figures are due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from hub.calls import Numbers
from hub.defaults import FEW_VIEWERS, FRAME_INTERVAL_MS, MIN_FRAME_INTERVAL_MS


def interval_ms(viewers: int) -> float:
    """Between two frames: sends a second stay what they are with `FEW_VIEWERS` at full speed."""
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
        while not stopping.is_set():
            try:
                async with asyncio.timeout(FRAME_INTERVAL_MS / 1e3):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            began_s = time.monotonic()
            for _ in self._publish(time.time_ns()):
                await asyncio.sleep(0)  # others get a turn
            took_s = time.monotonic() - began_s
            await asyncio.sleep(max(interval_ms(self._viewers()) / 1e3 - took_s, 0))
