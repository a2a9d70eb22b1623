"""Traefik's time stamps to nanoseconds, exactly.

RFC 3339 with 0 to 9 digits of a second's fraction (Go drops trailing zeros) and `Z` or an offset.
`datetime` ends at microseconds, so the second is converted by it, once, and the fraction by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_ZEROS = "000000000"
_USUAL = len("2026-11-22T10:55:26.157397754Z")
_FEW_SECONDS = 16
"""Each costs a pass over the text."""
_numbers = msgspec.json.Decoder(list[int])
_LAST_YEAR = 2100
"""The hub takes times up to 2**62 ns (the year 2116)."""


_cached = lru_cache(maxsize=4096)


@_cached
def _second_ns(second: str, zone: str) -> int:
    moment = datetime.fromisoformat(second + ("+00:00" if zone in "Zz" else zone))
    if not 1970 <= moment.year <= _LAST_YEAR:
        raise ValueError(f"the year {moment.year} is out of range")
    return int(moment.timestamp()) * 1_000_000_000


@_cached
def _utc_second(second: str) -> str:
    """Ten digits, from 2001 on."""
    if _STAMP.fullmatch(second + "Z") is None:
        raise ValueError(f"not a time: {second[:40]!r}")
    return str(_second_ns(second, "Z") // 1_000_000_000)


def parse_ns(stamp: str) -> int:
    """Nanoseconds since 1970 UTC; ValueError for anything that is no stamp."""
    match = _STAMP.fullmatch(stamp)
    if match is None:
        raise ValueError(f"not a time: {stamp[:40]!r}")
    second, fraction, zone = match.groups()
    return _second_ns(second, zone) + int(((fraction or "") + _ZEROS)[:9])


def all_utc_ns(stamps: Sequence[str]) -> list[int]:
    """The same of many, quickly where all are as usual: "2026-11-22T10:55:26.157397754Z".

    The seconds, few where lines come quickly, are replaced by their numbers in all of the text at
    once: with the nine digits behind them they are the nanoseconds.
    """
    count, width = len(stamps), _USUAL + 1
    text = ",".join(stamps)
    if len(text) != width * count - 1:
        text = ",".join([_filled(stamp) for stamp in stamps])
    framed = text[10::width], text[_USUAL - 1 :: width], text[_USUAL::width] + ","
    if framed == ("T" * count, "Z" * count, "," * count) and len(text) == width * count - 1:
        numbers = _with_seconds_as_numbers(text.replace("Z", ""))
        digits = numbers.replace(",", "")
        if len(digits) == 19 * count and digits.isdecimal() and digits.isascii():
            return _numbers.decode(f"[{numbers}]")
    return [parse_ns(stamp) for stamp in stamps]


def _with_seconds_as_numbers(text: str) -> str:
    for _ in range(_FEW_SECONDS):
        at = text.find("T")
        if at < 10 or text[at + 9 : at + 10] != ".":
            break
        second = text[at - 10 : at + 9]
        text = text.replace(second + ".", _utc_second(second))
    return text


def _filled(stamp: str) -> str:
    """With the zeros that Go dropped."""
    if not 21 < len(stamp) < _USUAL or stamp[19] != ".":
        return stamp
    return f"{stamp[:-1]:0<29}{stamp[-1]}"
