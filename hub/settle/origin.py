"""Where a call came from, by what its TCP peer is: the rules of the contract as a table.

Enters: kinds of proxies, peers and callees, and whether the hop was joined. Leaves: origins, and
the reason in words. Headers are claims and decide nothing here; an id that matched another server's
journalled hop comes in as `joined`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.enums import CalleeKind, Origin, PeerKind
from hub.model import ProxyKind

_AT_PRIVATE = {
    PeerKind.ELSEWHERE: Origin.OUTSIDE,
    PeerKind.LOOPBACK: Origin.UNDECIDED,
    PeerKind.GATEWAY: Origin.UNDECIDED,
    PeerKind.OWN_HOST: Origin.UNDECIDED,
    PeerKind.OWN_ENDPOINT: Origin.SAME_SERVER,
    PeerKind.OWN_SUBNET: Origin.SAME_SERVER,
    PeerKind.OTHER_INTERNAL: Origin.CROSS_SERVER_DIRECT,
    PeerKind.OTHER_SHARED: Origin.CROSS_SERVER_DIRECT,
}
"""By the peer alone; a join makes `CROSS_SERVER` of it."""

_TABLE = np.array([_AT_PRIVATE[kind] for kind in PeerKind], np.uint8)

_WHY = {
    PeerKind.ELSEWHERE: "peer is no address of any registered server or of its networks",
    PeerKind.LOOPBACK: "peer is the loopback address: this host, or hidden by NAT",
    PeerKind.GATEWAY: "peer is a gateway of this server: its host, or hidden by NAT",
    PeerKind.OWN_HOST: "peer is this server's own address: its host, or hidden by NAT",
    PeerKind.OWN_ENDPOINT: "peer is a container of this server",
    PeerKind.OWN_SUBNET: "peer lies in a network of this server; its container is not known",
    PeerKind.OTHER_INTERNAL: "peer is {other}'s internal address",
    PeerKind.OTHER_SHARED: "peer is a container of {other} on a shared network",
}


def first_hop_origins(
    public: NDArray[np.bool_],
    peers: NDArray[np.int32],
    known_hosts: NDArray[np.int32],
    callees: NDArray[np.int32],
) -> NDArray[np.uint8]:
    """Origins of calls of one hop, at a public proxy or a private one, as nothing was joined to it.

    `peers` and `callees` hold `PeerKind` and `CalleeKind` values; `known_hosts` is 1 where the peer
    is an address of a registered server.
    """
    private = _TABLE[peers]
    leaves = (callees == CalleeKind.OTHER_SERVER) & (private != Origin.OUTSIDE)
    private[leaves] = Origin.CROSS_SERVER
    at_public = np.where(known_hosts == 1, Origin.HAIRPIN, Origin.PUBLIC)
    return np.where(public, at_public, private).astype(np.uint8)


def why(kind: ProxyKind, peer: PeerKind, other: str | None, known_host: bool) -> str:
    """The reason for an origin, in words, as far as the peer tells it."""
    if kind is ProxyKind.PUBLIC:
        if known_host:
            return f"public proxy; peer is {other}'s address"
        return "public proxy; peer is no registered server"
    return _WHY[peer].format(other=other)
