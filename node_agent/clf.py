"""Lines of Traefik's common log format to entries.

    client - user [10/Oct/2000:13:55:36 -0700] "GET /path HTTP/1.1" status size
        "referer" "user-agent" RequestCount "router" "serviceURL" Durationms

on one line, as Traefik 3.7 was seen to write it (`tests/data/clf`): `"` is written as `\\"` in the
quoted fields at the end, and nothing is escaped elsewhere: a user name may hold anything. So the
last time stamp before a quote counts: nothing behind it can hold `] "`.

What the format does not say stays empty: entry point, host, service, trace and hop ids, the peer's
port, the upstream's part. Its client is the forwarded address where the entry point trusts one.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from node_agent.model import COARSE, Entry
from node_agent.stamps import parse_ns

_STAMP = re.compile(r"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\] \"", re.ASCII)
_REST = re.compile(
    r'(?P<method>\S*) (?P<path>.*) (?P<protocol>\S*)"'
    r" (?P<status>\d{1,3}|-) (?P<size>\d{1,18}|-)"
    r' (?:"(?:[^"\\]|\\.)*"|-) (?P<agent>"(?:[^"\\]|\\.)*"|-)'
    r' (?P<count>\d{1,18}|-) (?P<router>"(?:[^"\\]|\\.)*"|-) (?P<url>"(?:[^"\\]|\\.)*"|-)'
    r" (?P<ms>\d{1,12})ms",
    re.ASCII | re.DOTALL,
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def parse_clf(line: str) -> tuple[Entry, int]:
    """One line: its entry and start time (ns, a whole second). Raises ValueError."""
    client, _, behind = line.partition(" - ")
    stamps = list(_STAMP.finditer(behind))
    found = _REST.fullmatch(behind, stamps[-1].end()) if stamps else None
    if found is None:
        raise ValueError("neither JSON nor Traefik's common log format")
    entry = Entry(
        duration=int(found["ms"]) * 1_000_000,
        status=_number(found["status"]),
        bytes_out=_number(found["size"]),
        request_count=_number(found["count"]),
        client_address=_peer(client),
        client_host=client,
        method=_text(found["method"]),
        path=found["path"],
        protocol=found["protocol"],
        router=_quoted(found["router"]),
        upstream_url=_quoted(found["url"]),
        user_agent=_quoted(found["agent"]),
        start_utc=COARSE,
    )
    return entry, _start_ns(*stamps[-1].groups())


def _start_ns(day: str, month: str, year: str, time: str, zone: str) -> int:
    if month not in _MONTHS:
        raise ValueError(f"not a month: {month}")
    number = _MONTHS.index(month) + 1
    return parse_ns(f"{year}-{number:02d}-{day}T{time}{zone[:3]}:{zone[3:]}")


@lru_cache(maxsize=1024)
def _peer(client: str) -> str:
    """As `ClientAddr` would have it, with port 0; "" for a list or anything that is no address."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return ""
    return f"[{client}]:0" if address.version == 6 else f"{client}:0"


def _number(text: str) -> int:
    return 0 if text == "-" else int(text)


def _text(text: str) -> str:
    return "" if text == "-" else text


def _quoted(text: str) -> str:
    return _text(text[1:-1].replace('\\"', '"') if text[:1] == '"' else text)
