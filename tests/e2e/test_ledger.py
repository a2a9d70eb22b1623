"""A demo that has ended leaves an exact account, and each line of each log in exactly one call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.runner.places import outward_address
from servers.runner.plan import Mode
from tests.e2e.conftest import why_no_namespaces
from tests.e2e.first_seconds import ORIGINS, FirstSeconds, watch
from tests.e2e.hopwatch import accounts, lines_of, reading
from tests.e2e.hub_api import HubApi, eventually
from tests.servers.demo_process import DemoProcess

SECONDS = 15
KINDS = ("private", "public")
ON_LOOPBACK = ORIGINS if outward_address() else ORIGINS - {"outside"}
"""Every address of 127.0.0.0/8 is this machine's own: nobody is outside who has no other."""


@dataclass(frozen=True)
class Ended:
    """A demo of 15 s, and a hub started again on what it left."""

    demo: DemoProcess
    first: FirstSeconds
    code: int
    said: str
    hub: HubApi
    lines: dict[tuple[str, str], int]
    """Counted in the files."""


@pytest.fixture(scope="module", params=list(Mode))
def ended(request: pytest.FixtureRequest) -> Iterator[Ended]:
    mode: Mode = request.param
    if mode is Mode.NAMESPACES and (reason := why_no_namespaces()):
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short:
        rundir = Path(short) / "run"
        demo = DemoProcess.start(rundir, f"--mode={mode}", f"--seconds={SECONDS}", "--keep")
        origins = ORIGINS if mode is Mode.NAMESPACES else ON_LOOPBACK
        first = watch(demo.state["url"], origins)
        code, said = demo.end()
        lines = {
            (server["id"], kind): lines_of(Path(server["logs"][kind]))
            for server in demo.state["servers"]
            for kind in KINDS
        }
        with reading(rundir) as hub:
            yield Ended(demo, first, code, said, hub, lines)


def test_the_demo_ends_with_an_exact_account(ended: Ended) -> None:
    assert ended.code == 0, ended.said
    assert "Every line accounted for" in ended.said
    assert "did not stop cleanly" not in ended.said


def test_lines_in_the_file_are_read_journalled_and_in_calls(ended: Ended) -> None:
    assert len(ended.lines) == 4
    assert all(ended.lines.values())
    eventually(lambda: ended.hub.get("api/v1/ledger")["exact"], "an exact ledger", within_s=15)
    for log, account in accounts(ended.hub).items():
        named = {key: account[key] for key in ("read", "journalled", "in_calls", "malformed")}
        lines = ended.lines[log]
        assert named == {"read": lines, "journalled": lines, "in_calls": lines, "malformed": 0}


def test_every_line_stands_in_exactly_one_listed_call_after_a_restart(ended: Ended) -> None:
    total = sum(ended.lines.values())

    def hops() -> list[tuple[str, str, int]]:
        found = [
            (hop["server"], hop["kind"], hop["offset"])
            for call in ended.hub.calls()
            for hop in call["hops"]
        ]
        return found if len(found) >= total else []

    # What waits for a server that is silent now is settled 5 s after the start.
    found = eventually(hops, "all lines are listed", within_s=15)
    assert len(found) == len(set(found)) == total
    for (server, kind), count in ended.lines.items():
        assert sum(hop[:2] == (server, kind) for hop in found) == count


def test_the_mode_is_said_and_every_origin_it_can_show_is_shown(ended: Ended) -> None:
    mode = ended.demo.state["mode"]
    assert f"networks: {mode}:" in "\n".join(ended.demo.said)
    assert not ended.first.missing
    if mode == Mode.LOOPBACK:
        visitors = {call["from"]["kind"] for call in ended.first.of("public")}
        assert visitors == {"gateway"}, "hidden by the address, and said so"
