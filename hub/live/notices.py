"""What a person should know: intruders, hairpins, half-seen calls, silent agents, lost lines.

Enters: settled calls and the state of the servers. Leaves: notices; one that is seen again is the
same notice with a higher count. A notice ends when its state does, or when nothing of its kind was
seen for as long as an edge stays in the picture; seen again, it holds again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.columns.calls import Numbers
from hub.defaults import MAX_NOTICES, RETIRE_AFTER_S, SKEW_NOTICE_MS
from hub.enums import Missing, Origin
from hub.settle.pipeline import Pipeline
from hub.stamps import rfc3339

SECOND = 1_000_000_000
COLUMNS = ("edge", "origin", "claims", "missing")
"""Of calls: what notices are made of."""


class Notices:
    """The board: notices by id, the newest last."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._board: OrderedDict[str, forms.Notice] = OrderedDict()
        self._changed: dict[str, forms.Notice] = {}
        self._seen_ns: dict[str, int] = {}
        """By id: when such a call was last seen; of notices that have not ended."""
        self._now_ns = 0

    def all(self) -> list[forms.Notice]:
        """Every notice, the oldest first."""
        return list(self._board.values())

    def take_changed(self) -> list[forms.Notice]:
        """Notices that are new or changed since the last time."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def calls(self, numbers: Numbers, now_ns: int) -> None:
        """Calls that settled."""
        take = self._pipeline.settling.calls.table.take
        self.noticed({name: take(name, numbers) for name in COLUMNS}, now_ns)

    def noticed(self, calls: Mapping[str, NDArray[Any]], now_ns: int) -> None:
        """Calls in columns."""
        self._now_ns = now_ns
        edges = calls["edge"]
        odd = np.isin(calls["origin"], [Origin.OUTSIDE, Origin.HAIRPIN])
        for edge, count in zip(*np.unique(edges[odd], return_counts=True), strict=True):
            self._odd_edge(int(edge), int(count))
        spoofed = calls["claims"] != 0
        for edge, count in zip(*np.unique(edges[spoofed], return_counts=True), strict=True):
            self._spoofed(int(edge), int(count))
        half = calls["missing"] != Missing.NOTHING
        for edge, count in zip(*np.unique(edges[half], return_counts=True), strict=True):
            self._half_seen(int(edge), int(count))

    def states(self, servers: list[forms.ServerState], now_ns: int) -> None:
        """How the servers' reporting stands."""
        self._now_ns = now_ns
        for server in servers:
            name = server.id
            self._state(
                "agent_gone", name, f"Agent of {name} is gone", server.reason, not server.connected
            )
            malformed, missing = server.lines_malformed, server.lines_missing
            text = f"{malformed} lines of {name} could not be read; see /api/v1/servers."
            title = f"Malformed lines on {name}"
            self._state("malformed", name, title, text, malformed > 0, malformed)
            text = f"{missing} requests of {name} have no line in its logs."
            title = f"Lines of {name} are missing"
            self._state("missing_lines", name, title, text, missing > 0, missing)
            skew_ms = server.skew_ms or 0.0
            text = f"It is {skew_ms:+.0f} ms off the hub's. Does the server run NTP?"
            off = abs(skew_ms) > SKEW_NOTICE_MS
            self._state("skew", name, f"The clock of {name} is off", text, off)
        self.end_quiet()

    def _odd_edge(self, number: int, count: int) -> None:
        graph = self._pipeline.graph
        edge = graph.edges[number]
        source, target = graph.nodes[edge.from_node], graph.nodes[edge.to_node]
        proxy = graph.nodes[edge.via[-1]]
        name, where = source.name or source.id, f"{proxy.name} of {proxy.server}"
        if edge.origin is Origin.OUTSIDE:
            title = f"{name} knocks on {where}"
            wanted = target.name or target.id
            text = f"It is no address of any registered server. It asked for {wanted}."
            kind = "outside"
        else:
            title = f"{name} takes the way through {where}"
            text = "A registered server calls a public proxy: it could use the private one."
            kind = "hairpin"
        self._put(f"{kind}:{edge.id}", kind, title, text, count, source.id, number, proxy.server)

    def _spoofed(self, number: int, count: int) -> None:
        graph = self._pipeline.graph
        edge = graph.edges[number]
        source, proxy = graph.nodes[edge.from_node], graph.nodes[edge.via[0]]
        self._put(
            f"spoof:{edge.id}",
            "spoof",
            f"{source.name or source.id} sends headers that it may not",
            f"Requests at {proxy.name} of {proxy.server} claim a forwarded address or a hop id; "
            "neither is believed. Is it a CDN or a load balancer of yours? Then name it in the "
            "proxy's trusted_proxies.",
            count,
            source.id,
            number,
            proxy.server,
        )

    def _half_seen(self, number: int, count: int) -> None:
        graph = self._pipeline.graph
        edge = graph.edges[number]
        names = [
            graph.nodes[node].name or graph.nodes[node].id
            for node in (edge.from_node, edge.to_node)
        ]
        self._put(
            f"half_seen:{edge.id}",
            "half_seen",
            f"Only half seen: {names[0]} to {names[1]}",
            "One server logged these calls, the other did not; each call says why that can be.",
            count,
            None,
            number,
            graph.nodes[edge.via[0]].server,
        )

    def _state(
        self,
        kind: Any,
        server: str,
        title: str,
        text: str | None,
        holds: bool,
        total: int | None = None,
    ) -> None:
        """A state of a server; counted by how often it began, where there is no total."""
        id = f"{kind}:{server}"
        known = self._board.get(id)
        if not holds:
            if known is not None:
                self._end(known)
            return
        begins = known is None or known.ended is not None
        before = known.count if known else 0
        more = int(begins) if total is None else total - before
        if begins or more or (known and known.text != (text or "")):
            self._put(id, kind, title, text or "", more, None, None, server)

    def end_quiet(self) -> None:
        """What was seen of calls ends when none came for long."""
        quiet_ns = self._now_ns - RETIRE_AFTER_S * SECOND
        for id in [id for id, seen_ns in self._seen_ns.items() if seen_ns < quiet_ns]:
            del self._seen_ns[id]
            if id in self._board:
                self._end(self._board[id])

    def _end(self, known: forms.Notice) -> None:
        if known.ended is None:
            ended = msgspec.structs.replace(known, ended=rfc3339(self._now_ns))
            self._board[known.id] = self._changed[known.id] = ended

    def _put(
        self,
        id: str,
        kind: Any,
        title: str,
        text: str,
        count: int,
        node: str | None,
        edge: int | None,
        server: str | None,
    ) -> None:
        known = self._board.pop(id, None)
        notice = forms.Notice(
            id=id,
            kind=kind,
            title=title,
            text=text,
            count=count + (known.count if known else 0),
            time=rfc3339(self._now_ns),
            ended=None,
            node=node,
            edge=edge,
            server=server,
        )
        self._board[id] = self._changed[id] = notice
        if edge is not None:
            self._seen_ns[id] = self._now_ns
        if len(self._board) > MAX_NOTICES:
            oldest, _ = self._board.popitem(last=False)
            self._seen_ns.pop(oldest, None)
