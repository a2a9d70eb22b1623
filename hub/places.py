"""Nodes that stand for places of a server: its host, an unnamed container, the server itself.

Enters: servers and addresses. Leaves: networks and numbers of nodes.
"""

from __future__ import annotations

from hub.enums import NodeKind
from hub.federation import Address, Network, ServerRecord, parse_address
from hub.graph import Graph

EVERYBODYS = frozenset(filter(None, map(parse_address, ("127.0.0.1", "::1"))))
"""Every host has these: who listens there is not who calls from there."""


class Places:
    """Makes nodes where they are new."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

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
