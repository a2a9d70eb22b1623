"""Messages of the kernel's connection tracking, read.

Enters: bytes of a netlink socket. Leaves: `Flow`s: TCP connections whose source was translated, to
one of the destinations that are asked for; all else is passed over as early as can be. The form is
Linux's `nfnetlink_conntrack.h`: netlink header, nfgenmsg, then attributes, some of them nested.
Pure; what cannot be read is no flow.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass

NEW, DESTROY = 0x100, 0x102
"""Types: NFNL_SUBSYS_CTNETLINK << 8, with IPCTNL_MSG_CT_NEW or IPCTNL_MSG_CT_DELETE."""
ERROR, DONE = 2, 3
"""Types of netlink itself: an error (or its absence), and the end of a dump."""

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_PORT = struct.Struct(">H")
_TYPE = 0x3FFF
"""Of an attribute; the bits above say nested and byte order."""
_NFGENMSG = 4
_ORIGINAL, _REPLY = 1, 2
_ADDRESSES, _PROTOCOL = 1, 2
_V4_SOURCE, _V4_DESTINATION, _V6_SOURCE, _V6_DESTINATION = 1, 2, 3, 4
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_TCP = b"\x06"


@dataclass(frozen=True, slots=True)
class Flow:
    """A translated TCP connection; addresses as text."""

    source: str
    translated: str
    translated_port: int
    destination: str
    destination_port: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a dump, or its refusal by this error number."""

    error: int


def messages(data: bytes, destinations: Container[bytes]) -> Iterator[tuple[bool, Flow] | Ended]:
    """Flows to these packed addresses, each with whether it is there (else it is gone)."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        body = data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3
        if kind in (NEW, DESTROY):
            if (flow := _flow(body[_NFGENMSG:], destinations)) is not None:
                yield kind == NEW, flow
        elif kind in (ERROR, DONE):
            number = struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
            yield Ended(-number)


def _flow(body: bytes, destinations: Container[bytes]) -> Flow | None:
    told = _attributes(body)
    original, reply = told.get(_ORIGINAL), told.get(_REPLY)
    if original is None or reply is None:
        return None
    there = _end(original)
    if there is None or there[1] not in destinations:
        return None
    back = _end(reply)
    if back is None or back[1] == there[0]:  # answers go to the source itself: not translated
        return None
    return Flow(_text(there[0]), _text(back[1]), back[3], _text(there[1]), there[3])


def _end(nested: bytes) -> tuple[bytes, bytes, int, int] | None:
    """Source, destination, and their ports, of one direction; None: it is not TCP."""
    told = _attributes(nested)
    protocol = _attributes(told.get(_PROTOCOL, b""))
    if protocol.get(_NUMBER) != _TCP:
        return None
    addresses = _attributes(told.get(_ADDRESSES, b""))
    source = addresses.get(_V4_SOURCE) or addresses.get(_V6_SOURCE)
    destination = addresses.get(_V4_DESTINATION) or addresses.get(_V6_DESTINATION)
    ports = protocol.get(_SOURCE_PORT, b""), protocol.get(_DESTINATION_PORT, b"")
    if not source or not destination or len(ports[0]) != 2 or len(ports[1]) != 2:
        return None
    return source, destination, _PORT.unpack(ports[0])[0], _PORT.unpack(ports[1])[0]


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _text(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def dump_request(number: int) -> bytes:
    """Asks for all entries of the table: IPCTNL_MSG_CT_GET, with NLM_F_REQUEST and NLM_F_DUMP."""
    return _HEADER.pack(_HEADER.size + _NFGENMSG, 0x101, 0x301, number, 0) + bytes(_NFGENMSG)
