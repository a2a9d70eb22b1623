"""Chunks to `Batch` messages.

In: chunks of one log that follow each other, one after the other, as they are read. Out: batches
that cover them without gap or overlap, each within the limits: rows, and the size of the message
(one row alone may exceed that, a line is at most 1 MiB). Few rows go as `Row`s; more as `Columns`,
compressed with zstd where that makes them smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import zstandard
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.columns import ROW_BYTES, Columns
from node_agent.defaults import (
    COMPRESS_FROM_BYTES,
    HARD_MAX_BATCH_ROWS,
    MAX_BATCH_ROWS,
    MAX_PAYLOAD_BYTES,
    MAX_SAMPLES,
    ROWS_BELOW,
    SAMPLE_BYTES,
)
from node_agent.fields import rows
from node_agent.model import Chunk, ParseFailure
from node_agent.redact import Redactor

_OFFSET_SPAN = 2**32 - 1
"""Row offsets are 32 bits, relative to the batch's first."""


class Encoder:
    """Makes batches; keeps the compressor's memory."""

    def __init__(
        self,
        redactor: Redactor | None = None,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
        rows_below: int = ROWS_BELOW,
    ) -> None:
        self._rows_below = rows_below
        self._redactor = redactor or Redactor()
        self._compressor = zstandard.ZstdCompressor(level=1, write_content_size=True)
        self._max_payload_bytes = max_payload_bytes

    def encode(self, log: int, chunk: Chunk, max_rows: int = MAX_BATCH_ROWS) -> Iterator[pb.Batch]:
        """Batches of `log` (its number in this stream) for all lines of the chunk, in order."""
        return self.encode_all(log, (chunk,), max_rows)

    def encode_all(self, log: int, chunks: Iterable[Chunk], max_rows: int) -> Iterator[pb.Batch]:
        """The same of several; each is let go before the next is asked for."""
        limit = min(max(max_rows, 1), HARD_MAX_BATCH_ROWS)
        draft: Draft | None = None
        for chunk in chunks:
            for part in self._parts(chunk, limit):
                if draft is not None and not draft.has_room(part, limit, self._max_payload_bytes):
                    yield self._finish(log, draft)
                    draft = None
                draft = draft or Draft(part.first_offset, self._rows_below)
                draft.add(part)
        if draft is not None:
            yield self._finish(log, draft)

    def _parts(self, chunk: Chunk, limit: int) -> Iterator[Chunk]:
        """Pieces of which each fits into a batch."""
        if chunk.rows > limit or (chunk.rows > 1 and most(chunk) > self._max_payload_bytes):
            for part in chunk.split(min(limit, chunk.rows // 2)):
                yield from self._parts(part, limit)
        else:
            yield chunk

    def _finish(self, log: int, draft: Draft) -> pb.Batch:
        batch = pb.Batch(
            log=log,
            first_offset=draft.first_offset,
            end_offset=draft.end_offset,
            malformed=draft.malformed,
            malformed_samples=[self._shown(bad) for bad in draft.samples[:MAX_SAMPLES]],
        )
        if draft.columns is None:
            for chunk in draft.few:
                batch.rows.extend(rows(chunk, self._redactor, draft.first_offset))
        else:
            payload = draft.columns.message(self._redactor).SerializeToString()
            self._set_columns(batch, payload)
        return batch

    def _shown(self, bad: ParseFailure) -> pb.MalformedLine:
        text = self._redactor.sample(bad.text)
        return pb.MalformedLine(offset=bad.offset, text=text[:SAMPLE_BYTES], reason=bad.reason)

    def _set_columns(self, batch: pb.Batch, payload: bytes) -> None:
        if len(payload) >= COMPRESS_FROM_BYTES:
            packed = self._compressor.compress(payload)
            if len(packed) < len(payload):
                batch.columns_zstd = packed
                return
        batch.columns = payload


class Draft:
    """A batch that grows: its lines' columns, or the chunks themselves while they are few."""

    def __init__(self, first_offset: int, rows_below: int) -> None:
        self.first_offset = self.end_offset = first_offset
        self._rows_below = rows_below
        self.malformed = 0
        self.samples: list[ParseFailure] = []
        self.few: list[Chunk] = []
        self.columns: Columns | None = None
        self._rows = 0

    def has_room(self, chunk: Chunk, max_rows: int, max_bytes: int) -> bool:
        """The chunk may be added; to an empty draft any may."""
        size = self.columns.size if self.columns else sum(map(most, self.few))
        return (
            self._rows + chunk.rows <= max_rows
            and size + most(chunk) <= max_bytes
            and chunk.end_offset - self.first_offset <= _OFFSET_SPAN
        )

    def add(self, chunk: Chunk) -> None:
        """The lines that follow."""
        self.end_offset = chunk.end_offset
        self.malformed += chunk.malformed
        self.samples += chunk.samples
        self._rows += chunk.rows
        if not chunk.rows:
            return
        if self.columns is not None:
            self.columns.add(chunk)
            return
        self.few.append(chunk)
        if self._rows >= self._rows_below:
            self.columns = Columns(self.first_offset)
            for each in self.few:
                self.columns.add(each)
            self.few.clear()


def most(chunk: Chunk) -> int:
    """Bytes that its rows take in a message, at most: strings are no longer than their lines."""
    return ROW_BYTES * chunk.rows + chunk.size if chunk.rows else 0
