"""Mutated and varied lines through the parsers: nothing breaks; the fast path reads as json does.

`HOPWATCH_CROSS_CHECK_LINES=100000` is the long version.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

from node_agent.batch import Encoder
from node_agent.lines import Block, LineBuffer, OverLong
from node_agent.model import Entry
from node_agent.parse import _parse_at_once, parse
from node_agent.stamps import parse_ns
from tests.node_agent.build import entry, stamp
from tests.node_agent.decode import observations
from tests.node_agent.test_parse import FILES, expected

LINES = int(os.environ.get("HOPWATCH_CROSS_CHECK_LINES", "5000"))
CLF = Path(__file__).parents[1] / "data/clf/traefik-3.7.15.log"
LIMIT = 4096
DAMAGE = (b"\n", b"\x00", b"{", b"}", b'"', b"[" * 2000)
TEXTS = (
    *("", "ü", "/a?b=c&d=<e>", 'quo"te', "back\\slash"),
    *("\u2028", "😀", "x" * 300, "\x7f", "a\tb"),
)


def mutated(rng: random.Random, text: bytes) -> bytes:
    """One of the ways in which bytes go wrong on disks and in pipes."""
    at = rng.randrange(len(text))
    to = rng.randrange(at, min(at + 50, len(text)) + 1)
    match rng.randrange(6):
        case 0:
            return text[:at] + rng.randbytes(rng.randrange(1, 20)) + text[at:]
        case 1:
            return text[:at] + text[to:]
        case 2:
            return text[:at] + bytes([text[at] ^ (1 << rng.randrange(8))]) + text[at + 1 :]
        case 3:
            return text[:at] + text[at:to] * rng.randrange(2, 200) + text[to:]
        case 4:
            return text[:at] + rng.choice(DAMAGE) + text[at:]
        case _:
            return rng.randbytes(len(text))


def test_mutated_lines_are_entries_or_counted_and_memory_is_bounded() -> None:
    rng = random.Random(3)
    real = [text for file in FILES for text in file.read_bytes().splitlines(keepends=True)]
    real += CLF.read_bytes().splitlines(keepends=True)
    buffer, encoder = LineBuffer(limit=LIMIT), Encoder()
    counted = lines = shown = 0
    end = 0
    for _ in range(300):
        damaged = (rng.choice(real) for _ in range(rng.randrange(1, 20)))
        data = b"".join(mutated(rng, t) if rng.random() < 0.5 else t for t in damaged)
        lines += data.count(b"\n")
        for piece in buffer.feed(data):
            assert isinstance(piece, OverLong) or len(piece.data) <= len(data) + LIMIT
            chunk = parse(piece)
            counted += chunk.rows + chunk.malformed
            for batch in encoder.encode(1, chunk):
                assert batch.first_offset == end or not end
                end = batch.end_offset
                shown += len(observations(batch)) + batch.malformed
        assert len(buffer._half) <= LIMIT
    assert counted == shown == lines


def varied(rng: random.Random, number: int) -> str:
    changes: dict[str, object] = {
        "RequestPath": "/" + rng.choice(TEXTS),
        "request_User-Agent": rng.choice(TEXTS),
        "Duration": rng.randrange(10 ** rng.randrange(1, 15)),
        "RequestCount": number,
        "TraceId": rng.choice((None, rng.randbytes(16).hex())),
        "Overhead": rng.randrange(-(10**9), 10**9),
        "unknown": rng.choice((None, 1.5e300, [1, {"a": [None, True]}], {"b": "}\\n{"})),
        "StartUTC": stamp(1_795_000_000_000_000_000 + rng.randrange(10**15)),
    }
    fields = list(entry(number, **changes).items())
    if rng.random() < 0.1:
        rng.shuffle(fields)
    dropped = {"RouterName", "ServiceName", "ServiceURL"} if rng.random() < 0.1 else set()
    kept = {key: value for key, value in fields if key not in dropped}
    return json.dumps(kept, ensure_ascii=rng.random() < 0.5)


def test_many_varied_lines_are_read_at_once_as_json_reads_them() -> None:
    rng = random.Random(7)
    for first in range(0, LINES, 500):
        texts = [varied(rng, number) for number in range(first, min(first + 500, LINES))]
        block = Block(first, b"".join(text.encode() + b"\n" for text in texts))
        chunk = _parse_at_once(block)
        assert chunk is not None
        read = [json.loads(text) for text in texts]
        wanted: list[Entry] = [expected(fields) for fields in read]
        assert list(chunk.entries) == wanted
        assert list(chunk.starts) == [parse_ns(fields["StartUTC"]) for fields in read]
