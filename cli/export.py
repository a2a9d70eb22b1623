"""`hopwatch export`: every kept call that the filters choose, newest first, as NDJSON or CSV.

Pages of the hub follow each other by the oldest call's id: calls that settle meanwhile are not in
it, and none comes twice. One page is in memory at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from cli.defaults import PAGE_CALLS
from cli.options import filters, reads_hub, request_fields
from cli.output import say
from cli.problems import Problem
from cli.settings import Settings


@click.command()
@filters
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["ndjson", "csv"]),
    default="ndjson",
    show_default=True,
    help="As /api/v1/requests writes them.",
)
@click.option(
    "-t",
    "--to-file",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write there, not to standard output.",
)
@click.option("-n", "--limit", type=click.IntRange(min=1), help="Stop after so many.")
@reads_hub
def export(
    settings: Settings, wanted: dict[str, Any], form: str, target: Path | None, limit: int | None
) -> None:
    """Write every kept call that the filters choose, newest first.

    \b
    hopwatch export --since 1h --status error -o csv > errors.csv
    """
    from cli.calls import call_form
    from hub.export import csv_lines, ndjson_lines

    calls = map(call_form, _newest_first(settings, request_fields(wanted), limit))
    lines = csv_lines(calls) if form == "csv" else ndjson_lines(calls)
    count = -1 if form == "csv" else 0
    try:
        with target.open("wb") if target else nullcontext(sys.stdout.buffer) as file:
            for line in lines:
                file.write(line)
                count += 1
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Problem(f"{target or 'standard output'}: {error.strerror}") from None
    if target:
        say(f"{target}: {count:,} calls")


def _newest_first(settings: Settings, fields: dict[str, Any], limit: int | None) -> Iterator[Any]:
    from hopwatch.v1 import observe_pb2 as pb

    from cli.connection import connect

    cursor, left = "", limit
    with connect(settings) as hub:
        while left is None or left > 0:
            size = PAGE_CALLS if left is None else min(left, PAGE_CALLS)
            request = pb.GetCallsRequest(**fields, limit=size, cursor=cursor)
            page = [answer.call for answer in hub.calls(request)]
            yield from reversed(page)
            if len(page) < size:
                return
            cursor = page[0].id
            left = None if left is None else left - size
