"""Which requests claim what nobody may claim there: forwarded addresses and hop ids of strangers.

Enters: columns of rows with their peers. Leaves: what of each is not believed. A registered
server's claims are looked into by the join, and a trusted proxy's word counts at a public proxy.
What else claims something is a stranger, or hidden from a public proxy by NAT.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.columns.answers import Answers
from hub.columns.rows import Rows
from hub.enums import Claim, PeerKind
from hub.identity.logs import Logs
from hub.identity.peers import Peer
from hub.join.halves import has_id

Numbers = NDArray[np.int64]

_STRANGERS = np.zeros((2, len(PeerKind)), np.bool_)
"""At a private proxy, and at a public one."""
_STRANGERS[:, PeerKind.ELSEWHERE] = True
_STRANGERS[1, [PeerKind.LOOPBACK, PeerKind.GATEWAY]] = True


def unproven(rows: Rows, logs: Logs, peers: Answers[Peer], numbers: Numbers) -> NDArray[np.uint8]:
    """`Claim` bits of these rows, whose peers are resolved."""
    take = rows.table.take
    peer = take("peer", numbers)
    public = logs.public(take("log", numbers)).astype(np.intp)
    bits = np.zeros(len(numbers), np.uint8)
    strangers = np.flatnonzero(_STRANGERS[public, peers.column("kind", peer)])
    if len(strangers):
        lines = numbers[strangers]
        forwards = take("forwarded", lines) != 0
        forwards &= peers.column("trusted", peer[strangers]) == 0
        bits[strangers] = np.where(forwards, Claim.FORWARDED, 0)
        bits[strangers] |= np.where(has_id(take("hop_parent", lines)), Claim.HOP_ID, 0).astype(
            np.uint8
        )
    return bits
