"""Which requests claim what nobody may claim there: forwarded addresses and hop ids of strangers.

Enters: columns of rows with their peers. Leaves: what of each is not believed. A registered
server's claims are looked into by the join, and a trusted proxy's word counts at a public proxy.
What else claims something is a stranger, or hidden from a public proxy by NAT.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.enums import Claim, PeerKind

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

_HIDDEN = (PeerKind.LOOPBACK, PeerKind.GATEWAY)


def unproven(
    public: Mask, peers: Codes, trusted: Mask, forwards: Mask, has_parent: Mask
) -> NDArray[np.uint8]:
    """`Claim`s, as bits; `peers` holds `PeerKind` values, `forwards` who says so, `has_parent` who
    came with a hop id."""
    strangers: Mask = peers == PeerKind.ELSEWHERE
    strangers |= public & np.isin(peers, _HIDDEN)
    bits: NDArray[np.uint8] = np.where(strangers & forwards & ~trusted, Claim.FORWARDED, 0).astype(
        np.uint8
    )
    bits |= np.where(strangers & has_parent, Claim.HOP_ID, 0).astype(np.uint8)
    return bits
