"""The truth: every request, what happened to it, and what an account of it should say.

Enters: a scenario and its servers. Leaves: `Truth`, one entry a request in its columns. Times are
nanoseconds since the run's beginning in the hub's clock; parties, paths and addresses are numbers
of `Texts`. What is expected follows the contract: a request whose caller's line is lost cannot be
told from a direct one, so that is what is expected of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bench.truth.groups import (
    Groups,
    chosen,
    fire,
    in_flight,
    make_groups,
    paced,
    service_times,
)
from bench.truth.scenario import Key, Kind, Scenario
from bench.truth.sites import CONTAINERS, GATEWAY, SECOND, Sites, Times
from bench.truth.texts import Texts
from hub.enums import Missing, Origin, Reason

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

TIMEOUT_NS = 250_000_000
NOT_JUDGED = -1
TWO_LINES = (
    Kind.CROSS,
    Kind.TIMEOUT,
    Kind.ABORT,
    Kind.HIDDEN,
    Kind.WEBSOCKET,
    Kind.PUBLIC_CROSS,
)
VISITORS, STRANGERS = 200, 40


class Fan(IntEnum):
    """How the requests of one trace that are identical come."""

    NO_TRACE = 0
    ALONE = 1
    IN_TURN = 2
    AT_ONCE = 3


@dataclass
class Hop:
    """One proxy's part in each request."""

    server: Numbers
    """-1: this proxy had no part."""
    public: Mask
    start: Times
    duration: Times
    upstream: Times
    status: Numbers
    upstream_status: Numbers
    client: Numbers
    forwarded: Numbers
    path: Numbers
    router: Numbers
    target: Numbers
    """The upstream's URL."""
    lost: Mask
    """Its line was never written."""


@dataclass
class Truth:
    """Columns, one entry a request."""

    kind: Numbers
    key: Numbers
    group: Numbers
    """Identical requests; -1: it is in no group."""
    rivals: Numbers
    """Identical ones in flight as it begins, itself included."""
    fan: Numbers
    """`Fan`: how its trace fans out to its group."""
    method: Numbers
    trace: Numbers
    """Number of its trace, from 1; 0: none."""
    parent: Numbers
    """Request that its caller was serving, as its ids tell; -1: none."""
    caller: Numbers
    """Party."""
    callee: Numbers
    origin: Numbers
    missing: Numbers
    """What is expected; -1: not judged."""
    reason: Numbers
    first: Hop
    """The caller's proxy, or the only one."""
    second: Hop

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def paired(self) -> Mask:
        """Whether both lines were written."""
        return (self.second.server >= 0) & ~self.first.lost & ~self.second.lost


def make_truth(
    scenario: Scenario, sites: Sites, texts: Texts, random: np.random.Generator
) -> Truth:
    """All requests of a run, in no order."""
    shares = scenario.mix.others()
    parts = [
        Maker(scenario, sites, texts, random).from_server_to_server(
            scenario.rate * (1 - sum(shares.values()))
        )
    ]
    for kind, share in shares.items():
        count = int(scenario.rate * share * scenario.seconds)
        if count:
            parts.append(Maker(scenario, sites, texts, random).others(kind, count))
    truth = joined(parts)
    chain(truth, scenario, random)
    lose(truth, scenario, sites, texts, random)
    return truth


class Maker:
    """Makes requests of one kind; `texts` grows."""

    def __init__(
        self, scenario: Scenario, sites: Sites, texts: Texts, random: np.random.Generator
    ) -> None:
        self._scenario, self._sites, self._texts, self._random = scenario, sites, texts, random
        base = [f"/svc-{n % 8}/items/{n}" for n in range(scenario.paths)]
        self._paths = texts.codes(base)
        self._longer = texts.codes(f"/v1{path}" for path in base)
        ids = [site.id for site in sites.items]
        self._prefixed = np.array(
            [texts.codes(f"/{id}{path}" for path in base) for id in ids], np.int64
        )
        self._prefixed_longer = np.array(
            [texts.codes(f"/{id}/v1{path}" for path in base) for id in ids], np.int64
        )
        self._methods = texts.codes(["GET", "POST"])
        self._own_routers = texts.codes(f"svc-{n}@file" for n in range(8))
        self._named = texts.codes(f"http://svc-{n}:8000" for n in range(8))
        self._routers = texts.codes(f"{id}@file" for id in ids)
        self._urls = texts.codes(f"http://{site.internal}" for site in sites.items)
        self._own_urls = texts.codes(
            f"http://{texts.values[code]}:8000" for code in sites.addresses
        )
        self._visitors = texts.codes(f"203.0.113.{n + 1}" for n in range(VISITORS))
        self._strangers = texts.codes(f"10.30.0.{n + 1}" for n in range(STRANGERS))
        self._gateway, self._loopback = texts.code(GATEWAY), texts.code("127.0.0.1")
        self._hosts = texts.codes(s.party("gateway", f"host of {s.id}") for s in sites.items)
        self._proxies = texts.codes(s.party("proxy", "private") for s in sites.items)
        self._servers = texts.codes(s.party("server", s.id) for s in sites.items)
        self._services = np.array(
            [texts.codes(s.party("service", f"svc-{n}") for n in range(8)) for s in sites.items]
        )

    # --- from server to server

    def from_server_to_server(self, rate: float) -> Truth:
        """Groups of identical requests."""
        scenario, random = self._scenario, self._random
        groups = make_groups(scenario, rate, random)
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
        own_path = np.where(longer, self._longer[path], self._paths[path])
        prefixed = np.where(
            longer, self._prefixed_longer[callee, path], self._prefixed[callee, path]
        )
        container = sites.containers(caller, start, random)
        two = container < CONTAINERS  # a group's requests come of two containers, and of jobs
        container[two] = ((group + random.integers(0, 2, count)) % CONTAINERS)[two]
        visitor = self._visitors[random.integers(0, VISITORS, count)]
        client = np.where(public, visitor, sites.addresses[container])
        service = path % 8
        status, upstream_status = _statuses(kind, True)
        status2, upstream_status2 = _statuses(kind, False)
        refused, hidden = kind == Kind.UNREACHABLE, kind == Kind.HIDDEN
        # the contract lets a hop id prove any peer, a trace id only loopback's
        veiled = np.where(key == Key.HOP, self._gateway, self._loopback)
        claims = (key == Key.FORWARDED) & ~public
        origin = np.where(public, Origin.PUBLIC, Origin.CROSS_SERVER)
        person = np.where(
            public,
            self._texts.code("external - internet"),
            sites.owners(caller, container, start),
        )
        to = np.where(refused, self._servers[callee], self._services[callee, service])
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
            self._routers[callee],
            self._urls[callee],
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
            self._own_routers[service],
            self._named[service],
            np.zeros(count, bool),
        )
        return Truth(
            kind,
            key,
            group.copy(),
            in_flight(group, start, start + whole),
            np.zeros(count, np.int64),
            self._methods[group % 5 // 4].astype(np.int64),
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

    # --- what one proxy sees whole, and long ones

    def others(self, kind: Kind, count: int) -> Truth:
        """Requests of one kind at random times."""
        scenario, sites, random = self._scenario, self._sites, self._random
        length = int(scenario.seconds * SECOND)
        start = random.integers(0, length, count)
        if kind is Kind.WEBSOCKET:
            return self._websockets(start[start < length - 6 * SECOND])
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
            self._paths[path].astype(np.int64),
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
            self._methods[random.integers(0, 2, count)].astype(np.int64),
            np.where(key == Key.TRACE, np.arange(1, count + 1), 0),
            np.full(count, -1),
            person,
            to,
            np.full(count, _ORIGINS[kind]),
            np.full(count, NOT_JUDGED if direct else Missing.NOTHING),
            np.full(count, reason),
            first,
            _nothing(first),
        )

    def _callers(
        self, kind: Kind, server: Numbers, other: Numbers, container: Numbers, start: Times
    ) -> tuple[Numbers, Numbers]:
        """Peer addresses, and who that is."""
        sites, random, texts, count = self._sites, self._random, self._texts, len(server)
        if kind is Kind.PUBLIC:
            visitors = self._visitors[random.integers(0, VISITORS, count)]
            return visitors, np.full(count, texts.code("external - internet"))
        if kind is Kind.OUTSIDE:
            strangers = self._strangers[random.integers(0, STRANGERS, count)]
            names = texts.codes(f"outside - 10.30.0.{n + 1}" for n in range(STRANGERS))
            return strangers, names[strangers - self._strangers[0]]
        if kind is Kind.UNDECIDED:
            hidden = np.stack(
                [
                    np.full(count, self._gateway),
                    np.full(count, self._loopback),
                    sites.internal[server],
                ]
            )
            return hidden[random.integers(0, 3, count), np.arange(count)], self._hosts[server]
        if kind is Kind.DIRECT:
            return sites.internal[other], self._servers[other]
        if kind is Kind.HAIRPIN:
            by_public = random.random(count) < 0.5
            peers = np.where(by_public, sites.public[other], sites.internal[other])
            return peers, self._servers[other]
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
            return self._proxies[server], nothing, nothing
        owners = self._sites.owners(server, target, start)
        to = np.where(by_name, self._services[server, service], owners)
        url = np.where(by_name, self._named[service], self._own_urls[target])
        # where the upstream is an address, the router bears some other name: it decides nothing
        return to, url, self._own_routers[service].astype(np.int64)

    def _websockets(self, start: Times) -> Truth:
        """From server to server; one line each at the end, some seconds later."""
        scenario, random, count = self._scenario, self._random, len(start)
        groups = make_groups(scenario, 1.0, random)
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


_ORIGINS = {
    Kind.SAME: Origin.SAME_SERVER,
    Kind.PUBLIC: Origin.PUBLIC,
    Kind.DIRECT: Origin.CROSS_SERVER_DIRECT,
    Kind.OUTSIDE: Origin.OUTSIDE,
    Kind.UNDECIDED: Origin.UNDECIDED,
    Kind.HAIRPIN: Origin.HAIRPIN,
    Kind.UNROUTED: Origin.SAME_SERVER,
}


def _nothing(like: Hop) -> Hop:
    """No second proxy had a part."""
    values = {field.name: np.zeros_like(getattr(like, field.name)) for field in fields(Hop)}
    values["server"] = np.full(len(like.server), -1)
    return Hop(**values)


def joined(parts: list[Truth]) -> Truth:
    """All requests of several truths, with traces numbered on."""
    traces = 0
    for part in parts:
        part.trace = np.where(part.trace > 0, part.trace + traces, 0)
        traces = max(traces, int(part.trace.max(initial=0)))
    values: dict[str, object] = {}
    for field in fields(Truth):
        columns = [getattr(part, field.name) for part in parts]
        values[field.name] = (
            Hop(
                **{
                    hop.name: np.concatenate([getattr(column, hop.name) for column in columns])
                    for hop in fields(Hop)
                }
            )
            if field.name in ("first", "second")
            else np.concatenate(columns)
        )
    return Truth(**values)  # type: ignore[arg-type]


def chain(truth: Truth, scenario: Scenario, random: np.random.Generator) -> None:
    """Services pass ids on: a share of requests with ids bear those of a request that their
    caller's server was serving then. Their traces become one."""
    there = np.flatnonzero((truth.second.server >= 0) & (truth.key <= Key.TRACE))
    served = there[np.lexsort((truth.second.start[there], truth.second.server[there]))]
    length = np.int64(scenario.seconds * SECOND) * 2
    begun = truth.second.server[served] * length + truth.second.start[served]
    calling = np.isin(truth.kind, [*TWO_LINES, Kind.SAME, Kind.UNREACHABLE])
    calling &= (truth.key <= Key.TRACE) & (truth.kind != Kind.PUBLIC_CROSS)
    children = np.flatnonzero(calling & (random.random(len(truth)) < scenario.chained))
    if not len(served):
        return
    at = truth.first.server[children] * length + truth.first.start[children]
    place = np.searchsorted(begun, at) - 1 - random.integers(0, 4, len(children))
    parent = served[np.maximum(place, 0)]
    end = truth.second.start[parent] + truth.second.duration[parent]
    fits = (
        (place >= 0)
        & (truth.second.server[parent] == truth.first.server[children])
        & (truth.second.start[parent] < truth.first.start[children])
        & (end > truth.first.start[children])
        & (truth.key[parent] == truth.key[children])
    )
    truth.parent[children[fits]] = parent[fits]
    root = np.where(truth.parent >= 0, truth.parent, np.arange(len(truth)))
    while (root[root] != root).any():
        root = root[root]
    truth.trace = truth.trace[root]


def lose(
    truth: Truth, scenario: Scenario, sites: Sites, texts: Texts, random: np.random.Generator
) -> None:
    """Some lines were never written: what is expected of the other halves changes."""
    if not scenario.trouble.lost:
        return
    for hop in (truth.first, truth.second):
        hop.lost = (random.random(len(truth)) < scenario.trouble.lost) & (hop.server >= 0)
    servers = texts.codes(site.party("server", site.id) for site in sites.items)
    two = truth.second.server >= 0
    no_callee = two & truth.second.lost & ~truth.first.lost
    truth.callee[no_callee] = servers[truth.second.server[no_callee]]
    truth.missing[no_callee] = Missing.CALLEE_HALF
    timed_out = truth.first.status == 504
    truth.reason[no_callee] = np.where(timed_out[no_callee], NOT_JUDGED, Reason.CALLEE_LINE_LOST)
    no_caller = two & truth.first.lost & ~truth.second.lost
    unclaimed = no_caller & (truth.second.forwarded == 0)
    truth.caller[unclaimed] = servers[truth.first.server[unclaimed]]
    truth.origin[no_caller] = Origin.CROSS_SERVER_DIRECT
    truth.missing[no_caller] = NOT_JUDGED
    truth.reason[no_caller] = Reason.CALLER_LINE_LOST
