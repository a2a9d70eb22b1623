"""What the agents told about their servers: addresses, proxies, networks, and who had which
address.

Enters: hellos and inventories. Leaves: server records, and dated look-ups of endpoints by address.
`generation` grows whenever any answer may have changed, a server's own one when answers about its
own lines may.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hopwatch.v1 import ingest_pb2 as pb

from hub.enums import NodeKind
from hub.graph.graph import Container, Graph
from hub.identity.addresses import Address, Subnet, parse_address
from hub.identity.tenures import Span, Spans, Tenure, Tenures
from hub.model import ProxyKind


@dataclass(frozen=True, slots=True)
class Network:
    """A network of a server."""

    name: str
    subnets: tuple[Subnet, ...]
    gateways: frozenset[Address]
    shared: bool
    ignored: bool = False
    """It is none of the relevant ones: its calls stay out of the view and are counted."""

    def holds(self, address: Address) -> bool:
        """Whether the address lies in one of its subnets."""
        return any(address.version == net.version and address in net for net in self.subnets)


@dataclass(slots=True)
class ProxyRecord:
    """One Traefik of a server; the same record through all its hellos."""

    name: str
    kind: ProxyKind
    node: int
    addresses: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()
    trusted: tuple[Subnet, ...] = ()
    """What stands before a public one and is believed: a CDN, a load balancer."""


@dataclass(slots=True)
class ServerRecord:
    """A machine with its own node agent."""

    number: int
    id: str
    version: str = ""
    internal: frozenset[Address] = frozenset()
    public: frozenset[Address] = frozenset()
    hosts: frozenset[Address] = frozenset()
    """Both: its own addresses, as others see it."""
    proxies: dict[str, ProxyRecord] = field(default_factory=dict)
    networks: list[Network] = field(default_factory=list)
    tenures: Tenures = field(default_factory=Tenures)
    endpoints: dict[Address, Spans] = field(default_factory=dict)
    names: dict[str, Spans] = field(default_factory=dict)
    listening: dict[tuple[Address, int], int] = field(default_factory=dict)
    """Where its proxies listen: their node's number."""
    proxy_addresses: dict[Address, int] = field(default_factory=dict)
    """The same, whatever the port."""
    redaction: str = ""
    """The same where the same path is logged as the same text."""
    generation: int = 0
    connected: bool = False
    gone_reason: str | None = None

    def addresses(self) -> Iterator[Address]:
        """All that are known to be somebody's."""
        yield from self.hosts
        yield from self.endpoints
        yield from self.proxy_addresses
        for network in self.networks:
            yield from network.gateways


class Federation:
    """All servers, by id and by number."""

    def __init__(self, graph: Graph) -> None:
        self.generation = 0
        self.servers: list[ServerRecord] = []
        self._by_id: dict[str, ServerRecord] = {}
        self._graph = graph

    def server(self, id: str) -> ServerRecord:
        """The server of this id, made where it is new."""
        record = self._by_id.get(id)
        if record is None:
            record = ServerRecord(len(self.servers), id)
            self.servers.append(record)
            self._by_id[id] = record
            self._graph.version += 1
        return record

    def find(self, id: str) -> ServerRecord | None:
        """The server of this id, if it ever reported."""
        return self._by_id.get(id)

    def hello(self, id: str, hello: pb.Hello) -> None:
        """An agent introduced itself."""
        server = self.server(id)
        server.version, server.redaction = hello.agent_version, hello.redaction
        server.internal = _addresses(hello.internal_addresses)
        server.public = _addresses(hello.public_addresses)
        server.hosts = server.internal | server.public
        server.proxies = {proxy.name: self._proxy(server, proxy) for proxy in hello.proxies}
        server.listening = {}
        for record in server.proxies.values():
            for listen in record.addresses:
                host, _, port = listen.rpartition(":")
                if (address := parse_address(host)) and port.isdigit():
                    server.listening[address, int(port)] = record.node
        server.proxy_addresses = {address: node for (address, _), node in server.listening.items()}
        self.generation += 1
        self._graph.version += 1

    def inventory(self, id: str, inventory: pb.Inventory) -> None:
        """A server's inventory, the whole of it."""
        server = self.server(id)
        of_all = any(network.shared for network in server.networks)
        server.networks = [_network(message) for message in inventory.networks]
        networks = {network.name: network for network in server.networks}
        shared = any(network.shared for network in server.networks)
        told = [self._tenure(server, message, networks) for message in inventory.endpoints]
        server.tenures.update([one for one in told if one], inventory.as_of_ns)
        server.endpoints, server.names = server.tenures.by_address(), server.tenures.by_name()
        self._describe(server, inventory)
        server.generation += 1
        self._graph.version += 1
        if shared or of_all:
            self.generation += 1

    def connected(self, id: str, reason: str | None) -> None:
        """An agent came (reason None) or left."""
        server = self.server(id)
        if server.connected != (reason is None) or server.gone_reason != reason:
            server.connected, server.gone_reason = reason is None, reason
            self._graph.version += 1

    def _proxy(self, server: ServerRecord, message: pb.Proxy) -> ProxyRecord:
        node = self._graph.node(
            f"{server.id}/proxy:{message.name}",
            NodeKind.PROXY,
            server.id,
            message.name,
            ProxyKind(message.kind),
        )
        node.in_inventory = True
        node.addresses = set(message.addresses)
        node.proxy_kind = ProxyKind(message.kind)
        self._graph.changed(node)
        record = server.proxies.get(message.name)
        if record is None:
            record = ProxyRecord(message.name, ProxyKind(message.kind), node.number)
        record.kind = ProxyKind(message.kind)
        record.addresses = frozenset(message.addresses)
        record.networks = tuple(message.networks)
        record.trusted = _subnets(message.trusted_proxies)
        return record

    def _tenure(
        self, server: ServerRecord, message: pb.Endpoint, networks: Mapping[str, Network]
    ) -> Tenure | None:
        address = parse_address(message.address)
        if address is None:
            return None
        network = networks.get(message.network)
        ignored = network is not None and network.ignored
        span = Span(
            message.valid_from_ns,
            message.valid_to_ns,
            self._owner(server, message.service, ignored),
            message.network,
            network is not None and network.shared,
            message.source,
            ignored,
        )
        names = frozenset({message.service, message.container, *message.aliases} - {""})
        return Tenure(address, message.container, names, span, bool(message.valid_from_ns))

    def _owner(self, server: ServerRecord, service: str, ignored: bool) -> int:
        """A service's node; a proxy's own where it has that proxy's name: its container."""
        if (proxy := server.proxies.get(service)) is not None:
            return proxy.node
        id = f"{server.id}/{service}"
        shown = not ignored
        return self._graph.node(id, NodeKind.SERVICE, server.id, service, shown=shown).number

    def _describe(self, server: ServerRecord, inventory: pb.Inventory) -> None:
        """Bring the containers and addresses of the server's service nodes up to date."""
        ignored = {network.name for network in server.networks if network.ignored}
        containers: dict[int, list[Container]] = defaultdict(list)
        for message in inventory.endpoints:
            if message.valid_to_ns or message.network in ignored:
                continue
            node = self._graph.find(f"{server.id}/{message.service}")
            if node is not None:
                name = message.container or message.service
                containers[node.number].append(
                    Container(name, message.address, message.network, message.image or None)
                )
        for node in self._graph.nodes:
            if node.server != server.id or node.kind is not NodeKind.SERVICE:
                continue
            listed = node.number in containers
            now = containers.get(node.number, [])
            if (node.in_inventory, node.containers) != (listed, now):
                node.in_inventory, node.containers = listed, now
                node.addresses = {container.address for container in now}
                node.present = node.present or listed
                self._graph.changed(node)


def _addresses(texts: Iterable[str]) -> frozenset[Address]:
    return frozenset(address for text in texts if (address := parse_address(text)))


def _network(message: pb.Network) -> Network:
    return Network(
        message.name,
        _subnets(message.subnets),
        _addresses(message.gateways),
        message.shared,
        message.ignored,
    )


def _subnets(texts: Iterable[str]) -> tuple[Subnet, ...]:
    """Of texts that `announcements` has checked."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
