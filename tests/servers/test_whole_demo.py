"""The demo with hub and agents, as `make demo` runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from servers.runner.mock_server import console_script
from tests.servers.demo_process import REPOSITORY, DemoProcess, all_gone, command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="the runner needs Linux"),
    *(
        pytest.mark.skipif(not Path(console_script(name)).exists(), reason=f"no {name} installed")
        for name in ("traefik", "hopwatch-hub", "hopwatch-agent")
    ),
]


def get(demo: DemoProcess, path: str) -> Any:
    with urllib.request.urlopen(demo.state["url"] + path, timeout=20) as answer:
        return json.load(answer)


def test_a_demo_that_ends_by_itself_accounts_for_every_line(tmp_path: Path) -> None:
    demo = DemoProcess.start(tmp_path / "run", "--seconds=8", "--join-after=1")
    children = demo.children()
    assert get(demo, "readyz")["status"] == "ok"
    code, said = demo.end()
    assert code == 0, said
    assert "Every line accounted for" in said
    assert "server-c joins" in said
    assert "did not stop cleanly" not in said
    assert all_gone(children, timeout_s=0)


def test_the_hub_knows_both_servers_when_the_demo_says_ready(tmp_path: Path) -> None:
    demo = DemoProcess.start(tmp_path / "run")
    states = get(demo, "api/v1/servers")["servers"]
    assert {s["id"] for s in states if s["connected"]} == {"server-a", "server-b"}
    services = {
        key: {service["name"] for service in network["services"]}
        for key, network in get(demo, "network_info").items()
    }
    for server in ("server-a", "server-b"):
        names = services[f"{server}/private-server-proxy-network"]
        assert {"communicating-service", "non-communicating-service"} <= names
    code, said = demo.terminate()
    assert code == 0, said
    assert "did not stop cleanly" not in said


@pytest.mark.parametrize("name", ["hub", "server-b/agent"])
def test_a_crash_of_hub_or_agent_ends_all_and_is_named(tmp_path: Path, name: str) -> None:
    demo = DemoProcess.start(tmp_path / "run")
    children = demo.children()
    demo.kill(name)
    code, said = demo.end()
    assert code == 1
    assert f"{name} was killed by SIGKILL" in said
    assert all_gone(children, timeout_s=0)


def test_sigterm_while_starting_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(tmp_path / "run"),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert "networks" in process.stdout.readline()
    process.terminate()
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert not (tmp_path / "run").exists()
