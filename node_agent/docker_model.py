"""What a Docker engine tells, as values: networks, containers, events.

Enters: the JSON of the engine's API. Leaves: frozen values, with only what discovery needs. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from calendar import timegm
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

Json = Mapping[str, Any]

SERVICE_LABELS = ("com.docker.compose.service", "com.docker.swarm.service.name")
PROJECT_LABEL = "com.docker.compose.project"
NETWORK_LABEL = "com.docker.compose.network"


class Kind(Enum):
    """Events that can change who has which address, by the engine's type and action."""

    CONNECTED = ("network", "connect")
    DISCONNECTED = ("network", "disconnect")
    NETWORK_MADE = ("network", "create")
    NETWORK_GONE = ("network", "destroy")
    CREATED = ("container", "create")
    STARTED = ("container", "start")
    RENAMED = ("container", "rename")
    DESTROYED = ("container", "destroy")


KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Container:
    """Who a container is. `id` is the engine's; `project` and `service` are Compose's, or ""."""

    id: str
    name: str
    service: str
    project: str = ""
    image: str = ""
    aliases: tuple[str, ...] = ()
    started_ns: int = 0
    gateways: tuple[tuple[str, str], ...] = ()
    """(network's name, gateway): the engine does not always tell it of the network itself."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network: its engine's id and name, its name in its Compose file (or "")."""

    id: str
    name: str
    driver: str
    subnets: tuple[str, ...]
    gateways: tuple[str, ...]
    project: str = ""
    compose_name: str = ""


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened. `subject` is a network's id or a container's, as the kind says."""

    kind: Kind
    at_ns: int
    subject: str
    container: str
    attributes: Json


def event(told: Json) -> EngineEvent | None:
    """None where it is of no interest."""
    kind = KINDS.get((told.get("Type", ""), told.get("Action", "")))
    if kind is None:
        return None
    actor = told.get("Actor") or {}
    attributes, subject = actor.get("Attributes") or {}, actor.get("ID", "")
    of_network = kind.value[0] == "network"
    container = attributes.get("container", "") if of_network else subject
    return EngineEvent(kind, int(told.get("timeNano", 0)), subject, container, attributes)


def network(told: Json) -> Network:
    """Of the engine's list of networks, or of an inspection."""
    labels = told.get("Labels") or {}
    ways = (told.get("IPAM") or {}).get("Config") or ()
    return Network(
        told["Id"],
        told["Name"],
        told.get("Driver", ""),
        tuple(way["Subnet"] for way in ways if way.get("Subnet")),
        tuple(address(way["Gateway"]) for way in ways if way.get("Gateway")),
        labels.get(PROJECT_LABEL, ""),
        labels.get(NETWORK_LABEL, ""),
    )


def addresses(inspected: Json) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Of an inspected network: by container's id, its name and its addresses there."""
    found = {}
    for id, told in (inspected.get("Containers") or {}).items():
        own = (told.get("IPv4Address"), told.get("IPv6Address"))
        found[id] = (told.get("Name", ""), tuple(address(each) for each in own if each))
    return found


def container(told: Json) -> Container:
    """Of an inspected container."""
    config, settings = told.get("Config") or {}, told.get("NetworkSettings") or {}
    known_as: list[str] = []
    gateways: list[tuple[str, str]] = []
    for name, attached in (settings.get("Networks") or {}).items():
        known_as += attached.get("Aliases") or ()
        ways = (attached.get("Gateway"), attached.get("IPv6Gateway"))
        gateways += [(name, way) for way in ways if way]
    name = told.get("Name", "").lstrip("/")
    named = _named(told["Id"], name, config.get("Labels") or {}, config.get("Image", ""))
    aliases = tuple(sorted({*known_as} - {named.name, named.service, told["Id"][:12]}))
    started_ns = nanoseconds((told.get("State") or {}).get("StartedAt", ""))
    return Container(
        named.id,
        named.name,
        named.service,
        named.project,
        named.image,
        aliases,
        started_ns,
        tuple(gateways),
    )


def listed(told: Json) -> Container:
    """Of the engine's list of containers."""
    names = [name.lstrip("/") for name in told.get("Names") or () if name.count("/") == 1]
    return _named(
        told["Id"], names[0] if names else "", told.get("Labels") or {}, told.get("Image", "")
    )


def from_event(id: str, attributes: Json) -> Container:
    """The attributes of a container's events are its labels, its name and its image."""
    return _named(id, attributes.get("name", ""), attributes, attributes.get("image", ""))


def address(text: str) -> str:
    """Without the prefix length; as the standard library writes it, where it is an address."""
    bare = text.partition("/")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare


def nanoseconds(stamp: str) -> int:
    """RFC 3339 in UTC to nanoseconds since 1970; 0 for anything else, and for Docker's "never"."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", stamp)
    if found is None:
        return 0
    seconds = timegm(datetime.fromisoformat(found[1]).timetuple())
    return max(seconds, 0) * 1_000_000_000 + (
        int((found[2] or "0").ljust(9, "0")) if seconds > 0 else 0
    )


def named(
    networks: Iterable[Network], names: Iterable[str], projects: Iterable[str]
) -> dict[str, Network]:
    """The networks that the configuration names, by these names.

    A name is the engine's, or the one in a Compose file (of one of `projects`, where these are
    given).
    """
    every, allowed, found = list(networks), set(projects), {}
    for name in names:
        fitting = [net for net in every if net.name == name] or [
            net
            for net in every
            if net.compose_name == name and (not allowed or net.project in allowed)
        ]
        if fitting:
            found[name] = fitting[0]
    return found


def _named(id: str, name: str, labels: Json, image: str) -> Container:
    service = next((labels[label] for label in SERVICE_LABELS if labels.get(label)), "")
    return Container(id, name, service or name, labels.get(PROJECT_LABEL, ""), image)
