"""The configurations that the runner writes; that real Traefik takes them, the e2e tests show."""

import tomllib
from pathlib import Path, PurePosixPath

import pytest

from servers.runner import rendered
from servers.runner.hopwatch_config import agent_toml, hub_toml
from servers.runner.plan import Mode, Ports, plan_server
from servers.runner.traefik_config import Extras, ProxyFiles, private_routes, private_static

REPOSITORY = Path(__file__).parents[2]
FILES = ProxyFiles(PurePosixPath("/logs/private.jsonl"), PurePosixPath("/etc/routes.yml"))


def test_the_checked_in_configurations_are_what_the_runner_writes() -> None:
    assert rendered.stale(REPOSITORY) == []


@pytest.mark.parametrize("mode", list(Mode))
def test_an_agent_learns_its_proxies_networks_and_services(mode: Mode) -> None:
    plan = plan_server(mode, Ports(), 2)
    text = agent_toml(plan, "unix:/run/hub.sock", PurePosixPath("/logs"), PurePosixPath("/state"))
    config = tomllib.loads(text)
    assert config["server"]["id"] == "server-b"
    assert config["server"]["internal_addresses"] == [plan.internal_address]
    assert {proxy["kind"] for proxy in config["proxies"]} == {"private", "public"}
    networks = {network["name"] for network in config["networks"]}
    assert {service["network"] for service in config["services"]} <= networks
    assert [n["name"] for n in config["networks"] if n["shared"]] == ["internal-network"]
    names = {service["name"] for service in config["services"]}
    assert names == {"communicating-service", "non-communicating-service", "reporting-job"}


def test_a_path_with_quotes_and_backslashes_survives_toml() -> None:
    plan = plan_server(Mode.NAMESPACES, Ports(), 1)
    odd = PurePosixPath('/a "b" \\ ü')
    config = tomllib.loads(agent_toml(plan, "unix:/x", odd, odd))
    assert config["state"]["directory"] == str(odd)


def test_the_hub_shows_itself_on_loopback_only() -> None:
    socket, data = PurePosixPath("/run/hub.sock"), PurePosixPath("/data")
    config = tomllib.loads(hub_toml(Mode.NAMESPACES, 8082, socket, data))
    assert config["http"] == {"listen": "127.0.0.1:8082", "auth": "none"}
    assert config["grpc"] == {"listen": ["unix:/run/hub.sock"]}


def test_the_internal_entry_point_trusts_only_the_other_private_proxies() -> None:
    text = private_static(plan_server(Mode.NAMESPACES, Ports(), 1), FILES, Extras())
    internal = text.partition("  internal:\n")[2].partition("  traefik:\n")[0]
    assert "trustedIPs: [10.10.0.0/26]" in internal
    assert text.count("trustedIPs") == 1


def test_the_extras_can_be_left_out() -> None:
    plan = plan_server(Mode.NAMESPACES, Ports(), 1)
    bare = Extras(plugin=False, tracing=False)
    text = private_static(plan, FILES, bare) + private_routes(plan, [], bare)
    assert "plugin" not in text
    assert "hopid@file" not in text
    assert "tracing" not in text


def test_other_servers_cannot_go_through_to_third_ones() -> None:
    plans = [plan_server(Mode.NAMESPACES, Ports(), number) for number in (1, 2, 3)]
    text = private_routes(plans[0], plans[1:], Extras())
    for peer in ("server-b", "server-c"):
        router = text.partition(f"    {peer}:\n")[2]
        assert router.partition("entryPoints: ")[2].startswith("[private]\n")
