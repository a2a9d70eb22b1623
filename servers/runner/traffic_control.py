"""The supervisor's end of the traffic process's control socket.

Enters: which servers there are. Leaves: the process's answers; `TrafficError` says what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from servers.runner import defaults, namespaces
from servers.runner.mock_server import REPOSITORY
from servers.runner.namespaces import (
    INTERNET_MACHINE,
    INTRUDER_MACHINE,
    host_of,
    machine_of,
)
from servers.runner.plan import JOB, PUBLIC_PROXY, ServerPlan
from servers.runner.processes import Command
from servers.runner.sites import Sites

NAME = "traffic"


class TrafficError(Exception):
    """The traffic process could not do what it was asked."""


class TrafficControl:
    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._channel, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)

    def command(self, rate: float, summary: Path, log: Path) -> Command:
        ports = self._sites.ports
        arguments = [
            f"--socket={self._theirs.fileno()}",
            f"--mode={self._sites.mode.value}",
            *("--ports", str(ports.proxy), str(ports.service), str(ports.api)),
            f"--rate={rate}",
            f"--summary={summary}",
        ]
        return Command(
            name=NAME,
            argv=[sys.executable, "-m", "servers.runner.traffic", *arguments],
            log=log,
            enter=self._sites.entrance(INTERNET_MACHINE),
            cwd=REPOSITORY,
            pass_fds=[self._theirs.fileno()],
        )

    def started(self) -> None:
        """The process has its end now; ours tells us when it is gone."""
        self._theirs.close()

    async def check(self, servers: Sequence[ServerPlan]) -> None:
        """Returns when these servers answer, and know the ways to each other."""
        await self._ask("check", servers)

    async def play(self, servers: Sequence[ServerPlan]) -> None:
        """Returns when traffic goes to these servers only."""
        await self._ask("play", servers)

    async def stop(self) -> None:
        """Returns when no request is under way; the process then ends by itself."""
        await self._ask("stop", [])

    def close(self) -> None:
        self._channel.close()
        self._theirs.close()

    async def _ask(self, what: str, servers: Sequence[ServerPlan]) -> None:
        message: dict[str, Any] = {"do": what, "servers": [plan.number for plan in servers]}
        namespaces.send(self._channel, message, self._machines(servers))
        answer = await asyncio.get_running_loop().sock_recv(self._channel, namespaces.MAX_MESSAGE)
        if not answer:
            # Whoever watches the process says more about its end, and cancels this.
            await asyncio.sleep(defaults.TERMINATE_TIMEOUT_S)
            raise TrafficError("the traffic process does not answer any more")
        error = json.loads(answer)["error"]
        if error is not None:
            raise TrafficError(error)

    def _machines(self, servers: Sequence[ServerPlan]) -> dict[str, int]:
        """The machines that requests come from; none on loopback."""
        names = [INTERNET_MACHINE, INTRUDER_MACHINE]
        for plan in servers:
            names += [
                host_of(plan.id),
                machine_of(plan.id, JOB),
                machine_of(plan.id, PUBLIC_PROXY),
            ]
        known = self._sites.descriptors
        return {name: known[name] for name in names if name in known}
