"""The fields that a query can name: what each means, and which values it takes.

Enters: a value as it was written. Leaves: the same value in one spelling, or a `ValueError` whose
text completes "must be …". Nothing here knows calls; `hub.conditions` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from fnmatch import translate

from hub.enums import JoinKey, Origin
from hub.query.expression import Value

_STATUS = re.compile(r"[1-5]xx|\d{3}|error|ok")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/([smh]))?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)?")
_TRACE = re.compile(r"[0-9a-f]{32}")
_PATTERN_META = re.compile(r"([\[\]?])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

MAX_NUMBER = 1e12
"""Of a rate or a time: 30 years in milliseconds."""

KINDS = ("health", "scanner", "noise", "half", "joined", "spoofed")
"""Words of `is`."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the query language."""

    meaning: str
    allowed: str
    read: Callable[[Value], Value]
    """Raises `ValueError`."""


def rate_per_s(text: str) -> float:
    """Calls a second of "1/s", "30/m" or "2". Raises `ValueError`."""
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    return _finite(found[1]) / _SECONDS[found[2] or "s"]


def duration_ms(text: str) -> float:
    """Milliseconds of "200ms", "1.5s", "800us" or "200". Raises `ValueError`."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(text)
    return _finite(found[1]) * _MILLISECONDS[found[2] or "ms"]


def _finite(digits: str) -> float:
    number = float(digits)
    if number > MAX_NUMBER:
        raise ValueError(digits)
    return number


def path_pattern(text: str) -> re.Pattern[str]:
    """A text where `*` stands for anything; nothing else is special."""
    return re.compile(translate(_PATTERN_META.sub(r"[\1]", text)))


# --- readers -------------------------------------------------------------------------------------


def _any(value: Value) -> Value:
    if not value.text:
        raise ValueError(value.text)
    return value


def _lower(value: Value) -> Value:
    return replace(_any(value), text=value.text.lower())


def _upper(value: Value) -> Value:
    return replace(_any(value), text=value.text.upper())


def _fitting(pattern: re.Pattern[str]) -> Callable[[Value], Value]:
    def read(value: Value) -> Value:
        if not pattern.fullmatch(value.text.lower()):
            raise ValueError(value.text)
        return Value(value.text.lower())

    return read


def _number(read: Callable[[str], float]) -> Callable[[Value], Value]:
    def checked(value: Value) -> Value:
        number = read(value.text.lower())
        return Value(f"{Decimal(repr(number)).normalize():f}")  # exact, and never with an exponent

    return checked


def _word_of(words: tuple[str, ...]) -> Callable[[Value], Value]:
    """One of these words, or a pattern that fits one of them."""

    def read(value: Value) -> Value:
        lower = value.text.lower()
        if not any(path_pattern(lower).match(word) for word in words):
            raise ValueError(value.text)
        return Value(lower)

    return read


def _names(enum: type[IntEnum]) -> tuple[str, ...]:
    return tuple(member.name.lower() for member in enum)


def _one_of(words: tuple[str, ...]) -> str:
    return "one of " + ", ".join(words)


_NAME = "a name, or a word of it"
_ORIGINS, _JOINS = _names(Origin), _names(JoinKey)

FIELDS: dict[str, Field] = {
    "server": Field("a hop was seen there", _NAME, _lower),
    "service": Field("either end has this name", _NAME, _lower),
    "from": Field("the caller's name, id or address", _NAME, _lower),
    "to": Field("the callee's name, id or address", _NAME, _lower),
    "node": Field("either end or a proxy on the way: name or id", _NAME, _lower),
    "edge": Field("the edge's id", "an edge's id", _lower),
    "origin": Field("where it came from", _one_of(_ORIGINS), _word_of(_ORIGINS)),
    "join": Field("how its halves were joined", _one_of(_JOINS), _word_of(_JOINS)),
    "is": Field("a kind of call", _one_of(KINDS), _word_of(KINDS)),
    "status": Field("its status", "a number, 5xx, error or ok", _fitting(_STATUS)),
    "method": Field("its method", "a method", _upper),
    "host": Field("the host that was asked for", "a host, or a word of it", _lower),
    "path": Field("of any hop, with or without what follows ?", "a path", _any),
    "address": Field("the caller's, as any hop logged it", "an address or a network", _lower),
    "trace": Field("its trace id", "32 hexadecimal digits", _fitting(_TRACE)),
    "min": Field("its edge carries that much now", "a rate such as 1/s", _number(rate_per_s)),
    "slower": Field("it took longer than this", "a time such as 200ms", _number(duration_ms)),
}
