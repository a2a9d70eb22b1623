"""Requests that one proxy sees whole, of any origin.

Enters: a scenario, its servers, a kind. Leaves: `Truth` of requests at random times.
"""

from __future__ import annotations

import numpy as np

from bench.truth.groups import chosen, service_times
from bench.truth.names import STRANGERS, VISITORS, Names
from bench.truth.scenario import Key, Kind, Scenario
from bench.truth.sites import SECOND, Sites, Times
from bench.truth.truth import NOT_JUDGED, Fan, Hop, Mask, Numbers, Truth, nothing
from hub.enums import Missing, Origin, Reason

_ORIGINS = {
    Kind.SAME: Origin.SAME_SERVER,
    Kind.PUBLIC: Origin.PUBLIC,
    Kind.DIRECT: Origin.CROSS_SERVER_DIRECT,
    Kind.OUTSIDE: Origin.OUTSIDE,
    Kind.UNDECIDED: Origin.UNDECIDED,
    Kind.HAIRPIN: Origin.HAIRPIN,
    Kind.UNROUTED: Origin.SAME_SERVER,
}


class Alone:
    """Makes them."""

    def __init__(
        self, scenario: Scenario, sites: Sites, names: Names, random: np.random.Generator
    ) -> None:
        self._scenario, self._sites, self._names, self._random = scenario, sites, names, random

    def made(self, kind: Kind, count: int) -> Truth:
        """Requests of one kind at random times."""
        scenario, sites, random = self._scenario, self._sites, self._random
        length = int(scenario.seconds * SECOND)
        start = random.integers(0, length, count)
        server = random.integers(0, scenario.servers, count)
        other = (server + random.integers(1, max(scenario.servers, 2), count)) % scenario.servers
        start = np.minimum(start, length - SECOND)
        duration = service_times(count, random)
        path = random.integers(0, scenario.paths, count)
        container = sites.containers(server, start, random)
        target = sites.containers(server, start, random)
        by_name = random.random(count) < 0.5
        client, person = self._callers(kind, server, other, container, start)
        to, url, router = self._callees(kind, server, path % 8, target, by_name, start)
        unrouted = np.full(count, kind is Kind.UNROUTED)
        status = np.where(unrouted, 404, np.where(random.random(count) < 0.02, 500, 200))
        first = Hop(
            server,
            np.full(count, kind in (Kind.PUBLIC, Kind.HAIRPIN)),
            start,
            np.where(unrouted, 50_000, duration),
            np.where(unrouted, 0, np.maximum(duration - 60_000, 1)),
            status,
            np.where(unrouted, 0, status),
            client,
            np.zeros(count, np.int64),
            self._names.paths[path].astype(np.int64),
            router,
            url,
            np.zeros(count, bool),
        )
        key = chosen(scenario.keys.shares(), count, random)
        direct = kind is Kind.DIRECT
        lossy = scenario.trouble.lost > 0
        reason = (NOT_JUDGED if lossy else Reason.DIRECT) if direct else Reason.NONE
        return Truth(
            np.full(count, kind),
            key,
            np.full(count, -1),
            np.ones(count, np.int64),
            np.where(key == Key.TRACE, Fan.ALONE, Fan.NO_TRACE),
            self._names.methods[random.integers(0, 2, count)].astype(np.int64),
            np.where(key == Key.TRACE, np.arange(1, count + 1), 0),
            np.full(count, -1),
            person,
            to,
            np.full(count, _ORIGINS[kind]),
            np.full(count, NOT_JUDGED if direct else Missing.NOTHING),
            np.full(count, reason),
            first,
            nothing(first),
        )

    def _callers(
        self, kind: Kind, server: Numbers, other: Numbers, container: Numbers, start: Times
    ) -> tuple[Numbers, Numbers]:
        """Peer addresses, and who that is."""
        sites, random, count = self._sites, self._random, len(server)
        if kind is Kind.PUBLIC:
            visitors = self._names.visitors[random.integers(0, VISITORS, count)]
            return visitors, np.full(count, self._names.internet)
        if kind is Kind.OUTSIDE:
            strangers = self._names.strangers[random.integers(0, STRANGERS, count)]
            return strangers, self._names.outsiders[strangers - self._names.strangers[0]]
        if kind is Kind.UNDECIDED:
            hidden = np.stack(
                [
                    np.full(count, self._names.gateway),
                    np.full(count, self._names.loopback),
                    sites.internal[server],
                ]
            )
            return hidden[random.integers(0, 3, count), np.arange(count)], self._names.hosts[server]
        if kind is Kind.DIRECT:
            return sites.internal[other], self._names.servers[other]
        if kind is Kind.HAIRPIN:
            by_public = random.random(count) < 0.5
            peers = np.where(by_public, sites.public[other], sites.internal[other])
            return peers, self._names.servers[other]
        return sites.addresses[container], sites.owners(server, container, start)

    def _callees(
        self,
        kind: Kind,
        server: Numbers,
        service: Numbers,
        target: Numbers,
        by_name: Mask,
        start: Times,
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Who was called, the upstream's URL, and the router."""
        if kind is Kind.UNROUTED:
            nothing = np.zeros(len(server), np.int64)
            return self._names.proxies[server], nothing, nothing
        owners = self._sites.owners(server, target, start)
        to = np.where(by_name, self._names.services[server, service], owners)
        url = np.where(by_name, self._names.named[service], self._names.own_urls[target])
        # where the upstream is an address, the router bears some other name: it decides nothing
        return to, url, self._names.own_routers[service].astype(np.int64)
