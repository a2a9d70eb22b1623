"""Wakes the agent when a log's directory changes: inotify, where it works.

Everything that reaches us only means "look again"; the looking finds out what happened, and
happens every 250 ms anyway. So a missed event costs time, never a line. Where inotify does not work
(another system, no watches left), `polls` is true and the beat is faster.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncinotify import Inotify

EVENTS_BYTES = 64 * 1024
"""Read at once: more than a coalescing interval brings."""


class Watch:
    """The directories of some logs."""

    def __init__(self, logs: Iterable[Path]) -> None:
        self._logs = tuple(logs)
        self._watched: set[Path] = set()
        self._inotify: Inotify | None = None
        self.reason = ""
        """Why inotify does not work."""
        try:
            from asyncinotify import Inotify

            self._inotify = Inotify(sync_timeout=0)
            os.set_blocking(self._inotify.fd, False)
        except (ImportError, OSError, AttributeError, TypeError) as error:
            self.reason = str(error)
        self.refresh()

    @property
    def polls(self) -> bool:
        """inotify does not wake us for all of the logs."""
        return self._inotify is None or not self._watched

    def refresh(self) -> None:
        """Watch directories that have come into being; those of symlinks' targets, too."""
        if self._inotify is None:
            return
        from asyncinotify import Mask

        mask = (
            Mask.MODIFY
            | Mask.CREATE
            | Mask.DELETE
            | Mask.MOVED_FROM
            | Mask.MOVED_TO
            | Mask.DELETE_SELF
            | Mask.MOVE_SELF
        )
        present = {found for log in self._logs for found in _directories(log)}
        for directory in present - self._watched:
            try:
                self._inotify.add_watch(directory, mask)
            except OSError as error:
                self.reason = f"{directory}: {error.strerror}"
            else:
                self._watched.add(directory)
        self._watched &= present

    async def changed(self) -> None:
        """Return when something has happened since `forget`; without inotify, never."""
        if self._inotify is None:
            await asyncio.Event().wait()
            return
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._inotify.fd, told.set)
        try:
            await told.wait()
        finally:
            if self._inotify.fd >= 0:
                loop.remove_reader(self._inotify.fd)

    def forget(self) -> None:
        """What has happened until now will be seen: thousands of events, unread by us."""
        if self._inotify is not None:
            with suppress(BlockingIOError):
                os.read(self._inotify.fd, EVENTS_BYTES)

    def close(self) -> None:
        """Let go of the watches."""
        if self._inotify is not None:
            self._inotify.close()


def _directories(log: Path) -> set[Path]:
    found = set()
    for directory in (log.parent, log.resolve().parent):
        if directory.is_dir():
            found.add(directory)
    return found
