"""`hopwatch edges`: what each edge carried in a window that ends now, the busiest first."""

from __future__ import annotations

from typing import Any

import click

from cli.calls import ORIGIN_STYLES
from cli.defaults import WINDOW_S
from cli.options import output, reads_hub, seconds
from cli.output import Cell, Column, Row, json_line, say, table
from cli.settings import Settings

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
    help="How far back: 30s, 5m, up to 1h.",
)
@output
@reads_hub
def edges(settings: Settings, window_s: int, form: str) -> None:
    """Show who called whom: rate, errors, percentiles and bytes of each edge."""
    from cli.connection import connect

    with connect(settings) as hub:
        rates = hub.edges(window_s).edges
    if form == "json":
        for rate in rates:
            json_line(_object(rate))
        return
    table(COLUMNS, map(_row, rates))
    if not rates:
        say(f"{settings.address}: no calls in the last {window_s} s")


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
