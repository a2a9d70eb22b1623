"""What the traffic plays."""

from servers.runner import defaults
from servers.runner.acts import special_acts, visit
from servers.runner.pages import PAGES
from servers.runner.plan import Mode, Ports, ServerPlan, plan_server

ORIGINS = {
    "same_server",
    "cross_server",
    "cross_server_direct",
    "public",
    "hairpin",
    "outside",
    "undecided",
}


INTRUDER = "10.10.0.99"


def servers(count: int) -> list[ServerPlan]:
    return [plan_server(Mode.NAMESPACES, Ports(), number) for number in range(1, count + 1)]


def test_one_round_plays_every_origin_and_takes_less_than_five_seconds() -> None:
    assert {act.expect for act in special_acts(servers(2), 0, INTRUDER)} == ORIGINS
    assert defaults.SPECIAL_PERIOD_S < 5


def test_every_server_calls_another_one_and_is_called() -> None:
    for count in (2, 3, 5):
        plans = servers(count)
        acts = [act for act in special_acts(plans, 0, INTRUDER) if act.kind == "direct"]
        assert {act.place.machine.partition("/")[0] for act in acts} == {p.id for p in plans}
        assert {act.proxy.partition("/")[0] for act in acts} == {p.id for p in plans}


def test_a_server_alone_has_nobody_to_call() -> None:
    kinds = {act.kind for act in special_acts(servers(1), 0, INTRUDER)}
    assert kinds == {"job_own_proxy", "host_process", "scanner", "intruder"}


def test_an_intruder_on_loopback_is_expected_to_be_undecided() -> None:
    acts = special_acts(servers(1), turn=0, intruder="127.10.0.99")
    assert {act.expect for act in acts if act.kind == "intruder"} == {"undecided"}


def test_no_server_means_no_acts() -> None:
    assert list(special_acts([], 0, INTRUDER)) == []


def test_visitors_come_from_several_addresses_to_the_public_proxy() -> None:
    (server,) = servers(1)
    visits = [visit(server, PAGES[0], visitor) for visitor in range(8)]
    assert len({act.place.address for act in visits}) == 4
    assert {act.proxy for act in visits} == {"server-a/public-server-proxy"}
