"""The lines that the proxies write of the truth, in columns, in completion order per log.

Enters: `Truth`. Leaves: `Lines`, one entry a written line, sorted by (log, completion). A line's
number + 1 travels in `bytes_in`, so that any answer can be traced back to it. Clocks: `start` and
`end` are the hub's, `start_ns` is the server's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.truth.scenario import Key, Kind
from bench.truth.sites import Sites, Times
from bench.truth.texts import Texts
from bench.truth.truth import Hop, Mask, Numbers, Truth
from hub.model import Observations, Strings

LINE_BYTES = 900
PRIVATE, PUBLIC = 0, 1
UPGRADE = 1
"""`ROW_FLAG_UPGRADE`."""
STRINGS = ("client", "forwarded", "method", "path", "router", "upstream")
"""The columns of strings that differ; a service is named as its router."""


@dataclass(frozen=True)
class Lines:
    """Columns, one entry a line."""

    call: Numbers
    """Number of the request in the truth."""
    second: Mask
    """It is the callee's proxy's line."""
    log: Numbers
    """2 x server + 1 where its proxy is public."""
    end: Times
    offset: Numbers
    start_ns: Times
    duration_ns: Times
    upstream_ns: Times
    status: Numbers
    upstream_status: Numbers
    request_count: Numbers
    flags: Numbers
    trace_id: NDArray[np.uint64]
    hop_id: NDArray[np.uint64]
    hop_parent: NDArray[np.uint64]
    strings: dict[str, Numbers]

    def __len__(self) -> int:
        return len(self.call)


def make_lines(truth: Truth, sites: Sites) -> Lines:
    """All that were written."""
    there = truth.second.server >= 0
    call = np.concatenate([np.arange(len(truth)), np.flatnonzero(there)])
    second = np.arange(len(call)) >= len(truth)

    def column(name: str) -> Numbers:
        return _both(truth.first, truth.second, name, there)

    log = column("server") * 2 + column("public")
    start, end = column("start"), column("start") + column("duration")
    count = _counts(log, start)
    order = np.lexsort((end, log))
    order = order[~column("lost")[order]]
    log, call, second = log[order], call[order], second[order]
    begin = np.searchsorted(log, log)
    start_ns = np.zeros(len(order), np.int64)
    for site in sites.items:
        mine = log // 2 == site.number
        start_ns[mine] = site.clock.reads(start[order][mine])
    hopped = truth.key[call] == Key.HOP
    given = _ids(call * 2 + second + 1)
    none = np.uint64(0)
    parent = truth.parent[call]
    passed_on = np.where(parent[:, None] >= 0, _ids(parent * 2 + 2), none)
    received = np.where(second[:, None], _ids(call * 2 + 1), passed_on)
    trace = truth.trace[call]
    strings = {name: column(name)[order] for name in ("client", "forwarded", "path", "router")}
    return Lines(
        call,
        second,
        log,
        end[order],
        (np.arange(len(order)) - begin) * LINE_BYTES,
        start_ns,
        column("duration")[order],
        column("upstream")[order],
        column("status")[order],
        column("upstream_status")[order],
        count[order],
        np.where(truth.kind[call] == Kind.WEBSOCKET, UPGRADE, 0),
        np.where(trace[:, None] > 0, _ids(trace + (1 << 40)), none),
        np.where(hopped[:, None], given, none),
        np.where(hopped[:, None], received, none),
        {**strings, "upstream": column("target")[order], "method": truth.method[call]},
    )


def _both(first: Hop, second: Hop, name: str, there: Mask) -> Numbers:
    column: Numbers = np.concatenate([getattr(first, name), getattr(second, name)[there]])
    return column


def _counts(log: Numbers, start: Times) -> Numbers:
    """Traefik's own numbers of the requests of each log, from 1, in the order of their start."""
    order = np.lexsort((start, log))
    counts = np.empty(len(log), np.int64)
    counts[order] = np.arange(len(log)) - np.searchsorted(log[order], log[order]) + 1
    return counts


def _ids(numbers: Numbers) -> NDArray[np.uint64]:
    """16 bytes of each number as two words, (n, 2); distinct, and never zero."""
    words = numbers.astype(np.uint64)
    return np.stack([words * np.uint64(0x9E3779B97F4A7C15), words], axis=1)


def observations(lines: Lines, texts: Texts, first: int, end: int) -> Observations:
    """The lines of [first, end), which are of one log, as a decoded batch."""
    part = slice(first, end)
    rows = end - first
    constant = np.zeros(rows, np.uint16)
    strings = {name: _strings(lines.strings[name][part], texts) for name in STRINGS}
    entry = "websecure" if lines.log[first] % 2 == PUBLIC else "web"
    return Observations(
        rows=rows,
        offset=(lines.offset[part] - lines.offset[first]).astype(np.uint32),
        start_ns=lines.start_ns[part],
        duration_ns=lines.duration_ns[part],
        upstream_ns=lines.upstream_ns[part],
        overhead_ns=lines.duration_ns[part] - lines.upstream_ns[part],
        status=lines.status[part].astype(np.uint16),
        upstream_status=lines.upstream_status[part].astype(np.uint16),
        bytes_in=np.arange(first + 1, end + 1),
        bytes_out=np.full(rows, 446, np.int64),
        request_count=lines.request_count[part].astype(np.uint64),
        client_port=np.full(rows, 40_000, np.uint16),
        retries=constant,
        grpc_status=np.full(rows, -1, np.int16),
        flags=lines.flags[part].astype(np.uint8),
        trace_id=lines.trace_id[part],
        hop_id=lines.hop_id[part],
        hop_parent=lines.hop_parent[part],
        host=Strings(("private-proxy",), constant),
        protocol=Strings(("HTTP/1.1",), constant),
        scheme=Strings(("http",), constant),
        entry_point=Strings((entry,), constant),
        service=strings["router"],
        user_agent=Strings(("python",), constant),
        **strings,
    )


def _strings(codes: Numbers, texts: Texts) -> Strings:
    distinct, where = np.unique(codes, return_inverse=True)
    values = tuple(texts.values[code] for code in distinct.tolist())
    return Strings(values, where.astype(np.uint16))
