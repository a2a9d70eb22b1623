"""Which lines may be half of a cross-server call, and the `Half` of each.

Enters: rows with their resolved peers and callees. Leaves: halves for the join. A line is a
caller's half where its upstream is another server (or a name that may hide one); it is a callee's
half where its peer is another server, or where it carries an id that another server may have given
(at a public proxy, where nothing waits, only then).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.enums import CalleeKind, PeerKind, Role
from hub.federation import ServerRecord
from hub.join import Half
from hub.rows import Rows

UNREACHED = (502, 503, 504)
"""What Traefik answers where it got no answer."""

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_FROM_OTHERS = np.isin(list(PeerKind), [PeerKind.OTHER_INTERNAL, PeerKind.OTHER_SHARED])
_NAMELESS = np.isin(list(PeerKind), [PeerKind.LOOPBACK, PeerKind.GATEWAY, PeerKind.OWN_HOST])


def roles(
    peers: NDArray[np.int32],
    callees: NDArray[np.int32],
    has_parent: Mask,
    has_id: Mask,
    public: bool,
) -> tuple[Mask, Mask, Mask]:
    """For each row: is it a caller's half, is it a callee's half, and does it wait for the other.

    `has_parent`: it arrived with a hop id; `has_id`: it has a hop or trace id at all. A row that
    could be both is the callee's half: what it calls on is the next server's affair.
    """
    from_other = _FROM_OTHERS[peers] & (not public)
    by_id = has_parent | (has_id & ((peers == PeerKind.LOOPBACK) | _FROM_OTHERS[peers]))
    callee = from_other | by_id
    caller = ~callee & (
        (callees == CalleeKind.OTHER_SERVER) | (has_id & (callees == CalleeKind.EXTERNAL))
    )
    waits = (callee & (from_other | (_NAMELESS[peers] & by_id))) | (
        caller & (callees == CalleeKind.OTHER_SERVER)
    )
    return caller, callee, waits


class HalfMaker:
    """Makes halves of rows of one server."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def make(
        self,
        server: ServerRecord,
        skew_ns: int,
        numbers: Numbers,
        role: Role,
        others: NDArray[np.int32],
        waits: Mask,
        by_address: Mask,
        now_ns: int,
    ) -> list[Half]:
        """Halves of these rows; `others` are the servers where the other halves should be."""
        table = self._rows.table
        start = table.take("start_ns", numbers) - skew_ns
        end = start + table.take("duration_ns", numbers)
        strings = self._rows.strings
        clients = "client" if role is Role.CALLER else "forwarded"
        fields = zip(
            numbers.tolist(),
            others.tolist(),
            start.tolist(),
            end.tolist(),
            table.take("method", numbers).tolist(),
            table.take("path", numbers).tolist(),
            table.take("hop_id" if role is Role.CALLER else "hop_parent", numbers).tolist(),
            table.take("trace_id", numbers).tolist(),
            table.take(clients, numbers).tolist(),
            waits.tolist(),
            by_address.tolist(),
            np.isin(table.take("status", numbers), UNREACHED).tolist(),
            strict=True,
        )
        paths, addresses = strings["path"].values, strings[clients].values
        return [
            Half(
                row=row,
                role=role,
                server=server.number,
                other=other,
                start_ns=start_ns,
                end_ns=end_ns,
                method=method,
                path=paths[path],
                hop=(hop[0], hop[1]),
                trace=(trace[0], trace[1]),
                client=addresses[client].partition(",")[0].strip(),
                waits=wait,
                address_join=near,
                seen_ns=now_ns,
                unreached=role is Role.CALLER and failed,
            )
            for (
                row, other, start_ns, end_ns, method, path, hop, trace, client, wait, near, failed
            ) in fields
        ]  # fmt: skip
