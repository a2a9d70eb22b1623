"""What was written, against what the hub says: the ledger, the API's calls, history and journal.

Enters: log files, a running hub, and the data of one that has ended. Leaves: rows for a table, and
every difference in words. Files are counted here, by nothing of the agent's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import msgspec
import pyarrow.parquet as pq

from hub.history import catalog, columns, core
from hub.history.carry import Carry
from hub.journal.store import Store
from hub.model import BatchCommitted
from tests.e2e.hub_api import HubApi

NUMBER = re.compile(rb'"RequestCount":(\d+)')
START = re.compile(rb'"StartUTC":"([^"Z]+)')
PAGE = 10_000
EQUAL = ("journalled", "in_calls", "acknowledged", "parsed")


def first_line_print(file: Path) -> str:
    """A log's identity: the head of the SHA-256 of its first line, without its line feed."""
    with file.open("rb") as log:
        return hashlib.sha256(log.readline().rstrip(b"\n")).hexdigest()[:32]


def lines_in(file: BinaryIO) -> int:
    """Complete lines."""
    file.seek(0)
    return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


@dataclass
class Written:
    """One log, as its file shows it."""

    server: str
    proxy: str
    log: str
    offsets: list[int] = field(default_factory=list)
    """Of its good lines."""
    numbers: list[int] = field(default_factory=list)
    malformed: int = 0
    began: bytes = b""
    """StartUTC of its first good line."""


def written(server: str, proxy: str, files: Iterable[Path]) -> list[Written]:
    """The logs in these files, oldest lines first; a copy of a log counts once."""
    found: dict[str, Written] = {}
    for file in files:
        log = Written(server, proxy, first_line_print(file))
        offset = 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                number = NUMBER.search(line)
                if b"GARBAGE" in line or number is None:
                    log.malformed += 1
                else:
                    start = None if log.began else START.search(line)
                    log.began = start[1] if start else log.began
                    log.offsets.append(offset)
                    log.numbers.append(int(number[1]))
                offset += len(line)
        known = found.get(log.log)
        if log.numbers and (known is None or len(known.offsets) < len(log.offsets)):
            found[log.log] = log
    return sorted(found.values(), key=lambda log: log.began)


def lost(logs: Iterable[Written]) -> tuple[int, int]:
    """Missing and outstanding, by request numbers; a number that comes again is a new process's."""
    missing, seen = 0, set[int]()
    first = 0
    for log in logs:
        for number in log.numbers:
            if number in seen:
                missing += _holes(first, seen)
                seen.clear()
            first = first if seen else number
            seen.add(number)
    return missing, _holes(first, seen)


def _holes(first: int, seen: set[int]) -> int:
    later = [number for number in seen if number >= first]
    return max(later, default=first - 1) - first + 1 - len(later)


def compare(logs: Iterable[Written], ledger: dict[str, Any]) -> Iterator[str]:
    """What differs between the files and the ledger."""
    told = {(log["server"], log["proxy"], log["log"]): log for log in ledger["logs"]}
    for log in logs:
        name = f"{log.server} {log.proxy} {log.log[:8]}"
        account = told.pop((log.server, log.proxy, log.log), None)
        if account is None:
            yield f"{name}: {len(log.offsets)} lines in the file, no account"
            continue
        lines = len(log.offsets)
        for key, right in {"read": lines + log.malformed, "malformed": log.malformed}.items():
            if account[key] != right:
                yield f"{name}: {key} {account[key]}, in the file {right}"
        for key in EQUAL:
            if account[key] != lines:
                yield f"{name}: {key} {account[key]}, good lines in the file {lines}"
    for server, proxy, print_ in told:
        yield f"{server} {proxy} {print_[:8]}: has an account and no file"


# --- offsets, line by line


class Hop(msgspec.Struct):
    """Which line it is."""

    server: str
    proxy: str
    log: str
    offset: int


class Call(msgspec.Struct):
    """A call of the API, as far as it matters."""

    hops: list[Hop]


Line = tuple[str, str, str]
"""Server, proxy and log of a line."""
Seen = dict[Line, list[int]]


def listed(hub: HubApi) -> Seen:
    """The offsets in all listed calls, by log, page by page."""
    seen: Seen = {}
    decode = msgspec.json.Decoder(Call).decode_lines
    with httpx.Client(base_url=hub.url, trust_env=False, timeout=60) as client:
        path: str | None = f"api/v1/requests?format=ndjson&limit={PAGE}"
        while path is not None:
            answer = client.get(path)
            answer.raise_for_status()
            for call in decode(answer.content):
                for hop in call.hops:
                    key = (hop.server, hop.proxy, hop.log)
                    seen.setdefault(key, []).append(hop.offset)
            query = answer.links.get("next", {}).get("url")
            path = f"api/v1/requests{query}" if query else None
    return seen


def stored(data: Path) -> tuple[Seen, list[str]]:
    """The offsets of all lines in sealed calls, in the carry and in the journal behind them, and
    where batches of the journal do not adjoin."""
    seen: Seen = {}
    store = Store(data)
    try:
        checkpoint = catalog.checkpoint(store)
        for key, offset in sealed(store, data / "history"):
            seen.setdefault(key, []).append(offset)
        if checkpoint is not None:
            for key, offset in carried(checkpoint):
                seen.setdefault(key, []).append(offset)
        faults = _journalled(store, checkpoint.seq if checkpoint else 0, seen)
    finally:
        store.close()
    return seen, faults


def sealed(store: Store, history: Path) -> Iterator[tuple[Line, int]]:
    """Each hop of each record that counts, as docs/history.md tells others to read them."""
    below = {tuple(row[:3]): row[3] for row in store.query("SELECT * FROM hidden")}
    for entry in catalog.files(store):
        for call in pq.read_table(history / entry.name).to_pylist():
            bearer = call["id_hop"]
            start = call["hop1_start_ns" if bearer else "start_ns"]
            log, offset = call[f"hop{bearer}_log_sum"], call[f"hop{bearer}_offset"]
            if call["revision"] < below.get((start, int(log, 16), offset), 0):
                continue
            for tried in json.loads(call["attempts"] or "[]"):
                yield (tried["server"], tried["proxy"], tried["log"]), tried["offset"]
            for hop in ("hop0", "hop1"):
                if (offset := call[f"{hop}_offset"]) is not None:
                    names = [call[f"{hop}_{name}"] for name in ("server", "proxy", "log")]
                    yield (names[0], names[1], names[2]), offset


def carried(checkpoint: catalog.Checkpoint) -> Iterator[tuple[Line, int]]:
    """Lines that wait and stand in no sealed call."""
    saved = msgspec.msgpack.decode(columns.decompressed(checkpoint.core), type=core.Core)
    carry = msgspec.msgpack.decode(columns.decompressed(checkpoint.carry), type=Carry)
    rows = columns.unpack(carry.rows)
    for log, offset, owner in zip(rows["log"], rows["offset"], rows["owner"], strict=True):
        if owner < 0:
            known = saved.logs[log]
            yield (known.server, known.proxy, known.fingerprint.hex()), int(offset)


def _journalled(store: Store, after: int, seen: Seen) -> list[str]:
    ends: dict[Line, int] = {}
    faults = []
    for event in store.replay(after):
        if not isinstance(event, BatchCommitted):
            continue
        key = (event.log.server, event.log.proxy, event.log.fingerprint.hex())
        due = ends.get(key, event.first_offset if after else 0)
        if due != event.first_offset:
            faults.append(f"{key}: ends at {due}, then {event.first_offset}")
        ends[key] = event.end_offset
        offsets = event.observations.offset.astype(int) + event.first_offset
        seen.setdefault(key, []).extend(offsets.tolist())
    return faults


def same_lines(logs: Iterable[Written], seen: Seen, what: str) -> Iterator[str]:
    """Which lines are not there, there twice, or nobody's."""
    for log in logs:
        offsets = seen.pop((log.server, log.proxy, log.log), [])
        name = f"{what}: {log.server} {log.proxy} {log.log[:8]}"
        twice = sum(count - 1 for count in Counter(offsets).values() if count > 1)
        absent = set(log.offsets) - set(offsets)
        strangers = set(offsets) - set(log.offsets)
        if twice or absent or strangers:
            at = f" (first at {min(absent | strangers)})" if absent or strangers else ""
            yield f"{name}: {len(absent)} absent, {twice} twice, {len(strangers)} nobody's{at}"
    for key, offsets in seen.items():
        yield f"{what}: {key} has {len(offsets)} lines of no file"
