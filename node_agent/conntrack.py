"""The kernel's connection tracking, listened to: the shell around `netfilter` and `connections`.

Events come over netlink, as they happen; the table is read in a thread, at the start, when the
other servers' addresses change, and where events were lost. At most `CONNECTIONS_EVENTS_A_SECOND`
are read; the kernel's buffer bounds what waits. Without the right to listen it says what is
lacking, once, and ends: all else works.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import time
from collections.abc import Callable, Container, Sequence

import structlog

from node_agent.connections import ConnectionBook
from node_agent.defaults import (
    CONNECTIONS_BUFFER_BYTES,
    CONNECTIONS_COALESCE_S,
    CONNECTIONS_EVENTS_A_SECOND,
    CONNECTIONS_TABLE_S,
)
from node_agent.netfilter import Ended, Flow, dump_request, messages

logger = structlog.get_logger(__name__)

_NETFILTER = 12
"""NETLINK_NETFILTER: the standard library has no name for it."""
_GROUPS = 1 << 0 | 1 << 2
"""Multicast groups NFNLGRP_CONNTRACK_NEW (1) and NFNLGRP_CONNTRACK_DESTROY (3), as bits."""
_FORCE_BUFFER = 33
"""SO_RCVBUFFORCE: beyond what an ordinary user may have."""
_READ_BYTES = 65_536
_TIMEOUT_S = 5.0


class ConntrackTrouble(Exception):
    """The table cannot be read, or its events not be listened to: why, and what to do."""


def listen() -> socket.socket:
    """A socket that gets the events. Raises ConntrackTrouble."""
    opened = _open(_GROUPS)
    opened.setblocking(False)
    return opened


def read_table(destinations: Container[bytes]) -> list[Flow]:
    """The translated connections to these that are there. Blocks. Raises ConntrackTrouble."""
    found: list[Flow] = []
    with _open(0) as asking:
        asking.settimeout(_TIMEOUT_S)
        try:
            asking.send(dump_request(1))
            while True:
                for told in messages(asking.recv(_READ_BYTES), destinations):
                    if not isinstance(told, Ended):
                        found.append(told[1])
                    elif told.error:
                        raise OSError(told.error, "")
                    else:
                        return found
        except OSError as error:
            raise ConntrackTrouble(_explain(error)) from None


def elsewhere(addresses: Sequence[str]) -> str | None:
    """Why this seems not to be the network namespace of the server with these addresses."""
    if not addresses or any(map(_is_here, addresses)):
        return None
    return (
        f"no interface here has {', '.join(addresses)}. In a container the agent needs the host's "
        "network namespace (Compose: network_mode: host), else it sees its own connections only"
    )


def _is_here(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _open(groups: int) -> socket.socket:
    if sys.platform != "linux":
        raise ConntrackTrouble("connection tracking is Linux's: leave [conntrack] out here")
    try:
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    except OSError as error:
        raise ConntrackTrouble(_explain(error)) from None
    try:
        opened.bind((0, groups))
        opened.setsockopt(socket.SOL_SOCKET, _FORCE_BUFFER, CONNECTIONS_BUFFER_BYTES)
    except OSError as error:
        opened.close()
        raise ConntrackTrouble(_explain(error)) from None
    return opened


def _explain(error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return (
            "not allowed to listen to connection tracking: the agent needs CAP_NET_ADMIN "
            "(systemd: AmbientCapabilities=CAP_NET_ADMIN; Compose: cap_add: [NET_ADMIN] and "
            "user: root) in the host's network namespace (Compose: network_mode: host)"
        )
    if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL, errno.ENOENT):
        return (
            "this kernel tells nothing of connection tracking: load its modules "
            "(modprobe nf_conntrack_netlink)"
        )
    return f"connection tracking: {error.strerror or error}"


class Conntrack:
    """Keeps a book of connections up to date."""

    def __init__(
        self, book: ConnectionBook, changed: Callable[[], None], own: Sequence[str] = ()
    ) -> None:
        self.lost = 0
        """Times that events were lost."""
        self._book = book
        self._changed = changed
        self._own = own
        self._socket: socket.socket | None = None
        self._table_due = asyncio.Event()
        self._budget = CONNECTIONS_EVENTS_A_SECOND
        self._budget_until_s = 0.0
        self._telling: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """For ever; returns where it is not allowed."""
        try:
            self._socket = listen()
        except ConntrackTrouble as trouble:
            logger.error("conntrack is off", reason=str(trouble))
            return
        if reason := elsewhere(self._own):
            logger.warning("conntrack may see nothing", reason=reason)
        logger.info("conntrack is on")
        try:
            self._attend()
            while True:
                await self._table_due.wait()
                self._table_due.clear()
                if self._book.destinations:
                    await self._read_table()
                    await asyncio.sleep(CONNECTIONS_TABLE_S)
        finally:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def peers(self, addresses: tuple[str, ...]) -> None:
        """The other servers' addresses, as the hub names them now."""
        if self._book.peers(addresses):
            self._table_due.set()

    async def _read_table(self) -> None:
        self._book.begin_table()
        began_ns = time.time_ns()
        try:
            found = await asyncio.to_thread(read_table, frozenset(self._book.destinations))
        except ConntrackTrouble as trouble:
            logger.warning("table of connections not read, tried again", reason=str(trouble))
            self._table_due.set()
            return
        self._book.table(found, began_ns)
        self._tell()

    def _attend(self) -> None:
        if self._socket is not None and self._socket.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _read(self) -> None:
        """What waits; after its share of a second's events, the rest of it later."""
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        if loop.time() >= self._budget_until_s:
            self._budget, self._budget_until_s = CONNECTIONS_EVENTS_A_SECOND, loop.time() + 1.0
        if self._budget <= 0:
            loop.remove_reader(self._socket)
            loop.call_at(self._budget_until_s, self._attend)
            return
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self.lost += 1
            self._book.lost()
            self._table_due.set()
            self._tell()
            return
        self._budget -= 1
        now_ns, told = time.time_ns(), False
        for one in messages(data, self._book.destinations):
            if isinstance(one, Ended):
                continue
            there, flow = one
            (self._book.opened if there else self._book.closed)(flow, now_ns)
            told = True
        if told:
            self._tell()

    def _tell(self) -> None:
        if self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(CONNECTIONS_COALESCE_S, self._told)

    def _told(self) -> None:
        self._telling = None
        self._changed()
