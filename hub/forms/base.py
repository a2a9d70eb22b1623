"""What all forms have in common: the base, and the words that several of them use."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Origin = Literal[
    "same_server",
    "cross_server",
    "cross_server_direct",
    "public",
    "hairpin",
    "outside",
    "undecided",
]
NodeKind = Literal["service", "proxy", "server", "external", "outside", "gateway"]
ProxyKind = Literal["public", "private"]
JoinKey = Literal["hop_id", "trace", "address", "conntrack", "forwarded", "none"]
MissingHalf = Literal["caller_half", "callee_half"]


class Form(Struct, kw_only=True, gc=False, rename={"from_": "from"}):
    """Base of all forms: keyword-only, every key always written. Made to be encoded at once.

    They are trees, so Python need not look for cycles among the hundred thousands of an export.
    """
