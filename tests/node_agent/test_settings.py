from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from node_agent.__main__ import main
from node_agent.settings import ConfigError, load
from node_agent.static_source import static_inventory

GOOD = """
[server]
id = "server-a"
internal_addresses = ["10.10.0.11"]
[hub]
address = "hub.internal:7443"
token_file = "agent.token"
tls = { ca = "ca.pem", cert = "agent.pem", key = "agent.key" }
[[proxies]]
name = "private-server-proxy"
kind = "private"
access_log = "/var/log/traefik/private.jsonl"
format = "auto"
addresses = ["10.10.0.11:80", "172.20.0.2"]
networks = ["private-server-proxy-network"]
traefik_api = "http://127.0.0.1:8081"
[[networks]]
name = "private-server-proxy-network"
subnet = "172.20.0.0/16"
gateway = "172.20.0.1"
shared = false
[docker]
socket = "unix:///var/run/docker.sock"
networks = ["private-server-proxy-network"]
[[services]]
name = "communicating-service"
network = "private-server-proxy-network"
addresses = ["172.20.0.4"]
[state]
directory = "state"
"""
SECOND = """
[[proxies]]
name = "private-server-proxy"
kind = "public"
access_log = "other.jsonl"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD)
    return path


def test_the_contracts_example_is_read_and_paths_are_relative_to_the_file(file: Path) -> None:
    config = load(file)
    assert config.hub.token_file == file.parent / "agent.token"
    assert config.hub.tls is not None
    assert config.hub.tls.key == file.parent / "agent.key"
    assert config.state.directory == file.parent / "state"
    assert config.proxies[0].access_log == Path("/var/log/traefik/private.jsonl")
    assert config.proxies[0].addresses == ("10.10.0.11:80", "172.20.0.2:80")


def test_variables_override_the_file_and_flags_override_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_SERVER__ID", "from-variable")
    monkeypatch.setenv("HOPWATCH_HUB__ADDRESS", "from.variable:1")
    config = load(file, {"hub": {"address": "from.flag:2"}})
    assert (config.server.id, config.hub.address) == ("from-variable", "from.flag:2")
    assert config.server.internal_addresses == ("10.10.0.11",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'kind = "private"',
            'kind = "privat"',
            'proxies[0].kind = "privat": must be "public" or "private"',
        ),
        (
            "internal_addresses",
            "internal_adresses",
            "server.internal_adresses is not a known key; did you mean internal_addresses?",
        ),
        ('id = "server-a"', "", "server.id is missing"),
        (
            'id = "server-a"',
            'id = "Server A"',
            'server.id = "Server A": must be 1 to 64 of a-z, 0-9, dot, dash, underscore',
        ),
        (
            "hub.internal:7443",
            "hub.internal",
            'hub.address = "hub.internal": must be "host:port" or "unix:/path/to/socket"',
        ),
        (
            '"172.20.0.2"',
            '"proxy:80"',
            'proxies[0].addresses[1] = "proxy:80": must be "ip:port", "[ip]:port" or '
            "an address alone",
        ),
        (
            '["172.20.0.4"]',
            '["172.20.0.400"]',
            'services[0].addresses[0] = "172.20.0.400": must be an IPv4 or IPv6 address '
            "without a port",
        ),
        ("shared = false", "shared = 3", "networks[0].shared = 3: must be true or false"),
        (
            ', key = "agent.key"',
            "",
            'hub.tls = {"ca": "ca.pem", "cert": "agent.pem"}: cert and key belong together: '
            "give both or none",
        ),
        (
            "[state]",
            SECOND + "[state]",
            'proxies[1].name = "private-server-proxy": must differ between proxies',
        ),
        (
            'format = "auto"',
            'trusted_proxies = ["173.245.48.0/20"]',
            "proxies[0].trusted_proxies: is for public proxies",
        ),
        ("http://127.0.0.1:8081", "localhost", "proxies[0].traefik_api"),
        ("172.20.0.0/16", "172.20.0.1/16", 'networks[0].subnet = "172.20.0.1/16": must be'),
        ("[server]", "[server", "not TOML"),
    ],
)
def test_a_wrong_configuration_names_file_key_value_and_what_is_allowed(
    file: Path, old: str, new: str, problem: str
) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load(file)
    (said,) = caught.value.problems
    assert said.startswith(f"{file}: {problem}")


def test_networks_that_docker_does_not_name_are_ignored_but_for_the_proxies_own(file: Path) -> None:
    own, third = 'networks = ["private-server-proxy-network"]', "[docker]"
    more = "".join(f'[[networks]]\nname = "{name}"\n' for name in ("monitoring", "apps", "own"))
    text = GOOD.replace(third, more + third)
    file.write_text(
        text.replace(own, 'networks = ["own"]', 1).replace(own, 'networks = ["apps"]', 1)
    )
    assert {network.name: network.ignored for network in static_inventory(load(file)).networks} == {
        "private-server-proxy-network": True,
        "monitoring": True,
        "apps": False,
        "own": False,
    }
    file.write_text(text.replace("[docker]", "ignored = true\n[docker]"))
    ignored = [n.name for n in static_inventory(load(file)).networks if n.ignored]
    assert ignored == ["monitoring", "apps", "own"]


def test_every_problem_is_told_at_once(file: Path) -> None:
    file.write_text(GOOD.replace("hub.internal:7443", "x").replace('"private"', '"x"'))
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert len(caught.value.problems) == 2


def test_a_wrong_variable_is_named_as_such(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPWATCH_HUB__ADDRESS", "nowhere")
    with pytest.raises(ConfigError, match=r'HOPWATCH_HUB__ADDRESS: hub\.address = "nowhere": must'):
        load(file)


@pytest.mark.parametrize("arguments", [["--check-config"], ["--once"], []])
def test_the_command_ends_with_2_for_a_wrong_configuration(
    file: Path, arguments: list[str]
) -> None:
    file.write_text(GOOD.replace('"private"', '"privat"'))
    result = CliRunner().invoke(main, ["--config", str(file), *arguments])
    assert result.exit_code == 2
    assert 'proxies[0].kind = "privat"' in result.output
    assert "Traceback" not in result.output


def test_the_command_checks_a_configuration_and_tells_its_version(file: Path) -> None:
    missing = CliRunner().invoke(main, ["--config", str(file), "--check-config"])
    token = file.parent / "agent.token"
    assert (missing.exit_code, missing.output) == (2, f"{token}: No such file or directory\n")
    token.write_text("0123456789abcdef")
    token.chmod(0o600)
    tls = next(line for line in GOOD.splitlines() if line.startswith("tls"))
    file.write_text(GOOD.replace(tls, "tls = {}"))
    result = CliRunner().invoke(main, ["--config", str(file), "--check-config"])
    assert (result.exit_code, result.output) == (0, f"{file}: good\n")
    assert "0.1" in CliRunner().invoke(main, ["--version"]).output
    assert "HOPWATCH_CONFIG" in CliRunner().invoke(main, ["--help"]).output


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "there is no such file" in result.output
