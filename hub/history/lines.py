"""Sealed calls as lines of text, straight from columns; byte by byte what `hub.export` makes of
their forms.

Enters: calls of a `Part`. Leaves: one line each. CSV is joined column by column: what a text's cell
is, is found once per distinct text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hub import forms
from hub.history import record
from hub.history.part import Part
from hub.read.export import row

Numbers = NDArray[np.int64]

CSV_COLUMNS = frozenset(
    {
        "start_ns", "duration_ns", "id_hop", "status", "ok", "grpc_status", "origin", "from_node",
        "to_node", "from_address", "answered_by_service", "join_by", "confidence", "missing",
        "attempts", "hop0_method", "hop0_host", "hop0_client", "hop0_trace_id", "hop1_start_ns",
        *(
            f"hop{hop}_{name}"
            for hop in (0, 1)
            for name in ("server", "proxy", "log_sum", "offset", "path")
        ),
    }
)  # fmt: skip
"""What `csv` looks at."""

_ENCODER = msgspec.json.Encoder()
_SPECIAL = re.compile(r"""[",\r\n]|^[=+\-@\t]""")
"""What makes a cell more than its text: see `hub.export.row`."""


def ndjson(calls: Sequence[forms.Call]) -> bytes:
    """One JSON object a line."""
    return b"".join(_ENCODER.encode(call) + b"\n" for call in calls)


def csv(part: Part, numbers: Numbers) -> bytes:
    """The rows of these calls, without a header."""
    cells = _Cells(part, numbers)
    columns = [
        cells.ids(), cells.times("start_ns"), cells.ms("duration_ns"), cells.text("hop0_method"),
        cells.text("hop0_host"), cells.paths(), cells.told("status"), cells.told("ok"),
        cells.nodes("from_node"), cells.addresses(), cells.nodes("to_node"), cells.text("origin"),
        cells.answered(), cells.joins(), cells.grpc_status(), cells.traces(), cells.hops(),
    ]  # fmt: skip
    lines = pc.binary_join_element_wise(*columns, ",")
    ended = pc.binary_join_element_wise(lines, "", "\r\n")
    _, offsets, data = ended.buffers()
    ends = np.frombuffer(offsets, np.int32)[ended.offset : ended.offset + len(ended) + 1]
    return memoryview(data)[ends[0] : ends[-1]].tobytes()


class _Cells:
    """Cells of these calls, a column each; some are several columns of the file."""

    def __init__(self, part: Part, numbers: Numbers) -> None:
        self._part, self._numbers = part, numbers
        self._columns = record.Columns(part, numbers)
        self._two = self._columns.two

    def ids(self) -> pa.Array:
        ids = self._columns.ids()
        early = bool((self._part.keys.start_ns[self._numbers] < 0).any())
        return pa.array([_cell(id) for id in ids] if early else ids)

    def times(self, name: str) -> pa.Array:
        """RFC 3339."""
        values = self._part.numbers(name)[self._numbers]
        texts = pa.array(values).cast(pa.timestamp("ns")).cast(pa.string())
        dated = pc.utf8_replace_slice(texts, 10, 11, "T")
        return pc.binary_join_element_wise(dated, "", "Z")

    def ms(self, name: str) -> pa.Array:
        return pa.array(map(repr, self._columns.ms(name)))

    def told(self, name: str) -> pa.Array:
        """A number, or a truth, as Python writes it."""
        values, codes = np.unique(self._part.numbers(name)[self._numbers], return_inverse=True)
        return _taken(list(map(str, values.tolist())), codes)

    def text(self, name: str) -> pa.Array:
        values, codes = self._part.texts(name)
        return _taken(list(map(_cell, values)), codes[self._numbers])

    def paths(self) -> pa.Array:
        """As they arrived at the callees' proxies, where that is known."""
        first = self.text("hop0_path")
        return pc.if_else(self._two, self.text("hop1_path"), first) if self._two.any() else first

    def nodes(self, name: str) -> pa.Array:
        """Name and server."""
        values, codes = self._part.texts(name)
        found = [self._part.graph.find(value) if value else None for value in values]
        told = [_row(node.name or node.id, node.server) if node else "," for node in found]
        return _taken(told, codes[self._numbers])

    def addresses(self) -> pa.Array:
        """Of callers."""
        values, codes = self._part.texts("from_address")
        other = np.array([bool(value) for value in values], np.bool_)[codes[self._numbers]]
        client = self.text("hop0_client")
        return pc.if_else(other, self.text("from_address"), client) if other.any() else client

    def answered(self) -> pa.Array:
        by_service = self._part.numbers("answered_by_service")[self._numbers]
        return _taken(["proxy", "service"], by_service.astype(np.int32))

    def joins(self) -> pa.Array:
        """By what, how sure, and which half is missing."""
        by, by_codes = self._part.texts("join_by")
        missing, missing_codes = self._part.texts("missing")
        sure, sure_codes = np.unique(self._part.numbers("confidence"), return_inverse=True)
        words = (by_codes.astype(np.int64) * len(sure) + sure_codes) * len(missing) + missing_codes
        distinct, codes = np.unique(words[self._numbers], return_inverse=True)
        told = []
        for word in distinct.tolist():
            rest, half = divmod(word, len(missing))
            key, share = divmod(rest, len(sure))
            told.append(_row(by[key], round(float(sure[share]), 3), missing[half]))
        return _taken(told, codes)

    def grpc_status(self) -> pa.Array:
        status = self._part.numbers("grpc_status")[self._numbers]
        values, codes = np.unique(status, return_inverse=True)
        return _taken([str(value) if value >= 0 else "" for value in values.tolist()], codes)

    def traces(self) -> pa.Array:
        """Of first hops."""
        if self._part.empty("hop0_trace_id"):
            return _taken([""], np.zeros(len(self._numbers), np.int32))
        ids = self._columns.told("hop0_trace_id")
        return pa.array([id.hex() if id else "" for id in ids])

    def hops(self) -> pa.Array:
        """`server/proxy > server/proxy`; attempts between the first and the last one, too."""
        told = self._columns.told
        places = [self._places(hop) for hop in (0, 1)]
        (first, codes), (second, others) = places
        words = codes * (len(second) + 1) + np.where(self._two, others, len(second))
        distinct, codes = np.unique(words, return_inverse=True)
        texts = []
        for word in distinct.tolist():
            one, other = divmod(word, len(second) + 1)
            hops = [first[one], second[other]] if other < len(second) else [first[one]]
            texts.append(_cell(" > ".join(hops)))
        if self._part.empty("attempts"):
            return _taken(texts, codes)
        cells = [texts[code] for code in codes.tolist()]
        for place, attempts in enumerate(told("attempts")):
            if attempts:
                one, other = (names[codes[place]] for names, codes in places)
                tried = [f"{hop.server}/{hop.proxy}" for hop in record.attempts(attempts)]
                cells[place] = _cell(" > ".join([one, *tried, other]))
        return pa.array(cells)

    def _places(self, hop: int) -> tuple[list[str], Numbers]:
        """`server/proxy` of each log, and which is each call's."""
        servers, at = self._part.texts(f"hop{hop}_server")
        proxies, by = self._part.texts(f"hop{hop}_proxy")
        words = at[self._numbers].astype(np.int64) * len(proxies) + by[self._numbers]
        distinct, codes = np.unique(words, return_inverse=True)
        pairs = (divmod(word, len(proxies)) for word in distinct.tolist())
        return [f"{servers[one]}/{proxies[other]}" for one, other in pairs], codes


def _taken(cells: list[str], codes: NDArray[np.integer[Any]]) -> pa.Array:
    return pa.array(cells, pa.string()).take(pa.array(codes))


def _cell(text: str | None) -> str:
    """As `hub.export` writes it among others."""
    if not text:
        return ""
    return _row(text, "")[:-1] if _SPECIAL.search(text) else text


def _row(*cells: object) -> str:
    """As `hub.export` writes them, without the end of the line."""
    return row(cells).decode()[:-2]
