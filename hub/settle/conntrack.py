"""Whose connections between servers are: names callers that a server's masquerade hides.

Enters: what agents tell of their servers' connections, halves of direct calls, the time. Leaves:
nodes for their calls' `from`. A half's peer (address and port) is looked up among the connections
of the peer's server that lead to the half's proxy; the container that had the connection's source
when the request began is the caller.

What always holds: no name is better than a wrong one. Where connections of two owners could be
meant (a port used again, a clock that is off), nobody is named. `MAX_CONNECTIONS` are kept of a
server, and `MAX_UNNAMED` halves that settled without a name: what is told later names them yet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.columns.rows import Rows
from hub.defaults import CONNECTION_MARGIN_MS, MAX_CONNECTIONS, MAX_UNNAMED, UNNAMED_S
from hub.enums import JoinKey
from hub.identity.addresses import Address, parse_address
from hub.identity.federation import Federation, ServerRecord
from hub.identity.identity import NOBODY, Identity
from hub.identity.logs import Log, Logs
from hub.join.half_view import HalfView
from hub.join.progress import Moment
from hub.settle.verdict import Values

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
End = tuple[Address, int]

MARGIN_NS = CONNECTION_MARGIN_MS * 1_000_000


@dataclass(slots=True)
class Connection:
    """One, in its server's clock. `assumed`: its end was not told; nothing was, from then on."""

    source: Address
    translated: End
    destination: End
    from_ns: int
    to_ns: int
    assumed: bool = False

    def may_cover(self, at_ns: int) -> bool:
        """Whether it was there, give or take what clocks and events are off."""
        since_ns, until_ns = self.from_ns - MARGIN_NS, self.to_ns + MARGIN_NS
        return since_ns <= at_ns and (not self.to_ns or at_ns <= until_ns)


@dataclass(slots=True)
class Told:
    """What one server has told, the oldest first."""

    known: dict[int, Connection] = field(default_factory=dict)
    by_end: dict[End, list[int]] = field(default_factory=lambda: defaultdict(list))
    next: int = 0
    as_of_ns: int = 0

    def silence(self, at_ns: int) -> None:
        """Nothing is known from then on."""
        for one in self.known.values():
            if not one.to_ns:
                one.to_ns, one.assumed = max(at_ns, one.from_ns), True

    def put(self, said: Connection) -> None:
        """It is new, or the newest about one that is known."""
        for number in reversed(self.by_end.get(said.translated, ())):
            one = self.known[number]
            same = (one.source, one.destination) == (said.source, said.destination)
            if same and (one.assumed or one.from_ns == said.from_ns):
                one.from_ns = min(one.from_ns, said.from_ns)
                one.to_ns, one.assumed = said.to_ns, False
                return
        self.known[self.next] = said
        self.by_end[said.translated].append(self.next)
        self.next += 1
        if len(self.known) > MAX_CONNECTIONS:
            self._forget(next(iter(self.known)))

    def _forget(self, number: int) -> None:
        end = self.known.pop(number).translated
        self.by_end[end].remove(number)
        if not self.by_end[end]:
            del self.by_end[end]

    def source(self, peer: End, log: Log, at_ns: int) -> Address | None:
        """The address whose connection to the log's proxy this was; None: unknown, or one of
        several."""
        found = {
            one.source
            for one in map(self.known.__getitem__, self.by_end.get(peer, ()))
            if one.may_cover(at_ns) and _leads_to(one.destination, log)
        }
        return found.pop() if len(found) == 1 else None


class Conntrack:
    """Names callers of direct calls."""

    def __init__(self, federation: Federation, identity: Identity, rows: Rows, logs: Logs) -> None:
        self._federation = federation
        self._identity = identity
        self._rows = rows
        self._logs = logs
        self._told: dict[int, Told] = {}
        self._unnamed: defaultdict[int, set[int]] = defaultdict(set)
        """Rows of halves by the server that they came from: of the current `UNNAMED_S`."""
        self._unnamed_before: defaultdict[int, set[int]] = defaultdict(set)
        """Of the one before."""
        self._since_ns = 0

    # --- what agents tell

    def tell(self, server: int, said: pb.Connections) -> None:
        """A server's connections, checked."""
        told = self._told.setdefault(server, Told())
        if said.afresh:
            told.silence(told.as_of_ns)
        told.as_of_ns = max(told.as_of_ns, said.as_of_ns)
        for one in said.connections:
            source, translated = parse_address(one.source), parse_address(one.translated)
            destination = parse_address(one.destination)
            if source and translated and destination:
                told.put(
                    Connection(
                        source,
                        (translated, one.translated_port),
                        (destination, one.destination_port),
                        one.from_ns,
                        one.to_ns,
                    )
                )

    def silent(self, server: int, at_ns: int) -> None:
        """A server's agent is gone, at this time of its clock."""
        if server in self._told:
            self._told[server].silence(at_ns)

    def passed(self, now_ns: int) -> None:
        """Forget halves that nothing will name any more."""
        full = sum(map(len, self._unnamed.values())) > MAX_UNNAMED
        if full or now_ns - self._since_ns > UNNAMED_S * 10**9:
            self._since_ns = now_ns
            self._unnamed_before, self._unnamed = self._unnamed, defaultdict(set)

    @property
    def servers(self) -> list[int]:
        """Those that have told something."""
        return [*self._told]

    # --- names

    def unnamed(self, server: int) -> Numbers:
        """Rows of halves that came from this server, settled alone, and have no name yet; none
        where the server tells nothing of its connections."""
        if server not in self._told:
            return np.zeros(0, np.int64)
        noted = sorted(self._unnamed[server] | self._unnamed_before[server])
        rows = np.array(noted, np.int64)
        return rows[rows >= self._rows.table.first]

    def name(self, values: Values, halves: HalfView, moment: Moment) -> None:
        """Complete the columns of these halves' calls, who settle alone. Where a clock was not
        measured, no times are compared: that is done later."""
        measured = moment.measured[halves.server] & moment.measured[halves.other]
        there_ns = np.where(measured, halves.start_ns + moment.skews[halves.other], 0)
        called = np.flatnonzero(~halves.leads & (halves.other >= 0))
        for place in called.tolist():
            row, server = int(halves.rows[place]), int(halves.other[place])
            node = self._caller(row, self._federation.servers[server], int(there_ns[place]))
            if node != NOBODY:
                values["from_node"][place] = node
                values["by"][place] = JoinKey.CONNTRACK
            if node == NOBODY or self._identity.is_unnamed(node):
                self._unnamed[server].add(row)
            else:
                self._unnamed[server].discard(row)
                self._unnamed_before[server].discard(row)

    def _caller(self, row: int, server: ServerRecord, at_ns: int) -> int:
        told = self._told.get(server.number)
        if told is None or not at_ns:
            return NOBODY
        table = self._rows.table
        address = parse_address(self._rows.text("client", row))
        if address is None:
            return NOBODY
        log = self._logs[table.value("log", row)]
        source = told.source((address, table.value("client_port", row)), log, at_ns)
        if source is None:
            return NOBODY
        return self._identity.container_at(server, source, at_ns)


def _leads_to(destination: End, log: Log) -> bool:
    """Whether a connection goes to the log's proxy, as far as its addresses tell."""
    listener = log.server.listening.get(destination)
    if listener is None:
        return destination[0] in log.server.hosts
    return listener == log.proxy.node
