"""The machines of a campaign: a hub's and two servers', with wires to cut and a disk to fill.

Enters: where to work. Leaves: a world, entered by this process itself. Where namespaces are
allowed (root, or unprivileged user namespaces) the servers' agents get network namespaces of their
own, each with a cable to the hub's bridge, and the hub's data lies on a tmpfs of its own. Where
they are not, a relay on loopback stands for the cables, and the disk is never full.

What always holds: everything ends with the campaign; nothing is changed outside of its namespaces.
Call `enter` before any thread exists.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from servers.runner.syscalls import (
    CLONE_NEWNET,
    become_root_of_new_user_namespace,
    die_with_parent,
    setns,
    unshare,
)
from tests.faults.relay import Relay
from tests.servers.demo_process import free_port

CLONE_NEWNS = 0x20000
SERVERS = ("server-a", "server-b")
HUB_ADDRESS = "10.99.0.1"
HUB_PORT = 7443
DISK_MIB = 256
KEPT_BYTES = 24 << 20
"""Of a disk that is full but not to the brim: less than the reserve (64 MiB)."""
Enter = Callable[[], None]


class World(Protocol):
    """Where the processes live."""

    kind: str
    listen: str
    """Where the hub takes streams."""
    can_fill: bool

    def hub_for(self, server: str) -> str:
        """What this server's agent dials."""

    def enter(self, server: str | None) -> Enter:
        """What a process of this server (None: of the hub's machine) does first."""

    def cut(self, server: str) -> None:
        """Nothing passes between this server and the hub."""

    def mend(self, server: str) -> None:
        """It does again."""


def make(data: Path, *, relay: bool = False) -> World:
    """Enter a world; `data` becomes the hub's disk."""
    if not relay:
        try:
            _enter_namespaces(data)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no namespaces here ({error}): a relay on loopback stands for the cables")
        else:
            return Namespaces()
    data.mkdir(parents=True, exist_ok=True)
    return Loopback()


def _enter_namespaces(data: Path) -> None:
    if os.geteuid() != 0:
        become_root_of_new_user_namespace()
    unshare(CLONE_NEWNS | CLONE_NEWNET)
    run = ("mount", "--make-rprivate", "/")
    subprocess.run(run, check=True, capture_output=True)
    data.mkdir(parents=True, exist_ok=True)
    options = f"size={DISK_MIB}m,mode=0700"
    mount = ("mount", "-t", "tmpfs", "-o", options, "disk", str(data))
    subprocess.run(mount, check=True, capture_output=True)


class Namespaces:
    """A bridge on the hub's machine, a cable to each server."""

    kind = "network namespaces, links taken down; the hub's data on a tmpfs"
    listen = f"{HUB_ADDRESS}:{HUB_PORT}"
    can_fill = True

    def __init__(self) -> None:
        from servers.runner.namespaces import Space  # opens netlink sockets: only where allowed

        servers = {server: Space.create() for server in SERVERS}
        self._hub = Space.create()
        self._hub.add_bridge("wire")
        self._hub.add_address("wire", HUB_ADDRESS, 24)
        for number, (server, space) in enumerate(servers.items()):
            cable = self._cable(server)
            peer = {"ifname": "eth0", "net_ns_fd": space.fd}
            self._hub.link.link("add", ifname=cable, kind="veth", peer=peer)
            bridge = self._hub.index("wire")
            index = self._hub.index(cable)
            self._hub.link.link("set", index=index, master=bridge, state="up")
            space.add_address("eth0", f"10.99.0.{11 + number}", 24)
            space.up("eth0")
        self._servers = servers

    def hub_for(self, server: str) -> str:
        return self.listen

    def enter(self, server: str | None) -> Enter:
        parent, space = os.getpid(), self._servers[server] if server else None

        def enter() -> None:
            if space is not None:
                setns(space.fd, CLONE_NEWNET)
            die_with_parent(parent)

        return enter

    def cut(self, server: str) -> None:
        self._set(server, "down")

    def mend(self, server: str) -> None:
        self._set(server, "up")

    def _set(self, server: str, state: str) -> None:
        index = self._hub.index(self._cable(server))
        self._hub.link.link("set", index=index, state=state)

    @staticmethod
    def _cable(server: str) -> str:
        return f"to-{server}"


@dataclass
class Loopback:
    """All on loopback; agents reach the hub through a relay each."""

    kind: str = "loopback, a relay that stops passing bytes; the disk is never full"
    listen: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    can_fill: bool = False

    def __post_init__(self) -> None:
        self._relays = {server: Relay(self.listen) for server in SERVERS}

    def hub_for(self, server: str) -> str:
        return self._relays[server].address

    def enter(self, server: str | None) -> Enter:
        parent = os.getpid()
        return lambda: die_with_parent(parent)

    def cut(self, server: str) -> None:
        self._relays[server].cut()

    def mend(self, server: str) -> None:
        self._relays[server].mend()


def fill(data: Path, *, to_the_brim: bool) -> None:
    """Leave less than the journal's reserve on the hub's disk, or nothing at all."""
    keep = 0 if to_the_brim else KEPT_BYTES
    with (data / "ballast").open("wb") as out:
        while (more := _free(data) - keep) > 0:
            end = os.fstat(out.fileno()).st_size
            with suppress(OSError):  # Others write meanwhile: look again.
                os.posix_fallocate(out.fileno(), end, more)


def _free(data: Path) -> int:
    left = os.statvfs(data)
    return left.f_bavail * left.f_frsize


def empty(data: Path) -> None:
    """Give the space back."""
    (data / "ballast").unlink(missing_ok=True)
