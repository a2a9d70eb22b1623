"""The addresses and the topology of N servers, as data.

Enters: a mode, the ports, a server's number (1 is server-a). Leaves: its plan. Nothing here
touches the machine. What always holds: plans are a pure function of their arguments, and no
address is used twice where two machines could meet.

In namespaces the container networks of all servers OVERLAP, as Docker's do on real machines; only
the internal network (10.10.0.0/24) and the internet (198.51.100.0/24) are shared. On loopback all
machines meet, so each server has its own networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from servers.runner import defaults

PRIVATE = "private-server-proxy-network"
PUBLIC = "public-server-proxy-network"
INTERNAL = "internal-network"
INTERNET = "internet"

PRIVATE_PROXY = "private-server-proxy"
PUBLIC_PROXY = "public-server-proxy"
COMMUNICATING = "communicating-service"
NON_COMMUNICATING = "non-communicating-service"
JOB = "reporting-job"


class Mode(StrEnum):
    """Where the servers' machines live."""

    NAMESPACES = "namespaces"
    LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that every server uses, on its own addresses."""

    proxy: int = defaults.PROXY_PORT
    service: int = defaults.SERVICE_PORT
    api: int = defaults.API_PORT


@dataclass(frozen=True, slots=True)
class Network:
    """A network as a server sees it. `gateway` is the host's own address on it, if it has one."""

    name: str
    subnet: str
    gateway: str | None
    shared: bool

    @property
    def prefix_length(self) -> int:
        return int(self.subnet.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Attachment:
    """A machine's address on a network."""

    network: Network
    address: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A container or its stand-in: one network namespace, or a set of loopback addresses."""

    name: str
    attachments: tuple[Attachment, ...]

    def on(self, network: str) -> str:
        """Its address on the network of that name."""
        return next(a.address for a in self.attachments if a.network.name == network)


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """One server: its networks, its machines, and where they listen."""

    number: int
    mode: Mode
    ports: Ports
    networks: tuple[Network, ...]
    machines: tuple[Machine, ...]

    @property
    def id(self) -> str:
        return server_id(self.number)

    def machine(self, name: str) -> Machine:
        return next(m for m in self.machines if m.name == name)

    @property
    def gateway(self) -> str:
        """The host's address on the private network: what hides a process on the host."""
        return _gateway(self.networks[0])

    @property
    def public_gateway(self) -> str:
        """The same on the public network."""
        return _gateway(self.networks[1])

    @property
    def internal_address(self) -> str:
        """How other servers see this one."""
        return self.machine(PRIVATE_PROXY).on(INTERNAL)

    @property
    def public_address(self) -> str:
        """How the internet sees this server."""
        return self.machine(PUBLIC_PROXY).on(INTERNET)

    @property
    def private_entry(self) -> str:
        """`ip:port` of the private proxy for its own containers."""
        return f"{self.machine(PRIVATE_PROXY).on(PRIVATE)}:{self.ports.proxy}"

    @property
    def internal_entry(self) -> str:
        """`ip:port` of the private proxy for other servers."""
        return f"{self.internal_address}:{self.ports.proxy}"

    @property
    def public_entries(self) -> tuple[str, str]:
        """`ip:port` of the public proxy: for its own containers, and for the internet."""
        own = self.machine(PUBLIC_PROXY).on(PUBLIC)
        return f"{own}:{self.ports.proxy}", f"{self.public_address}:{self.ports.proxy}"

    @property
    def private_api(self) -> str:
        return f"{self.machine(PRIVATE_PROXY).on(PRIVATE)}:{self.ports.api}"

    @property
    def public_api(self) -> str:
        return f"{self.machine(PUBLIC_PROXY).on(PUBLIC)}:{self.ports.api}"

    def service(self, name: str, network: str) -> str:
        """`ip:port` of a service on a network."""
        return f"{self.machine(name).on(network)}:{self.ports.service}"


@dataclass(frozen=True, slots=True)
class Outsiders:
    """The machines that belong to no server."""

    internet: Network
    visitors: tuple[str, ...]
    """Addresses of visitors."""
    scanner: str
    browser: str
    """The visitor's address that requests to `public.localhost` come from."""
    internal: Network
    intruder: str
    """On the internal network, registered with nobody."""
    trusted: str
    """The range that private proxies have on the internal network: what their peers trust."""

    @property
    def on_internet(self) -> tuple[str, ...]:
        return (*self.visitors, self.scanner, self.browser)


def _gateway(network: Network) -> str:
    assert network.gateway is not None, f"{network.name} has no gateway"
    return network.gateway


def server_id(number: int) -> str:
    """1 → server-a, 26 → server-z, 27 → server-aa."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return f"server-{letters}"


def server_number(server: str) -> int:
    """The reverse of `server_id`; ValueError for any other name."""
    kind, _, letters = server.partition("-")
    if kind != "server" or not letters.isalpha() or not letters.islower() or not letters.isascii():
        raise ValueError(f"{server!r} is not a server's name: server-a, server-b, …")
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("a") + 1
    return number


def plan_outsiders(mode: Mode) -> Outsiders:
    if mode is Mode.NAMESPACES:
        return Outsiders(
            internet=Network(INTERNET, "198.51.100.0/24", None, shared=True),
            visitors=("198.51.100.7", "198.51.100.8", "203.0.113.5", "203.0.113.77"),
            scanner="203.0.113.66",
            browser="198.51.100.5",
            internal=Network(INTERNAL, "10.10.0.0/24", None, shared=True),
            intruder="10.10.0.99",
            trusted="10.10.0.0/26",
        )
    return Outsiders(
        internet=Network(INTERNET, "127.210.0.0/24", None, shared=True),
        visitors=("127.210.0.107", "127.210.0.108", "127.211.0.5", "127.211.0.77"),
        scanner="127.211.0.66",
        browser="127.210.0.105",
        internal=Network(INTERNAL, "127.10.0.0/24", None, shared=True),
        intruder="127.10.0.99",
        trusted="127.10.0.0/26",
    )


def plan_server(mode: Mode, ports: Ports, number: int) -> ServerPlan:
    """The plan of the server with this number, from 1."""
    if not 1 <= number <= defaults.MAX_SERVERS:
        raise ValueError(f"server number {number}: 1 to {defaults.MAX_SERVERS} are allowed")
    outsiders = plan_outsiders(mode)
    internal, internet = outsiders.internal, outsiders.internet
    if mode is Mode.NAMESPACES:
        private_base, public_base = "172.20", "172.19"
    else:
        private_base, public_base = f"127.{20 + number}", f"127.{120 + number}"
    private = Network(PRIVATE, f"{private_base}.0.0/16", f"{private_base}.0.1", shared=False)
    public = Network(PUBLIC, f"{public_base}.0.0/16", f"{public_base}.0.1", shared=False)

    def machine(name: str, host: int, *, also: Attachment) -> Machine:
        on_private = Attachment(private, f"{private_base}.0.{host}")
        return Machine(name, (on_private, also))

    def shared(network: Network, host: int) -> Attachment:
        return Attachment(network, f"{network.subnet.rpartition('.')[0]}.{host}")

    machines = (
        Machine(
            PUBLIC_PROXY,
            (Attachment(public, f"{public_base}.0.2"), shared(internet, 10 + number)),
        ),
        machine(PRIVATE_PROXY, 2, also=shared(internal, 10 + number)),
        Machine(NON_COMMUNICATING, (Attachment(private, f"{private_base}.0.3"),)),
        machine(COMMUNICATING, 4, also=Attachment(public, f"{public_base}.0.4")),
        machine(JOB, 5, also=shared(internal, 120 + number)),
    )
    return ServerPlan(number, mode, ports, (private, public, internal), machines)


def plan_servers(mode: Mode, ports: Ports, numbers: Iterator[int] | range) -> list[ServerPlan]:
    return [plan_server(mode, ports, number) for number in numbers]
