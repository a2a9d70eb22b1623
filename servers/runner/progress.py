"""Shows what the demo is doing: one line a step, with its duration.

Plain lines where it is no terminal.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console


class Step:
    """What a step has to say when it is done."""

    def __init__(self) -> None:
        self.said = ""

    def note(self, text: str) -> None:
        self.said = f": {text}"


class Steps:
    def __init__(self, console: Console) -> None:
        self._console = console

    @asynccontextmanager
    async def step(self, what: str) -> AsyncIterator[Step]:
        """Says what begins, and how long it took when it ends well."""
        step = Step()
        began = time.monotonic()
        if self._console.is_terminal:
            self._console.print(f"  … {what}", end="\r", style="dim", highlight=False)
        yield step
        took = time.monotonic() - began
        self._console.print(
            f"  {what}{step.said} ({took:.1f} s)", highlight=False, markup=False, soft_wrap=True
        )

    def warn(self, text: str) -> None:
        self._console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)
