"""Who had which address on which network, and from when to when.

Enters: what the engine told (networks, containers, connects, disconnects), with its times. Leaves:
an inventory. Pure: no engine, no clock.

What always holds:

* On a network an address has one owner at a time: whoever comes ends what was open there.
* A tenure that cannot be watched any more (the engine or its socket is gone) ends at that time; it
  goes on when the engine, seen again, shows the same container with the same address, not
  restarted since. So a name is never given beyond what was seen.
* What ended is kept for an hour, the newest `MAX_CLOSED_TENURES` of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.defaults import CLOSED_TENURE_NS, MAX_CLOSED_TENURES
from node_agent.docker_model import Container


class Tenure(msgspec.Struct):
    """One container's time at one address. Nanoseconds of the server's clock; `to_ns` 0: still."""

    network: str
    address: str
    container: str
    """The engine's id."""
    from_ns: int
    to_ns: int = 0
    unsure: bool = False
    """It ended because it could not be watched any more."""
    name: str = ""
    service: str = ""
    image: str = ""
    aliases: tuple[str, ...] = ()


class Place(msgspec.Struct):
    """A network, as the inventory names it."""

    name: str
    subnets: tuple[str, ...]
    gateways: tuple[str, ...]
    shared: bool = False
    ignored: bool = False
    """Not a relevant one: its containers are not told, only that it is there."""
    former: tuple[tuple[str, int], ...] = ()
    """Subnets that it had, with the time until which: who lived there is still asked for."""


class Kept(msgspec.Struct):
    """What survives a restart of the agent."""

    version: int = 1
    places: dict[str, Place] = msgspec.field(default_factory=dict)
    tenures: list[Tenure] = msgspec.field(default_factory=list)
    seen_until_ns: int = 0
    """When the engine was last watched; 0: not told, by an earlier release."""


@dataclass(frozen=True, slots=True)
class Present:
    """Seen now: a container on a network, since when it can have been there."""

    network: str
    container: str
    addresses: tuple[str, ...]
    since_ns: int


class Book:
    """All tenures of the relevant networks."""

    def __init__(self, kept: Kept | None = None, proxies: Mapping[str, str] | None = None) -> None:
        kept = kept or Kept()
        self._places = kept.places
        self._closed: list[Tenure] = []
        self._open: dict[tuple[str, str], Tenure] = {}
        """By (network, address)."""
        self._containers: dict[str, Container] = {}
        self._resumable: dict[tuple[str, str], Tenure] = {}
        """Who had a free address last: the same container, restarted, takes its tenure up again."""
        self._proxies = dict(proxies or {})
        """Addresses of the configured proxies: whoever has one is that proxy."""
        for tenure in kept.tenures:
            if tenure.to_ns:
                self._closed.append(tenure)
            else:
                self._open[tenure.network, tenure.address] = tenure

    # What the engine tells.

    def place(self, place: Place, now_ns: int) -> None:
        """A network is there, perhaps anew with other subnets."""
        known = self._places.get(place.name)
        if known is not None:
            gone = ((subnet, now_ns) for subnet in known.subnets if subnet not in place.subnets)
            place.former = (*(old for old in known.former if old[0] not in place.subnets), *gone)
            if not place.gateways and place.subnets == known.subnets:
                place.gateways = known.gateways
        self._places[place.name] = place

    def places_there(self, names: Collection[str], now_ns: int) -> None:
        """Of the networks that were there, only these still are."""
        for place in self._places.values():
            if place.name not in names and place.subnets:
                gone = ((subnet, now_ns) for subnet in place.subnets)
                place.former, place.subnets, place.gateways = (*place.former, *gone), (), ()

    def gateway(self, network: str, address: str) -> None:
        """A container tells the gateway of a network that does not tell it itself."""
        place = self._places.get(network)
        if place is not None and not place.gateways:
            place.gateways = (address,)

    def know(self, container: Container) -> None:
        """Who a container is, or what it is called now."""
        known = self._containers.get(container.id)
        if known is not None and not container.aliases:
            container = _with(container, known)
        self._containers[container.id] = container
        for tenure in self._open.values():
            if tenure.container == container.id:
                _describe(tenure, container)

    def know_only(self, containers: Collection[Container]) -> None:
        """These are all; what inspections told of them still holds."""
        for container in containers:
            self.know(container)
        there = {container.id for container in containers}
        self._containers = {id: one for id, one in self._containers.items() if id in there}

    def known(self, container: str) -> Container | None:
        """What is known of a container."""
        return self._containers.get(container)

    def forget(self, container: str) -> None:
        """A container was destroyed: its id will not come again."""
        self._containers.pop(container, None)

    def connected(self, network: str, container: str, addresses: Iterable[str], at_ns: int) -> None:
        """From now on these addresses are this container's."""
        for address in addresses:
            current = self._open.get((network, address))
            if current is not None and current.container == container:
                current.from_ns = at_ns
            else:
                self._begin(network, address, container, at_ns)

    def found(self, network: str, container: str, address: str, since_ns: int) -> None:
        """A container was found at an address, at the earliest since then and since the address
        was last given up."""
        if (network, address) not in self._open:
            ended = (t.to_ns for t in self._closed if (t.network, t.address) == (network, address))
            self._begin(network, address, container, max((since_ns, *ended)))

    def disconnected(self, network: str, container: str, at_ns: int) -> None:
        """The container's addresses on this network are nobody's."""
        for tenure in [*self._open.values()]:
            there = (tenure.network, tenure.container) == (network, container)
            if there and tenure.from_ns <= at_ns:
                self._end(tenure, at_ns)
                self._resumable[network, tenure.address] = tenure

    def lost(self, at_ns: int) -> None:
        """From now on nothing is seen."""
        self._resumable.clear()
        for tenure in [*self._open.values()]:
            self._end(tenure, max(at_ns, tenure.from_ns))
            tenure.unsure = True

    def seen(self, present: Iterable[Present], at_ns: int) -> None:
        """All that is there, after a time without sight."""
        before = {
            (tenure.network, tenure.address, tenure.container): tenure
            for tenure in self._closed
            if tenure.unsure
        }
        there = set()
        for one in present:
            for address in one.addresses:
                there.add((one.network, address))
                self._go_on_or_begin(one, address, before)
        for place, tenure in [*self._open.items()]:
            if place not in there:
                self._end(tenure, at_ns)
        for tenure in self._closed:
            tenure.unsure = False

    # What is made of it.

    def networks_lacking(self, address: str) -> list[str]:
        """The unshared networks in which this address lies, where nobody is known to have it."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return []
        return [
            place.name
            for place in self._places.values()
            if not (place.shared or place.ignored)
            and address not in place.gateways
            and (place.name, address) not in self._open
            and any(ip in ipaddress.ip_network(subnet, strict=False) for subnet in place.subnets)
        ]

    def inventory(self, now_ns: int) -> pb.Inventory:
        """Networks and tenures, open and lately ended ones."""
        self._prune(now_ns)
        proxies = {
            tenure.container: self._proxies[tenure.address]
            for tenure in (*self._open.values(), *self._closed)
            if tenure.address in self._proxies
        }
        tenures = sorted(
            (*self._closed, *self._open.values()), key=lambda one: (one.from_ns, one.address)
        )
        return pb.Inventory(
            networks=[_network(place) for place in self._places.values()],
            endpoints=[_endpoint(one, proxies.get(one.container)) for one in tenures],
        )

    def kept(self, seen_until_ns: int = 0) -> Kept:
        """What should survive a restart."""
        tenures = [*self._closed, *self._open.values()]
        return Kept(places=self._places, tenures=tenures, seen_until_ns=seen_until_ns)

    # Inside.

    def _begin(self, network: str, address: str, container: str, at_ns: int) -> None:
        current = self._open.get((network, address))
        if current is not None:
            self._end(current, at_ns)
        tenure = self._resumable.pop((network, address), None)
        if tenure is not None and tenure.container == container:
            self._closed.remove(tenure)
            tenure.to_ns = 0
        else:
            tenure = Tenure(network, address, container, at_ns)
        if (known := self._containers.get(container)) is not None:
            _describe(tenure, known)
        self._open[network, address] = tenure

    def _end(self, tenure: Tenure, at_ns: int) -> None:
        tenure.to_ns = max(at_ns, tenure.from_ns + 1)
        del self._open[tenure.network, tenure.address]
        self._closed.append(tenure)

    def _go_on_or_begin(
        self, one: Present, address: str, before: Mapping[tuple[str, str, str], Tenure]
    ) -> None:
        current = self._open.get((one.network, address))
        if current is not None and current.container == one.container:
            return
        earlier = before.get((one.network, address, one.container))
        if earlier is not None and one.since_ns <= earlier.to_ns:
            self._closed.remove(earlier)
            earlier.to_ns = 0
            if current is not None:
                self._end(current, one.since_ns)
            self._open[one.network, address] = earlier
            return
        self._begin(one.network, address, one.container, one.since_ns)

    def _prune(self, now_ns: int) -> None:
        horizon = now_ns - CLOSED_TENURE_NS
        self._closed = [one for one in self._closed if one.to_ns >= horizon]
        if len(self._closed) > MAX_CLOSED_TENURES:
            self._closed.sort(key=lambda one: one.to_ns)
            del self._closed[:-MAX_CLOSED_TENURES]
        kept = {id(one) for one in self._closed}
        self._resumable = {at: one for at, one in self._resumable.items() if id(one) in kept}
        for place in [*self._places.values()]:
            place.former = tuple(old for old in place.former if old[1] >= horizon)
            if not place.subnets and not place.former:
                del self._places[place.name]


def _with(container: Container, known: Container) -> Container:
    """An event's news, beside what an inspection told before."""
    return Container(
        container.id,
        container.name or known.name,
        container.service or known.service,
        container.project or known.project,
        container.image or known.image,
        known.aliases,
        container.started_ns or known.started_ns,
        known.gateways,
    )


def _describe(tenure: Tenure, container: Container) -> None:
    tenure.name, tenure.service = container.name, container.service
    tenure.image, tenure.aliases = container.image, container.aliases


def _network(place: Place) -> pb.Network:
    former = [subnet for subnet, _ in place.former]
    return pb.Network(
        name=place.name,
        subnets=[*place.subnets, *former],
        gateways=place.gateways,
        shared=place.shared,
        ignored=place.ignored,
    )


def _endpoint(tenure: Tenure, proxy: str | None) -> pb.Endpoint:
    return pb.Endpoint(
        network=tenure.network,
        address=tenure.address,
        service=proxy or tenure.service or tenure.name or tenure.container[:12],
        container=tenure.name or tenure.container[:12],
        image=tenure.image,
        aliases=tenure.aliases,
        valid_from_ns=tenure.from_ns,
        valid_to_ns=tenure.to_ns,
        source=pb.SOURCE_DOCKER,
    )
