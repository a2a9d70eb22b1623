"""What is to be sealed, copied in one moment: the calls that history lacks, with their hops.

Enters: the core, between two of its steps. Leaves: copies of columns, that a thread may read while
the core goes on. `texts` asks the core once more, for the few texts that depend on who a peer is:
once for each distinct question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers, log_checksum
from hub.columns.words import mixed
from hub.enums import Claim, JoinKey
from hub.history.schema import IDS, NUMBERS, TEXTS, TWINS
from hub.query.query import Query
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline

Columns = dict[str, NDArray[Any]]

GONE = 65_535
"""The revision that hides a call which was merged into another one."""

CALL_COLUMNS = (
    "id_row", "start_ns", "end_ns", "duration_ns", "status", "ok", "grpc_status", "origin",
    "from_node", "to_node", "edge", "by", "confidence", "missing", "reason", "other",
    "answered_by_service", "claims", "ignored", "bytes_in", "bytes_out", "hop0", "hop1", "revision",
    "low",
)  # fmt: skip
ROW_COLUMNS = (*NUMBERS, *TWINS, *TEXTS, *IDS, "log", "peer", "claims")


@dataclass(frozen=True, slots=True)
class Hidden:
    """Ids of calls that history has, below these revisions, and shall not be told any more."""

    start_ns: Numbers
    log: Numbers
    offset: Numbers
    revision: Numbers


@dataclass(slots=True)
class Snapshot:
    """Calls in columns; of hops those of first ones, and those of the second ones there are."""

    numbers: Numbers
    calls: Columns
    hops: tuple[Columns, Columns]
    spoofed: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    strings: dict[str, list[str]]
    places: list[tuple[str, ...]]
    """Of each log: the columns of `PLACE`."""
    nodes: list[str]
    hidden: Hidden
    gone: Numbers
    """Calls that history has and that were merged into others."""
    unsealed_rows: Numbers
    """Of the lines of these calls those that history has in no call yet."""
    attempts: dict[int, bytes]
    """Of calls that were tried several times, by place: the hops between the first and the last,
    as the API tells them."""
    texts: dict[str, list[str | None]] = field(default_factory=dict)


def take(pipeline: Pipeline, describe: Describe, chosen: Numbers | None = None) -> Snapshot:
    """Copies of these calls; None: of all that history lacks."""
    settling, graph = pipeline.settling, pipeline.graph
    calls, rows = settling.calls, settling.rows
    numbers = calls.unsealed() if chosen is None else chosen
    columns = {name: calls.table.take(name, numbers) for name in CALL_COLUMNS}
    lines = columns["hop0"], columns["hop1"][columns["hop1"] >= 0]
    hops = tuple({name: rows.table.take(name, part) for name in ROW_COLUMNS} for part in lines)
    tried, attempts = _attempts(pipeline, describe, numbers, lines[1])
    every = np.concatenate([*lines, tried])
    superseded = calls.superseded()
    return Snapshot(
        numbers,
        columns,
        hops,  # type: ignore[arg-type]
        _spoofed(pipeline, columns, lines),
        {name: rows.strings[name].values for name in TEXTS},
        [
            (*place, account.key.fingerprint.hex(), f"{log_checksum(account.key):08x}")
            for place, account in zip(_places(pipeline), pipeline.ledger.accounts, strict=True)
        ],
        [node.id for node in graph.nodes],
        _hidden(pipeline, superseded),
        superseded[calls.table.take("gone", superseded)],
        every[~rows.table.take("sealed", every)],
        attempts,
    )  # fmt: skip


def questions(snapshot: Snapshot) -> dict[str, tuple[Numbers, NDArray[np.intp]]]:
    """For each text that the core must tell: a row of each distinct question (for a reason a call),
    and which question is each row's."""
    calls, found = snapshot.calls, {}
    two = calls["hop1"] >= 0
    told = two | (calls["by"] == JoinKey.CONNTRACK)
    joined = np.where(told, calls["by"], JoinKey.NONE).astype(np.int64)
    for hop, by in ((0, joined), (1, joined[two])):
        said = snapshot.hops[hop]
        words = mixed(said["log"], said["peer"], by, said["forwarded"])
        rows = calls["hop0"] if hop == 0 else calls["hop1"][two]
        found[f"hop{hop}_why"] = _distinct(words, np.stack([rows, by], axis=1))
    first = snapshot.hops[0]
    words = mixed(first["log"], first["peer"], first["forwarded"], first["client"])
    found["from_address"] = _distinct(words, calls["hop0"])
    last = np.where(two, calls["hop1"], calls["hop0"])
    upstream = first["upstream"].copy()
    upstream[two] = snapshot.hops[1]["upstream"]
    words = mixed(upstream, calls["to_node"])
    found["to_address"] = _distinct(words, np.stack([last, calls["to_node"]], axis=1))
    words = mixed(calls["reason"], calls["other"] + 1)
    found["reason"] = _distinct(words, np.stack([calls["reason"], calls["other"]], axis=1))
    return found


def answer(
    pipeline: Pipeline, describe: Describe, asked: dict[str, tuple[Any, Any]]
) -> dict[str, list[str | None]]:
    """The core's answers to `questions`."""
    rows, logs = pipeline.settling.rows.table, pipeline.settling.logs

    def why(pair: list[int]) -> str:
        return describe.why(pair[0], logs[rows.value("log", pair[0])], JoinKey(pair[1]))

    tell: dict[str, Any] = {
        "hop0_why": why,
        "hop1_why": why,
        "from_address": describe.caller_address,
        "to_address": lambda pair: describe.callee_address(*pair),
        "reason": lambda pair: describe.reason(*pair),
    }
    return {name: [tell[name](row) for row in asked[name][0].tolist()] for name in asked}


def _places(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    return [
        (log.server.id, log.proxy.name, log.proxy.kind.name.lower())
        for log in pipeline.settling.logs
    ]


def _distinct(words: NDArray[np.uint64], asked: NDArray[Any]) -> tuple[Any, Any]:
    _, first, which = np.unique(words, return_index=True, return_inverse=True)
    return asked[first], which


def _attempts(
    pipeline: Pipeline, describe: Describe, numbers: Numbers, last: Numbers
) -> tuple[Numbers, dict[int, bytes]]:
    """The rows of attempts before the last one, and the hops by the place of their call."""
    settling = pipeline.settling
    two = np.flatnonzero(settling.calls.table.take("hop1", numbers) >= 0)
    several = two[settling.rows.table.take("before", last) >= 0]
    rows: list[int] = []
    told: dict[int, bytes] = {}
    for place in several.tolist():
        between = settling.calls.hops(int(numbers[place]), settling.rows.table)[1:-1]
        by = JoinKey(settling.calls.table.value("by", int(numbers[place])))
        rows += between
        told[place] = msgspec.json.encode([describe.hop(row, by) for row in between])
    return np.array(rows, np.int64), told


def _spoofed(
    pipeline: Pipeline, calls: Columns, lines: tuple[Numbers, Numbers]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What each hop's headers claim in vain."""
    two = calls["hop1"] >= 0
    proven = two & (calls["by"] == JoinKey.HOP_ID)
    result = []
    for rows, sure in zip(lines, (proven, proven[two]), strict=True):
        claims = pipeline.settling.rows.table.take("claims", rows)
        claims[sure] &= 0xFF ^ int(Claim.HOP_ID)
        result.append(claims)
    return result[0], result[1]


def hidden_by_memory(pipeline: Pipeline) -> Hidden:
    """What history has and memory knows better, by start."""
    return _hidden(pipeline, pipeline.settling.calls.superseded())


def _hidden(pipeline: Pipeline, superseded: Numbers) -> Hidden:
    table = pipeline.settling.calls.table
    keys = Query(pipeline).keys(superseded)
    gone = table.take("gone", superseded)
    revision = np.where(gone, GONE, table.take("revision", superseded)).astype(np.int64)
    order = np.argsort(keys.start_ns, kind="stable")
    return Hidden(*(part[order] for part in (keys.start_ns, keys.log, keys.offset, revision)))
