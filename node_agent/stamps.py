"""Traefik's time stamps to nanoseconds, exactly.

RFC 3339 with 0 to 9 digits of a second's fraction (Go drops trailing zeros) and `Z` or an offset.
`datetime` ends at microseconds, so the second is converted by it, once, and the fraction by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_ZEROS = "000000000"
_SCALE: tuple[int, ...] = tuple(int(10 ** (9 - digits)) for digits in range(10))
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
def _utc_second(second: str) -> int:
    if _STAMP.fullmatch(second + "Z") is None:
        raise ValueError(f"not a time: {second[:40]!r}")
    return _second_ns(second, "Z")


def parse_ns(stamp: str) -> int:
    """Nanoseconds since 1970 UTC; ValueError for anything that is no stamp."""
    match = _STAMP.fullmatch(stamp)
    if match is None:
        raise ValueError(f"not a time: {stamp[:40]!r}")
    second, fraction, zone = match.groups()
    return _second_ns(second, zone) + int(((fraction or "") + _ZEROS)[:9])


def all_utc_ns(stamps: Sequence[str]) -> list[int]:
    """The same of many, quickly where all are as usual: "2026-11-22T10:55:26.157397754Z"."""
    fractions = "".join([stamp[20:] for stamp in stamps]).split("Z")
    digits = "".join(fractions)
    seconds = [stamp[:20] for stamp in stamps]
    ended = [stamp[-1:] for stamp in stamps].count("Z") == len(stamps) == len(fractions) - 1
    if not (ended and digits.isdecimal() and digits.isascii()) or max(map(len, fractions)) > 9:
        return [parse_ns(stamp) for stamp in stamps]
    begins = {}
    for second in set(seconds):
        if second[-1:] != ".":
            return [parse_ns(stamp) for stamp in stamps]
        begins[second] = _utc_second(second[:-1])
    return [
        begins[second] + int(fraction) * _SCALE[len(fraction)]
        for second, fraction in zip(seconds, fractions, strict=False)
    ]
