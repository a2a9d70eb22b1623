"""Places that requests come from: an address on a machine.

A connection is made from a place by entering the machine's namespace for the moment in which its
socket is created: a socket stays in the network it was made in. On loopback the address alone makes
the place. One thread, no locks: nothing awaits between entering and returning.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socket import socket as Socket
from typing import Any

import aiohttp

from servers.runner import defaults
from servers.runner.syscalls import CLONE_NEWNET, open_namespace, setns


@dataclass(frozen=True, slots=True)
class Place:
    """`machine` is a name as in `namespaces`; `address` one of its own."""

    machine: str
    address: str


class Doors:
    """Opens sockets in places. `machines` are namespace descriptors; empty on loopback."""

    def __init__(self) -> None:
        self.machines: Mapping[str, int] = {}
        self._home = open_namespace("net")

    def socket(self, place: Place) -> Socket:
        """A TCP socket of that machine, bound to that address."""
        machine = self.machines.get(place.machine)
        if machine is None:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        else:
            setns(machine, CLONE_NEWNET)
            try:
                made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            finally:
                setns(self._home, CLONE_NEWNET)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((place.address, 0))
        return made

    def factory(self, place: Place) -> Callable[[Any], Socket]:
        """As aiohttp's connector asks for it."""
        return lambda _: self.socket(place)

    def session(self, place: Place, user_agent: str) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(socket_factory=self.factory(place), limit=0)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=defaults.REQUEST_TIMEOUT_S),
            headers={"User-Agent": user_agent},
        )


def outward_address() -> str | None:
    """This machine's own address towards others, if it has one; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE)
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


_SOMEWHERE = ("192.0.2.1", 9)
"""An address of no machine (RFC 5737)."""

_IP_BIND_ADDRESS_NO_PORT = 24
"""Linux: choose the port when connecting, so that ports are not used up by address."""
