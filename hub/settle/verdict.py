"""What rows tell of the call that they make: its ends, its origin, how it was joined, its result.

Enters: rows, identified, alone or in pairs. Leaves: columns of the table of calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from hub.columns.rows import Rows
from hub.enums import CalleeKind, JoinKey, Missing, Origin, PeerKind, Reason
from hub.identity.identity import Identity
from hub.identity.logs import Logs
from hub.settle.origin import first_hop_origins

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Values = dict[str, NDArray[Any]]
"""Columns of calls by name, all of one length."""

PROXY_MADE = (499, 502, 504)
"""Statuses that a proxy makes where its upstream gave none; Traefik logs them as the upstream's
too."""

_ANSWERED = np.ones(1 << 16, np.bool_)
_ANSWERED[[0, *PROXY_MADE]] = False


class Verdict:
    """Reads rows as calls."""

    def __init__(self, rows: Rows, identity: Identity, logs: Logs) -> None:
        self._rows = rows
        self._identity = identity
        self._logs = logs

    def alone(self, numbers: Numbers) -> Values:
        """Of calls of one hop, as that hop alone tells them."""
        identity, table = self._identity, self._rows.table
        peers, callees = table.take("peer", numbers), table.take("callee", numbers)
        callee_kinds = identity.callees.column("kind", callees)
        to_other = callee_kinds == CalleeKind.OTHER_SERVER
        origins = first_hop_origins(
            self._logs.public(table.take("log", numbers)),
            identity.peers.column("kind", peers),
            identity.peers.column("known_host", peers),
            callee_kinds,
        )
        zeros = np.zeros(len(numbers), np.int64)
        return {
            "origin": origins,
            "from_node": identity.peers.column("node", peers),
            "to_node": identity.callees.column("node", callees),
            "by": zeros + JoinKey.NONE,
            "confidence": zeros + 1,
            "missing": np.where(to_other, Missing.CALLEE_HALF, Missing.NOTHING),
            "reason": np.where(to_other, Reason.UNKNOWN, Reason.NONE),
            "other": np.where(to_other, identity.callees.column("server", callees), -1),
            "hop0": numbers,
            "hop1": zeros - 1,
            "passed_by": zeros - 1,
            "claims": table.take("claims", numbers),
            "ignored": identity.peers.column("ignored", peers)
            | identity.callees.column("ignored", callees),
        }

    def joined(
        self,
        callers: Numbers,
        callees: Numbers,
        by: NDArray[np.integer],
        confidence: NDArray[np.floating],
    ) -> Values:
        """Of calls of these pairs of rows."""
        table, identity = self._rows.table, self._identity
        peers, answering = table.take("peer", callers), table.take("callee", callees)
        known_host = identity.peers.column("known_host", peers) != 0
        outside = identity.peers.column("kind", peers) == PeerKind.ELSEWHERE
        public = self._logs.public(table.take("log", callers))
        hairpin = self._logs.public(table.take("log", callees)) | (public & known_host)
        zeros = np.zeros(len(callers), np.int64)
        return {
            "origin": np.select(
                [hairpin, public, outside],
                [Origin.HAIRPIN, Origin.PUBLIC, Origin.OUTSIDE],
                Origin.CROSS_SERVER,
            ),
            "from_node": identity.peers.column("node", peers),
            "to_node": identity.callees.column("node", answering),
            "by": by,
            "confidence": confidence,
            "missing": zeros + Missing.NOTHING,
            "reason": zeros + Reason.NONE,
            "other": zeros - 1,
            "hop0": callers,
            "hop1": callees,
            "passed_by": zeros - 1,
            "claims": table.take("claims", callers),
            "ignored": identity.peers.column("ignored", peers)
            | identity.callees.column("ignored", answering),
        }

    def passed(self, numbers: Numbers, by_rows: Numbers, by: NDArray[np.integer]) -> Values:
        """Of calls of one hop that another server's proxy passed on, as these rows of it tell."""
        values = self.alone(numbers)
        zeros = np.zeros(len(numbers), np.int64)
        return values | {
            "origin": zeros + Origin.CROSS_SERVER,
            "from_node": self._logs.proxies(self._rows.table.take("log", by_rows)),
            "by": by,
            "passed_by": by_rows,
        }

    def result(self, hop0: Numbers, hop1: Numbers) -> Values:
        """What came of calls of these hops (-1: no second one)."""
        table = self._rows.table
        last = np.where(hop1 >= 0, hop1, hop0)
        upgraded = table.take("flags", hop0) & pb.ROW_FLAG_UPGRADE != 0
        status = table.take("status", hop0)
        status = np.where((status == 0) & upgraded, 101, status)
        grpc = np.maximum(table.take("grpc_status", hop0), table.take("grpc_status", last))
        answered = _ANSWERED[table.take("upstream_status", last)]
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
