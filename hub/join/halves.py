"""Which lines may be half of a cross-server call, and what there is to know of each as a half.

Enters: rows with their resolved peers and callees. Leaves: their columns as halves. A line is a
caller's half where its upstream is another server (or a name that may hide one); it is a callee's
half where its peer is another server, or where it carries an id that another server may have given
(at a public proxy, where nothing waits, only then). There are no objects: a half is its row's
number, so that a thousand of them cost a few array operations.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.columns.rows import Rows
from hub.columns.words import mixed
from hub.enums import CalleeKind, HalfState, PeerKind, Role
from hub.identity.identity import Identity
from hub.identity.logs import Logs
from hub.join.texts import Texts

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]


def _table(size: int, members: Iterable[int]) -> Mask:
    """A look-up table of booleans: `numpy.isin` costs twenty times as much for a few rows."""
    table = np.zeros(size, np.bool_)
    table[list(members)] = True
    return table


_FROM_OTHERS = _table(len(PeerKind), [PeerKind.OTHER_INTERNAL, PeerKind.OTHER_SHARED])
_OWN = _table(len(PeerKind), [PeerKind.OWN_ENDPOINT, PeerKind.OWN_SUBNET])
_NAMELESS = _table(len(PeerKind), [PeerKind.LOOPBACK, PeerKind.GATEWAY, PeerKind.OWN_HOST])


def roles(
    peers: Codes, callees: Codes, has_parent: Mask, has_id: Mask, public: Mask
) -> tuple[Mask, Mask, Mask]:
    """For each row: is it a caller's half, is it a callee's half, and does it wait for the other.

    `has_parent`: it arrived with a hop id; `has_id`: it has a hop or trace id at all. A row that
    could be both is the callee's half: what it calls on is the next server's affair. But it is the
    caller's where an own container calls on with the hop id of what it serves, and where nothing
    but a trace id and loopback say that another server may have called.
    """
    from_other = _FROM_OTHERS[peers] & ~public
    to_other = callees == CalleeKind.OTHER_SERVER
    leaves = to_other | (has_id & (callees == CalleeKind.EXTERNAL))
    by_trace = has_id & (_FROM_OTHERS[peers] | ((peers == PeerKind.LOOPBACK) & ~leaves))
    by_id = has_parent | by_trace
    callee = from_other | (by_id & ~(_OWN[peers] & leaves))
    caller = ~callee & leaves
    waits = (callee & (from_other | (_NAMELESS[peers] & by_id))) | (caller & to_other)
    return caller, callee, waits


def has_id(ids: NDArray[np.uint64]) -> Mask:
    """Which of these ids, shape (n, 2), are given at all."""
    given: Mask = (ids[:, 0] | ids[:, 1]) != 0
    return given


class Halves:
    """Rows as halves."""

    def __init__(self, rows: Rows, identity: Identity, logs: Logs) -> None:
        self.rows = rows
        self.logs = logs
        self.texts = Texts(rows)
        self._identity = identity

    def mark(self, numbers: Numbers) -> tuple[Mask, Mask]:
        """Note of these rows what they are as halves: which may be one, and which of them wait."""
        table, identity = self.rows.table, self._identity
        peers, callees = table.take("peer", numbers), table.take("callee", numbers)
        peer_kinds = identity.peers.column("kind", peers)
        callee_kinds = identity.callees.column("kind", callees)
        has_parent = has_id(table.take("hop_parent", numbers))
        any_id = has_id(table.take("trace_id", numbers)) | has_id(table.take("hop_id", numbers))
        logs = table.take("log", numbers)
        public = self.logs.public(logs)
        caller, callee, waits = roles(peer_kinds, callee_kinds, has_parent, any_id, public)
        half = caller | callee
        chosen, caller = numbers[half], caller[half]
        to_other = (callee_kinds == CalleeKind.OTHER_SERVER)[half]
        from_other = _FROM_OTHERS[peer_kinds][half]
        by_internal = (peer_kinds == PeerKind.OTHER_INTERNAL)[half]
        coarse = table.take("flags", chosen) & pb.ROW_FLAG_COARSE_TIME != 0
        called = identity.callees.column("server", callees[half])
        calling = np.where(from_other, identity.peers.column("server", peers[half]), -1)
        other = np.where(caller, called, calling)
        table.put("role", chosen, np.where(caller, Role.CALLER, Role.CALLEE))
        table.put("other", chosen, other)
        table.put("by_address", chosen, np.where(caller, to_other, by_internal) & ~coarse)
        self._put_keys(chosen, caller, self.logs.servers(logs[half]), other)
        return half, waits

    def _put_keys(self, rows: Numbers, caller: Mask, own: Codes, other: Codes) -> None:
        """What both halves of a call have the same, as one word each: `key` of its servers, method
        and path's end (but where the two redact paths differently), and `claim` of the caller's
        address."""
        table, texts = self.rows.table, self.texts
        tails = texts.tails(table.take("path", rows))
        same_paths = self.logs.same_paths(own, other)
        if same_paths is not None:
            tails = np.where(same_paths, tails, 0)
        methods = texts.methods(table.take("method", rows))
        calling, called = np.where(caller, own, other), np.where(caller, other, own)
        client = texts.clients(table.take("client", rows))
        claim = np.where(caller, client, texts.claims(table.take("forwarded", rows)))
        table.put("key", rows, mixed(tails, methods, calling, called))
        table.put("claim", rows, claim)

    def state(self, rows: Numbers) -> NDArray[np.uint8]:
        """Their `HalfState`."""
        return self.rows.table.take("half", rows)

    def put_state(self, rows: Numbers, state: HalfState | NDArray[np.int64]) -> None:
        """They are in this state (these states) from now on."""
        self.rows.table.put("half", rows, state)
