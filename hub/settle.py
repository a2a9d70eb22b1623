"""From observations to settled calls: identity, origin and join, in the order of the contract.

Enters: committed batches, the progress of the servers, the time. Leaves: numbers of calls that are
new or amended, and halves to be shown meanwhile. A line that one proxy saw whole is settled at
once; a half waits for its other half until nothing more can come of that server, 5 s at the most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.alone import told_alone
from hub.calls import Calls, Counted, Numbers, column
from hub.defaults import SETTLE_AFTER_COMMIT_MS, SHOW_HALF_AFTER_MS
from hub.enums import CalleeKind, JoinKey, Missing, Origin, PeerKind, Reason, Role
from hub.federation import Federation, ProxyRecord, ServerRecord
from hub.graph import Graph
from hub.halves import HalfMaker, roles
from hub.identity import Identity
from hub.join import Half, Join, Pair
from hub.model import BatchCommitted, ProxyKind
from hub.origin import first_hop_origins
from hub.progress import Progress
from hub.rows import Rows

Mask = NDArray[np.bool_]

MS = 1_000_000
UPGRADE, COARSE_TIME = pb.ROW_FLAG_UPGRADE, pb.ROW_FLAG_COARSE_TIME

PROXY_MADE = (499, 502, 504)
"""Statuses that a proxy makes where its upstream gave none; Traefik logs them as the upstream's
too."""


@dataclass(frozen=True, slots=True)
class Log:
    """Where rows come from."""

    server: ServerRecord
    proxy: ProxyRecord


@dataclass(slots=True)
class Outcome:
    """What one step settled."""

    new: list[Numbers] = field(default_factory=list)
    amended: list[Numbers] = field(default_factory=list)
    counted: list[tuple[int, Counted]] = field(default_factory=list)
    """What to count (1) and to take back (-1), in order."""
    halves: list[Half] = field(default_factory=list)
    """Halves that the live view shows from now on, until they settle."""


class Settling:
    """Rows in, calls out."""

    def __init__(self, federation: Federation, graph: Graph, identity: Identity) -> None:
        self.rows = Rows()
        self.calls = Calls()
        self.join = Join()
        self.logs: list[Log] = []
        self._federation = federation
        self._graph = graph
        self._identity = identity
        self._halves = HalfMaker(self.rows)

    # --- steps

    def add(self, batch: BatchCommitted, log: int, skew_ns: int, now_ns: int) -> Outcome:
        """A committed batch of this log."""
        outcome = Outcome()
        numbers = self.rows.append(batch, log)
        if len(numbers):
            self._identify(numbers, self.logs[log])
            self._settle_or_wait(numbers, self.logs[log], skew_ns, now_ns, outcome)
        return outcome

    def advance(self, progress: Progress, now_ns: int) -> Outcome:
        """Time passed."""
        outcome = Outcome()
        due_ns = now_ns - SETTLE_AFTER_COMMIT_MS * MS
        passed = progress.passing()

        def due(half: Half) -> bool:
            return half.seen_ns <= due_ns

        def complete(half: Half) -> bool:
            others = [half.other] if half.other >= 0 else self._others(half.server)
            return all(passed(number, half) for number in others)

        self._settle_pairs(self.join.complete(complete, due), outcome)
        expired = self.join.expire(lambda half: due(half) or complete(half))
        self._settle_alone(expired, progress, outcome)
        show_ns = now_ns - SHOW_HALF_AFTER_MS * MS
        unshown = [
            half
            for half in self.join.waiting.values()
            if half.shown_edge < 0 and half.seen_ns <= show_ns and self._call_of(half.row) < 0
        ]
        self._show(unshown, outcome)
        self.join.forget(now_ns, self.rows.table.first)
        return outcome

    def reidentify(self, numbers: Numbers, skew_ns: Callable[[int], int], now_ns: int) -> Outcome:
        """The federation changed: resolve the hops of these settled calls again, and what waits;
        amend what differs. What may be a half now waits (again) for the other, settled as it is."""
        outcome = Outcome()
        waiting = np.array(list(self.join.waiting), np.int64)
        hop0, hop1 = (self.calls.table.take(hop, numbers) for hop in ("hop0", "hop1"))
        hops = np.unique(np.concatenate([waiting, hop0, hop1[hop1 >= 0]]))
        changed = self._identified_anew(hops)
        joined = (hop1 >= 0) & (np.isin(hop0, changed) | np.isin(hop1, changed))
        for number in numbers[joined].tolist():
            self._amend(np.array([number]), self._values_of_joined(number), outcome)
        alone = changed[~np.isin(changed, np.concatenate([hop0[hop1 >= 0], hop1]))]
        logs = self.rows.table.take("log", alone)
        for log in np.unique(logs).tolist():
            skew = skew_ns(self.logs[log].server.number)
            self._settle_anew(alone[logs == log], self.logs[log], skew, now_ns, outcome)
        return outcome

    # --- identity

    def _identify(self, numbers: Numbers, log: Log) -> None:
        table, strings = self.rows.table, self.rows.strings
        times = table.take("start_ns", numbers)
        peers = self._identity.resolve_peers(
            log.server,
            log.proxy.kind,
            table.take("client", numbers),
            times,
            strings["client"].values.__getitem__,
        )
        services, upstreams = strings["service"].values, strings["upstream"].values
        callees = self._identity.resolve_callees(
            log.server,
            log.proxy,
            table.take("router", numbers) != 0,
            table.take("service", numbers),
            table.take("upstream", numbers),
            times,
            lambda service, upstream: (services[service], upstreams[upstream]),
        )
        table.put("peer", numbers, peers)
        table.put("callee", numbers, callees)

    def _kinds(self, numbers: Numbers) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        peers = self._identity.peers.column("kind", self.rows.table.take("peer", numbers))
        callees = self._identity.callees.column("kind", self.rows.table.take("callee", numbers))
        return peers, callees

    def _identified_anew(self, numbers: Numbers) -> Numbers:
        """Resolve these rows again; those whose peer or callee is another now."""
        table = self.rows.table
        before = table.take("peer", numbers), table.take("callee", numbers)
        logs = table.take("log", numbers)
        for log in np.unique(logs).tolist():
            self._identify(numbers[logs == log], self.logs[log])
        after = table.take("peer", numbers), table.take("callee", numbers)
        changed: Numbers = numbers[(before[0] != after[0]) | (before[1] != after[1])]
        return changed

    def _settle_anew(
        self, numbers: Numbers, log: Log, skew_ns: int, now_ns: int, outcome: Outcome
    ) -> None:
        """Rows of one log that stand alone or wait, by what is known of them now."""
        waits, halves = self._candidates(numbers, log, skew_ns, now_ns)
        calls = self.rows.table.take("call", numbers)
        settled = ~waits & (calls >= 0)
        if settled.any():
            self._amend(calls[settled], self._alone_values(numbers[settled], log), outcome)
        waited = {row: self.join.waiting.get(row) for row in numbers.tolist()}
        for row in waited:
            self.join.discard(row)
        whole = numbers[~waits & (calls < 0)]
        if len(whole):
            self._new(whole, self._alone_values(whole, log), self._times(whole, skew_ns), outcome)
        for half in halves:
            if (before := waited[half.row]) is not None:
                half.seen_ns, half.shown_edge = before.seen_ns, before.shown_edge
        self._settle_pairs(self.join.add(halves), outcome)

    # --- whole calls and halves

    def _settle_or_wait(
        self, numbers: Numbers, log: Log, skew_ns: int, now_ns: int, outcome: Outcome
    ) -> None:
        waits, halves = self._candidates(numbers, log, skew_ns, now_ns)
        whole = numbers[~waits]
        if len(whole):
            values = self._alone_values(whole, log)
            self._new(whole, values, self._times(whole, skew_ns), outcome)
        self._settle_pairs(self.join.add(halves), outcome)

    def _candidates(
        self, numbers: Numbers, log: Log, skew_ns: int, now_ns: int
    ) -> tuple[Mask, list[Half]]:
        """Which of the rows wait, and the halves of all that may be one."""
        peers, callees = self._kinds(numbers)
        has_parent = self._has("hop_parent", numbers)
        has_id = self._has("trace_id", numbers) | self._has("hop_id", numbers)
        public = log.proxy.kind is ProxyKind.PUBLIC
        caller, callee, waits = roles(peers, callees, has_parent, has_id, public)
        halves: list[Half] = []
        for role, chosen in ((Role.CALLER, caller), (Role.CALLEE, callee)):
            if chosen.any():
                rows = numbers[chosen]
                halves += self._halves.make(
                    log.server,
                    skew_ns,
                    rows,
                    role,
                    self._other_servers(rows, role),
                    waits[chosen],
                    self._by_address(rows, role),
                    now_ns,
                )
        return waits, halves

    def _has(self, column: str, numbers: Numbers) -> Mask:
        """Whether the rows have such an id."""
        present: Mask = (self.rows.table.take(column, numbers) != 0).any(axis=1)
        return present

    def _other_servers(self, rows: Numbers, role: Role) -> NDArray[np.int32]:
        if role is Role.CALLER:
            return self._identity.callees.column("server", self.rows.table.take("callee", rows))
        peers = self.rows.table.take("peer", rows)
        kinds = self._identity.peers.column("kind", peers)
        servers = self._identity.peers.column("server", peers)
        other = (kinds == PeerKind.OTHER_INTERNAL) | (kinds == PeerKind.OTHER_SHARED)
        return np.where(other, servers, -1).astype(np.int32)

    def _by_address(self, rows: Numbers, role: Role) -> Mask:
        """Only where both addresses tell the other server, and the time is finer than a second."""
        peers, callees = self._kinds(rows)
        if role is Role.CALLER:
            told: Mask = callees == CalleeKind.OTHER_SERVER
        else:
            told = peers == PeerKind.OTHER_INTERNAL
        coarse: Mask = (self.rows.table.take("flags", rows) & COARSE_TIME) != 0
        return told & ~coarse

    # --- settling

    def _alone_values(self, numbers: Numbers, log: Log) -> dict[str, object]:
        """Columns of calls of one hop, as that hop alone tells them."""
        identity, table = self._identity, self.rows.table
        peers, callees = table.take("peer", numbers), table.take("callee", numbers)
        callee_kinds = identity.callees.column("kind", callees)
        to_other = callee_kinds == CalleeKind.OTHER_SERVER
        origins = first_hop_origins(
            log.proxy.kind,
            identity.peers.column("kind", peers),
            identity.peers.column("known_host", peers),
            callee_kinds,
        )
        return {
            "origin": origins,
            "from_node": identity.peers.column("node", peers),
            "to_node": identity.callees.column("node", callees),
            "by": JoinKey.NONE,
            "confidence": 1.0,
            "missing": np.where(to_other, Missing.CALLEE_HALF, Missing.NOTHING),
            "reason": np.where(to_other, Reason.UNKNOWN, Reason.NONE),
            "other": np.where(to_other, identity.callees.column("server", callees), -1),
            "hop0": numbers,
            "hop1": -1,
        }

    def _settle_alone(self, halves: list[Half], progress: Progress, outcome: Outcome) -> None:
        for log, group in self._by_log(halves):
            numbers = np.array([half.row for half in group], np.int64)
            ends = np.array([half.end_ns for half in group], np.int64)
            calls = np.array([self._call_of(half.row) for half in group], np.int64)
            alone = self._alone_values(numbers, log).items()
            values = {name: column(value, len(group)).copy() for name, value in alone}
            for place, half in enumerate(group):
                for name, value in told_alone(
                    half, progress, self._federation, self._identity
                ).items():
                    values[name][place] = value
            if (fresh := calls < 0).any():
                self._new(numbers[fresh], _part(values, fresh), ends[fresh], outcome)
            for place in np.flatnonzero(~fresh).tolist():
                one = _part(values, slice(place, place + 1))
                if self._differs(calls[place], one):
                    self._amend(calls[place : place + 1], one, outcome)

    def _by_log(self, halves: Iterable[Half]) -> Iterable[tuple[Log, list[Half]]]:
        groups: dict[int, list[Half]] = {}
        for half in halves:
            groups.setdefault(self.rows.table.value("log", half.row), []).append(half)
        return [(self.logs[log], group) for log, group in groups.items()]

    def _differs(self, call: int, values: dict[str, object]) -> bool:
        table = self.calls.table
        names = ("origin", "from_node", "to_node", "missing", "reason", "other")
        return any(table.value(name, call) != column(values[name], 1)[0] for name in names)

    def _settle_pairs(self, pairs: Iterable[Pair], outcome: Outcome) -> None:
        fresh: list[Pair] = []
        again: dict[int, Pair] = {}
        for pair in pairs:
            rows = (pair.caller.row, pair.callee.row)
            earlier = [call for row in rows if (call := self._call_of(row)) >= 0]
            if not earlier:
                fresh.append(pair)
            elif len(earlier) == 1 and earlier[0] not in again:
                again[earlier[0]] = pair
            else:
                self._amend_pairs(again, outcome)
                self._amend_pairs({earlier[0]: pair}, outcome)
                again = {}
                if len(earlier) == 2:
                    self._merge_away(earlier[1], outcome)
        self._amend_pairs(again, outcome)
        if fresh:
            callers = np.array([pair.caller.row for pair in fresh], np.int64)
            ends = np.array([pair.caller.end_ns for pair in fresh], np.int64)
            self._new(callers, self._values_of_pairs(fresh), ends, outcome)

    def _amend_pairs(self, pairs: dict[int, Pair], outcome: Outcome) -> None:
        """Calls that stood alone have found the other half."""
        if pairs:
            calls = np.array(list(pairs), np.int64)
            self._amend(calls, self._values_of_pairs(list(pairs.values())), outcome)

    def _call_of(self, row: int) -> int:
        """The kept call that a row stands in; -1: none yet."""
        call: int = self.rows.table.value("call", row)
        kept = call >= self.calls.table.first and not self.calls.table.value("gone", call)
        return call if kept else -1

    def _values_of_joined(self, call: int) -> dict[str, object]:
        take, numbers = self.calls.table.take, np.array([call], np.int64)
        return self._pair_values(
            take("hop0", numbers),
            take("hop1", numbers),
            take("by", numbers),
            take("confidence", numbers),
        )

    def _values_of_pairs(self, pairs: Sequence[Pair]) -> dict[str, object]:
        return self._pair_values(
            np.array([pair.caller.row for pair in pairs], np.int64),
            np.array([pair.callee.row for pair in pairs], np.int64),
            np.array([pair.by for pair in pairs]),
            np.array([pair.confidence for pair in pairs]),
        )

    def _pair_values(
        self,
        callers: Numbers,
        callees: Numbers,
        by: NDArray[np.integer],
        confidence: NDArray[np.floating],
    ) -> dict[str, object]:
        """Columns of calls of these pairs of rows."""
        table, identity = self.rows.table, self._identity
        peers = table.take("peer", callers)
        known_host = identity.peers.column("known_host", peers) != 0
        outside = identity.peers.column("kind", peers) == PeerKind.ELSEWHERE
        public = self._at_public(callers)
        hairpin = self._at_public(callees) | (public & known_host)
        return {
            "origin": np.select(
                [hairpin, public, outside],
                [Origin.HAIRPIN, Origin.PUBLIC, Origin.OUTSIDE],
                Origin.CROSS_SERVER,
            ),
            "from_node": identity.peers.column("node", peers),
            "to_node": identity.callees.column("node", table.take("callee", callees)),
            "by": by,
            "confidence": confidence,
            "missing": Missing.NOTHING,
            "reason": Reason.NONE,
            "other": -1,
            "hop0": callers,
            "hop1": callees,
        }

    def _at_public(self, rows: Numbers) -> Mask:
        kinds = np.array([log.proxy.kind for log in self.logs])
        public: Mask = kinds[self.rows.table.take("log", rows)] == ProxyKind.PUBLIC
        return public

    # --- the table of calls

    def _new(
        self, id_rows: Numbers, values: dict[str, object], end_ns: Numbers, outcome: Outcome
    ) -> None:
        count = len(id_rows)
        facts = self._facts(column(values["hop0"], count), column(values["hop1"], count))
        edges = self._edges(values, count)
        numbers = self.calls.add(
            count, id_row=id_rows, end_ns=end_ns, edge=edges, **values, **facts
        )
        self._claim_rows(numbers)
        outcome.new.append(numbers)
        outcome.counted.append((1, self.calls.counted(numbers)))

    def _amend(self, numbers: Numbers, values: dict[str, object], outcome: Outcome) -> None:
        count = len(numbers)
        outcome.counted.append((-1, self.calls.counted(numbers)))
        facts = self._facts(column(values["hop0"], count), column(values["hop1"], count))
        self.calls.amend(numbers, edge=self._edges(values, count), **values, **facts)
        self._claim_rows(numbers)
        outcome.amended.append(numbers)
        outcome.counted.append((1, self.calls.counted(numbers)))

    def _merge_away(self, number: int, outcome: Outcome) -> None:
        """This call turned out to be the other half of another one."""
        numbers = np.array([number], np.int64)
        self.calls.table.put("gone", numbers, True)
        outcome.counted.append((-1, self.calls.counted(numbers)))
        outcome.amended.append(numbers)

    def _claim_rows(self, numbers: Numbers) -> None:
        for hop in ("hop0", "hop1"):
            rows = self.calls.table.take(hop, numbers)
            there = rows >= 0
            self.rows.table.put("call", rows[there], numbers[there])

    def _facts(self, hop0: Numbers, hop1: Numbers) -> dict[str, object]:
        """What the lines say of the result."""
        table = self.rows.table
        last = np.where(hop1 >= 0, hop1, hop0)
        upgraded = table.take("flags", hop0) & UPGRADE != 0
        status = table.take("status", hop0)
        status = np.where((status == 0) & upgraded, 101, status)
        grpc = np.maximum(table.take("grpc_status", hop0), table.take("grpc_status", last))
        upstream = table.take("upstream_status", last)
        answered = (upstream != 0) & ~np.isin(upstream, PROXY_MADE)
        return {
            "start_ns": table.take("start_ns", hop0),
            "duration_ns": table.take("duration_ns", hop0),
            "status": status,
            "ok": (status >= 100) & (status < 400) & (grpc <= 0),
            "grpc_status": grpc,
            "answered_by_service": answered | (upgraded & (table.take("upstream_ns", last) > 0)),
            "bytes_in": table.take("bytes_in", hop0),
            "bytes_out": table.take("bytes_out", hop0),
        }

    def _times(self, numbers: Numbers, skew_ns: int) -> Numbers:
        table = self.rows.table
        end_ns: Numbers = table.take("start_ns", numbers) + table.take("duration_ns", numbers)
        return end_ns - skew_ns

    def _edges(self, values: dict[str, object], count: int) -> NDArray[np.int32]:
        """The edge of each call, found once per distinct (ends, origin, proxies)."""
        logs = self.rows.table
        hop0, hop1 = column(values["hop0"], count), column(values["hop1"], count)
        second = np.where(hop1 >= 0, logs.take("log", np.where(hop1 >= 0, hop1, hop0)), -1)
        columns = (
            column(values["from_node"], count),
            column(values["to_node"], count),
            column(values["origin"], count),
            logs.take("log", hop0).astype(np.int64),
            second + 1,
        )
        nodes, log_count = len(self._graph.nodes), len(self.logs) + 1
        shape = (nodes, nodes, len(Origin), log_count, log_count)
        keys = np.ravel_multi_index(columns, shape)  # one sort of integers instead of one of rows
        unique, where = np.unique(keys, return_inverse=True)
        edges = [
            self._edge(from_node, to_node, origin, first, last - 1)
            for from_node, to_node, origin, first, last in zip(
                *(part.tolist() for part in np.unravel_index(unique, shape)), strict=True
            )
        ]
        return np.array(edges, np.int32)[where]

    def _edge(self, from_node: int, to_node: int, origin: int, first: int, second: int) -> int:
        via = [self.logs[log].proxy.node for log in (first, second) if log >= 0]
        return self._graph.edge(from_node, to_node, Origin(origin), tuple(via)).number

    def _show(self, halves: list[Half], outcome: Outcome) -> None:
        """From now on the live view shows them as halves."""
        for log, group in self._by_log(halves):
            rows = np.array([half.row for half in group], np.int64)
            edges = self._edges(self._alone_values(rows, log), len(group))
            ends = np.array([half.end_ns for half in group], np.int64)
            self._graph.seen(edges.astype(np.int64), ends)
            for half, edge in zip(group, edges.tolist(), strict=True):
                half.shown_edge = edge
        outcome.halves += halves

    def _others(self, server: int) -> Sequence[int]:
        return [record.number for record in self._federation.servers if record.number != server]


def _part(values: dict[str, Numbers], rows: Mask | slice) -> dict[str, object]:
    return {name: value[rows] for name, value in values.items()}
