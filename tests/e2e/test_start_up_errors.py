"""What stands in the way of a start is one clear line, with where and what is allowed."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.runner.mock_server import console_script
from tests.servers.demo_process import REPOSITORY, command, free_port

AGENT = """\
[server]
id = "server-a"
internal_addresses = ["10.10.0.11"]
[hub]
address = "127.0.0.1:7443"
[[proxies]]
name = "private-server-proxy"
kind = "private"
access_log = "/var/log/traefik/private.jsonl"
[state]
directory = "state"
"""
HUB = """\
[grpc]
listen = ["127.0.0.1:7443"]
[http]
listen = "127.0.0.1:8082"
auth = "none"
[data]
directory = "data"
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
    )


def checked(script: str, path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    return run(console_script(script), "--config", str(path))


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        yield made.getsockname()[1]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ('kind = "privat"', 'kind = "private"', ("kind", '"privat"', "private", "public")),
        ('adress = "127.0.0.1:1"', 'address = "127.0.0.1:7443"', ("adress", "address")),
        ('address = "127.0.0.1"', 'address = "127.0.0.1:7443"', ("address", "host:port")),
        ('id = "Server A"', 'id = "server-a"', ("id", '"Server A"', "a-z")),
    ],
)
def test_a_wrong_agent_configuration_is_exit_2_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, wrong: str, right: str, said: tuple[str, ...]
) -> None:
    path = tmp_path / "agent.toml"
    ended = checked("hopwatch-agent", path, AGENT.replace(right, wrong, 1))
    assert ended.returncode == 2, ended
    assert path.name in ended.stderr
    assert all(part in ended.stderr for part in said), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ('auth = "nobody"', 'auth = "none"', ("auth", '"nobody"', "token", "proxy-header")),
        ('listen = "8082"', 'listen = "127.0.0.1:8082"', ("listen", '"8082"', "port")),
        ('auht = "none"', 'auth = "none"', ("auht", "auth")),
        ('listen = "0.0.0.0:8082"', 'listen = "127.0.0.1:8082"', ("0.0.0.0:8082", "loopback")),
    ],
)
def test_a_wrong_hub_configuration_is_exit_2_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, wrong: str, right: str, said: tuple[str, ...]
) -> None:
    path = tmp_path / "hub.toml"
    ended = checked("hopwatch-hub", path, HUB.replace(right, wrong, 1))
    assert ended.returncode == 2, ended
    assert path.name in ended.stderr
    assert all(part in ended.stderr for part in said), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("script", ["hopwatch-agent", "hopwatch-hub"])
def test_a_configuration_that_is_no_toml_names_file_and_line(tmp_path: Path, script: str) -> None:
    path = tmp_path / "broken.toml"
    ended = checked(script, path, "[server]\nid = server-a\n")
    assert ended.returncode == 2
    assert path.name in ended.stderr
    assert "line 2" in ended.stderr
    missing = run(console_script(script), "--config", str(tmp_path / "none.toml"))
    assert missing.returncode == 2
    assert "none.toml" in missing.stderr


def test_a_hub_whose_port_is_taken_says_so_in_one_line(tmp_path: Path, taken: int) -> None:
    text = HUB.replace("127.0.0.1:8082", f"127.0.0.1:{taken}").replace("7443", str(free_port()))
    ended = checked("hopwatch-hub", tmp_path / "hub.toml", text)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"127.0.0.1:{taken} is in use" in line
    assert "http.listen" in line


def test_a_hub_whose_agents_port_is_taken_says_so_in_one_line(tmp_path: Path, taken: int) -> None:
    text = HUB.replace("127.0.0.1:7443", f"127.0.0.1:{taken}").replace("8082", str(free_port()))
    ended = checked("hopwatch-hub", tmp_path / "hub.toml", text)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"127.0.0.1:{taken}" in line
    assert "grpc.listen" in line


def test_a_demo_whose_port_is_taken_says_so_in_one_line(tmp_path: Path, taken: int) -> None:
    ended = run(*command(tmp_path / "run"), f"--http-port={taken}")
    assert ended.returncode == 1
    (line,) = (ended.stdout + ended.stderr).splitlines()
    assert f"127.0.0.1:{taken}" in line
    assert "--http-port" in line
