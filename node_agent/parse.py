"""Access log lines to entries.

In: a block of whole lines. Out: a `Chunk`: one entry, offset and start time per good line, and the
offsets of the others with samples. Always: rows + malformed = lines of the block.

A block of JSON is decoded at once; only when that fails, or when the lines cannot be told apart by
their braces, is it decoded line by line. A missing key is fine (a 404 has no router) and an unknown
key is ignored; a wrong type, invalid UTF-8, or no start time makes a line malformed. Where the
format is not given, each line shows its own: a Traefik may be set to another and go on in its log.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from io import BytesIO
from itertools import accumulate

import msgspec

from node_agent.clf import parse_clf
from node_agent.defaults import MAX_SAMPLES, SAMPLE_BYTES
from node_agent.lines import Block, OverLong
from node_agent.model import Chunk, Entry, LocalTime, LogFormat, ParseFailure
from node_agent.stamps import all_utc_ns, parse_ns

_OPEN, _CLOSE = b"{}"
_decoder = msgspec.json.Decoder(Entry)
_local_time = msgspec.json.Decoder(LocalTime)
_BAD = (msgspec.DecodeError, ValueError, RecursionError)
"""What a line can be: no JSON or of other types, no time, nested thousands deep."""


def parse(piece: Block | OverLong, only: LogFormat | None = None) -> Chunk:
    """Read the lines of one piece; `only`: lines in another format are malformed."""
    if isinstance(piece, OverLong):
        length = piece.end_offset - piece.offset - 1
        failure = _failure(piece.offset, piece.sample, f"{length} bytes are over the limit")
        return Chunk(
            piece.offset, piece.end_offset, malformed_at=(piece.offset,), samples=(failure,)
        )
    at_once = None if only is LogFormat.CLF else _parse_at_once(piece)
    return at_once or _parse_each(piece, only)


def _parse_at_once(block: Block) -> Chunk | None:
    """All lines in one call; None where one of them is no entry."""
    offsets = _bounded_by_braces(block)
    if offsets is None or not _is_utf8(block.data):
        return None
    try:
        entries = _decoder.decode_lines(block.data)
        if len(entries) != len(offsets):
            return None
        starts = all_utc_ns([entry.start_utc for entry in entries])
    except _BAD:
        return None
    return Chunk(block.offset, block.end_offset, entries, offsets, starts)


def _bounded_by_braces(block: Block) -> list[int] | None:
    """The lines' offsets, if each has braces at its ends: as many values as lines is one each.

    Iterating over `BytesIO` costs a third of a walk with `find`, `split` twice as much as that.
    """
    data, base = block.data, block.offset
    begins = list(accumulate(map(len, BytesIO(data)), initial=0))
    ends = begins[1:]
    begins.pop()
    if {data[at] for at in begins} != {_OPEN} or {data[end - 2] for end in ends} != {_CLOSE}:
        return None
    return [base + at for at in begins]


def _parse_each(block: Block, only: LogFormat | None) -> Chunk:
    lines = block.data.split(b"\n")
    lines.pop()
    entries: list[Entry] = []
    offsets: list[int] = []
    starts: list[int] = []
    malformed_at = array("Q")
    samples: list[ParseFailure] = []
    for offset, line in zip(_offsets(block, lines), lines, strict=True):
        try:
            entry, start_ns = parse_line(line, only)
        except _BAD as error:
            malformed_at.append(offset)
            if len(samples) < MAX_SAMPLES:
                samples.append(_failure(offset, line, str(error)))
        else:
            entries.append(entry)
            offsets.append(offset)
            starts.append(start_ns)
    return Chunk(
        block.offset, block.end_offset, entries, offsets, starts, malformed_at, tuple(samples)
    )


def parse_line(line: bytes, only: LogFormat | None = None) -> tuple[Entry, int]:
    """One line: its entry and start time (ns); ValueError or DecodeError says what is wrong."""
    if not line.strip():
        raise ValueError("an empty line")
    if not _is_utf8(line):
        raise ValueError("not UTF-8")
    if only is LogFormat.CLF or (only is None and line[:1] != b"{"):
        return parse_clf(line.decode())
    entry = _decoder.decode(line)
    if entry.start_utc:
        return entry, parse_ns(entry.start_utc)
    if start_local := _local_time.decode(line).start_local:
        return entry, parse_ns(start_local)
    raise ValueError("no StartUTC")


def _offsets(block: Block, lines: Sequence[bytes]) -> list[int]:
    at = block.offset
    offsets = []
    for line in lines:
        offsets.append(at)
        at += len(line) + 1
    return offsets


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _failure(offset: int, line: bytes, reason: str) -> ParseFailure:
    return ParseFailure(offset, line[:SAMPLE_BYTES].decode(errors="replace"), reason)
