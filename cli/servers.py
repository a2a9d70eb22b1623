"""`hopwatch status`: how each server's reporting stands."""

from __future__ import annotations

import time
from typing import Any

import click

from cli.options import output, reads_hub
from cli.output import Cell, Column, Row, json_line, say, table
from cli.settings import Settings
from hub.stamps import SECOND, rfc3339

MS = 1e6
COLUMNS = (
    Column("server"),
    Column("state"),
    Column("version", style="dim"),
    Column("last_batch"),
    Column("lag_ms", right=True),
    Column("skew_ms", right=True),
    Column("read", right=True),
    Column("malformed", right=True),
    Column("missing", right=True),
)


@click.command()
@output()
@reads_hub
def status(settings: Settings, form: str) -> None:
    """Show how each server's reporting stands: connected, how far behind, what is lost."""
    from cli.connection import connect

    with connect(settings) as hub:
        states = hub.servers().servers
    if form == "json":
        for state in states:
            json_line(_object(state))
        return
    table(COLUMNS, [_row(state, time.time_ns()) for state in states])
    if not states:
        say(f"{settings.address}: the hub has not heard of any server yet")


def _object(state: Any) -> dict[str, Any]:
    """By the names of `/api/v1/servers`."""
    return {
        "id": state.id,
        "connected": state.connected,
        "version": state.version or None,
        "last_batch": rfc3339(state.last_batch_ns) if state.last_batch_ns else None,
        "lag_ms": state.lag_ns / MS,
        "skew_ms": state.skew_ns / MS,
        "lines_read": state.read,
        "lines_malformed": state.malformed,
        "lines_missing": state.missing,
    }


def _row(state: Any, now_ns: int) -> Row:
    last_ns = state.last_batch_ns
    connected = state.connected
    return (
        Cell(state.id, style="bold"),
        Cell("connected" if connected else "gone", style="green" if connected else "bold red"),
        Cell(state.version),
        Cell(rfc3339(last_ns) if last_ns else "", _ago(now_ns - last_ns) if last_ns else "never"),
        Cell(state.lag_ns / MS, f"{state.lag_ns / MS:.0f}"),
        Cell(state.skew_ns / MS, f"{state.skew_ns / MS:.1f}"),
        Cell(state.read, f"{state.read:,}"),
        _count(state.malformed),
        _count(state.missing),
    )


def _count(lines: int) -> Cell:
    return Cell(lines, f"{lines:,}", "yellow" if lines else "")


def _ago(ns: int) -> str:
    seconds = max(ns, 0) // SECOND
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
