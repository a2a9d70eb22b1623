"""Requests from server to server, which have two lines each.

Enters: a scenario and its servers. Leaves: `Truth` of groups of identical requests, of those that
go wrong, and of WebSockets.
"""

from __future__ import annotations

import numpy as np

from bench.truth.groups import (
    Groups,
    fire,
    in_flight,
    keys_of_ways,
    make_groups,
    paced,
    service_times,
)
from bench.truth.names import VISITORS, Names
from bench.truth.scenario import Key, Kind, Scenario
from bench.truth.sites import CONTAINERS, SECOND, Sites, Times
from bench.truth.truth import Fan, Hop, Mask, Numbers, Truth
from hub.enums import Missing, Origin, Reason

TIMEOUT_NS = 250_000_000
"""How long whoever gives up has waited."""


class Crossing:
    """Makes them."""

    def __init__(
        self, scenario: Scenario, sites: Sites, names: Names, random: np.random.Generator
    ) -> None:
        self._scenario, self._sites, self._names, self._random = scenario, sites, names, random
        self._keys = keys_of_ways(scenario, random)

    def made(self, rate: float) -> Truth:
        """Groups of identical requests."""
        scenario, random = self._scenario, self._random
        groups = make_groups(scenario, self._keys, rate, random)
        fired = fire(scenario, groups, rate, random)
        group, count = fired.group, len(fired.group)
        kind = self._kinds(groups.public[group], groups.key[group])
        caller, callee = groups.caller[group], groups.callee[group]
        there, back = self._ways(caller, callee), self._ways(callee, caller)
        inside = service_times(count, random)
        whole = there + inside + back
        gave_up = (kind == Kind.TIMEOUT) | (kind == Kind.ABORT)
        whole[gave_up] = TIMEOUT_NS
        refused = kind == Kind.UNREACHABLE
        whole[refused] = 2 * self._sites.way_ns[caller, callee].astype(np.int64)[refused]
        start = paced(fired, whole)
        kept = start + whole < int(scenario.seconds * SECOND)
        order = np.flatnonzero(kept)
        inside[gave_up] = (whole - there + back)[gave_up]  # it learns of the end by the network
        made = self._crossing(
            groups,
            group[order],
            kind[order],
            start[order],
            whole[order],
            start[order] + there[order],
            inside[order],
        )
        made.trace, made.fan = self._traces(groups, fired.worker[order], made)
        return made

    def _kinds(self, public: Mask, key: Numbers) -> Numbers:
        trouble = self._scenario.trouble
        drawn = self._random.random(len(public))
        bounds = np.cumsum([trouble.timeout, trouble.abort, trouble.unreachable, trouble.hidden])
        kinds = np.array(
            [Kind.TIMEOUT, Kind.ABORT, Kind.UNREACHABLE, Kind.HIDDEN, Kind.CROSS], np.int64
        )[np.searchsorted(bounds, drawn, side="right")]
        bare = (kinds == Kind.HIDDEN) & (key != Key.HOP) & (key != Key.TRACE)
        return np.where(public, Kind.PUBLIC_CROSS, np.where(bare, Kind.CROSS, kinds))

    def _ways(self, origin: Numbers, goal: Numbers) -> Times:
        """One way through proxy and network: what it always takes, and what sometimes comes on
        top. One in a hundred queues, for 2 ms on average."""
        random, count = self._random, len(origin)
        jitter = random.lognormal(np.log(60e3), 0.8, count)
        queued = np.where(random.random(count) < 0.01, random.exponential(2e6, count), 0)
        return (self._sites.way_ns[origin, goal] + jitter + queued).astype(np.int64)

    def _crossing(
        self,
        groups: Groups,
        group: Numbers,
        kind: Numbers,
        start: Times,
        whole: Times,
        inner_start: Times,
        inner: Times,
    ) -> Truth:
        """Requests of these groups and kinds: starts and durations at both proxies."""
        sites, random, count = self._sites, self._random, len(group)
        caller, callee, path = groups.caller[group], groups.callee[group], groups.path[group]
        public, key = groups.public[group], groups.key[group]
        longer = groups.longer[group]
        own_path = np.where(longer, self._names.longer[path], self._names.paths[path])
        prefixed = np.where(
            longer, self._names.prefixed_longer[callee, path], self._names.prefixed[callee, path]
        )
        container = sites.containers(caller, start, random)
        two = container < CONTAINERS  # a group's requests come of two containers, and of jobs
        container[two] = ((group + random.integers(0, 2, count)) % CONTAINERS)[two]
        visitor = self._names.visitors[random.integers(0, VISITORS, count)]
        client = np.where(public, visitor, sites.addresses[container])
        service = path % 8
        status, upstream_status = _statuses(kind, True)
        status2, upstream_status2 = _statuses(kind, False)
        refused, hidden = kind == Kind.UNREACHABLE, kind == Kind.HIDDEN
        # the contract lets a hop id prove any peer, a trace id only loopback's
        veiled = np.where(key == Key.HOP, self._names.gateway, self._names.loopback)
        claims = (key == Key.FORWARDED) & ~public
        origin = np.where(public, Origin.PUBLIC, Origin.CROSS_SERVER)
        person = np.where(
            public,
            self._names.internet,
            sites.owners(caller, container, start),
        )
        to = np.where(refused, self._names.servers[callee], self._names.services[callee, service])
        overhead = random.lognormal(np.log(60e3), 0.5, count).astype(np.int64)
        first = Hop(
            caller,
            public,
            start,
            whole,
            np.maximum(whole - overhead, 1),
            status,
            upstream_status,
            client,
            np.zeros(count, np.int64),
            np.where(groups.stripped[group], prefixed, own_path),
            self._names.routers[callee],
            self._names.urls[callee],
            np.zeros(count, bool),
        )
        second = Hop(
            np.where(refused, -1, callee),
            np.zeros(count, bool),
            inner_start,
            inner,
            np.maximum(inner - overhead, 1),
            status2,
            upstream_status2,
            np.where(hidden, veiled, sites.internal[caller]),
            np.where(claims & ~hidden, client, 0),
            own_path,
            self._names.own_routers[service],
            self._names.named[service],
            np.zeros(count, bool),
        )
        return Truth(
            kind,
            key,
            group.copy(),
            in_flight(group, start, start + whole),
            np.zeros(count, np.int64),
            self._names.methods[group % 5 // 4].astype(np.int64),
            np.zeros(count, np.int64),
            np.full(count, -1),
            person,
            to,
            origin,
            np.where(refused, Missing.CALLEE_HALF, Missing.NOTHING),
            np.where(refused, Reason.CALLEE_UNREACHABLE, Reason.NONE),
            first,
            second,
        )

    def _traces(self, groups: Groups, worker: Numbers, made: Truth) -> tuple[Numbers, Numbers]:
        """Traces, and how they fan out: half of a worker's requests go on with its last one's
        trace; in parallel groups, with that of the last one of the whole group."""
        random, count = self._random, len(made)
        parallel = groups.parallel[made.group]
        chain = np.where(parallel, made.group, len(groups.workers) + worker)
        order = np.lexsort((made.first.start, chain))
        fresh = random.random(count) < 0.5
        fresh[0] = True
        fresh[1:] |= chain[order][1:] != chain[order][:-1]
        trace = np.zeros(count, np.int64)
        trace[order] = np.cumsum(fresh)
        sizes = np.bincount(trace)[trace]
        fan = np.where(sizes == 1, Fan.ALONE, np.where(parallel, Fan.AT_ONCE, Fan.IN_TURN))
        traced = made.key == Key.TRACE
        return np.where(traced, trace, 0), np.where(traced, fan, Fan.NO_TRACE)

    def websockets(self, count: int) -> Truth:
        """One line each at the end, some seconds later."""
        scenario, random = self._scenario, self._random
        latest = max(int((scenario.seconds - 5) * SECOND), SECOND)
        start = random.integers(0, latest, count)
        groups = make_groups(scenario, self._keys, 1.0, random)
        quiet = Groups(
            groups.caller,
            groups.callee,
            (groups.path + 7) % scenario.paths,
            groups.longer,
            groups.stripped,
            np.zeros(len(groups.caller), bool),
            groups.key,
            groups.parallel,
            groups.workers,
        )
        group = random.integers(0, len(groups.workers), count)
        duration = random.uniform(1 * SECOND, 5 * SECOND, count).astype(np.int64)
        caller, callee = groups.caller[group], groups.callee[group]
        there, back = self._ways(caller, callee), self._ways(callee, caller)
        kind = np.full(count, int(Kind.WEBSOCKET))
        inner = duration - there - back
        made = self._crossing(quiet, group, kind, start, duration, start + there, inner)
        made.group += 1_000_000  # not identical with the groups of `from_server_to_server`
        traced = made.key == Key.TRACE
        made.trace = np.where(traced, np.arange(1, count + 1), 0)
        made.fan = np.where(traced, Fan.ALONE, Fan.NO_TRACE)
        return made


def _statuses(kind: Numbers, caller: bool) -> tuple[Numbers, Numbers]:
    """What the client got, and what the upstream answered."""
    at_caller = {Kind.TIMEOUT: 504, Kind.ABORT: 499, Kind.UNREACHABLE: 502, Kind.WEBSOCKET: 0}
    at_callee = {Kind.TIMEOUT: 499, Kind.ABORT: 499, Kind.WEBSOCKET: 0}
    table = np.full(len(Kind), 200)
    for special, status in (at_caller if caller else at_callee).items():
        table[special] = status
    return table[kind], np.where(table[kind] == 502, 0, table[kind])
