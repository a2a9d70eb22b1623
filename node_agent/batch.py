"""Chunks to `Batch` messages.

In: one log's chunk. Out: batches that cover it without gap or overlap, each within the limits:
rows, and the size of the message (one row alone may exceed that, a line is at most 1 MiB). Few rows
go as `Row`s; more as `Columns`, compressed with zstd where that makes them smaller.
"""

from __future__ import annotations

from collections.abc import Iterator

import zstandard
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.columns import columns
from node_agent.defaults import (
    COMPRESS_FROM_BYTES,
    HARD_MAX_BATCH_ROWS,
    MAX_BATCH_ROWS,
    MAX_PAYLOAD_BYTES,
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
        self, redactor: Redactor | None = None, max_payload_bytes: int = MAX_PAYLOAD_BYTES
    ) -> None:
        self._redactor = redactor or Redactor()
        self._compressor = zstandard.ZstdCompressor(level=1, write_content_size=True)
        self._max_payload_bytes = max_payload_bytes

    def encode(self, log: int, chunk: Chunk, max_rows: int = MAX_BATCH_ROWS) -> Iterator[pb.Batch]:
        """Batches of `log` (its number in this stream) for all lines of the chunk, in order."""
        limit = min(max(max_rows, 1), HARD_MAX_BATCH_ROWS)
        while chunk.rows > limit:
            head, chunk = chunk.split(limit)
            yield from self._fitting(log, head)
        yield from self._fitting(log, chunk)

    def _fitting(self, log: int, chunk: Chunk) -> Iterator[pb.Batch]:
        batch = None
        if chunk.rows < 2 or chunk.end_offset - chunk.first_offset <= _OFFSET_SPAN:
            batch = self._one(log, chunk)
        if batch is not None:
            yield batch
        else:
            for part in chunk.split(chunk.rows // 2):
                yield from self._fitting(log, part)

    def _one(self, log: int, chunk: Chunk) -> pb.Batch | None:
        """One message; None where it would be too large, before compression."""
        batch = pb.Batch(
            log=log,
            first_offset=chunk.first_offset,
            end_offset=chunk.end_offset,
            malformed=chunk.malformed,
            malformed_samples=[self._shown(bad) for bad in chunk.samples],
        )
        if chunk.rows < ROWS_BELOW:
            batch.rows.extend(rows(chunk, self._redactor))
            size = batch.ByteSize()
        else:
            payload = columns(chunk, self._redactor).SerializeToString()
            size = len(payload)
            self._set_columns(batch, payload)
        return batch if size <= self._max_payload_bytes or chunk.rows < 2 else None

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
