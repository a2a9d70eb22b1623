"""How far a backfill is: a bar on a terminal, a line of the log every few seconds elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

logger = structlog.get_logger(__name__)

LINE_EVERY_S = 5.0
"""Without a terminal."""


class Backfill:
    """Shows acknowledged bytes of all bytes; a context manager."""

    def __init__(self, now_s: float, *, terminal: bool | None = None) -> None:
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._said_s = now_s

    def __enter__(self) -> Backfill:
        if self._terminal:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("shipping", total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, total: int, now_s: float) -> None:
        """`done` of `total` bytes are journalled."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=max(total, done))
        elif now_s - self._said_s >= LINE_EVERY_S and total:
            self._said_s = now_s
            logger.info("backfill", bytes=done, of=total, percent=round(100 * done / total, 1))


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
