"""Whole lines out of a growing log.

In: the log's bytes, in whatever pieces they are read. Out: blocks of whole lines with their offset.
A half line is kept for the next read. A line longer than the limit is not kept: it comes out as
`OverLong` when its line feed arrives, and the lines behind it go on. Kept bytes never exceed the
limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from node_agent.defaults import MAX_LINE_BYTES, SAMPLE_BYTES

LF = b"\n"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, each with its line feed; `data` begins at `offset` of the log."""

    offset: int
    data: bytes

    @property
    def end_offset(self) -> int:
        """Behind the last line feed."""
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class OverLong:
    """A line beyond the limit: [offset, end_offset) with its line feed, and its first bytes."""

    offset: int
    end_offset: int
    sample: bytes


class LineBuffer:
    """Cuts one log's bytes into lines, from `offset` on."""

    __slots__ = ("_half", "_limit", "_skipping", "_start", "end")

    def __init__(self, offset: int = 0, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._start = offset
        self._half = b""
        self._skipping = False
        self.end = offset
        """Offset of the next byte to be fed."""

    @property
    def start(self) -> int:
        """Offset of the first byte that has not come out: the half line's."""
        return self._start

    def feed(self, data: bytes) -> list[Block | OverLong]:
        """Take the bytes at `end`; give the whole lines that they complete, in order."""
        base = self.end
        self.end += len(data)
        cut = data.rfind(LF) + 1
        if cut == 0:
            self._keep(data)
            return []
        out: list[Block | OverLong] = list(self._finish_long(data)) if self._skipping else []
        begin = self._start - base if out else 0
        whole = self._half + data[begin:cut]
        self._half = b""
        if whole:
            out += self._blocks(whole)
        self._start = base + cut
        self._keep(data[cut:])
        return out

    def _keep(self, data: bytes) -> None:
        if self._skipping or not data:
            return
        half = self._half + data
        if len(half) > self._limit:
            self._skipping = True
            half = half[:SAMPLE_BYTES]
        self._half = half

    def _finish_long(self, data: bytes) -> Iterator[OverLong]:
        end = self.end - len(data) + data.index(LF) + 1
        yield OverLong(self._start, end, self._half)
        self._start, self._half, self._skipping = end, b"", False

    def _blocks(self, whole: bytes) -> Iterator[Block | OverLong]:
        """Split where a line is too long; without one, which is nearly always, it is one block."""
        begin = at = 0
        while len(whole) - at > self._limit:
            end = whole.index(LF, at) + 1
            if end - at - 1 > self._limit:
                if at > begin:
                    yield Block(self._start + begin, whole[begin:at])
                yield OverLong(self._start + at, self._start + end, whole[at : at + SAMPLE_BYTES])
                begin = end
            at = end
        if begin < len(whole):
            yield Block(self._start + begin, whole[begin:])
