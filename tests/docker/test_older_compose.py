"""The shipped Compose files under Compose 1.29, as Debian has it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest

from tests.docker.deployed import brought_up, composes, why_no_images
from tests.docker.engine import Engine

WHY_NOT = why_no_images() or (
    None if "1.29" in composes() else "Compose 1.29 is not here: `make engine` installs it"
)


@pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
def test_the_same_files_come_up_with_names_and_both_halves(built: Engine) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with brought_up(built, composes()["1.29"]) as site:
        for server in ("server-a", "server-b"):
            leaf = partial(site.containers, server, "non-communicating-service")
            shown = site.until(f"{server}'s leaf", leaf)
            assert [name.replace("_", "-") for name in shown] == [
                f"{server}-non-communicating-service-1"
            ]
        site.until("joined calls in both directions", lambda: site.joined_both_ways(since))
        site.exact()
        assert site.check_names(since)
