"""Which lines may be half of a cross-server call, and what there is to know of each as a half.

Enters: rows with their resolved peers and callees. Leaves: their columns as halves. A line is a
caller's half where its upstream is another server (or a name that may hide one); it is a callee's
half where its peer is another server, or where it carries an id that another server may have given
(at a public proxy, where nothing waits, only then). There are no objects: a half is its row's
number, so that a thousand of them cost a few array operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.enums import CalleeKind, HalfState, PeerKind, Role
from hub.identity import Identity
from hub.logs import Logs
from hub.rows import Rows
from hub.texts import Texts

UNREACHED = (502, 503, 504)
"""What Traefik answers where it got no answer."""

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]


def _table(size: int, members: Iterable[int]) -> Mask:
    """A look-up table of booleans: `numpy.isin` costs twenty times as much for a few rows."""
    table = np.zeros(size, np.bool_)
    table[list(members)] = True
    return table


_FROM_OTHERS = _table(len(PeerKind), [PeerKind.OTHER_INTERNAL, PeerKind.OTHER_SHARED])
_NAMELESS = _table(len(PeerKind), [PeerKind.LOOPBACK, PeerKind.GATEWAY, PeerKind.OWN_HOST])
_UNREACHED = _table(1 << 16, UNREACHED)


def roles(
    peers: Codes, callees: Codes, has_parent: Mask, has_id: Mask, public: Mask
) -> tuple[Mask, Mask, Mask]:
    """For each row: is it a caller's half, is it a callee's half, and does it wait for the other.

    `has_parent`: it arrived with a hop id; `has_id`: it has a hop or trace id at all. A row that
    could be both is the callee's half: what it calls on is the next server's affair.
    """
    from_other = _FROM_OTHERS[peers] & ~public
    by_id = has_parent | (has_id & ((peers == PeerKind.LOOPBACK) | _FROM_OTHERS[peers]))
    callee = from_other | by_id
    to_other = callees == CalleeKind.OTHER_SERVER
    caller = ~callee & (to_other | (has_id & (callees == CalleeKind.EXTERNAL)))
    waits = (callee & (from_other | (_NAMELESS[peers] & by_id))) | (caller & to_other)
    return caller, callee, waits


def has_id(ids: NDArray[np.uint64]) -> Mask:
    """Which of these ids, shape (n, 2), are given at all."""
    given: Mask = (ids[:, 0] | ids[:, 1]) != 0
    return given


class Halves:
    """Rows as halves."""

    def __init__(self, rows: Rows, identity: Identity, logs: Logs) -> None:
        self._rows = rows
        self._identity = identity
        self._logs = logs
        self._texts = Texts(rows)

    def mark(self, numbers: Numbers) -> tuple[Mask, Mask]:
        """Note of these rows what they are as halves: which may be one, and which of them wait."""
        table, identity = self._rows.table, self._identity
        peers, callees = table.take("peer", numbers), table.take("callee", numbers)
        peer_kinds = identity.peers.column("kind", peers)
        callee_kinds = identity.callees.column("kind", callees)
        has_parent = has_id(table.take("hop_parent", numbers))
        any_id = has_id(table.take("trace_id", numbers)) | has_id(table.take("hop_id", numbers))
        public = self._logs.public(table.take("log", numbers))
        caller, callee, waits = roles(peer_kinds, callee_kinds, has_parent, any_id, public)
        half = caller | callee
        chosen, caller = numbers[half], caller[half]
        to_other = (callee_kinds == CalleeKind.OTHER_SERVER)[half]
        from_other = _FROM_OTHERS[peer_kinds][half]
        by_internal = (peer_kinds == PeerKind.OTHER_INTERNAL)[half]
        coarse = table.take("flags", chosen) & pb.ROW_FLAG_COARSE_TIME != 0
        called = identity.callees.column("server", callees[half])
        calling = np.where(from_other, identity.peers.column("server", peers[half]), -1)
        table.put("role", chosen, np.where(caller, Role.CALLER, Role.CALLEE))
        table.put("other", chosen, np.where(caller, called, calling))
        table.put("by_address", chosen, np.where(caller, to_other, by_internal) & ~coarse)
        return half, waits

    # --- readings

    def state(self, numbers: Numbers) -> NDArray[np.uint8]:
        """Their `HalfState`."""
        return self._rows.table.take("half", numbers)

    def put_state(self, numbers: Numbers, state: HalfState | NDArray[np.int64]) -> None:
        """They are in this state (these states) from now on."""
        self._rows.table.put("half", numbers, state)

    def is_caller(self, numbers: Numbers) -> Mask:
        """Which are the callers' halves."""
        callers: Mask = self._rows.table.take("role", numbers) == Role.CALLER
        return callers

    def server(self, numbers: Numbers) -> Codes:
        """The numbers of the servers that logged them."""
        return self._logs.servers(self._rows.table.take("log", numbers))

    def other(self, numbers: Numbers) -> NDArray[np.int16]:
        """Where the other half should be; -1: any server (the peer's address does not tell)."""
        return self._rows.table.take("other", numbers)

    def take(self, column: str, numbers: Numbers) -> NDArray[Any]:
        """A column of their rows."""
        return self._rows.table.take(column, numbers)

    def start_ns(self, numbers: Numbers, skews: Numbers) -> Numbers:
        """Their starts in the hub's clock; `skews` are the servers' clocks minus the hub's."""
        start: Numbers = self._rows.table.take("start_ns", numbers)
        return start - skews[self.server(numbers)]

    def end_ns(self, numbers: Numbers, skews: Numbers) -> Numbers:
        """Their ends in the hub's clock."""
        duration: Numbers = self._rows.table.take("duration_ns", numbers)
        return self.start_ns(numbers, skews) + duration

    def hop(self, numbers: Numbers) -> NDArray[np.uint64]:
        """The callers' hop ids, and those that the callees' requests arrived with; shape (n, 2)."""
        table, callers = self._rows.table, self.is_caller(numbers)[:, None]
        return np.where(callers, table.take("hop_id", numbers), table.take("hop_parent", numbers))

    def trace(self, numbers: Numbers) -> NDArray[np.uint64]:
        """Their trace ids; shape (n, 2)."""
        ids: NDArray[np.uint64] = self._rows.table.take("trace_id", numbers)
        return ids

    def client(self, numbers: Numbers) -> Codes:
        """Codes of the callers' peer addresses, and of the addresses that the callees' peers speak
        for; 0: none."""
        table = self._rows.table
        claims = self._texts.claims(table.take("forwarded", numbers))
        return np.where(self.is_caller(numbers), table.take("client", numbers), claims)

    def clients(self) -> Sequence[str]:
        """The strings of `client`'s codes."""
        return self._rows.strings["client"].values

    def tail(self, numbers: Numbers) -> Codes:
        """Codes of what follows the last slash of their paths: the same in both halves, however
        much of a prefix was stripped."""
        return self._texts.tails(self._rows.table.take("path", numbers))

    def unreached(self, numbers: Numbers) -> Mask:
        """The proxy made the answer: the request may never have reached the callee."""
        unreached: Mask = _UNREACHED[self._rows.table.take("status", numbers)]
        return unreached

    def path_ends_with(self, callers: Numbers, callees: Numbers) -> Mask:
        """Whether the callers' paths end with the callees', pair by pair."""
        take = self._rows.table.take
        return self._texts.ends_with(take("path", callers), take("path", callees))
