"""What an agent announces (hello, log sightings, inventory): checked before anything relies on it.

Enters: messages as they came. Leaves: nothing, or a `RemoteError` that names the field. What passed
holds: lists and texts are bounded, addresses and networks can be parsed, names are unique where
`ingest.proto` says so, validity intervals do not run backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network

from google.protobuf.message import DecodeError
from hopwatch.v1 import ingest_pb2 as pb

from hub import defaults
from hub.columns.wire import RemoteError
from hub.config import split_address
from hub.guard.auth import SERVER_ID

_FINGERPRINT_BYTES = 16
_INSTANCE_BYTES = range(1, 65)


def parse(data: bytes) -> pb.AgentMessage:
    """A message of the stream. Raises `RemoteError`."""
    try:
        return pb.AgentMessage.FromString(data)
    except DecodeError:
        raise RemoteError("message: not an AgentMessage, or invalid UTF-8 in a string") from None


def check_server(server: str) -> None:
    if not SERVER_ID.fullmatch(server):
        raise RemoteError(f"hello.server: {_shown(server)}; 1 to 64 of a-z, 0-9, dot, dash, _")


def check_hello(hello: pb.Hello) -> None:
    """All of a hello but its server and its logs' relation to the stream."""
    if len(hello.instance) not in _INSTANCE_BYTES:
        raise RemoteError(f"hello.instance: {len(hello.instance)} bytes; 1 to 64")
    _check_text("hello.agent_version", hello.agent_version)
    _check_text("hello.redaction", hello.redaction)
    _check_addresses("hello.internal_addresses", hello.internal_addresses)
    _check_addresses("hello.public_addresses", hello.public_addresses)
    _check_count("hello.proxies", len(hello.proxies), defaults.MAX_PROXIES)
    _check_count("hello.logs", len(hello.logs), defaults.MAX_LOGS)
    _check_unique("hello.proxies", [proxy.name for proxy in hello.proxies])
    _check_unique("hello.logs", [sighting.number for sighting in hello.logs])
    for proxy in hello.proxies:
        _check_proxy(proxy)


def check_sighting(sighting: pb.LogSighting) -> None:
    if not sighting.number:
        raise RemoteError("log_sighting.number: 0; numbers begin at 1")
    if len(sighting.fingerprint) != _FINGERPRINT_BYTES:
        raise RemoteError(f"log_sighting.fingerprint: {len(sighting.fingerprint)} bytes; 16")
    if sighting.size > defaults.MAX_OFFSET:
        raise RemoteError("log_sighting.size: more than 2**62")
    _check_text("log_sighting.path", sighting.path, defaults.MAX_PATH_CHARS)


def check_inventory(inventory: pb.Inventory) -> None:
    """All of an inventory."""
    if not 0 <= inventory.as_of_ns <= defaults.MAX_OFFSET:
        raise RemoteError("inventory.as_of_ns: must be in 0 .. 2**62")
    for field in ("networks", "endpoints", "routers", "services", "entry_points"):
        count = len(getattr(inventory, field))
        _check_count(f"inventory.{field}", count, defaults.MAX_INVENTORY_ENTRIES)
    _check_unique("inventory.networks", [network.name for network in inventory.networks])
    for network in inventory.networks:
        _check_network(network)
    for endpoint in inventory.endpoints:
        _check_endpoint(endpoint)
    for router in inventory.routers:
        _check_names("inventory.routers", (router.proxy, router.name, router.service))
        _check_names("inventory.routers.entry_points", router.entry_points)
        _check_text("inventory.routers.rule", router.rule, defaults.MAX_TEXT_CHARS)
    for service in inventory.services:
        _check_names("inventory.services", (service.proxy, service.name))
        _check_count("inventory.services.urls", len(service.urls), defaults.MAX_LIST)
        for url in service.urls:
            _check_text("inventory.services.urls", url, defaults.MAX_PATH_CHARS)
    for point in inventory.entry_points:
        _check_names("inventory.entry_points", (point.proxy, point.name, point.address))


def check_connections(said: pb.Connections) -> None:
    """All of what is told of connections."""
    _check_count("connections", len(said.connections), defaults.MAX_CONNECTIONS_TOLD)
    if not 0 <= said.as_of_ns <= defaults.MAX_OFFSET:
        raise RemoteError("connections.as_of_ns: must be in 0 .. 2**62")
    for one in said.connections:
        for field in ("source", "translated", "destination"):
            _check_addresses(f"connections.{field}", (getattr(one, field),))
        if not (0 < one.translated_port < 65_536 and 0 < one.destination_port < 65_536):
            raise RemoteError("connections.translated_port, destination_port: 1 to 65535")
        if not 0 < one.from_ns <= defaults.MAX_OFFSET or not 0 <= one.to_ns <= defaults.MAX_OFFSET:
            raise RemoteError("connections.from_ns, to_ns: must be in 1 .. 2**62, 0 .. 2**62")


def _check_proxy(proxy: pb.Proxy) -> None:
    if not proxy.name:
        raise RemoteError("hello.proxies.name: is empty")
    _check_names("hello.proxies.name", (proxy.name,))
    if proxy.kind not in (pb.PROXY_KIND_PUBLIC, pb.PROXY_KIND_PRIVATE):
        raise RemoteError(f"hello.proxies.kind: {proxy.kind}; public or private")
    _check_names("hello.proxies.networks", proxy.networks)
    _check_subnets("hello.proxies.trusted_proxies", proxy.trusted_proxies)
    _check_count("hello.proxies.addresses", len(proxy.addresses), defaults.MAX_LIST)
    for address in proxy.addresses:
        try:
            ip_address(split_address(address)[0])
        except ValueError:
            raise RemoteError(
                f'hello.proxies.addresses: {_shown(address)}; "ip:port" or "[ip]:port"'
            ) from None


def _check_network(network: pb.Network) -> None:
    _check_names("inventory.networks.name", (network.name,))
    _check_subnets("inventory.networks.subnets", network.subnets)
    _check_addresses("inventory.networks.gateways", network.gateways)


def _check_subnets(field: str, subnets: Sequence[str]) -> None:
    _check_count(field, len(subnets), defaults.MAX_LIST)
    for subnet in subnets:
        try:
            ip_network(subnet, strict=False)
        except ValueError:
            raise RemoteError(f"{field}: {_shown(subnet)} is no CIDR") from None


def _check_endpoint(endpoint: pb.Endpoint) -> None:
    _check_addresses("inventory.endpoints.address", (endpoint.address,))
    names = (endpoint.network, endpoint.service, endpoint.container)
    _check_names("inventory.endpoints", names)
    _check_text("inventory.endpoints.image", endpoint.image, defaults.MAX_PATH_CHARS)
    _check_names("inventory.endpoints.aliases", endpoint.aliases)
    since, until = endpoint.valid_from_ns, endpoint.valid_to_ns
    if not 0 <= since <= defaults.MAX_OFFSET or not 0 <= until <= defaults.MAX_OFFSET:
        raise RemoteError("inventory.endpoints.valid_from_ns, valid_to_ns: must be in 0 .. 2**62")
    if until and until < since:
        raise RemoteError(f"inventory.endpoints.valid_to_ns: {until} lies before {since}")


def _check_addresses(field: str, addresses: Iterable[str]) -> None:
    listed = list(addresses)
    _check_count(field, len(listed), defaults.MAX_LIST)
    for address in listed:
        try:
            ip_address(address)
        except ValueError:
            raise RemoteError(f"{field}: {_shown(address)} is no IP address") from None


def _check_names(field: str, names: Iterable[str]) -> None:
    listed = list(names)
    _check_count(field, len(listed), defaults.MAX_LIST)
    for name in listed:
        _check_text(field, name)


def _check_text(field: str, text: str, limit: int = defaults.MAX_NAME_CHARS) -> None:
    if len(text) > limit:
        raise RemoteError(f"{field}: {len(text)} characters; at most {limit}")


def _check_count(field: str, count: int, limit: int) -> None:
    if count > limit:
        raise RemoteError(f"{field}: {count}; at most {limit}")


def _check_unique(field: str, names: Sequence[str | int]) -> None:
    if len(set(names)) != len(names):
        raise RemoteError(f"{field}: names and numbers must be unique")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 64 else text[:63] + "…")
