"""The words of calls as small integers, for columns; `.name.lower()` is the word of the API."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class NodeKind(IntEnum):
    """What a node is."""

    SERVICE = 0
    PROXY = 1
    SERVER = 2
    EXTERNAL = 3
    OUTSIDE = 4
    GATEWAY = 5


class Origin(IntEnum):
    """Where a call came from."""

    SAME_SERVER = 0
    CROSS_SERVER = 1
    CROSS_SERVER_DIRECT = 2
    PUBLIC = 3
    HAIRPIN = 4
    OUTSIDE = 5
    UNDECIDED = 6


class JoinKey(IntEnum):
    """By what the halves of a call were joined."""

    NONE = 0
    HOP_ID = 1
    TRACE = 2
    FORWARDED = 3
    ADDRESS = 4
    CONNTRACK = 5
    """Nothing was joined: connection tracking names the caller."""


class Missing(IntEnum):
    """Which half of a cross-server call was not seen."""

    NOTHING = 0
    CALLER_HALF = 1
    CALLEE_HALF = 2


class Reason(IntEnum):
    """Why a half can be missing."""

    NONE = 0
    DIRECT = 1
    CALLER_SILENT = 2
    CALLER_LINE_LOST = 3
    CALLEE_SILENT = 4
    CALLEE_UNREACHABLE = 5
    CALLEE_LINE_LOST = 6
    UNKNOWN = 7


class Claim(IntFlag):
    """What a request claims in its headers without being entitled to."""

    NONE = 0
    FORWARDED = 1
    HOP_ID = 2


class PeerKind(IntEnum):
    """What the TCP peer of a request is, seen from the proxy's server."""

    ELSEWHERE = 0
    LOOPBACK = 1
    GATEWAY = 2
    OWN_HOST = 3
    OWN_ENDPOINT = 4
    OWN_SUBNET = 5
    OTHER_INTERNAL = 6
    OTHER_SHARED = 7


class CalleeKind(IntEnum):
    """What a proxy handed a request to."""

    SERVICE = 0
    OTHER_SERVER = 1
    PROXY = 2
    EXTERNAL = 3


class HalfState(IntEnum):
    """How far a line is that may be half of a cross-server call."""

    NONE = 0
    WAITING = 1
    REMEMBERED = 2
    """It settled alone; only an id can join it yet."""
    JOINED = 3


class Role(IntEnum):
    """Which side of a cross-server call a hop is."""

    CALLER = 0
    CALLEE = 1
