"""The hub's core as one: events of the ingest in, calls and their readers' news out.

Enters: events in journal order, and the time. Leaves: the state that queries read, and for each
subscriber what settled since. Synchronous, no I/O; the shells call `handle` and `tick` on one
thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.account.ledger import Callless, Ledger
from hub.account.watermark import NOTHING_MORE, Watermarks
from hub.columns.calls import Counted, Numbers
from hub.defaults import RETIRE_AFTER_S, SOLVE_CLOCKS_MS, UNMEASURED_CLOCK_MS
from hub.graph.graph import Graph
from hub.graph.rollup import Rollup
from hub.graph.totals import Totals
from hub.identity.addresses import Subnet
from hub.identity.federation import Federation, ServerRecord
from hub.identity.identity import Identity
from hub.identity.logs import Log
from hub.join.progress import Progress
from hub.join.skew import Skews
from hub.model import (
    AgentGone,
    BatchCommitted,
    ClockMeasured,
    ConnectionsSeen,
    Event,
    HelloSeen,
    InventorySeen,
    LogSeen,
    WatermarkSeen,
)
from hub.settle.settle import Outcome, Settling

SECOND = 1_000_000_000
MS = 1_000_000

REIDENTIFY_CALLS = 100_000
"""The newest calls that are resolved again when a server registers or renames: some 50 ms."""


@dataclass(slots=True)
class Traffic:
    """When a server's lines last came, and how many in all."""

    last_batch_ns: int = 0
    rows: int = 0


class Listener(Protocol):
    """Who wants to hear of calls as they settle."""

    def settled(self, new: Numbers, amended: Numbers) -> None:
        """Numbers of calls; an amended one was told before."""

    def half_seen(self, rows: Numbers) -> None:
        """Rows of halves that wait for their other half and may be shown."""


class Pipeline:
    """Everything between the journal and the readers."""

    def __init__(
        self, sources: Iterable[tuple[str, Subnet]] = (), recent_calls: int = 1_000_000
    ) -> None:
        self.seals = False
        """Whether there is a history: what it does not have yet stays in memory."""
        self.restored = 0
        """Rows below this number were there before the last start."""
        self.seq = 0
        """Of the last journal entry that was taken in."""
        self.sealable: list[tuple[int, Counted]] = []
        """What was counted, with its sign, since history took it; with `seals`."""
        self.being_sealed: tuple[int, list[tuple[int, Counted]]] = (0, [])
        """What history is about to take, up to a journal entry."""
        self.graph = Graph()
        self.federation = Federation(self.graph)
        self.identity = Identity(self.federation, self.graph, sources)
        self.settling = Settling(self.federation, self.graph, self.identity)
        self.rollup = Rollup()
        self.totals = Totals()
        self.ignored = Totals()
        """Of calls on networks that are none of the relevant ones; nothing else tells of them but
        the list of calls."""
        self.ledger = Ledger()
        self.watermarks = Watermarks()
        self.skews = Skews()
        self.progress = Progress(self.federation, self.watermarks, self.skews, self.ledger)
        self.traffic: dict[str, Traffic] = {}
        self.listeners: list[Listener] = []
        self.rows_received = 0
        self._clocks_solved_ns = 0
        self._retired_s = 0
        self._recent_calls = recent_calls
        self._forget_at = 0
        """Number of the row at which it is worth while to look for what may go."""
        self._announced: dict[tuple[str, str], bytes] = {}

    # --- steps

    def handle(self, events: Iterable[Event], now_ns: int) -> None:
        """Take events in; journalled ones in the journal's order.

        Batches that follow each other are settled together: the fixed cost of a step is that of
        some hundred lines.
        """
        self.rollup.passed(now_ns // SECOND)
        batches: list[BatchCommitted] = []
        logs: list[int] = []
        for event in events:
            if isinstance(event, HelloSeen | InventorySeen | AgentGone):
                self._settle(batches, logs, now_ns)
                batches, logs = [], []
            match event:
                case BatchCommitted():
                    self.seq = event.seq
                    batches.append(event)
                    logs.append(self._batch(event, now_ns))
                case WatermarkSeen():
                    self._watermark(event)
                case HelloSeen():
                    self._hello(event, now_ns)
                case InventorySeen():
                    self._inventory(event, now_ns)
                case ConnectionsSeen():
                    self._connections(event)
                case LogSeen():
                    self.federation.connected(event.log.server, None)
                    self.ledger.seen(event)
                    self.know_logs()
                case ClockMeasured():
                    self._clock(event)
                case AgentGone():
                    self._publish(self.settling.advance(self.progress, now_ns))
                    self.federation.connected(event.server, event.reason)
                    self.watermarks.forget(event.server)
                    gone_ns = now_ns + self.skews.ns(event.server)
                    self.settling.conntrack.silent(
                        self.federation.server(event.server).number, gone_ns
                    )
        self._settle(batches, logs, now_ns)

    def tick(self, now_ns: int) -> None:
        """Time passed: settle what waited long enough, let go of what is too old."""
        if now_ns - self._clocks_solved_ns >= SOLVE_CLOCKS_MS * MS:
            self._clocks_solved_ns = now_ns
            self._solve_clocks(now_ns)
        self._publish(self.settling.advance(self.progress, now_ns))
        self.rollup.passed(now_ns // SECOND)
        if now_ns // SECOND != self._retired_s:
            self._retired_s = now_ns // SECOND
            self.graph.retire(now_ns - RETIRE_AFTER_S * SECOND)
        self._forget_old_rows(now_ns)

    def carried(
        self,
        rows: Numbers,
        waits: NDArray[np.bool_],
        owners: Numbers,
        values: dict[str, NDArray[Any]],
    ) -> None:
        """Rows from before a restart, see `Settling.carried`."""
        self.rows_received += len(rows)
        moment = self.progress.moment()
        self._publish(self.settling.carried(rows, waits, owners, values, moment))

    def replayed(self, now_ns: int) -> None:
        """The journal was read: what waits may wait for agents to come back."""
        self.settling.rows.table.put("seen_ns", self.settling.join.waiting, now_ns)

    def first_needed_seq(self) -> int | None:
        """Journal entries below this hold only calls that were let go of; None: nothing was."""
        table = self.settling.rows.table
        if not table.first or not len(table):
            return None
        return int(table["seq"][0])

    @property
    def cut(self) -> int:
        """Calls with a line below this row are history's to tell, unless they changed since."""
        return max(self.settling.rows.table.first, self.restored) if self.seals else 0

    # --- readings

    def server(self, number: int) -> ServerRecord:
        """The server of this number."""
        return self.federation.servers[number]

    def watermark_ns(self, server: str) -> int | None:
        """Up to when the server's lines are all here, in the hub's clock; None: it is silent."""
        record = self.federation.find(server)
        mark = self.watermarks.of(server)
        if mark == NOTHING_MORE:
            return mark
        if record is None or not record.connected or not mark:
            return None
        return self.progress.watermark_ns(record.number)

    def calls_at(self, server: ServerRecord, counts: NDArray[np.int64]) -> int:
        """Of counts by edge: those of edges whose calls came in at this server."""
        edges = np.flatnonzero(counts).tolist()
        nodes = self.graph.nodes
        first = [nodes[self.graph.edges[edge].via[0]].server for edge in edges]
        return sum(
            int(counts[edge]) for edge, at in zip(edges, first, strict=True) if at == server.id
        )

    def callless(self) -> dict[int, Callless]:
        """By log number: lines that stand in no call, and what of them waits.

        A line is in a call that history has, or in one that memory has, or it waits.
        """
        rows, accounts = self.settling.rows.table, self.ledger.accounts
        alone = np.flatnonzero(rows["call"] < 0) + rows.first
        waits = self.settling.waits(alone)
        waiting = np.bincount(rows.take("log", alone[waits]), minlength=len(accounts))
        lost = np.bincount(rows.take("log", alone[~waits]), minlength=len(accounts))
        lost += np.array([account.at_hand for account in accounts], np.int64)
        lost -= np.bincount(rows["log"][~rows["sealed"]], minlength=len(accounts))
        return {
            log: Callless(int(lost[log]), int(waiting[log]))
            for log in np.flatnonzero((lost != 0) | (waiting != 0)).tolist()
        }

    # --- events

    def _settle(self, batches: list[BatchCommitted], logs: list[int], now_ns: int) -> None:
        if batches:
            outcome = self.settling.add(batches, logs, self.progress.moment(), now_ns)
            self._publish(outcome)

    def _batch(self, batch: BatchCommitted, now_ns: int) -> int:
        """Account for a batch; the number of its log."""
        id, rows = batch.log.server, batch.observations.rows
        log = self.ledger.journalled(batch)
        self.know_logs()
        if batch.watermark_ns:
            self.watermarks.advance(id, batch.log, batch.watermark_ns, False)
        traffic = self.traffic.get(id)
        if traffic is None:
            traffic = self.traffic[id] = Traffic()
        traffic.last_batch_ns = now_ns
        traffic.rows += rows
        self.rows_received += rows
        return log

    def know_logs(self) -> None:
        """The ledger may have opened accounts: their logs' owners."""
        for account in self.ledger.accounts[len(self.settling.logs) :]:
            owner = self.federation.server(account.key.server)
            self.settling.logs.append(Log(owner, owner.proxies[account.key.proxy]))

    def _watermark(self, event: WatermarkSeen) -> None:
        self.federation.connected(event.server, None)
        self.watermarks.advance(event.server, event.log, event.watermark_ns, event.complete)
        self.ledger.reported(event)

    def _hello(self, event: HelloSeen, now_ns: int) -> None:
        if event.hello.recorded:
            self.skews.measured(event.server, 0, UNMEASURED_CLOCK_MS * MS)
        content = pb.Hello()
        content.CopyFrom(event.hello)
        for passing in ("instance", "logs", "backfill"):
            content.ClearField(passing)
        if self._is_new("hello", event.server, content.SerializeToString(deterministic=True)):
            self.federation.hello(event.server, event.hello)
            self._reidentify(now_ns)

    def _inventory(self, event: InventorySeen, now_ns: int) -> None:
        content = pb.Inventory()
        content.CopyFrom(event.inventory)
        content.version = content.as_of_ns = 0
        if self._is_new("inventory", event.server, content.SerializeToString(deterministic=True)):
            before = self.federation.generation
            self.federation.inventory(event.server, event.inventory)
            of_all = self.federation.generation != before
            server = self.federation.server(event.server)
            self._reidentify(now_ns, None if of_all else server)
            self._publish(self.settling.named_late(server.number, self.progress.moment()))

    def _clock(self, event: ClockMeasured) -> None:
        first = self.skews.estimate(event.server) is None
        self.skews.measured(event.server, event.skew_ns, event.uncertainty_ns)
        if first:
            for server in self.settling.conntrack.servers:
                self._publish(self.settling.named_late(server, self.progress.moment()))

    def _connections(self, event: ConnectionsSeen) -> None:
        server = self.federation.server(event.server).number
        self.settling.conntrack.tell(server, event.connections)
        self._publish(self.settling.named_late(server, self.progress.moment()))

    def _is_new(self, kind: str, server: str, content: bytes) -> bool:
        """Whether the server's last announcement of this kind said something else."""
        known = self._announced.get((kind, server))
        self._announced[kind, server] = content
        return known != content

    def _reidentify(self, now_ns: int, server: ServerRecord | None = None) -> None:
        """Who a peer is may have changed (of this server's lines): bring the newest calls up to
        date."""
        calls = self.settling.calls.kept()[-REIDENTIFY_CALLS:]
        number = server.number if server else None
        moment = self.progress.moment()
        self._publish(self.settling.reidentify(calls, number, moment, now_ns))

    def _solve_clocks(self, now_ns: int) -> None:
        delays = self.settling.delays
        delays.refresh(now_ns)
        ids = [server.id for server in self.federation.servers]
        self.skews.solve(ids, delays.clock_differences())

    # --- results

    def _publish(self, outcome: Outcome) -> None:
        if self.seals:
            self.sealable += outcome.counted
        for sign, counted in outcome.counted:
            ignored = self.graph.ignored(counted.edge)
            if ignored.any():
                self.ignored.add(sign, counted.part(ignored))
                counted = counted.part(~ignored)
            self.totals.add(sign, counted)
            self.rollup.add(sign, counted)
            if sign > 0:
                self.graph.seen(counted.edge, counted.end_ns)
        new = self._shown(_joined(outcome.new))
        amended = self._shown(np.unique(_joined(outcome.amended)))
        if len(new) or len(amended):
            for listener in self.listeners:
                listener.settled(new, amended)
        for rows in outcome.halves:
            for listener in self.listeners:
                listener.half_seen(rows)

    def _shown(self, calls: Numbers) -> Numbers:
        """Those of these that are on relevant networks."""
        ignored = self.settling.calls.table.take("ignored", calls)
        return calls[~ignored] if ignored.any() else calls

    def _forget_old_rows(self, now_ns: int) -> None:
        rows, calls = self.settling.rows, self.settling.calls.table
        if len(rows.table) <= self._recent_calls or rows.table.end < self._forget_at:
            return
        self._forget_at = rows.table.end + self._recent_calls // 100  # some may have to stay
        waiting = self.settling.join.waiting
        first = rows.table.end - self._recent_calls * 9 // 10
        if len(waiting):
            first = min(first, int(waiting.min()))
        first = self._let_go(first)
        if rows.forget_before(first):
            self.identity.forget()
        calls["gone"][calls["low"] < first] = True
        standing = np.flatnonzero(~calls["gone"])
        calls.forget_before(calls.first + int(standing[0]) if len(standing) else calls.end)
        self.settling.join.forget(now_ns, rows.table.first, self.progress.moment())

    def _let_go(self, first: int) -> int:
        """Rows below this number may leave memory, less where history lacks some; they are counted
        as being in calls."""
        rows, calls = self.settling.rows.table, self.settling.calls
        if self.seals:
            lacking = [calls.unsealed(), calls.superseded()]
            needed = calls.table.take("low", np.concatenate(lacking))
            return int(needed.min(initial=first))
        gone = np.arange(rows.first, max(first, rows.first))
        gone = gone[~rows.take("sealed", gone)]
        counts = np.bincount(rows.take("log", gone), minlength=len(self.ledger.accounts))
        for account, count in zip(self.ledger.accounts, counts.tolist(), strict=True):
            account.let_go += count
        return first


def _joined(parts: list[Numbers]) -> Numbers:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
