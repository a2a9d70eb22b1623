"""Sealed calls as lines of text, straight from columns; byte by byte what `hub.export` makes of
their forms.

Enters: calls of a `Part`. Leaves: one line each. What a spreadsheet would take for a formula is
looked for once per distinct text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.export import row
from hub.history import record
from hub.history.part import Part

Numbers = NDArray[np.int64]
T = TypeVar("T")

_ENCODER = msgspec.json.Encoder()


def ndjson(calls: Sequence[forms.Call]) -> bytes:
    """One JSON object a line."""
    return b"".join(_ENCODER.encode(call) + b"\n" for call in calls)


def csv_rows(part: Part, numbers: Numbers) -> list[str]:
    """The rows of these calls, without a header."""
    columns = record.Columns(part, numbers)
    told = columns.told
    from_ = columns.parties("from_node", columns.addresses())
    to = columns.parties("to_node", told("to_address"))
    digits: Callable[[list[str]], list[str]] = _texts if _negative(part, numbers) else list
    cells: list[Iterable[str]] = [
        digits(columns.ids()), digits(columns.times("start_ns")),
        map(repr, columns.ms("duration_ns")),
        _texts(told("hop0_method")), _texts(told("hop0_host")), _texts(columns.paths()),
        map(str, told("status")), map(str, told("ok")),
        _once(from_, lambda one: _row(one.name or one.node, one.server, one.address)),
        _once(to, lambda one: _row(one.name or one.node, one.server)), _texts(told("origin")),
        ["service" if by_service else "proxy" for by_service in told("answered_by_service")],
        _once(columns.joins(), lambda one: _row(one.by, one.confidence, one.missing)),
        [str(status) if status >= 0 else "" for status in told("grpc_status")],
        _traces(part, columns), _texts(_hops(part, columns)),
    ]  # fmt: skip
    return [f"{row}\r\n" for row in map(",".join, zip(*cells, strict=True))]


def _row(*cells: object) -> str:
    """As `hub.export` writes them, without the end of the line."""
    return row(cells).decode()[:-2]


def _texts(texts: list[Any]) -> list[str]:
    known = {text: _row(text, "")[:-1] for text in set(texts)}
    return [known[text] for text in texts]


def _once(values: list[T], text: Callable[[T], str]) -> list[str]:
    """The text of each, made once for the same object."""
    known = {id(value): text(value) for value in {id(value): value for value in values}.values()}
    return [known[id(value)] for value in values]


def _negative(part: Part, numbers: Numbers) -> bool:
    """Whether a call began before 1970: its texts would look like formulas."""
    return bool((part.keys.start_ns[numbers] < 0).any() or (part["start_ns"][numbers] < 0).any())


def _traces(part: Part, columns: record.Columns) -> Iterable[str]:
    if part.empty("hop0_trace_id"):
        return repeat("", len(columns.two))
    return [id.hex() if id else "" for id in columns.told("hop0_trace_id")]


def _hops(part: Part, columns: record.Columns) -> list[str]:
    """`server/proxy > server/proxy`; attempts between the first and the last one are told, too."""
    told = columns.told
    first = list(map(_place, told("hop0_server"), told("hop0_proxy")))
    if not columns.two.any():
        return first
    second = map(_place, told("hop1_server"), told("hop1_proxy"))
    return [
        " > ".join([one, *_tried(tried), other]) if two else one
        for one, tried, other, two in zip(
            first, told("attempts"), second, columns.two.tolist(), strict=True
        )
    ]


def _place(server: str, proxy: str) -> str:
    return f"{server}/{proxy}"


def _tried(attempts: str | None) -> list[str]:
    return [_place(hop.server, hop.proxy) for hop in record.attempts(attempts)]
