"""A fault campaign over the whole system: after all of it the account of every line is exact.

    python -m bench.faults [--seed N] [--lines 200000] [--faults 50] [--minutes 14] [--short]

Real hub, two real agents over mutual TLS, two real Traefiks, and a writer that stands for two
more, for volume. Processes are killed at random times, links taken down, the hub's disk filled and
slowed, logs rotated in every way. At the end each line of each file is looked for in the ledger, in
the calls that the API lists and in the journal. Exit code 1 where anything differs. The same seed
gives the same faults.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

import click

LIMIT_S = 1500
"""For `python -m bench`: 14 minutes of faults, writing what is left, comparing."""


@click.command()
@click.option("--seed", type=int, default=None, help="Which faults; drawn where not given.")
@click.option(
    "--lines", default=200_000, show_default=True, help="Written by the writer, at least."
)
@click.option("--faults", default=60, show_default=True)
@click.option("--minutes", default=14.0, show_default=True, help="No new fault after that.")
@click.option("--short", is_flag=True, help="Short faults of the chief kinds only.")
@click.option("--relay", is_flag=True, help="No namespaces: a relay for the cables.")
@click.option("--keep", type=click.Path(path_type=Path), default=None, help="Work here, and stay.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON in the end.")
def main(
    seed: int | None,
    lines: int,
    faults: int,
    minutes: float,
    short: bool,
    relay: bool,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Play a campaign and compare."""
    from tests.faults.campaign import Plan, run  # after the options: it costs a second

    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    plan = Plan(seed, lines, faults, minutes * 60, short, relay)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hopwatch-", ignore_cleanup_errors=True) as short_name:
        place = keep or Path(short_name)
        place.mkdir(parents=True, exist_ok=True)
        outcome = run(plan, place, lambda text: print(text, flush=True))
    _print(outcome)
    if as_json:
        told = {"seed": seed, "lines": outcome.lines, "wrong": outcome.wrong}
        told |= {"faults": sum(fault.count for fault in outcome.done), "kind": outcome.kind}
        print(json.dumps({**told, "peaks": outcome.peaks, "kinds": outcome.kinds}))
    for what in outcome.wrong:
        print(f"WRONG: {what}")
    print(f"seed {seed}: " + ("wrong" if outcome.wrong else "every line accounted for"))
    sys.exit(1 if outcome.wrong else 0)


def _print(outcome: object) -> None:
    from bench._faults_tables import tables

    tables(outcome)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
