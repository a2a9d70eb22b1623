"""The demo's child processes: each in a session of its own, each dead when we are.

Enters: commands. Leaves: running children, and `Crashed` (raised in the task group) when one ends
that was not asked to. What always holds: the kernel kills every child when the supervisor ends, by
whatever cause; `stop` returns only when the process is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from servers.runner import defaults


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, where its output goes, and what it does first."""

    name: str
    argv: Sequence[str]
    log: Path
    enter: Callable[[], None]
    cwd: Path | None = None
    pass_fds: Sequence[int] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Crashed(Exception):
    """A child ended unasked. The message names it and shows the end of its log."""


@dataclass(slots=True)
class Child:
    command: Command
    process: asyncio.subprocess.Process
    stopping: bool = False

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def how(self) -> str:
        """How it ended."""
        code = self.process.returncode or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    @property
    def ended_well(self) -> bool:
        """After SIGTERM; one that was still starting has no handler for it yet."""
        return self.process.returncode in (0, -signal.SIGTERM)

    def crash(self) -> Crashed:
        last = tail(self.command.log)
        log = "".join(f"\n  {line}" for line in last) if last else " (empty)"
        return Crashed(f"{self.name} {self.how}; the end of {self.command.log}:{log}")


class Processes:
    """All children by name, in the order of their start."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._children: dict[str, Child] = {}

    @property
    def pids(self) -> dict[str, int]:
        return {name: child.process.pid for name, child in self._children.items()}

    async def start(self, command: Command) -> None:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with command.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=command.cwd,
                pass_fds=command.pass_fds,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **command.environment},
                preexec_fn=command.enter,
                start_new_session=True,
            )
        child = self._children[command.name] = Child(command, process)
        self._group.create_task(self._watch(child), name=f"watch {command.name}")

    async def _watch(self, child: Child) -> None:
        await child.process.wait()
        if not child.stopping:
            raise child.crash()
        self._children.pop(child.name, None)

    async def stop(self, names: Sequence[str]) -> dict[str, str]:
        """SIGTERM to these at once, SIGKILL to what stays. Returns who ended badly, and how."""
        known = [self._children[name] for name in names if name in self._children]
        children = [child for child in known if child.process.returncode is None]
        for child in children:
            child.stopping = True
            _signal(child, signal.SIGTERM)
        waits = [asyncio.ensure_future(child.process.wait()) for child in children]
        if waits:
            await asyncio.wait(waits, timeout=defaults.TERMINATE_TIMEOUT_S)
        killed = [child for child in children if child.process.returncode is None]
        for child in killed:
            _signal(child, signal.SIGKILL)
        await asyncio.gather(*waits)
        return {child.name: child.how for child in children if not child.ended_well}

    def expect_end(self, name: str) -> None:
        """This one will end by itself."""
        if name in self._children:
            self._children[name].stopping = True

    async def ended(self, name: str) -> None:
        """Wait until this one has ended by itself; it is killed if it does not."""
        child = self._children.get(name)
        if child is None:
            return
        try:
            async with asyncio.timeout(defaults.TERMINATE_TIMEOUT_S):
                await child.process.wait()
        except TimeoutError:
            _signal(child, signal.SIGKILL)
            await child.process.wait()

    def kill_all(self) -> None:
        """At once, without waiting: what the kernel would do if we ended now."""
        for child in self._children.values():
            child.stopping = True
            _signal(child, signal.SIGKILL)


def _signal(child: Child, number: signal.Signals) -> None:
    """To its whole session, so that nothing it started stays."""
    if child.process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, number)


def tail(log: Path, lines: int = defaults.LOG_TAIL_LINES) -> list[str]:
    try:
        with log.open(errors="replace") as file:
            return [line.rstrip("\n")[:500] for line in deque(file, lines)]
    except OSError:
        return []
