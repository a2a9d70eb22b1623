"""Whose an address is among all servers, and nodes that stand for places of a server: its host, an
unnamed container, the server itself.

Enters: servers and addresses. Leaves: servers, networks and numbers of nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from hub.enums import NodeKind
from hub.graph.graph import Graph
from hub.identity.addresses import Address, parse_address
from hub.identity.federation import Network, ServerRecord

K = TypeVar("K")

EVERYBODYS = frozenset(filter(None, map(parse_address, ("127.0.0.1", "::1"))))
"""Every host has these: who listens there is not who calls from there."""


class Places:
    """Knows addresses as of the last `refresh`, and makes nodes where they are new."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._named: set[Address] = set()
        self._hosts: dict[Address, list[ServerRecord]] = {}
        self._shared: dict[Address, list[ServerRecord]] = {}
        self._listening: dict[tuple[Address, int], list[ServerRecord]] = {}

    def refresh(self, servers: Sequence[ServerRecord]) -> None:
        """The federation changed."""
        self._named = {address for server in servers for address in server.addresses()}
        self._hosts = _by(servers, lambda server: server.hosts)
        self._listening = _by(servers, lambda server: server.listening)
        self._shared = _by(servers, _on_shared_networks)

    def is_named(self, address: Address) -> bool:
        """Whether somebody is known to have it."""
        return address in self._named

    def hosts(self, address: Address) -> Sequence[ServerRecord]:
        """Servers whose own address it is."""
        return self._hosts.get(address, ())

    def shared(self, address: Address) -> Sequence[ServerRecord]:
        """Servers one of whose containers has or had it on a shared network."""
        return self._shared.get(address, ())

    def listening(self, address: Address, port: int) -> Sequence[ServerRecord]:
        """Servers one of whose proxies listens there."""
        return self._listening.get((address, port), ())

    def network(self, server: ServerRecord, address: Address) -> Network | None:
        """The network whose subnet holds the address, and that is this server's alone."""
        fitting = (net for net in server.networks if not net.shared and net.holds(address))
        return next(fitting, None)

    def unnamed(self, server: ServerRecord, address: Address, network: Network) -> int:
        """A container of which only the address is known."""
        id = f"{server.id}/{address}"
        shown = not network.ignored
        node = self._graph.node(id, NodeKind.SERVICE, server.id, None, shown=shown)
        node.addresses.add(str(address))
        return node.number

    def gateway(self, server: ServerRecord) -> int:
        """This host, or who is hidden by its NAT."""
        name = f"host of {server.id}"
        return self._graph.node(f"{server.id}/gateway", NodeKind.GATEWAY, server.id, name).number

    def server(self, server: ServerRecord) -> int:
        """The server as a whole."""
        return self._graph.node(server.id, NodeKind.SERVER, server.id, server.id).number


def _on_shared_networks(server: ServerRecord) -> Iterable[Address]:
    for address, spans in server.endpoints.items():
        if any(span.shared for span in spans):
            yield address


def _by(
    servers: Iterable[ServerRecord], keys_of: Callable[[ServerRecord], Iterable[K]]
) -> dict[K, list[ServerRecord]]:
    found: dict[K, list[ServerRecord]] = defaultdict(list)
    for server in servers:
        for key in keys_of(server):
            found[key].append(server)
    return dict(found)
