"""`hopwatch edges`: what each edge carried in a window of time, the busiest first."""

from __future__ import annotations

from typing import Any

import click

from cli.calls import ORIGIN_STYLES
from cli.defaults import WINDOW_S
from cli.options import output, reads_hub, seconds, window_ns
from cli.output import Cell, Column, Row, json_line, say, table
from cli.settings import Settings
from hub.stamps import rfc3339

COLUMNS = (
    Column("from"),
    Column("to"),
    Column("origin"),
    Column("calls", right=True),
    Column("rate", right=True),
    Column("errors", right=True),
    Column("p50_ms", right=True),
    Column("p95_ms", right=True),
    Column("p99_ms", right=True),
    Column("bytes_in", right=True),
    Column("bytes_out", right=True),
    Column("id", style="dim"),
)


@click.command()
@click.option(
    "-w",
    "--window",
    "window_s",
    default=f"{WINDOW_S}s",
    show_default=True,
    callback=seconds,
    help="How far back from now: 30s, 5m, up to 1h.",
)
@click.option("--since", metavar="TIME", help="Any past window, instead: from 2h ago, RFC 3339 …")
@click.option("--until", metavar="TIME", help="… to then, or now.")
@output()
@reads_hub
def edges(
    settings: Settings, window_s: int, since: str | None, until: str | None, form: str
) -> None:
    """Show who called whom: rate, errors, percentiles and bytes of each edge.

    A past window is of whole minutes where the hub keeps no seconds of it: behind a day, or over
    more than two hours.

    \b
    hopwatch edges --window 5m
    hopwatch edges --since 2026-11-20T14:00:00Z --until 2026-11-20T15:00:00Z
    """
    from hopwatch.v1 import observe_pb2 as pb

    from cli.connection import connect

    past = window_ns(since, until)
    with connect(settings) as hub:
        answer = hub.edges(pb.GetEdgesRequest(**past or {"window_s": window_s}))
    rates = answer.edges
    if form == "json":
        for rate in rates:
            json_line(_object(rate))
        return
    table(COLUMNS, map(_row, rates))
    if not rates:
        asked = f"{rfc3339(answer.since_ns)} to {rfc3339(answer.until_ns)}"
        say(f"{settings.address}: no calls in {asked if past else f'the last {window_s} s'}")


def _object(rate: Any) -> dict[str, Any]:
    """By the names of `/api/v1/edges`."""
    return {
        "id": rate.id,
        "from": getattr(rate, "from"),
        "to": rate.to,
        "origin": rate.origin,
        "calls": rate.calls,
        "rate": rate.rate,
        "errors": rate.errors,
        "error_share": round(rate.errors / rate.calls, 4) if rate.calls else 0.0,
        "p50_ms": _known(rate, "p50_ms"),
        "p95_ms": _known(rate, "p95_ms"),
        "p99_ms": _known(rate, "p99_ms"),
        "bytes_in": rate.bytes_in,
        "bytes_out": rate.bytes_out,
    }


def _row(rate: Any) -> Row:
    return (
        Cell(getattr(rate, "from")),
        Cell(rate.to),
        Cell(rate.origin, style=ORIGIN_STYLES.get(rate.origin, "")),
        Cell(rate.calls, f"{rate.calls:,}"),
        Cell(rate.rate, f"{rate.rate:.2f}/s"),
        Cell(rate.errors, f"{rate.errors:,}", "bold red" if rate.errors else ""),
        *(_ms(_known(rate, name)) for name in ("p50_ms", "p95_ms", "p99_ms")),
        Cell(rate.bytes_in, f"{rate.bytes_in:,}"),
        Cell(rate.bytes_out, f"{rate.bytes_out:,}"),
        Cell(rate.id),
    )


def _known(rate: Any, name: str) -> float | None:
    return getattr(rate, name) if rate.HasField(name) else None


def _ms(value: float | None) -> Cell:
    return Cell(value, "" if value is None else f"{value:.1f}")
