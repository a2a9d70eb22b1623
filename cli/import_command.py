"""The command line of `hopwatch import`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cli.output import say
from cli.problems import Problem
from hub.stamps import SECOND


@click.command("import")
@click.argument("logs", nargs=-1, required=True, metavar="LOG…")
@click.option(
    "-d",
    "--data-directory",
    "directory",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's data directory that is made: must not be there yet, or be empty.",
)
@click.option(
    "--internal-address",
    "internal",
    multiple=True,
    metavar="SERVER=ADDRESS",
    help="How other servers see this one, where there is no agent.toml of it.",
)
def import_(logs: tuple[str, ...], directory: Path, internal: tuple[str, ...]) -> None:
    """Make a hub's data of recorded Traefik logs, without agents.

    A LOG is SERVER/PROXY=PATH (PROXY:public or PROXY:private, where its name does not tell), or an
    agent.toml, which also says who has which address. Rotated and gzipped files are more LOGs.

    \b
    hopwatch import -d data server-a/private=a.jsonl server-b/private=b.jsonl.gz
    hopwatch-hub --data-directory data
    """
    try:
        from cli.importing import bring_in
        from cli.recorded import sites
    except ModuleNotFoundError as error:
        raise Problem(f"{error.name} is missing: import needs hopwatch[agent,hub,cli]") from None
    directory = directory.absolute()
    with _bar() as progress:
        totals = bring_in(directory, sites(logs, internal), progress)
    for path in totals.empty:
        say(f"{path}: holds no whole line")
    for path in totals.repeated:
        say(f"{path}: begins like another log of its proxy, and was left out as its copy")
    for path in totals.unfinished:
        say(f"{path}: its last line has no end, and was left out")
    from hub.defaults import RETENTION_DAYS

    bad = f", {totals.malformed:,} of them unreadable" if totals.malformed else ""
    click.echo(f"{totals.lines:,} lines{bad} in {directory}")
    days = (time.time_ns() - totals.oldest_ns) / SECOND / 86_400
    if totals.oldest_ns and days >= RETENTION_DAYS:
        say(
            f"the oldest line is {days:.0f} days old: a hub deletes calls after [data] "
            f"retention_days = {RETENTION_DAYS}; set it above {days:.0f}"
        )
    click.echo(f"look at it: hopwatch-hub --data-directory {directory}")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, of_all: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    with Progress(
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("import")
        yield lambda done, of_all: bar.update(task, completed=done, total=of_all)
