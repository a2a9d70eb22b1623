"""What a person should know: intruders, hairpins, half-seen calls, silent agents, lost lines.

Enters: settled calls and the state of the servers. Leaves: notices; one that is seen again is the
same notice with a higher count.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from hub import forms
from hub.calls import Numbers
from hub.defaults import MAX_NOTICES, SKEW_NOTICE_MS
from hub.enums import Missing, Origin
from hub.pipeline import Pipeline
from hub.stamps import rfc3339

MS = 1_000_000


class Notices:
    """The board: notices by id, the newest last."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._board: OrderedDict[str, forms.Notice] = OrderedDict()
        self._changed: dict[str, forms.Notice] = {}
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
        self._now_ns = now_ns
        table = self._pipeline.settling.calls.table
        edges = table.take("edge", numbers)
        odd = np.isin(table.take("origin", numbers), [Origin.OUTSIDE, Origin.HAIRPIN])
        for edge, count in zip(*np.unique(edges[odd], return_counts=True), strict=True):
            self._odd_edge(int(edge), int(count))
        spoofed = table.take("claims", numbers) != 0
        for edge, count in zip(*np.unique(edges[spoofed], return_counts=True), strict=True):
            self._spoofed(int(edge), int(count))
        half = table.take("missing", numbers) != Missing.NOTHING
        for edge, count in zip(*np.unique(edges[half], return_counts=True), strict=True):
            self._half_seen(int(edge), int(count))

    def states(self, servers: list[forms.ServerState], now_ns: int) -> None:
        """How the servers' reporting stands."""
        self._now_ns = now_ns
        for server in servers:
            name = server.id
            if not server.connected:
                self._state("agent_gone", name, f"Agent of {name} is gone", server.reason, 1)
            if count := server.lines_malformed:
                text = f"{count} lines of {name} could not be read; see /api/v1/servers."
                self._state("malformed", name, f"Malformed lines on {name}", text, count)
            if count := server.lines_missing:
                text = f"{count} requests of {name} have no line in its logs."
                self._state("missing_lines", name, f"Lines of {name} are missing", text, count)
            if abs(skew_ms := server.skew_ms or 0.0) > SKEW_NOTICE_MS:
                text = f"It is {skew_ms:+.0f} ms off the hub's. Does the server run NTP?"
                self._state("skew", name, f"The clock of {name} is off", text, 1)

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

    def _state(self, kind: Any, server: str, title: str, text: str | None, count: int) -> None:
        known = self._board.get(f"{kind}:{server}")
        if known is None or (known.text, known.count) != (text or "", count):
            more = count - (known.count if known else 0)
            self._put(f"{kind}:{server}", kind, title, text or "", more, None, None, server)

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
            node=node,
            edge=edge,
            server=server,
        )
        self._board[id] = self._changed[id] = notice
        if len(self._board) > MAX_NOTICES:
            self._board.popitem(last=False)
