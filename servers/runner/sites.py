"""Where the machines of a demo stand: in network namespaces, or on loopback addresses.

Enters: the wanted mode and the servers' numbers. Leaves: `Sites`, which knows how a process gets
onto its machine. What always holds: in loopback mode there are no descriptors and every machine is
this one; `reason` says why the mode is what it is.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from servers.runner import defaults, namespaces
from servers.runner.plan import Mode, Ports, ServerPlan, plan_outsiders, plan_server
from servers.runner.syscalls import CLONE_NEWNET, CLONE_NEWUSER, die_with_parent, setns


class Unavailable(Exception):
    """This machine cannot give what was asked for; the message says why."""


@dataclass(slots=True)
class Sites:
    """The machines' namespaces by name, kept alive by their descriptors."""

    mode: Mode
    ports: Ports
    reason: str
    descriptors: dict[str, int] = field(default_factory=dict)

    def server(self, number: int) -> ServerPlan:
        return plan_server(self.mode, self.ports, number)

    def entrance(self, machine: str | None) -> Callable[[], None]:
        """What a new process runs first: it dies with us, and stands on the machine.

        None is outside every server: this machine's own network.
        """
        parent = os.getpid()
        user = self.descriptors.get(namespaces.USER)
        net = None if machine is None else self.descriptors.get(machine)

        def enter() -> None:
            if net is not None:
                if user is not None:
                    setns(user, CLONE_NEWUSER)
                setns(net, CLONE_NEWNET)
            die_with_parent(parent)

        return enter

    async def add(self, numbers: Sequence[int]) -> None:
        """Build the networks of these servers; nothing to do on loopback."""
        if self.mode is Mode.NAMESPACES:
            self.descriptors |= await _build(self, numbers)

    def remove(self, server: str) -> None:
        """Let a server's namespaces end with their last process."""
        for name in [n for n in self.descriptors if n.startswith(f"{server}/")]:
            os.close(self.descriptors.pop(name))

    def close(self) -> None:
        while self.descriptors:
            os.close(self.descriptors.popitem()[1])


async def choose(wanted: Mode | None, numbers: Sequence[int]) -> Sites:
    """Namespaces where the kernel allows them, else loopback; Unavailable if neither fits."""
    why_not = "asked for"
    if wanted is not Mode.LOOPBACK:
        sites = Sites(Mode.NAMESPACES, Ports(), "every container has its real address")
        try:
            await sites.add(numbers)
        except Unavailable as error:
            sites.close()
            if wanted is Mode.NAMESPACES:
                raise
            why_not = str(error)
        else:
            return sites
    return Sites(Mode.LOOPBACK, _free_ports(), why_not)


async def _build(sites: Sites, numbers: Sequence[int]) -> dict[str, int]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    known = {n: sites.descriptors[n] for n in (namespaces.WIRES,) if n in sites.descriptors}
    with ours, theirs:
        builder = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "servers.runner.namespaces",
            f"--socket={theirs.fileno()}",
            pass_fds=(theirs.fileno(),),
            preexec_fn=sites.entrance(namespaces.WIRES),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        namespaces.send(ours, {"servers": list(numbers)}, known)
        _, errors = await builder.communicate()
        return _take(ours, errors.decode(errors="replace"))


def _take(channel: socket.socket, errors: str) -> dict[str, int]:
    """The descriptors that the builder, which has ended, left in the channel."""
    taken: dict[str, int] = {}
    heard = False
    while True:
        message, descriptors = namespaces.receive(channel)
        if not message:
            break
        heard = True
        taken |= descriptors
        if message["failed"]:
            raise Unavailable(f"the kernel does not allow network namespaces: {message['failed']}")
    if not heard:
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"network namespaces cannot be built: {last}")
    return taken


def _free_ports() -> Ports:
    """Three ports that are free on every address of the plan's first servers."""
    first = defaults.FIRST_LOOPBACK_PORT
    for port in range(first, first + 900, 3):
        if all(_is_free(port + offset) for offset in range(3)):
            return Ports(proxy=port, service=port + 1, api=port + 2)
    raise Unavailable(f"no three free ports from {first} on the loopback addresses")


def _is_free(port: int) -> bool:
    """A port taken on any loopback address shows when every address is asked for at once."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
            probe.listen()
        except OSError:
            return False
    return True


def trusted_range(mode: Mode) -> str:
    return plan_outsiders(mode).trusted
