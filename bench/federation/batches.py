"""Lines of a log as the batches that an agent would send: columns, or rows where they are few.

Enters: `LogLines`, how far time is. Leaves: messages. Offsets, request numbers and hop ids go on
from cycle to cycle, as in one log that never ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from bench.federation.lines import LogLines
from node_agent.defaults import ROWS_BELOW

LINE_BYTES = 900
CONSTANT = {"host": "private-proxy", "protocol": "HTTP/1.1", "scheme": "http", "entry_point": "web"}
CODED = ("client", "path", "method", "router", "upstream")


class Feed:
    """One log, from its first line on."""

    def __init__(self, number: int, lines: LogLines, cycle_ns: int, calls: int) -> None:
        """`calls` of the whole federation in a cycle."""
        self.number = number
        self.sent = 0
        self._lines = lines
        self._cycle_ns = cycle_ns
        self._calls = calls
        self._cycle, self._next = 0, 0

    @property
    def offset(self) -> int:
        """Behind the last line sent."""
        return self.sent * LINE_BYTES

    def until(self, began_ns: int, now_ns: int, max_rows: int) -> Iterator[pb.Batch]:
        """Everything that was completed since the last time, of a traffic that began then."""
        elapsed = now_ns - began_ns
        while True:
            end_ns = elapsed - self._cycle * self._cycle_ns
            stop = int(np.searchsorted(self._lines.end_ns, end_ns))
            while self._next < stop:
                last = min(self._next + max_rows, stop)
                yield self._batch(self._next, last, began_ns, now_ns)
                self._next = last
            if end_ns < self._cycle_ns:
                return
            self._cycle, self._next = self._cycle + 1, 0

    def _batch(self, first: int, last: int, began_ns: int, now_ns: int) -> pb.Batch:
        rows = last - first
        batch = pb.Batch(
            log=self.number,
            first_offset=self.offset,
            end_offset=self.offset + rows * LINE_BYTES,
            watermark_ns=now_ns,
        )
        numbers = self._numbers(slice(first, last), began_ns)
        if rows < ROWS_BELOW:
            batch.rows.extend(self._rows(slice(first, last), numbers))
        else:
            batch.columns = self._columns(slice(first, last), numbers).SerializeToString()
        self.sent += rows
        return batch

    def _numbers(self, part: slice, began_ns: int) -> dict[str, NDArray[np.generic]]:
        lines = self._lines
        duration = lines.duration_ns[part]
        begin_ns = began_ns + self._cycle * self._cycle_ns
        word = (lines.call[part] + self._cycle * self._calls + 1).astype("<u8")
        rows = len(duration)
        return {
            "offset": (np.arange(rows) * LINE_BYTES).astype("<u4"),
            "start_ns": begin_ns + lines.end_ns[part] - duration,
            "duration_ns": duration,
            "upstream_ns": duration - 100_000,
            "overhead_ns": np.full(rows, 100_000),
            "status": lines.status[part].astype("<u2"),
            "upstream_status": lines.status[part].astype("<u2"),
            "bytes_in": np.zeros(rows, np.int64),
            "bytes_out": np.full(rows, 446),
            "request_count": (lines.request_count[part] + self._cycle * len(lines)).astype("<u8"),
            "client_port": np.full(rows, 40_000, "<u2"),
            "hop_id": _ids(word, lines.passes_on[part]),
            "hop_parent": _ids(word, lines.received[part]),
        }

    def _columns(self, part: slice, numbers: dict[str, NDArray[np.generic]]) -> pb.Columns:
        rows = len(numbers["offset"])
        message = pb.Columns(rows=rows)
        for name, column in numbers.items():
            setattr(message, name, column.tobytes())
        for name in CODED:
            distinct, codes = np.unique(getattr(self._lines, name)[part], return_inverse=True)
            texts = self._lines.texts[name]
            self._dictionary(message, name, [texts[code] for code in distinct.tolist()], codes)
        message.service.CopyFrom(message.router)
        for name, text in CONSTANT.items():
            self._dictionary(message, name, [text], np.zeros(rows, np.int64))
        for name in ("forwarded", "user_agent"):
            self._dictionary(message, name, [""], np.zeros(rows, np.int64))
        return message

    def _dictionary(
        self, message: pb.Columns, name: str, values: list[str], codes: NDArray[np.int64]
    ) -> None:
        column = getattr(message, name)
        column.values.extend(values)
        column.codes = codes.astype("<u2" if len(values) > 256 else "<u1").tobytes()

    def _rows(self, part: slice, numbers: dict[str, NDArray[np.generic]]) -> Iterator[pb.Row]:
        hops = {name: numbers.pop(name) for name in ("hop_id", "hop_parent")}
        names = list(numbers)
        coded = [
            [self._lines.texts[name][code] for code in getattr(self._lines, name)[part].tolist()]
            for name in CODED
        ]
        values = zip(*(numbers[name].tolist() for name in names), strict=True)
        for i, (row, texts) in enumerate(zip(values, zip(*coded, strict=True), strict=True)):
            message = pb.Row(**dict(zip(names, row, strict=True)), **CONSTANT)
            for name, text in zip(CODED, texts, strict=True):
                setattr(message, name, text)
            message.service = message.router
            for name, ids in hops.items():
                if ids[i].any():
                    setattr(message, name, ids[i].tobytes())
            yield message


def _ids(words: NDArray[np.uint64], where: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """16 bytes of each number; zeros elsewhere."""
    pair = np.stack([words * np.uint64(0x9E3779B97F4A7C15), words], axis=1)
    return np.where(where[:, None], pair, np.uint64(0))
