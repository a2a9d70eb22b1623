"""The logs that rows come from, by number, with columns for the vectorised readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.identity.federation import Federation, ProxyRecord, ServerRecord
from hub.model import ProxyKind

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Log:
    """Where rows come from."""

    server: ServerRecord
    proxy: ProxyRecord


class Logs:
    """All logs, in the order of their appearance."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        self._items: list[Log] = []
        self._state = (-1, -1)
        self._servers = np.zeros(0, np.int32)
        self._public = np.zeros(0, np.bool_)
        self._proxies = np.zeros(0, np.int64)
        self._trusting = np.zeros(0, np.bool_)
        self._redactions: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Log:
        return self._items[number]

    def __iter__(self) -> Iterator[Log]:
        return iter(self._items)

    def append(self, log: Log) -> None:
        """Add one; its number is the former length."""
        self._items.append(log)

    def servers(self, logs: NDArray[np.int32]) -> NDArray[np.int32]:
        """The numbers of these logs' servers."""
        self._refresh()
        return self._servers[logs]

    def public(self, logs: NDArray[np.int32]) -> Mask:
        """Which of these logs are of public proxies."""
        self._refresh()
        return self._public[logs]

    def proxies(self, logs: NDArray[np.int32]) -> NDArray[np.int64]:
        """The nodes of these logs' proxies: the same for all logs of one."""
        self._refresh()
        return self._proxies[logs]

    def trusting(self, logs: NDArray[np.int32]) -> Mask:
        """Which of these logs are of proxies that have trusted proxies before them."""
        self._refresh()
        return self._trusting[logs]

    def same_paths(self, ones: NDArray[np.int32], others: NDArray[np.int32]) -> Mask | None:
        """In which of these pairs of servers (-1: none) the same path is logged as the same text;
        None: in all."""
        self._refresh()
        if self._redactions is None:
            return None
        same: Mask = self._redactions[ones] == self._redactions[others]
        return same | (ones < 0) | (others < 0)

    def _refresh(self) -> None:
        state = (len(self._items), self._federation.generation)
        if state != self._state:  # a hello may change a proxy's kind
            self._state = state
            self._servers = np.array([log.server.number for log in self._items], np.int32)
            self._public = np.array(
                [log.proxy.kind is ProxyKind.PUBLIC for log in self._items], np.bool_
            )
            self._proxies = np.array([log.proxy.node for log in self._items], np.int64)
            self._trusting = np.array([bool(log.proxy.trusted) for log in self._items], np.bool_)
            told = [server.redaction for server in self._federation.servers]
            kinds = {one: number for number, one in enumerate(dict.fromkeys(told))}
            codes = np.array([kinds[one] for one in told], np.int32)
            self._redactions = codes if len(kinds) > 1 else None
