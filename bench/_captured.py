"""Access log lines for volume: captured from a real Traefik, with new numbers in them.

Enters: a seed, and for each line its number, start and duration. Leaves: bytes as Traefik would
have written them. Every line is one of tests/data/samples (`two-engines/` and the plain and error
scenarios) in which only these change, each drawn as it is met in production:

* path: /items/N of 3 000 by a Zipf law (30 %: a query with one of 50 values; 2 %: an id never met
  before), behind the captured route's prefix;
* client: a container address becomes one of 24; an internet address one of 5 000 by a Zipf law;
  other servers' addresses stay; the port is free;
* durations: log-normal around 3 ms, by the caller of this module; Traefik's overhead around 90 us;
* sizes: 30 % the captured one, else up to 20 000 bytes; times, RequestCount, trace ids: new.

Headers: the ones that docs/traefik.md keeps, so lines have 0.8 to 1.1 KB, which makes ratios of
bytes harder to reach; `all_headers` leaves all that were captured (1.5 KB).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from servers.runner.traefik_config import KEPT_HEADERS

SAMPLES = Path(__file__).parents[1] / "tests" / "data" / "samples"
COMMON = ("02_", "03_", "G1_", "G4_")
RARE = ("12_", "13a_", "13b_", "14a_", "14b_", "17_", "18_", "G2_", "G5_")
VISITORS = ("01_", "08a_", "08b_")
RARE_SHARE = 0.04
WIDTH_NS = 1_000_000_000
PATHS = 3_000
CHUNK = 4096

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What a line says of one request."""

    count: int
    start_ns: int
    duration_ns: int
    trace: str = ""
    path: str = ""
    """Behind the route's prefix."""


def captured(proxy: str, scenarios: tuple[str, ...]) -> list[Line]:
    """The captured lines of one proxy, "server-a/private", in these scenarios."""
    found = []
    for directory in ("scenarios", "two-engines"):
        for file in sorted((SAMPLES / directory).glob("*.jsonl")):
            if file.name.startswith(scenarios):
                lines = [json.loads(text) for text in file.read_text().splitlines()]
                found += [line for line in lines if line.pop("_file") == proxy]
    return found


class Template:
    """One captured line, with holes."""

    def __init__(self, line: Line, *, all_headers: bool, trace_ids: bool) -> None:
        line = {key: value for key, value in line.items() if all_headers or _is_kept(key)}
        self.prefix, _, self._rest = str(line["RequestPath"])[1:].partition("/")
        if self.prefix.startswith("server-"):
            self.prefix += "/" + self._rest.partition("/")[0]
        self.host = str(line["ClientAddr"]).rpartition(":")[0]
        self.size = int(line["DownstreamContentSize"])
        numbers = {"DownstreamContentSize": "size", "Duration": "duration", "Overhead": "overhead"}
        numbers |= {"OriginContentSize": "size", "OriginDuration": "upstream"}
        numbers |= {"RequestCount": "count"}
        line |= {key: f"@{name}@" for key, name in numbers.items() if line.get(key)}
        line |= {"ClientAddr": "~host~:~port~", "ClientHost": "~host~", "ClientPort": "~port~"}
        line |= {"RequestPath": f"/{self.prefix}~path~", "time": "~second~Z"}
        line |= {"StartUTC": "~start~", "StartLocal": "~start~"}
        line.pop("TraceId", None), line.pop("SpanId", None)
        if trace_ids:
            line |= {"TraceId": "~trace~", "SpanId": "~span~"}
        text = json.dumps(dict(sorted(line.items())), separators=(",", ":"), ensure_ascii=False)
        for character in "&<>":
            text = text.replace(character, f"\\u{ord(character):04x}")
        text = text.replace("%", "%%").replace('"@', "%(").replace('@"', ")d")
        for name in ("host", "port", "path", "second", "start", "trace", "span"):
            text = text.replace(f"~{name}~", f"%({name})s")
        self._text = text + "\n"

    def fill(self, values: dict[str, Any]) -> bytes:
        """The line."""
        return (self._text % values).encode()


class Lines:
    """Lines of one proxy; the same seed gives the same ones."""

    def __init__(
        self,
        proxy: str = "server-a/private",
        seed: int = 1,
        *,
        trace_ids: bool = True,
        all_headers: bool = False,
    ) -> None:
        self._random = random.Random(f"{seed} {proxy}")
        options = {"all_headers": all_headers, "trace_ids": trace_ids}
        usual = VISITORS if proxy.endswith("public") else COMMON
        self._common = [Template(line, **options) for line in captured(proxy, usual)]
        self._rare = [Template(line, **options) for line in captured(proxy, RARE)] or self._common
        crossing = captured(proxy, ("03_", "G1_"))
        self._crossing = [Template(line, **options) for line in crossing] or self._common
        ranks = [1 / rank for rank in range(1, 5001)]
        self._path_ranks = self._random.choices(range(PATHS), ranks[:PATHS], k=CHUNK)
        self._visitor_ranks = self._random.choices(range(5000), ranks, k=CHUNK)
        self._second, self._second_text = -1, ""
        self._never_met = 10_000_000

    def render(self, request: Request, *, crossing: bool = False) -> bytes:
        """One line. A crossing one is half of a call between servers."""
        roll = self._random.random()
        pool = self._rare if roll < RARE_SHARE else self._common
        template = self._random.choice(self._crossing if crossing else pool)
        overhead = min(int(60_000 + self._random.expovariate(1 / 30_000)), request.duration_ns)
        second, nanosecond = divmod(request.start_ns, WIDTH_NS)
        size = template.size if roll > 0.7 else int(roll * 28_000)
        return template.fill(
            {
                "host": self._host(template.host),
                "port": 32_768 + self._random.getrandbits(14),
                "path": request.path or self.path(),
                "start": self._stamp(second, nanosecond),
                "second": self._second_text,
                "count": request.count,
                "duration": request.duration_ns,
                "upstream": request.duration_ns - overhead,
                "overhead": overhead,
                "size": size,
                "trace": request.trace or f"{self._random.getrandbits(128):032x}",
                "span": f"{self._random.getrandbits(64):016x}",
            }
        )

    def path(self) -> str:
        """What follows the route's prefix."""
        roll = self._random.random()
        if roll < 0.02:
            self._never_met += 1
            return f"/items/{self._never_met}"
        item = self._path_ranks[self._random.getrandbits(12)]
        return f"/items/{item}?q={int(roll * 1000) % 50}" if roll < 0.32 else f"/items/{item}"

    def steady(self, count: int, start_ns: int, a_second: float = 5_000.0) -> Iterator[bytes]:
        """So many lines in the order of their completion, numbered from 1 by their start."""
        window: list[tuple[int, Request]] = []
        at_ns = float(start_ns)
        for number in range(1, count + 1):
            at_ns += self._random.expovariate(a_second) * 1e9
            request = Request(number, int(at_ns), self.duration_ns())
            window.append((request.start_ns + request.duration_ns, request))
            if len(window) >= 256:
                window.sort(key=lambda ended: ended[0])
                for _, done in window[:128]:
                    yield self.render(done)
                del window[:128]
        for _, done in sorted(window, key=lambda ended: ended[0]):
            yield self.render(done)

    def duration_ns(self) -> int:
        """How long a request takes."""
        return int(min(self._random.lognormvariate(15.0, 0.8), 4e8))

    def _host(self, host: str) -> str:
        if host.startswith("172."):
            return f"172.20.0.{4 + self._random.getrandbits(7) % 24}"
        if host.startswith("198."):
            rank = self._visitor_ranks[self._random.getrandbits(12)]
            return f"203.{rank % 113}.{rank % 251}.{rank % 241}"
        return host

    def _stamp(self, second: int, nanosecond: int) -> str:
        """As Go writes it: nanoseconds without trailing zeros."""
        if second != self._second:
            moment = datetime.fromtimestamp(second, UTC)
            self._second, self._second_text = second, moment.strftime("%Y-%m-%dT%H:%M:%S")
        fraction = f".{nanosecond:09d}".rstrip("0") if nanosecond else ""
        return f"{self._second_text}{fraction}Z"


def _is_kept(key: str) -> bool:
    kind, _, header = key.partition("_")
    return kind not in ("request", "downstream", "origin") or header in KEPT_HEADERS
