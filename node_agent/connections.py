"""Whose connections to other servers are, and since when: what the hub is told of them.

Enters: flows as the kernel's events and its table tell them, the addresses of other servers, the
time. Leaves: `Connections` messages. No socket, no clock.

What always holds: at most `MAX_CONNECTIONS` are kept, the oldest go first and count as ended then;
ended ones are kept for `CLOSED_CONNECTION_NS`, for a hub that comes back. What may have been missed
(events that were lost) ends at the last time that is sure: no name is better than a wrong one.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.defaults import (
    CLOSED_CONNECTION_NS,
    CONNECTIONS_A_MESSAGE,
    MAX_CONNECTIONS,
)
from node_agent.netfilter import Flow


@dataclass(slots=True)
class _Known:
    flow: Flow
    from_ns: int
    to_ns: int = 0


class ConnectionBook:
    """Connections to peers, those of now and those that ended lately."""

    def __init__(self) -> None:
        self.destinations: Mapping[bytes, str] = {}
        """The other servers' addresses, packed, and as text."""
        self._open: dict[Flow, _Known] = {}
        self._closed: deque[_Known] = deque(maxlen=MAX_CONNECTIONS)
        self._news: dict[int, _Known] = {}
        self._all_is_news = True
        self._gone_meanwhile: set[Flow] | None = None
        self._sure_ns = 0

    def __len__(self) -> int:
        return len(self._open) + len(self._closed)

    def peers(self, addresses: Iterable[str]) -> bool:
        """These are the other servers' addresses; whether that is news."""
        found = {ipaddress.ip_address(text).packed: text for text in addresses}
        if found == self.destinations:
            return False
        self.destinations = found
        return True

    # --- what the kernel tells

    def opened(self, flow: Flow, at_ns: int) -> None:
        """A first packet was seen."""
        self._sure_ns = at_ns
        if (known := self._open.pop(flow, None)) is not None:
            self._close(known, at_ns)
        self._add(flow, at_ns)

    def closed(self, flow: Flow, at_ns: int) -> None:
        """The kernel let go of it."""
        self._sure_ns = at_ns
        if self._gone_meanwhile is not None:
            self._gone_meanwhile.add(flow)
        if (known := self._open.pop(flow, None)) is not None:
            self._close(known, at_ns)

    def lost(self) -> None:
        """Events were lost: what was open may be gone, and its port another's."""
        for known in self._open.values():
            self._close(known, self._sure_ns)
        self._open.clear()

    def begin_table(self) -> None:
        """The table is about to be read, while events go on."""
        self._gone_meanwhile = set()

    def table(self, flows: Iterable[Flow], began_ns: int) -> None:
        """All that is there, as a reading that began then found it."""
        gone, self._gone_meanwhile = self._gone_meanwhile or set(), None
        there = set(flows) - gone
        for flow, known in list(self._open.items()):
            if flow not in there and known.from_ns < began_ns:
                del self._open[flow]
                self._close(known, self._sure_ns)
        for flow in there - self._open.keys():
            self._add(flow, began_ns)
        self._sure_ns = max(self._sure_ns, began_ns)

    def _add(self, flow: Flow, at_ns: int) -> None:
        self._open[flow] = known = _Known(flow, at_ns)
        self._note(known)
        if len(self._open) > MAX_CONNECTIONS:
            oldest = self._open.pop(next(iter(self._open)))
            self._close(oldest, at_ns)

    def _close(self, known: _Known, at_ns: int) -> None:
        known.to_ns = max(at_ns, known.from_ns)
        self._closed.append(known)
        self._note(known)

    def _note(self, known: _Known) -> None:
        if len(self._news) >= MAX_CONNECTIONS:  # nobody has asked for long
            self._news.clear()
            self._all_is_news = True
        if not self._all_is_news:
            self._news[id(known)] = known

    # --- what the hub is told

    def all(self, now_ns: int) -> list[pb.Connections]:
        """Everything, for a hub that may know nothing; what was news is told with it."""
        self._news.clear()
        self._all_is_news = False
        self._forget(now_ns)
        return [*_messages([*self._closed, *self._open.values()], now_ns, afresh=True)]

    def news(self, now_ns: int) -> list[pb.Connections]:
        """What changed since the last time."""
        if self._all_is_news:
            return self.all(now_ns)
        if not self._news:
            return []
        told, self._news = list(self._news.values()), {}
        self._forget(now_ns)
        return [*_messages(told, now_ns, afresh=False)]

    def _forget(self, now_ns: int) -> None:
        since_ns = now_ns - CLOSED_CONNECTION_NS
        while self._closed and (self._closed[0].to_ns < since_ns or len(self) > MAX_CONNECTIONS):
            self._closed.popleft()


def _messages(connections: list[_Known], now_ns: int, *, afresh: bool) -> Iterator[pb.Connections]:
    for at in range(0, max(len(connections), 1), CONNECTIONS_A_MESSAGE):
        part = connections[at : at + CONNECTIONS_A_MESSAGE]
        yield pb.Connections(
            afresh=afresh and at == 0,
            as_of_ns=now_ns,
            connections=[_connection(one) for one in part],
        )


def _connection(known: _Known) -> pb.Connection:
    flow = known.flow
    return pb.Connection(
        source=flow.source,
        translated=flow.translated,
        translated_port=flow.translated_port,
        destination=flow.destination,
        destination_port=flow.destination_port,
        from_ns=known.from_ns,
        to_ns=known.to_ns,
    )
