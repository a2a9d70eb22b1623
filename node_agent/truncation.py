"""Client addresses shortened to their networks: 203.0.113.77 becomes 203.0.113.0.

In: an address, a forwarded header or any text. Out: the same, where what is an address of a person
has lost its end. The federation's own addresses stay whole, or no call could be joined and no
caller named: private ones (containers, proxies and servers have them, also those behind a peer that
forwards for them), those of the configuration, of the inventory and of the other servers, as the
hub names them. The same address becomes the same text at every server.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.config import AgentConfig, split_port
from node_agent.path_patterns import REDACTED

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE = """
10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16
::1/128 fc00::/7 fe80::/10
""".split()  # noqa: SIM905
"""What nobody has in the internet. `ipaddress.is_private` says more, and changes with Python."""
SIX_TO_FOUR_BITS = 16
"""Of 2002::/16: an IPv4 address follows, of which no more is shown than of others."""
_CACHED = 16_384
"""Addresses whose answer is kept: some 4 MB."""
_MAX_KNOWN = 4096
"""Addresses that the hub has named; the oldest are forgotten."""
_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d+|\[([^]]*)\](?::\d+)?", re.ASCII)
_IN_TEXT = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|(?<![T0-9a-fA-F:.])[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*",
    re.ASCII,
)
"""IPv4, and whatever may be IPv6 or the beginning of one: most times are taken for one, too."""


class Truncation:
    """Knows whose addresses stay whole."""

    def __init__(
        self,
        whole: Iterable[str] = (),
        also: Iterable[str] = (),
        ipv4_bits: int = 24,
        ipv6_bits: int = 48,
    ) -> None:
        self._whole = _subnets(whole)
        self._also = _subnets(also)
        self._private = _subnets(PRIVATE)
        self._bits = {4: ipv4_bits, 6: ipv6_bits}
        self._peers: dict[Address, None] = {}
        self._inventory: tuple[Subnet, ...] = ()
        self._known = lru_cache(maxsize=_CACHED)(self._address)

    def peers(self, addresses: Iterable[str]) -> None:
        """Of the other servers; one that was named stays whole while this process lives, since the
        hub names only servers that it has heard since its own start."""
        named = [address for text in addresses if (address := _parsed(text))]
        fresh = [address for address in named if address not in self._peers]
        if fresh:
            self._peers |= dict.fromkeys(fresh)
            while len(self._peers) > _MAX_KNOWN:
                del self._peers[next(iter(self._peers))]
            self._known.cache_clear()

    def inventory(self, inventory: pb.Inventory) -> None:
        """Networks of this server, and who is on them."""
        told = [one for network in inventory.networks for one in network.subnets]
        told += [one for network in inventory.networks for one in network.gateways]
        told += [endpoint.address for endpoint in inventory.endpoints]
        found = _subnets(dict.fromkeys(one for one in told if not self._is_private(one)))
        if found != self._inventory:
            self._inventory = found
            self._known.cache_clear()

    def address(self, text: str) -> str:
        """One without a port; what is none becomes `REDACTED`, "" stays."""
        return self._known(text) if text else text

    def forwarded(self, header: str) -> str:
        """A list of addresses, some with ports, which are left out."""
        if not header:
            return header
        return ", ".join(self.address(_without_port(part)) for part in header.split(","))

    def text(self, text: str) -> str:
        """Anything; what looks like an address and is none becomes `REDACTED`."""
        return _IN_TEXT.sub(lambda found: self.address(found[0]), text)

    def _address(self, text: str) -> str:
        address = _parsed(text)
        if address is None:
            return REDACTED
        if address in self._peers or _in(address, self._whole) or _in(address, self._inventory):
            return text
        if _in(address, self._private) and not _in(address, self._also):
            return text
        bits = self._bits[address.version]
        if isinstance(address, ipaddress.IPv6Address) and address.sixtofour:
            bits = min(bits, SIX_TO_FOUR_BITS + self._bits[4])
        return str(ipaddress.ip_network((address, bits), strict=False).network_address)

    def _is_private(self, subnet: str) -> bool:
        """It stays whole anyway."""
        address = _parsed(subnet.partition("/")[0])
        return address is not None and _in(address, self._private) and not self._also


def truncation(config: AgentConfig) -> Truncation | None:
    """As the configuration wants it; None: addresses leave as they are."""
    privacy, server = config.privacy, config.server
    if not privacy.truncate_clients:
        return None
    whole = [*privacy.truncate_never, *server.internal_addresses, *server.public_addresses]
    for proxy in config.proxies:
        whole += [split_port(listen)[0] for listen in proxy.addresses]
        whole += proxy.trusted_proxies
    for network in config.networks:
        whole += [one for one in (network.subnet, network.gateway) if one]
    whole += [address for service in config.services for address in service.addresses]
    bits = privacy.truncate_ipv4, privacy.truncate_ipv6
    return Truncation(whole, privacy.truncate_also, *bits)


@lru_cache(maxsize=1024)
def _subnet(text: str) -> Subnet:
    return ipaddress.ip_network(text, strict=False)


def _subnets(texts: Iterable[str]) -> tuple[Subnet, ...]:
    return tuple(map(_subnet, texts))


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _in(address: Address, subnets: Iterable[Subnet]) -> bool:
    return any(address.version == subnet.version and address in subnet for subnet in subnets)


def _without_port(part: str) -> str:
    text = part.strip().strip('"')
    found = _WITH_PORT.fullmatch(text)
    return (found[1] or found[2]) if found else text
