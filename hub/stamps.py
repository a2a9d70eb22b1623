"""Nanoseconds as RFC 3339 text and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

SECOND = 1_000_000_000

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def rfc3339(ns: int) -> str:
    """`2026-11-22T10:55:26.157397754Z`."""
    seconds, rest = divmod(ns, SECOND)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4_096)
def _second(seconds: int) -> str:
    """Many calls began in one: the date costs five times as much as the rest."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_time(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text, or of seconds since 1970. Raises `ValueError`."""
    match = _FORM.fullmatch(text)
    if match is None:
        return int(float(text) * SECOND)
    date, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone
    whole = datetime.fromisoformat(f"{date}T{clock}{zone}")
    return int(whole.timestamp()) * SECOND + int((fraction or "").ljust(9, "0"))
