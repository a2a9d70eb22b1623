"""From observations to settled calls: identity, origin and join, in the order of the contract.

Enters: committed batches, the progress of the servers, the time. Leaves: numbers of calls that are
new or amended, and halves to be shown meanwhile. A line that one proxy saw whole is settled at
once; a half waits for its other half until nothing more can come of that server, 5 s at the most.
All rows of a step go through together, whatever servers they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Calls, Counted, Numbers
from hub.columns.rows import Rows
from hub.defaults import SETTLE_AFTER_COMMIT_MS, SHOW_HALF_AFTER_MS
from hub.enums import HalfState, JoinKey
from hub.graph.graph import Graph
from hub.identity.federation import Federation
from hub.identity.identity import Identity
from hub.identity.logs import Logs
from hub.join.delays import Delays
from hub.join.half_view import HalfView
from hub.join.halves import Halves
from hub.join.join import Join, Pairs
from hub.join.progress import Moment, Progress
from hub.model import BatchCommitted
from hub.settle.alone import tell_alone
from hub.settle.claims import unproven
from hub.settle.conntrack import Conntrack
from hub.settle.edge_finder import EdgeFinder
from hub.settle.strays import Attempt, Passed, Strays
from hub.settle.verdict import Values, Verdict

Mask = NDArray[np.bool_]

MS = 1_000_000
VERDICT = (
    "origin", "from_node", "to_node", "by", "confidence", "missing", "reason", "other", "hop0",
    "hop1", "passed_by", "claims", "ignored",
)  # fmt: skip
"""What `Verdict` tells of a call."""
COMPARED = ("origin", "by", "from_node", "to_node", "missing", "reason", "other")


@dataclass(slots=True)
class Outcome:
    """What one step settled."""

    new: list[Numbers] = field(default_factory=list)
    amended: list[Numbers] = field(default_factory=list)
    counted: list[tuple[int, Counted]] = field(default_factory=list)
    """What to count (1) and to take back (-1), in order."""
    halves: list[Numbers] = field(default_factory=list)
    """Rows of halves that the live view shows from now on, until they settle."""


class Settling:
    """Rows in, calls out."""

    def __init__(self, federation: Federation, graph: Graph, identity: Identity) -> None:
        self.rows = Rows()
        self.calls = Calls()
        self.logs = Logs(federation)
        self.halves = Halves(self.rows, identity, self.logs)
        self.delays = Delays()
        self.join = Join(self.halves, self.delays)
        self._graph = graph
        self._identity = identity
        self._verdict = Verdict(self.rows, identity, self.logs)
        self._edges = EdgeFinder(graph, self.rows, self.logs, identity)
        self._strays = Strays(self.halves, self.calls)
        self.conntrack = Conntrack(federation, identity, self.rows, self.logs)

    # --- steps

    def add(
        self, batches: Sequence[BatchCommitted], logs: Sequence[int], moment: Moment, now_ns: int
    ) -> Outcome:
        """Committed batches, each of the log of its number."""
        outcome = Outcome()
        numbers = self.rows.append(batches, logs, now_ns)
        if len(numbers):
            self._identify(numbers)
            self._identity.note_strangers(self.rows, self.logs, numbers, now_ns)
            half, waits = self.halves.mark(numbers)
            self._new(numbers[~waits], self._verdict.alone(numbers[~waits]), moment, outcome)
            self._strays.pass_on(numbers[half], self._callee_kinds(numbers[half]))
            self._settle_pairs(self.join.add(numbers[half], waits[half], moment), moment, outcome)
        return outcome

    def carried(
        self, rows: Numbers, waits: Mask, owners: Numbers, values: Values, moment: Moment
    ) -> Outcome:
        """Rows from before a restart: each may be half of a call yet, or stands in none.

        `owners` are the places in `values` of the calls that they stand in (-1: none), which are
        counted and listed already.
        """
        outcome = Outcome()
        self._identify(rows)
        own = np.flatnonzero(owners >= 0)
        edges = values.pop("edge")
        numbers = self.calls.add(len(edges), edge=edges, **values)
        self.rows.table.put("call", rows[own], numbers[owners[own]])
        half, _ = self.halves.mark(rows)
        whole = rows[~half & (owners < 0)]
        self._new(whole, self._verdict.alone(whole), moment, outcome)
        self._strays.pass_on(rows[half], self._callee_kinds(rows[half]))
        self._settle_pairs(self.join.add(rows[half], waits[half], moment), moment, outcome)
        return outcome

    def advance(self, progress: Progress, now_ns: int) -> Outcome:
        """Time passed."""
        outcome = Outcome()
        moment, due_ns = progress.moment(), now_ns - SETTLE_AFTER_COMMIT_MS * MS
        if len(self.join.waiting):
            self._settle_pairs(self.join.complete(moment, due_ns), moment, outcome)
            expired = self.join.expire(moment, due_ns)
            if len(expired):
                alone = self._settle_strays(expired, moment, outcome)
                self._settle_alone(alone, moment, progress, outcome)
            self._show(now_ns - SHOW_HALF_AFTER_MS * MS, moment, outcome)
        self.join.forget(now_ns, self.rows.table.first, moment)
        self._strays.passed(now_ns)
        self.conntrack.passed(now_ns)
        return outcome

    def named_late(self, server: int, moment: Moment) -> Outcome:
        """There is news of this server's connections, containers or clock: direct calls that came
        from it, settled as they are, may have their caller's name now."""
        outcome = Outcome()
        rows = self.conntrack.unnamed(server)
        if not len(rows):
            return outcome
        rows = rows[self.calls_of(rows) >= 0]
        numbers, take = self.calls_of(rows), self.calls.table.take
        alone = (take("hop0", numbers) == rows) & (take("hop1", numbers) < 0)
        alone &= take("passed_by", numbers) < 0
        rows, numbers = rows[alone], numbers[alone]
        values: Values = {name: take(name, numbers).copy() for name in VERDICT}
        before = values["from_node"].copy(), values["by"].copy()
        self.conntrack.name(values, HalfView(self.halves, rows, moment.skews), moment)
        changed = (values["from_node"] != before[0]) | (values["by"] != before[1])
        self._amend(numbers[changed], _part(values, changed), outcome)
        return outcome

    def reidentify(
        self, numbers: Numbers, server: int | None, moment: Moment, now_ns: int
    ) -> Outcome:
        """The federation changed, or just this server: resolve the hops of these settled calls
        again, and what waits; amend what differs. What may be a half now waits (again) for the
        other, settled as it is."""
        outcome = Outcome()
        hop0, hop1 = (self.calls.table.take(hop, numbers) for hop in ("hop0", "hop1"))
        hops = np.concatenate([self.join.waiting, hop0, hop1[hop1 >= 0]])
        if server is not None:
            hops = hops[self.logs.servers(self.rows.table.take("log", hops)) == server]
        hops = np.unique(hops)
        changed = self._identified_anew(hops)
        joined = (hop1 >= 0) & (np.isin(hop0, changed) | np.isin(hop1, changed))
        take, pairs = self.calls.table.take, numbers[joined]
        by, confidence = take("by", pairs), take("confidence", pairs)
        values = self._verdict.joined(hop0[joined], hop1[joined], by, confidence)
        self._amend(pairs, values, outcome)
        alone = changed[~np.isin(changed, np.concatenate([hop0[hop1 >= 0], hop1]))]
        self._settle_anew(alone, moment, now_ns, outcome)
        return outcome

    # --- identity

    def _identify(self, numbers: Numbers) -> None:
        peers = self._identity.resolve_peers(self.rows, self.logs, numbers)
        callees = self._identity.resolve_callees(self.rows, self.logs, numbers)
        self.rows.table.put("peer", numbers, peers)
        self.rows.table.put("callee", numbers, callees)
        claims = unproven(self.rows, self.logs, self._identity.peers, numbers)
        self.rows.table.put("claims", numbers, claims)

    def _identified_anew(self, numbers: Numbers) -> Numbers:
        """Resolve these rows again; those whose peer or callee is another now."""
        take = self.rows.table.take
        before = take("peer", numbers), take("callee", numbers)
        self._identify(numbers)
        after = take("peer", numbers), take("callee", numbers)
        changed: Numbers = numbers[(before[0] != after[0]) | (before[1] != after[1])]
        return changed

    def _settle_anew(self, numbers: Numbers, moment: Moment, now_ns: int, outcome: Outcome) -> None:
        """Rows that stand alone or wait, by what is known of them now."""
        waited = self.waits(numbers)
        self.join.discard(numbers, moment)
        half, waits = self.halves.mark(numbers)
        self.rows.table.put("seen_ns", numbers[waits & ~waited], now_ns)
        calls = self.rows.table.take("call", numbers)
        settled = ~waits & (calls >= 0)
        self._amend(calls[settled], self._verdict.alone(numbers[settled]), outcome)
        whole = numbers[~waits & (calls < 0)]
        self._new(whole, self._verdict.alone(whole), moment, outcome)
        self._settle_pairs(self.join.add(numbers[half], waits[half], moment), moment, outcome)

    # --- settling

    def _settle_alone(
        self, rows: Numbers, moment: Moment, progress: Progress, outcome: Outcome
    ) -> None:
        values = self._verdict.alone(rows)
        halves = HalfView(self.halves, rows, moment.skews)
        there_ns = halves.start_ns + moment.skews[halves.other]
        lost = progress.lines_lacking(halves.other, there_ns)
        tell_alone(values, halves, moment, lost, lambda: self._claimed(halves, there_ns))
        self.conntrack.name(values, halves, moment)
        calls = self.calls_of(rows)
        fresh = calls < 0
        self._keep_names(calls, values)
        self._new(rows[fresh], _part(values, fresh), moment, outcome)
        again = np.flatnonzero(~fresh)
        take = self.calls.table.take
        differs = [take(name, calls[again]) != values[name][again] for name in COMPARED]
        again = again[np.any(differs, axis=0)]
        self._amend(calls[again], _part(values, again), outcome)

    def _keep_names(self, calls: Numbers, values: Values) -> None:
        """What connection tracking told of these calls (-1: none) before a restart still holds."""
        known = np.flatnonzero((calls >= 0) & (values["by"] == JoinKey.NONE))
        take = self.calls.table.take
        known = known[take("by", calls[known]) == JoinKey.CONNTRACK]
        known = known[take("other", calls[known]) == values["other"][known]]
        for name in ("by", "from_node"):
            values[name][known] = take(name, calls[known])

    def _settle_strays(self, rows: Numbers, moment: Moment, outcome: Outcome) -> Numbers:
        """Of rows that wait no longer: what another line tells of; the others."""
        told = []
        for found in self._strays.find(rows, moment.skews):
            told.append(found.row)
            self.join.discard(np.array([found.row]), moment)
            match found:
                case Attempt():
                    self._tried(found, outcome)
                case Passed():
                    self._passed_on(found, moment, outcome)
        return rows[~np.isin(rows, told)] if told else rows

    def _tried(self, attempt: Attempt, outcome: Outcome) -> None:
        """It is one of several attempts of a call: that call has one more hop."""
        own = self.calls_of(np.array([attempt.row]))
        caller, *attempts = attempt.hops
        rows = np.array(attempts)
        self.rows.table.put("before", rows, np.array([-1, *attempts[:-1]]))
        self.rows.table.put("call", rows, attempt.call)
        numbers, take = np.array([attempt.call]), self.calls.table.take
        self.calls.table.put("low", numbers, np.minimum(take("low", numbers), rows.min()))
        by, confidence = take("by", numbers), take("confidence", numbers)
        values = self._verdict.joined(np.array([caller]), rows[-1:], by, confidence)
        self._amend(numbers, values, outcome)
        self._merge_away(own[(own >= 0) & (own != attempt.call)], outcome)

    def _passed_on(self, passed: Passed, moment: Moment, outcome: Outcome) -> None:
        """Another server's proxy is its caller."""
        rows = np.array([passed.row])
        values = self._verdict.passed(rows, np.array([passed.by_row]), np.array([passed.key]))
        own = self.calls_of(rows)
        if own[0] >= 0:
            self._amend(own, values, outcome)
        else:
            self._new(rows, values, moment, outcome)

    def _callee_kinds(self, rows: Numbers) -> NDArray[np.int32]:
        return self._identity.callees.column("kind", self.rows.table.take("callee", rows))

    def _claimed(self, halves: HalfView, at_ns: Numbers) -> NDArray[np.int32]:
        """The nodes that the peer servers of these claim to speak for, at these times of their own
        clocks; -1: none."""
        headers = self.rows.table.take("forwarded", halves.rows)
        return self._identity.resolve_claims(
            halves.other, headers, at_ns, self.halves.texts.claimed
        )

    def _settle_pairs(self, pairs: Sequence[Pairs], moment: Moment, outcome: Outcome) -> None:
        """A pair is a new call, or amends the one that one of its halves made when it settled
        alone; where both did, the callee's is merged away."""
        if not pairs:
            return
        callers = np.concatenate([joined.callers for joined in pairs])
        callees = np.concatenate([joined.callees for joined in pairs])
        by = np.concatenate([np.full(len(joined.callers), joined.by) for joined in pairs])
        confidence = np.concatenate([joined.confidence for joined in pairs])
        values = self._verdict.joined(callers, callees, by, confidence)
        first, second = self.calls_of(callers), self.calls_of(callees)
        earlier = np.where(first >= 0, first, second)
        fresh = earlier < 0
        self._new(callers[fresh], _part(values, fresh), moment, outcome)
        self._amend(earlier[~fresh], _part(values, ~fresh), outcome)
        self._merge_away(second[(first >= 0) & (second >= 0)], outcome)
        self._strays.joined(callers)

    def calls_of(self, rows: Numbers) -> Numbers:
        """The kept calls that rows stand in; -1: none yet."""
        calls = self.rows.table.take("call", rows)
        kept = np.flatnonzero(calls >= self.calls.table.first)
        gone = self.calls.table.take("gone", calls[kept])
        result = np.full(len(rows), -1, np.int64)
        result[kept[~gone]] = calls[kept[~gone]]
        return result

    # --- the table of calls

    def _new(self, id_rows: Numbers, values: Values, moment: Moment, outcome: Outcome) -> None:
        """Calls that bear the ids of these rows."""
        if not len(id_rows):
            return
        numbers = self.calls.add(
            len(id_rows),
            id_row=id_rows,
            end_ns=self.end_ns(id_rows, moment),
            edge=self._edges.find(values),
            low=_lowest(values),
            **values,
            **self._verdict.result(values["hop0"], values["hop1"]),
        )
        self._claim_rows(numbers, values)
        outcome.new.append(numbers)
        outcome.counted.append((1, self.calls.counted(numbers)))

    def _amend(self, numbers: Numbers, values: Values, outcome: Outcome) -> None:
        if not len(numbers):
            return
        outcome.counted.append((-1, self.calls.counted(numbers)))
        result = self._verdict.result(values["hop0"], values["hop1"])
        low = np.minimum(self.calls.table.take("low", numbers), _lowest(values))
        self.calls.amend(numbers, edge=self._edges.find(values), low=low, **values, **result)
        self._claim_rows(numbers, values)
        outcome.amended.append(numbers)
        outcome.counted.append((1, self.calls.counted(numbers)))

    def _merge_away(self, numbers: Numbers, outcome: Outcome) -> None:
        """These calls turned out to be the other halves of others."""
        if len(numbers):
            self.calls.table.put("gone", numbers, True)
            outcome.counted.append((-1, self.calls.counted(numbers)))
            outcome.amended.append(numbers)

    def _claim_rows(self, numbers: Numbers, values: Values) -> None:
        self.rows.table.put("call", values["hop0"], numbers)
        second = values["hop1"] >= 0
        self.rows.table.put("call", values["hop1"][second], numbers[second])

    # --- what waits

    def _show(self, seen_before_ns: int, moment: Moment, outcome: Outcome) -> None:
        """From now on the live view shows halves that have waited this long."""
        take, waiting = self.rows.table.take, self.join.waiting
        unshown = take("shown_edge", waiting) < 0
        unshown &= take("seen_ns", waiting) <= seen_before_ns
        rows = waiting[unshown]
        rows = rows[self.calls_of(rows) < 0]
        if len(rows):
            edges = self._edges.find(self._verdict.alone(rows))
            self.rows.table.put("shown_edge", rows, edges)
            shown = ~self._graph.ignored(edges)
            self._graph.seen(edges[shown], self.end_ns(rows[shown], moment))
            outcome.halves.append(rows[shown])

    def end_ns(self, rows: Numbers, moment: Moment) -> Numbers:
        """When these requests ended, in the hub's clock."""
        return HalfView(self.halves, rows, moment.skews).end_ns

    def waits(self, rows: Numbers) -> Mask:
        """Which of these wait for their other half."""
        waits: Mask = self.halves.state(rows) == HalfState.WAITING
        return waits


def _lowest(values: Values) -> Numbers:
    hop0, hop1 = values["hop0"], values["hop1"]
    return np.where(hop1 >= 0, np.minimum(hop0, hop1), hop0)


def _part(values: Values, rows: Mask | Numbers) -> Values:
    return {name: value[rows] for name, value in values.items()}
