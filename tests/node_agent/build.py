"""Builders shared by the agent's tests and benches: access log lines as Traefik writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

START_NS = 1_795_000_000_000_000_000
"""2026-11-18."""


def stamp(ns: int) -> str:
    """Go's RFC 3339 with nanoseconds: trailing zeros dropped."""
    second, rest = divmod(ns, 1_000_000_000)
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """One access log entry; `None` removes a key."""
    start = stamp(START_NS + number * 1_234_567)
    fields: dict[str, Any] = {
        "ClientAddr": f"172.20.0.{number % 7 + 2}:{40000 + number % 20000}",
        "ClientHost": f"172.20.0.{number % 7 + 2}",
        "ClientPort": str(40000 + number % 20000),
        "ClientUsername": "-",
        "DownstreamContentSize": 400 + number % 100,
        "DownstreamStatus": 200 if number % 10 else 400,
        "Duration": 2_377_861 + number,
        "OriginContentSize": 400 + number % 100,
        "OriginDuration": 2_290_491 + number,
        "OriginStatus": 200 if number % 10 else 400,
        "Overhead": 87_370,
        "RequestAddr": "private-proxy",
        "RequestContentSize": 0,
        "RequestCount": number + 1,
        "RequestHost": "private-proxy",
        "RequestMethod": "GET",
        "RequestPath": f"/server-b/non-communicating/echo?q={number % 50}",
        "RequestPort": "-",
        "RequestProtocol": "HTTP/1.1",
        "RequestScheme": "http",
        "RetryAttempts": 0,
        "RouterName": "server-b@file",
        "ServiceAddr": "10.10.0.12",
        "ServiceName": "server-b@file",
        "ServiceURL": "http://10.10.0.12",
        "StartLocal": start,
        "StartUTC": start,
        "downstream_Content-Type": "application/json; charset=utf-8",
        "downstream_Server": "Python/3.11 aiohttp/3.14.5",
        "entryPointName": "web",
        "level": "info",
        "msg": "",
        "origin_Content-Type": "application/json; charset=utf-8",
        "origin_Server": "Python/3.11 aiohttp/3.14.5",
        "request_Accept-Encoding": "identity",
        "request_User-Agent": "Python-urllib/3.11",
        "request_X-Forwarded-Host": "private-proxy",
        "request_X-Forwarded-Port": "80",
        "request_X-Forwarded-Prefix": "/server-b",
        "request_X-Forwarded-Proto": "http",
        "request_X-Forwarded-Server": "fb957e541cd8",
        "request_X-Real-Ip": "172.20.0.4",
        "time": start[:19] + "Z",
    }
    fields.update(changes)
    return {key: value for key, value in fields.items() if value is not None}


def line(number: int, **changes: Any) -> bytes:
    """One line with its line feed; compact JSON, `& < >` escaped as Go does."""
    text = json.dumps(entry(number, **changes), separators=(",", ":"), ensure_ascii=False)
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode() + b"\n"


def lines(first: int, last: int) -> bytes:
    """The lines of [first, last)."""
    return b"".join(line(number) for number in range(first, last))
