"""The plan of addresses: a pure function, and collision-free wherever machines meet."""

import ipaddress
from collections.abc import Iterator

import pytest

from servers.runner import defaults
from servers.runner.plan import (
    Mode,
    Network,
    Ports,
    ServerPlan,
    plan_outsiders,
    plan_server,
    server_id,
    server_number,
)

MODES = list(Mode)
ALL = range(1, defaults.MAX_SERVERS + 1)


def plans(mode: Mode) -> list[ServerPlan]:
    return [plan_server(mode, Ports(), number) for number in ALL]


def addresses(plan: ServerPlan) -> Iterator[tuple[Network, str]]:
    for network in plan.networks:
        if network.gateway is not None:
            yield network, network.gateway
    for machine in plan.machines:
        for attachment in machine.attachments:
            yield attachment.network, attachment.address


@pytest.mark.parametrize("mode", MODES)
def test_a_plan_depends_on_its_arguments_only(mode: Mode) -> None:
    assert plans(mode) == plans(mode)


@pytest.mark.parametrize("mode", MODES)
def test_no_address_is_used_twice_where_machines_meet(mode: Mode) -> None:
    outsiders = plan_outsiders(mode)
    met = [*outsiders.on_internet, outsiders.intruder]
    for plan in plans(mode):
        own = [address for network, address in addresses(plan) if not network.shared]
        shared = [address for network, address in addresses(plan) if network.shared]
        assert len(own) == len(set(own))
        met += shared + (own if mode is Mode.LOOPBACK else [])
    assert len(met) == len(set(met))


def test_container_networks_of_two_servers_overlap_as_they_do_in_real_life() -> None:
    first, second = plans(Mode.NAMESPACES)[:2]
    assert first.private_entry == second.private_entry
    assert first.internal_entry != second.internal_entry


@pytest.mark.parametrize("mode", MODES)
def test_every_address_lies_in_its_network(mode: Mode) -> None:
    for plan in plans(mode):
        for network, address in addresses(plan):
            assert ipaddress.ip_address(address) in ipaddress.ip_network(network.subnet)


@pytest.mark.parametrize("mode", MODES)
def test_only_private_proxies_lie_in_the_trusted_range(mode: Mode) -> None:
    outsiders = plan_outsiders(mode)
    trusted = ipaddress.ip_network(outsiders.trusted)
    assert ipaddress.ip_address(outsiders.intruder) not in trusted
    for plan in plans(mode):
        inside = [a for _, a in addresses(plan) if ipaddress.ip_address(a) in trusted]
        assert inside == [plan.internal_address]


@pytest.mark.parametrize("number", [1, 2, 26, 27, 52, 53, 702, 703])
def test_a_server_name_and_its_number_name_each_other(number: int) -> None:
    assert server_number(server_id(number)) == number


@pytest.mark.parametrize("name", ["server-", "server", "server-A", "server-1", "box-a", "server-é"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a server's name"):
        server_number(name)


@pytest.mark.parametrize("number", [0, defaults.MAX_SERVERS + 1])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"1 to {defaults.MAX_SERVERS}"):
        plan_server(Mode.NAMESPACES, Ports(), number)
