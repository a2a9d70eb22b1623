"""Which Host and Origin a request may carry: what keeps other people's pages out.

Enters: the address listened on, the configured names, a request's headers and the address that its
connection came to. Leaves: yes or no. A name that an attacker makes resolve to this hub (DNS
rebinding) is no name of this hub; an address cannot be made so. Ports are not compared: a tunnel
may end at any.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from hub.config import split_address

Address = IPv4Address | IPv6Address


class Hosts:
    """The names of this hub."""

    def __init__(self, listen: str, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(host.lower() for host in allowed)
        self._unix = listen.startswith("unix:")
        self._listen = "" if self._unix else split_address(listen)[0].lower()

    def allows(self, host: str | None, local: str | None) -> bool:
        """Whether `host` names this hub; `local`: the address that the connection came to."""
        if not host:
            return False
        host = host.lower()
        name = _name(host)
        if host in self._allowed or name in self._allowed:
            return True
        if self._unix:
            return not self._allowed  # No browser reaches a socket; a proxy's names may be told.
        named, came_to = _address(name), _address(local or "")
        if named is None:
            local_name = name == "localhost" and came_to is not None and came_to.is_loopback
            return local_name or name == self._listen
        if came_to is None:
            return name == self._listen
        return named == came_to or (named.is_loopback and came_to.is_loopback)

    def same_origin(self, origin: str, host: str, *, https: bool) -> bool:
        """Whether a page of `origin` is this hub's own, asked for as `host`."""
        try:
            parts = urlsplit(origin.lower())
        except ValueError:
            return False
        if parts.scheme != "https" and (https or parts.scheme != "http"):
            return False
        return bool(parts.netloc) and (
            parts.netloc == host.lower() or parts.netloc in self._allowed
        )


def _name(host: str) -> str:
    """Without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
