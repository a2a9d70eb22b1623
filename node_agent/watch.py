"""Wakes the agent when a log's directory changes: inotify, where it works.

Everything that reaches us only means "look again"; the looking finds out what happened, and
happens every 250 ms anyway. So a missed event costs time, never a line. Where inotify does not work
(another system, no watches left), `polls` is true and the beat is faster.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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

    @contextmanager
    def telling(self, tell: Callable[[], object]) -> Iterator[None]:
        """Within the block `tell` is called as long as there is something that `news` would say."""
        if self._inotify is None:
            yield
            return
        loop, fd = asyncio.get_running_loop(), self._inotify.fd
        loop.add_reader(fd, tell)
        try:
            yield
        finally:
            loop.remove_reader(fd)

    def news(self) -> bool:
        """Something has happened since the last call: thousands of events, unread by us."""
        if self._inotify is None:
            return False
        try:
            return bool(os.read(self._inotify.fd, EVENTS_BYTES))
        except BlockingIOError:
            return False

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
