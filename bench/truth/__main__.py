"""Scores identity, origin and join against federations whose truth is known.

    python -m bench.truth [--scenario hop]... [--seconds 20] [--rate 10000] [--servers 12] [--json]

The generator knows nothing of the join: servers with the same container addresses, skewed and
drifting clocks, log-normal services, jitter, batches that arrive shuffled (`bench/truth`). Misses
are printed; none is asserted.
"""

from __future__ import annotations

import dataclasses
import json

import click
from rich.console import Console

from bench.truth.run import run
from bench.truth.scenario import SCENARIOS
from bench.truth.score import score
from bench.truth.tables import details, measures

LIMIT_S = 1200

NAMES = [scenario.name for scenario in SCENARIOS]


@click.command()
@click.option("--scenario", "names", multiple=True, type=click.Choice(NAMES), help="Only these.")
@click.option("--seed", default=1, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--rate", default=10_000.0, show_default=True, help="Requests a second, in all.")
@click.option("--servers", default=12, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print figures only, one object a scenario.")
def main(
    names: tuple[str, ...], seed: int, seconds: float, rate: float, servers: int, as_json: bool
) -> None:
    """Print how right the hub is, scenario by scenario."""
    console = Console(width=100)
    results = []
    for scenario in SCENARIOS:
        if names and scenario.name not in names:
            continue
        done = run(scenario.sized(servers, rate, seconds), seed)
        scored = score(done.truth, done.lines, done.answer, done.ambiguous)
        if as_json:
            said = {"scenario": scenario.name, "seed": seed, "score": dataclasses.asdict(scored)}
            print(json.dumps(said | {"figures": dataclasses.asdict(done.figures)}))
            continue
        console.print(details(done, scored))
        results.append((done, scored))
    if results:
        console.print(measures(results))


if __name__ == "__main__":
    main()
