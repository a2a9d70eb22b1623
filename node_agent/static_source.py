"""What the configuration says about the server: networks and who has which address on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.config import AgentConfig


class StaticSource:
    """Says everything once; valid since ever."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """For the log."""
        return "configuration"

    async def run(self, report: Callable[[pb.Inventory], Awaitable[None]]) -> None:
        """Report, and be done."""
        await report(static_inventory(self._config))


def static_inventory(config: AgentConfig) -> pb.Inventory:
    """The `[[networks]]` and `[[services]]` of the configuration."""
    networks = [
        pb.Network(
            name=network.name,
            subnets=[network.subnet] if network.subnet else [],
            gateways=[network.gateway] if network.gateway else [],
            shared=network.shared,
            ignored=network.ignored or not config.is_relevant(network.name),
        )
        for network in config.networks
    ]
    endpoints = [
        pb.Endpoint(
            network=service.network,
            address=address,
            service=service.name,
            source=pb.SOURCE_CONFIGURATION,
        )
        for service in config.services
        for address in service.addresses
    ]
    return pb.Inventory(networks=networks, endpoints=endpoints)
