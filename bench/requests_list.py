"""The list of requests with a million rows: time to rows, elements in the page, memory.

    python -m bench.requests_list [--calls 1000000] [--days 6] [--visits 12]

Lines of Traefik's form, spread over `--days`, become a hub's data by `hopwatch import`; a real
hub reads them, and the real page lists them in a real Chromium (no GPU, 1440 x 900).
The scrollbar is put to places all over the list; "to rows" is until every row on screen shows its
call. Places are visited twice, without a filter and with one. Figures are printed; none is tested.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.federation.hub_process import hub
from servers.runner.mock_server import console_script
from tests.e2e import browser

LIMIT_S = 900
FILTER = "status:5xx"
PATHS = ("/", "/api/orders", "/api/cart", "/img/logo.svg", "/search?q=shoes", "/healthz")


def write_log(path: Path, calls: int, days: float) -> None:
    """Calls of visitors at a public proxy until now, one in fifty of them a 502."""
    drawn = random.Random(11)
    now_s, step_s = time.time() - 60, days * 86_400 / calls
    with path.open("w") as log:
        for number in range(calls):
            at_s = now_s - (calls - number) * step_s
            took_ns = 1_000_000 + int(drawn.expovariate(1 / 20e6))
            status = 502 if drawn.random() < 0.02 else 200
            line = {
                "ClientAddr": f"203.0.113.{number % 250}:{30_000 + number % 30_000}",
                "ClientHost": f"203.0.113.{number % 250}", "DownstreamContentSize": 2_048,
                "DownstreamStatus": status, "Duration": took_ns, "OriginDuration": took_ns - 90_000,
                "OriginStatus": status, "Overhead": 90_000, "RequestCount": number + 1,
                "RequestHost": "shop.example", "RequestMethod": "GET",
                "RequestPath": f"{drawn.choice(PATHS)}", "RequestProtocol": "HTTP/1.1",
                "RouterName": "shop@docker", "ServiceName": "shop@docker",
                "ServiceAddr": "172.20.0.4:8000", "ServiceURL": "http://172.20.0.4:8000",
                "StartUTC": stamp(at_s), "entryPointName": "web",
                "time": stamp(at_s + took_ns / 1e9),
            }  # fmt: skip
            log.write(json.dumps(line, separators=(",", ":")) + "\n")


def stamp(at_s: float) -> str:
    whole = datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{int(at_s % 1 * 1e9):09d}Z"


def wait_until_sealed(manifest: Path, calls: int) -> None:
    """Until history has all of it: what is read is files, not memory."""
    until = time.monotonic() + LIMIT_S / 3
    while sealed(manifest) < calls:
        if time.monotonic() > until:
            raise click.ClickException(f"not sealed within {LIMIT_S / 3:.0f} s")
        time.sleep(0.2)


def sealed(manifest: Path) -> int:
    """Calls in files."""
    if not manifest.exists():
        return 0
    return sum(file["calls"] for file in json.loads(manifest.read_text())["files"])


def table_of(seen: dict[str, Any], calls: int) -> Table:
    table = Table(title=f"The list of {calls:,} requests, {seen['rowPx']} px a row")
    for name in ("", "the list says", "to rows, ms: median", "p95", "most rows in the page"):
        table.add_column(name, justify="left" if not name else "right")
    for name, visit in (("all", seen["all"]), (FILTER, seen["filtered"])):
        for turn in ("first", "again"):
            took = visit[turn]
            median, p95 = f"{np.median(took):.0f}", f"{np.percentile(took, 95):.0f}"
            said = visit["count"] if turn == "first" else ""
            row = f"{name}, {len(took)} places" if turn == "first" else "  the same places again"
            table.add_row(row, said, median, p95, str(visit["inDocument"]))
    return table


@click.command()
@click.option("--calls", default=1_000_000, show_default=True)
@click.option("--days", default=6.0, show_default=True)
@click.option("--visits", default=12, show_default=True, help="Places of the list.")
def main(calls: int, days: float, visits: int) -> None:
    """Print what the list manages."""
    if reason := browser.why_not():
        print(f"not measured: {reason}")
        sys.exit(0)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="hopwatch-list-") as directory:
        log, data = Path(directory) / "public.jsonl", Path(directory) / "data"
        write_log(log, calls, days)
        began = time.monotonic()
        subprocess.run(
            [console_script("hopwatch"), "import", f"-d{data}", f"server-a/public={log}"],
            check=True,
            capture_output=True,
        )
        print(f"imported {calls:,} lines in {time.monotonic() - began:.0f} s")
        with hub(data=data) as running:
            wait_until_sealed(data / "history" / "manifest.json", calls)
            script = Path(__file__).with_suffix(".mjs")
            url = f"http://{running.view}/?page=requests"
            given = {"url": url, "q": FILTER, "visits": visits, "calls": calls}
            size = {"width": 1440, "height": 900, "timeoutMs": 60_000}
            seen = browser.run(script, given | size, timeout_s=LIMIT_S / 2)
            console.print(table_of(seen, calls))
            print(
                f"first rows {seen['firstMs']:.0f} ms after the page was asked for; "
                f"the oldest call {seen['endMs']:.0f} ms after the End key"
            )
            print(
                f"frames while the wheel turned for {seen['wheel']['s']:.0f} s: "
                f"{seen['wheel']['fps']:.0f} a second, longest {seen['wheel']['longestMs']:.0f} ms"
            )
            print(
                f"JavaScript heap after collection: {seen['heap'][0]:.1f} MB at first, "
                f"{seen['heap'][1]:.1f} MB after all of it; elements in the page "
                f"{seen['elements'][0]} and {seen['elements'][1]}; "
                f"hub {running.memory_mib():.0f} MiB"
            )
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
