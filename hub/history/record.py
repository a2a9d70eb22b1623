"""Sealed calls in the words of the API.

Enters: calls of a `Part`. Leaves: `forms.Call`s, as `hub.describe` makes them of what is in memory.
Made column by column: a text, a node or a reason is made once for all calls that share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.enums import Claim
from hub.history.part import Part
from hub.read.describe import host_port
from hub.stamps import rfc3339

MS = 1e6

SPOOFED: Final[list[Any]] = [
    tuple((claim.name or "").lower() for claim in Claim if claim & bits) for bits in range(4)
]
"""What the bits of `Claim` say."""


def calls(part: Part, numbers: NDArray[np.integer]) -> list[forms.Call]:
    """These calls, in this order."""
    columns = Columns(part, numbers)
    first, second = _hops(part, numbers, 0), _hops(part, numbers[columns.two], 1)
    told = columns.told
    return [
        forms.Call(
            id=id, start=start, duration_ms=duration, method=method, host=host, path=path,
            status=status, ok=ok, from_=from_, to=to, origin=origin,
            answered_by="service" if by_service else "proxy", join=join, parent=None,
            revision=revision, grpc_status=grpc if grpc >= 0 else None,
            hops=[hop, *attempts(tries), next(second)] if two else [hop],
        )
        for (
            id, start, duration, method, host, path, status, ok, from_, to, origin, by_service,
            join, revision, grpc, hop, tries, two,
        ) in zip(
            columns.ids(), columns.times("start_ns"), columns.ms("duration_ns"),
            told("hop0_method"), told("hop0_host"), columns.paths(), told("status"), told("ok"),
            columns.parties("from_node", columns.addresses()),
            columns.parties("to_node", told("to_address")), told("origin"),
            told("answered_by_service"), columns.joins(), told("revision"), told("grpc_status"),
            first, told("attempts"), columns.two.tolist(), strict=True,
        )
    ]  # fmt: skip


def summaries(part: Part, numbers: NDArray[np.integer]) -> list[forms.CallSummary]:
    """These calls, as the live lists show them."""
    columns = Columns(part, numbers)
    told = columns.told
    lasted = part["duration_ns"][numbers]
    return [
        forms.CallSummary(
            id=id, edge=edge, start_ms=start, duration_ms=duration, method=method, host=host,
            path=path, status=status, ok=ok, origin=origin, address=address,
            answered_by="service" if by_service else "proxy", join=join, missing=missing,
            revision=revision,
        )
        for (
            id, edge, start, duration, method, host, path, status, ok, origin, address, by_service,
            join, missing, revision,
        ) in zip(
            columns.ids(), told("edge"), ((part["end_ns"][numbers] - lasted) / MS).tolist(),
            columns.ms("duration_ns"), told("hop0_method"), told("hop0_host"), columns.paths(),
            told("status"), told("ok"), told("origin"), columns.addresses(),
            told("answered_by_service"), told("join_by"), told("missing"), told("revision"),
            strict=True,
        )
    ]  # fmt: skip


class Columns:
    """What several forms of these calls say, each as one list."""

    def __init__(self, part: Part, numbers: NDArray[np.integer]) -> None:
        self._part = part
        self._numbers = numbers
        self.two = part.two[numbers]

    def told(self, name: str) -> list[Any]:
        """A column as it is."""
        return self._part.told(name, self._numbers)

    def ids(self) -> list[str]:
        """As `hub.calls.call_id`."""
        keys = self._part.keys.at(self._numbers)
        columns = (keys.start_ns.tolist(), keys.log.tolist(), keys.offset.tolist())
        return [
            f"{start:019d}-{log:08x}-{offset:x}"
            for start, log, offset in zip(*columns, strict=True)
        ]

    def times(self, name: str) -> list[str]:
        """RFC 3339."""
        return list(map(rfc3339, self.told(name)))

    def ms(self, name: str) -> list[float]:
        """From ns."""
        return [value / MS for value in self.told(name)]

    def paths(self) -> list[str]:
        """As they arrived at the callees' proxies, where that is known."""
        if not self.two.any():
            return self.told("hop0_path")
        pairs = zip(self.told("hop0_path"), self.told("hop1_path"), self.two.tolist(), strict=True)
        return [second if two else first for first, second, two in pairs]

    def addresses(self) -> list[str | None]:
        """Of callers."""
        pairs = zip(self.told("from_address"), self.told("hop0_client"), strict=True)
        return [address or client or None for address, client in pairs]

    def parties(self, name: str, addresses: list[str | None]) -> list[forms.Party]:
        """Ends of calls: of equal ones the same."""
        known: dict[tuple[str, str | None], forms.Party] = {}
        result = []
        for pair in zip(self.told(name), addresses, strict=True):
            party = known.get(pair)
            if party is None:
                party = known[pair] = self._party(*pair)
            result.append(party)
        return result

    def _party(self, id: str, address: str | None) -> forms.Party:
        node = self._part.graph.find(id)
        assert node is not None, id
        return forms.Party(
            node=id,
            kind=node.kind.name.lower(),  # type: ignore[arg-type]
            server=node.server,
            name=node.name,
            address=address,
        )

    def joins(self) -> list[forms.Join]:
        """How they were joined: of equal ones the same."""
        known: dict[tuple[Any, ...], forms.Join] = {}
        result = []
        names = ("join_by", "confidence", "missing", "reason")
        for said in zip(*map(self.told, names), strict=True):
            join = known.get(said)
            if join is None:
                by, confidence, missing, reason = said
                join = known[said] = forms.Join(
                    by=by, confidence=round(confidence, 3), missing=missing, reason=reason
                )
            result.append(join)
        return result


def attempts(told: str | None) -> list[forms.Hop]:
    """The hops between the first and the last one."""
    return msgspec.json.decode(told, type=list[forms.Hop]) if told else []


def _hops(part: Part, numbers: NDArray[np.integer], hop: int) -> Iterator[forms.Hop]:
    """One hop of each of these calls, which have it."""
    if not len(numbers):
        return iter(())
    columns = Columns(part, numbers)

    def told(name: str) -> list[Any]:
        return columns.told(f"hop{hop}_{name}")

    def twin(name: str) -> str:
        return f"hop{hop}_{name}" if hop else name

    def ids(name: str) -> Any:
        if part.empty(f"hop{hop}_{name}"):
            return repeat(None, len(numbers))
        return [id.hex() if id else None for id in told(name)]

    return (
        forms.Hop(
            server=server, proxy=proxy, kind=kind, log=log, offset=offset, start=start,
            duration_ms=duration, upstream_ms=upstream_ms, overhead_ms=overhead_ms, status=status,
            upstream_status=upstream_status, client=host_port(client, port),
            forwarded=forwarded or None, spoofed=list(SPOOFED[spoofed]),
            entry_point=entry_point or None, router=router or None, service=service or None,
            upstream=upstream or None, path=path, protocol=protocol, user_agent=user_agent or None,
            bytes_in=bytes_in, bytes_out=bytes_out, request_count=request_count, retries=retries,
            trace_id=trace, why=why,
        )
        for (
            server, proxy, kind, log, offset, start, duration, upstream_ms, overhead_ms, status,
            upstream_status, client, port, forwarded, spoofed, entry_point, router, service,
            upstream, path, protocol, user_agent, bytes_in, bytes_out, request_count, retries,
            trace, why,
        ) in zip(
            told("server"), told("proxy"), told("proxy_kind"), told("log"), told("offset"),
            columns.times(twin("start_ns")), columns.ms(twin("duration_ns")),
            columns.ms(f"hop{hop}_upstream_ns"), columns.ms(f"hop{hop}_overhead_ns"),
            told("status"), told("upstream_status"), told("client"), told("client_port"),
            told("forwarded"), told("spoofed"), told("entry_point"), told("router"),
            told("service"), told("upstream"), told("path"), told("protocol"), told("user_agent"),
            columns.told(twin("bytes_in")), columns.told(twin("bytes_out")), told("request_count"),
            told("retries"), ids("trace_id"), told("why"), strict=True,
        )
    )  # fmt: skip
