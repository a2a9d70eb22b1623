"""Builds the servers' networks out of network namespaces, and hands them over as descriptors.

Runs as a short-lived process of its own (`python -m servers.runner.namespaces`), because a user
namespace can only be entered by a process without threads. Enters: on the socket given by
`--socket`, the request (which server numbers to build; the descriptors of the user namespace and of
"the wires", where they exist already). Leaves: on the same socket, one JSON message that names the
descriptors sent with it, or says why it cannot be done.

The wires are a namespace that holds the bridges of the shared networks: the cloud's internal
network and the internet. Each server has a namespace for its host, with the bridges and gateways
of its container networks, and one for each container. Nothing is left behind: a namespace ends
with its last process and its last descriptor, and takes its cables with it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import click
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from servers.runner.plan import (
    INTERNET,
    Attachment,
    Mode,
    Network,
    Ports,
    ServerPlan,
    plan_outsiders,
    plan_server,
)
from servers.runner.syscalls import (
    CLONE_NEWNET,
    become_root_of_new_user_namespace,
    open_namespace,
    setns,
    unshare,
)

WIRES = "wires"
USER = "user"
INTERNET_MACHINE = "internet"
INTRUDER_MACHINE = "intruder"
MAX_MESSAGE = 64 * 1024
MAX_DESCRIPTORS = 250
"""The kernel passes at most 253 in one message."""


def host_of(server: str) -> str:
    return f"{server}/host"


def machine_of(server: str, machine: str) -> str:
    return f"{server}/{machine}"


@dataclass(slots=True)
class Space:
    """A network namespace: its descriptor, and a netlink socket that was opened inside."""

    fd: int
    link: Any
    interfaces: int = 0

    @classmethod
    def here(cls) -> Space:
        return cls(open_namespace("net"), IPRoute())

    @classmethod
    def create(cls) -> Space:
        unshare(CLONE_NEWNET)
        space = cls.here()
        space.up("lo")
        return space

    def index(self, name: str) -> int:
        return int(self.link.link_lookup(ifname=name)[0])

    def up(self, name: str) -> None:
        self.link.link("set", index=self.index(name), state="up")

    def add_bridge(self, name: str) -> None:
        self.link.link("add", ifname=name, kind="bridge")
        self.up(name)

    def add_address(self, name: str, address: str, prefix_length: int) -> None:
        self.link.addr("add", index=self.index(name), address=address, prefixlen=prefix_length)


@dataclass(slots=True)
class Builder:
    """Collects what it builds, by name."""

    wires: Space
    built: dict[str, int] = field(default_factory=dict)

    def plug(self, space: Space, into: Space, bridge: str, cable: str, at: Attachment) -> None:
        """A cable from a bridge to a new interface of `space`, which gets the address."""
        name = f"eth{space.interfaces}"
        space.interfaces += 1
        into.link.link(
            "add", ifname=cable, kind="veth", peer={"ifname": name, "net_ns_fd": space.fd}
        )
        into.link.link("set", index=into.index(cable), master=into.index(bridge), state="up")
        space.add_address(name, at.address, at.network.prefix_length)
        space.up(name)

    def add_outsiders(self) -> None:
        outsiders = plan_outsiders(Mode.NAMESPACES)
        self.wires.add_bridge(_bridge_name(outsiders.internal))
        self.wires.add_bridge(_bridge_name(outsiders.internet))
        internet = self._create(INTERNET_MACHINE)
        first, *rest = outsiders.on_internet
        self._plug_shared(internet, "visitors", Attachment(outsiders.internet, first))
        for address in rest:
            internet.add_address("eth0", address, 32)
        intruder = self._create(INTRUDER_MACHINE)
        self._plug_shared(intruder, "intruder", Attachment(outsiders.internal, outsiders.intruder))

    def add_server(self, plan: ServerPlan) -> None:
        host = self._create(host_of(plan.id))
        for network in plan.networks:
            if network.gateway is not None:
                bridge = _bridge_name(network)
                host.add_bridge(bridge)
                host.add_address(bridge, network.gateway, network.prefix_length)
        for number, machine in enumerate(plan.machines):
            space = self._create(machine_of(plan.id, machine.name))
            for attachment in machine.attachments:
                cable = f"s{plan.number}m{number}i{space.interfaces}"
                if attachment.network.shared:
                    self._plug_shared(space, cable, attachment)
                else:
                    bridge = _bridge_name(attachment.network)
                    self.plug(space, host, bridge, cable, attachment)

    def _plug_shared(self, space: Space, cable: str, at: Attachment) -> None:
        self.plug(space, self.wires, _bridge_name(at.network), cable, at)
        if at.network.name == INTERNET:
            # The internet has more addresses than this one subnet: all of them are on the wire.
            interface = space.index(f"eth{space.interfaces - 1}")
            space.link.route("add", family=socket.AF_INET, dst="0.0.0.0/0", oif=interface)

    def _create(self, name: str) -> Space:
        space = Space.create()
        self.built[name] = space.fd
        return space


def _bridge_name(network: Network) -> str:
    """An interface's name has at most 15 characters."""
    return network.name.partition("-")[0]


def enter_wires(descriptors: dict[str, int]) -> tuple[Builder, bool]:
    """The builder inside the wires, and whether they are new."""
    if WIRES in descriptors:
        setns(descriptors[WIRES], CLONE_NEWNET)
        return Builder(Space.here()), False
    try:
        unshare(CLONE_NEWNET)
        users: dict[str, int] = {}
    except PermissionError:
        become_root_of_new_user_namespace()
        unshare(CLONE_NEWNET)
        users = {USER: open_namespace("user")}
    wires = Space.here()
    wires.up("lo")
    return Builder(wires, {WIRES: wires.fd, **users}), True


def build(numbers: Iterable[int], descriptors: dict[str, int]) -> dict[str, int]:
    """Build the servers, and first the wires where they are not there yet."""
    builder, new = enter_wires(descriptors)
    if new:
        builder.add_outsiders()
    for number in numbers:
        builder.add_server(plan_server(Mode.NAMESPACES, Ports(), number))
    return builder.built


def send(channel: socket.socket, message: dict[str, Any], descriptors: dict[str, int]) -> None:
    """One message; the descriptors go with it, in the order of their names in `fds`."""
    text = json.dumps({**message, "fds": list(descriptors)}).encode()
    socket.send_fds(channel, [text], list(descriptors.values()))


def receive(channel: socket.socket) -> tuple[dict[str, Any], dict[str, int]]:
    """The next message and its descriptors by name; an empty one at the end of the channel."""
    text, fds, _, _ = socket.recv_fds(channel, MAX_MESSAGE, MAX_DESCRIPTORS)
    if not text:
        return {}, {}
    for fd in fds:
        os.set_inheritable(fd, False)
    message: dict[str, Any] = json.loads(text)
    return message, dict(zip(message.pop("fds"), fds, strict=True))


@click.command()
@click.option("--socket", "fd", type=int, required=True, help="Descriptor of the channel.")
def main(fd: int) -> None:
    """Build what the first message on the channel asks for."""
    channel = socket.socket(fileno=fd)
    request, descriptors = receive(channel)
    try:
        built = build(request["servers"], descriptors)
    except (OSError, NetlinkError) as error:
        send(channel, {"failed": str(error)}, {})
    else:
        # A server's namespaces go in a message each: the kernel limits descriptors per message.
        groups: dict[str, dict[str, int]] = {}
        for name, namespace in built.items():
            groups.setdefault(name.partition("/")[0], {})[name] = namespace
        for group in groups.values():
            send(channel, {"failed": None}, group)
    with suppress(OSError):
        channel.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
