"""What a reader asks for: the filters of `/api/v1/requests`, checked.

Enters: query parameters as text. Leaves: a `Filters`, or a `BadFilter` that names the parameter,
its value and what is allowed. All given filters must hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hub.defaults import MAX_QUERY_CALLS
from hub.enums import JoinKey, Origin
from hub.query import language
from hub.query.expression import Expression
from hub.query.terms import path_pattern
from hub.stamps import parse_time

DEFAULT_LIMIT = 100

_STATUS = re.compile(r"[1-5]xx|\d{3}|error|ok")
_TRACE = re.compile(r"[0-9a-f]{32}")


class BadFilter(ValueError):
    """A parameter is wrong; the text says which and what is allowed."""


@dataclass(frozen=True, slots=True)
class Filters:
    """None: not asked for."""

    since_ns: int | None = None
    until_ns: int | None = None
    server: str | None = None
    service: str | None = None
    from_: str | None = None
    to: str | None = None
    origin: Origin | None = None
    status: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    join: JoinKey | None = None
    trace_id: bytes | None = None
    node: str | None = None
    edge: str | None = None
    spoofed: bool | None = None
    q: Expression | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the answer, and how it is written."""

    limit: int | None = DEFAULT_LIMIT
    """None: all of them, as a stream."""
    cursor: str | None = None
    format: str = "json"


PAGING = {"limit", "cursor", "format"}
PLAIN = ("server", "service", "to", "node", "edge")


def parse(parameters: Mapping[str, str]) -> tuple[Filters, Page]:
    """Filters and page of a request. Raises `BadFilter`."""
    known = {*PLAIN, *_READERS, *PAGING, "from", "q"}
    for name in parameters:
        if name not in known:
            raise BadFilter(f"{name}: no such parameter; there are {', '.join(sorted(known))}")
    given = {name: value for name, value in parameters.items() if value}
    values: dict[str, object] = {name: given[name] for name in PLAIN if name in given}
    for name, (field, read, allowed) in _READERS.items():
        if name in given:
            values[field] = _read(name, given[name], read, allowed)
    if "from" in given:
        values["from_"] = given["from"]
    if "q" in given:
        values["q"] = _query(given["q"])
    return Filters(**values), _page(given)  # type: ignore[arg-type]


def histogram_filters(parameters: Mapping[str, str]) -> Filters:
    """As `parse`, without what is about lists; `since` and `until` are of ends there, not of
    starts. Raises `BadFilter`."""
    for name in PAGING & parameters.keys():
        raise BadFilter(f"{name}: no such parameter of a histogram")
    window = ("since", "until")
    return parse({name: parameters[name] for name in parameters if name not in window})[0]


def _page(given: Mapping[str, str]) -> Page:
    form = given.get("format", "json")
    if form not in ("json", "ndjson", "csv"):
        raise BadFilter(f'format = "{form}": must be json, ndjson or csv')
    if given.get("limit") == "all" and form != "json":
        return Page(None, given.get("cursor"), form)
    limit = _read(
        "limit", given.get("limit", str(DEFAULT_LIMIT)), _limit, f"1 to {MAX_QUERY_CALLS}"
    )
    return Page(limit, given.get("cursor"), form)


def _query(text: str) -> Expression:
    try:
        return language.parse(text)
    except language.BadQuery as wrong:
        raise BadFilter(f'q = "{text[:100]}", {wrong}') from None


def _read(name: str, text: str, read: object, allowed: str) -> int:
    try:
        return read(text)  # type: ignore[operator,no-any-return]
    except (ValueError, KeyError, OverflowError):
        raise BadFilter(f'{name} = "{text[:100]}": must be {allowed}') from None


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= MAX_QUERY_CALLS:
        raise ValueError
    return limit


def _status(text: str) -> str:
    if not _STATUS.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


def _trace(text: str) -> bytes:
    if not _TRACE.fullmatch(text.lower()):
        raise ValueError
    return bytes.fromhex(text)


def _words(enum: type[Origin] | type[JoinKey]) -> str:
    return "one of " + ", ".join(member.name.lower() for member in enum)


_TIME = "RFC 3339, or seconds since 1970"
_READERS: dict[str, tuple[str, object, str]] = {
    "since": ("since_ns", parse_time, _TIME),
    "until": ("until_ns", parse_time, _TIME),
    "origin": ("origin", lambda text: Origin[text.upper()], _words(Origin)),
    "status": ("status", _status, 'a number, "5xx", "error" or "ok"'),
    "method": ("method", str.upper, "a method"),
    "path": ("path", path_pattern, "a path, * standing for anything"),
    "join": ("join", lambda text: JoinKey[text.upper()], _words(JoinKey)),
    "spoofed": ("spoofed", lambda text: {"true": True, "false": False}[text], "true or false"),
    "trace_id": ("trace_id", _trace, "32 hexadecimal digits"),
}
