"""`hopwatch export`: every kept call that the filters choose, newest first, as NDJSON or CSV.

The hub writes the lines, in one stream: calls that settle meanwhile are not in it, and none comes
twice. A message of a megabyte is in memory at a time.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from cli.options import filters, output, reads_hub, request_fields
from cli.output import say
from cli.problems import Problem
from cli.settings import Settings


@click.command()
@filters
@output(("ndjson", "csv"), "As /api/v1/requests writes them.")
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
    from hopwatch.v1 import observe_pb2 as pb

    from cli.connection import connect

    chosen = pb.GetCallsRequest(**request_fields(wanted), limit=limit or 0)
    count = 0
    try:
        with (
            target.open("wb") if target else nullcontext(sys.stdout.buffer) as file,
            connect(settings) as hub,
        ):
            for answer in hub.export(pb.ExportCallsRequest(calls=chosen, format=form)):
                file.write(answer.lines)
                count += answer.calls
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Problem(f"{target or 'standard output'}: {error.strerror}") from None
    if target:
        say(f"{target}: {count:,} calls")
