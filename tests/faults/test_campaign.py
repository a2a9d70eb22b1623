"""A short fault campaign with the real processes; `python -m bench.faults` is the long one."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.conftest import why_not
from tests.faults.schedule import FIRST, Kind, schedule
from tests.servers.demo_process import REPOSITORY

SEED = 20261122
LINES = 6_000
FAULTS = 9
LIMIT_S = 240
"""It takes 50 s on two idle cores."""


def campaign(*arguments: str) -> dict[str, Any]:
    """A short campaign in a process of its own: it enters namespaces."""
    command = [sys.executable, "-m", "bench.faults", "--short", "--json", f"--seed={SEED}"]
    done = subprocess.run(
        [*command, f"--lines={LINES}", f"--faults={FAULTS}", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    said = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    assert said is not None, done.stdout[-3000:] + done.stderr[-3000:]
    outcome: dict[str, Any] = json.loads(said)
    assert done.returncode == bool(outcome["wrong"]), done.stdout
    return outcome


@pytest.mark.e2e
@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_after_every_kind_of_fault_each_line_is_there_once() -> None:
    outcome = campaign()
    assert outcome["wrong"] == []
    assert outcome["lines"] >= 5_000
    assert outcome["faults"] >= 8
    agents = [kib for name, kib in outcome["peaks"].items() if name.endswith("agent")]
    assert len(agents) == 2
    assert max(agents) <= 80 * 1024


def test_the_same_seed_draws_the_same_faults() -> None:
    assert schedule(random.Random(5), 60) == schedule(random.Random(5), 60)
    assert schedule(random.Random(5), 60) != schedule(random.Random(6), 60)


@pytest.mark.parametrize("seed", range(20))
def test_every_possible_kind_comes_and_no_other(seed: int) -> None:
    drawn = schedule(random.Random(seed), 60, impossible=[Kind.FILL_DISK])
    assert sum(fault.count for fault in drawn) >= 60
    kinds = {fault.kind for fault in drawn} | {f.within.kind for f in drawn if f.within}
    assert kinds == set(Kind) - {Kind.FILL_DISK}


def test_a_file_is_deleted_only_while_nothing_else_is_wrong() -> None:
    for seed in range(50):
        for fault in schedule(random.Random(seed), 60):
            assert fault.within is None or Kind.RECREATE not in (fault.kind, fault.within.kind)


def test_a_short_campaign_shows_the_chief_kinds() -> None:
    drawn = schedule(random.Random(1), len(FIRST), short=True)
    assert {fault.kind for fault in drawn} == set(FIRST)
