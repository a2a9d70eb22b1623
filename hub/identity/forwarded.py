"""What a forwarded header says: the addresses that requests are said to have come through.

Enters: the header's text as it was logged, the nearest sender last. Leaves: addresses. Each sender
writes down whom it heard, so the last one is the word of the peer itself, and any one before it may
be made up by whoever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hub.identity.addresses import Address, Subnet, parse_address

_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d+|\[(.+)\](?::\d+)?")
"""As some load balancers write addresses."""


def nearest(header: str) -> str:
    """Whom the peer itself says to speak for."""
    return _plain(header.rpartition(",")[2])


def believed(header: str, trusted: Sequence[Subnet]) -> str:
    """The nearest sender that is none of the trusted ones; the farthest where all are."""
    senders = [_plain(part) for part in header.split(",")]
    for sender in reversed(senders):
        address = parse_address(sender)
        if address is None or not within(address, trusted):
            return sender
    return senders[0]


def within(address: Address, subnets: Sequence[Subnet]) -> bool:
    """Whether one of the subnets holds the address."""
    return any(address.version == subnet.version and address in subnet for subnet in subnets)


def _plain(part: str) -> str:
    text = part.strip().strip('"')
    with_port = _WITH_PORT.fullmatch(text)
    return (with_port[1] or with_port[2]) if with_port else text
