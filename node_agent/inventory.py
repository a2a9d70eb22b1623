"""One inventory of what several sources know.

A source (configuration, Traefik API, Docker) reports the whole of what it knows each time; the
newest report of each counts, in the order of the sources. Nothing is told before each has reported:
to the hub, half an inventory would mean that everybody else is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from hopwatch.v1 import ingest_pb2 as pb


class Source(Protocol):
    """Somebody who knows the server."""

    @property
    def name(self) -> str:
        """For the log."""

    async def run(self, report: Callable[[pb.Inventory], Awaitable[None]]) -> None:
        """Report now and at each change; return when there is nothing more to come."""


class Inventory:
    """Merges the sources' reports."""

    def __init__(self, sources: Sequence[Source], changed: Callable[[pb.Inventory], None]) -> None:
        self._sources = sources
        self._changed = changed
        self._known: list[pb.Inventory] = [pb.Inventory() for _ in sources]
        self._awaited = set(range(len(sources)))

    def start(self, group: asyncio.TaskGroup, wait_s: float) -> list[asyncio.Task[None]]:
        """Listen to all sources, as long as they have something to say; so long the first report
        of each is waited for."""
        return [
            group.create_task(self._give_up_waiting(wait_s), name="first reports"),
            *(
                group.create_task(source.run(self._reporter(index)), name=source.name)
                for index, source in enumerate(self._sources)
            ),
        ]

    def merged(self) -> pb.Inventory:
        """What is known now."""
        whole = pb.Inventory()
        for known in self._known:
            whole.MergeFrom(known)
        networks = _by_name(whole.networks)
        del whole.networks[:]
        whole.networks.extend(networks)
        return whole

    def _reporter(self, index: int) -> Callable[[pb.Inventory], Awaitable[None]]:
        async def report(found: pb.Inventory) -> None:
            first, news = index in self._awaited, found != self._known[index]
            self._awaited.discard(index)
            self._known[index] = found
            if (first or news) and not self._awaited:
                self._changed(self.merged())

        return report

    async def _give_up_waiting(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        reported = len(self._awaited) < len(self._sources)
        if self._awaited and reported:
            self._changed(self.merged())
        self._awaited.clear()


def _by_name(networks: Iterable[pb.Network]) -> list[pb.Network]:
    """One of each name: what several sources say of it, together."""
    found: dict[str, pb.Network] = {}
    for network in networks:
        known = found.setdefault(network.name, pb.Network(name=network.name))
        known.subnets.extend(one for one in network.subnets if one not in known.subnets)
        known.gateways.extend(one for one in network.gateways if one not in known.gateways)
        known.shared |= network.shared
        known.ignored |= network.ignored
    return list(found.values())
