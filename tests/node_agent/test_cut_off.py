"""An agent whose network is cut, without FIN or RST, notices and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.commands import Close, Send
from node_agent.defaults import SILENCE_S
from node_agent.session import Session
from tests.servers.demo_process import REPOSITORY

CUT_S = 12.0
SLACK_S = 3.0
"""For a machine with much else to do."""
LIMIT_S = 90


def begin(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    directory.mkdir()
    command = [sys.executable, "-m", "tests.node_agent.cut_off", str(directory), str(CUT_S)]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.e2e
def test_who_is_cut_off_notices_within_10_s_and_is_back_soon_after(tmp_path: Path) -> None:
    ways = ([], ["--busy"], ["--relay"], ["--relay", "--busy"])
    processes = [begin(tmp_path / str(number), *way) for number, way in enumerate(ways)]
    try:
        for way, process in zip(ways, processes, strict=True):
            out, said = process.communicate(timeout=LIMIT_S)
            seen: dict[str, Any] = json.loads((out.splitlines() or ["{}"])[-1])
            assert process.returncode == 0, (way, said[-3000:])
            assert seen["noticed_s"] <= SILENCE_S + SLACK_S, (way, seen)
            assert seen["back_s"] <= 7 + SLACK_S, (way, seen)
            assert seen["once"], (way, seen)
    finally:
        for process in processes:
            process.kill()


def session_with_a_hub() -> Session:
    session = Session(pb.Hello(server="server-a"))
    session.connected([], 100.0)
    session.received(pb.HubMessage(welcome=pb.Welcome()), 100.0, 0)
    return session


def test_a_hub_that_says_nothing_for_10_s_is_given_up_after_two_probes() -> None:
    session = session_with_a_hub()
    probes, now_s = [], 100.0
    while now_s <= 100.0 + SILENCE_S:
        commands = session.tick(now_s, 0, 0)
        sent = [each.message for each in commands if isinstance(each, Send)]
        probes += [now_s for message in sent if message.HasField("clock_probe")]
        assert not any(isinstance(each, Close) for each in commands)
        now_s += 0.25
    assert [later - before for before, later in pairwise(probes)] == [5.0, 5.0]
    assert session.tick(now_s, 0, 0) == [Close("the hub has been silent for 10 s")]


def test_a_hub_that_never_answers_the_hello_is_given_up_too() -> None:
    session = Session(pb.Hello(server="server-a"))
    session.connected([], 100.0)
    assert session.tick(109.9, 0, 0) == []
    assert session.tick(110.1, 0, 0) == [Close("the hub has been silent for 10 s")]


def test_whatever_the_hub_says_keeps_the_connection() -> None:
    session = session_with_a_hub()
    for now_s in (109.0, 118.0, 127.0):
        session.received(pb.HubMessage(ack=pb.Ack()), now_s, 0)
        assert not any(isinstance(each, Close) for each in session.tick(now_s + 9, 0, 0))
