"""Callers behind a server's masquerade, named by its connection tracking: who, and when nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.agents import announcements
from hub.columns.wire import RemoteError
from hub.defaults import MAX_CONNECTIONS, MAX_UNNAMED
from hub.identity.addresses import parse_address
from hub.journal.journal import Journal
from hub.model import BatchCommitted, ConnectionsSeen, HelloSeen, InventorySeen
from hub.settle.conntrack import Connection, Told

from .world import INTERNAL, MS, SECOND, SERVICES, T0, World, endpoint, from_other, inventory

CALLER, OTHER = "172.20.0.4", "172.20.0.6"
PORT = 33_276


@pytest.fixture
def world() -> Any:
    made = World("server-a", "server-b")
    yield made
    made.check()


def connection(**fields: Any) -> pb.Connection:
    """Of server-a's caller to server-b's private proxy, opened 1 ms after T0."""
    return pb.Connection(
        **{
            "source": CALLER,
            "translated": INTERNAL["server-a"],
            "translated_port": PORT,
            "destination": INTERNAL["server-b"],
            "destination_port": 80,
            "from_ns": T0 + MS,
            **fields,
        }
    )


def tell(world: World, *told: pb.Connection, **fields: Any) -> None:
    said = pb.Connections(connections=told, **{"as_of_ns": T0 + SECOND, **fields})
    announcements.check_connections(said)
    world.say(ConnectionsSeen("server-a", said))


def call_directly(world: World, at_ms: float = 2.0, **fields: Any) -> None:
    """A request of server-a at server-b that only server-b logged, settled."""
    world.lines("server-b", from_other("server-a", at_ms, **{"client_port": PORT, **fields}))
    world.marks(at_ms + 2_000)
    world.tick()


def names(world: World) -> list[tuple[str, str | None]]:
    assert {call.origin for call in world.calls()} == {"cross_server_direct"}
    return [(call.join.by, call.from_.name) for call in world.calls()]


def test_the_container_that_opened_the_connection_is_the_caller(world: World) -> None:
    tell(world, connection())
    call_directly(world)
    call = world.only()
    assert (call.origin, call.join.by, call.join.missing) == (
        "cross_server_direct",
        "conntrack",
        None,
    )
    assert (call.from_.server, call.from_.name) == ("server-a", "communicating")
    assert call.hops[0].why.endswith("; its connection tracking names the caller")
    assert world.calls(join="conntrack") == [call]


def test_without_a_connection_the_caller_is_the_server(world: World) -> None:
    tell(world, connection(translated_port=PORT + 1))
    call_directly(world)
    call = world.only()
    assert (call.join.by, call.from_.kind, call.from_.name) == ("none", "server", "server-a")


def test_what_is_told_late_names_the_settled_call(world: World) -> None:
    call_directly(world)
    before = world.only()
    tell(world, connection())
    after = world.only()
    assert before.from_.kind == "server"
    assert (after.id, after.revision) == (before.id, before.revision + 1)
    assert (after.join.by, after.from_.name) == ("conntrack", "communicating")


def test_a_container_that_the_inventory_tells_late_gets_its_name_late(world: World) -> None:
    tell(world, connection(source=OTHER))
    call_directly(world)
    assert names(world) == [("conntrack", None)]
    assert world.only().from_.node == f"server-a/{OTHER}"
    known = [*(endpoint(*one) for one in SERVICES.items()), endpoint("late", OTHER)]
    world.say(inventory("server-a", known))
    assert names(world) == [("conntrack", "late")]


def test_a_request_on_a_kept_connection_is_named_long_after_its_opening(world: World) -> None:
    tell(world, connection())
    call_directly(world, at_ms=120_000)
    assert names(world) == [("conntrack", "communicating")]


def test_a_port_used_again_is_the_container_s_that_has_it_then(world: World) -> None:
    tell(
        world,
        connection(to_ns=T0 + 10 * SECOND),
        connection(source=SERVICES["leaf"], from_ns=T0 + 20 * SECOND),
    )
    for at_ms in (5_000, 25_000):
        call_directly(world, at_ms)
    assert names(world) == [("conntrack", "communicating"), ("conntrack", "leaf")]


@pytest.mark.parametrize("at_ms", [8_500, 10_500, 11_500])
def test_where_two_owners_of_a_port_may_be_meant_nobody_is_named(
    world: World, at_ms: float
) -> None:
    tell(
        world,
        connection(to_ns=T0 + 10 * SECOND),
        connection(source=SERVICES["leaf"], from_ns=T0 + 10_400 * MS),
    )
    call_directly(world, at_ms)
    assert names(world) == [("none", "server-a")]


def test_an_address_that_just_changed_hands_names_nobody(world: World) -> None:
    hands_over_ns = T0 + 500 * MS
    world.say(
        inventory(
            "server-a",
            [
                endpoint("first", CALLER, valid_from_ns=T0, valid_to_ns=hands_over_ns),
                endpoint("second", CALLER, valid_from_ns=hands_over_ns),
            ],
        )
    )
    tell(world, connection())
    for at_ms in (100, 480, 520, 900):
        call_directly(world, at_ms)
    assert [name for _, name in names(world)] == ["first", "server-a", "server-a", "second"]


def test_the_callers_clock_counts(world: World) -> None:
    """Server-a is 5 s ahead: what it dates T0 + 5 s happens at the hub's T0."""
    world.skew("server-a", 5_000)
    ahead = 5 * SECOND
    tell(
        world,
        connection(from_ns=T0 + MS, to_ns=T0 + ahead - 3 * SECOND),
        connection(source=SERVICES["leaf"], from_ns=T0 + ahead),
    )
    world.lines("server-b", from_other("server-a", 2.0, client_port=PORT))
    world.marks(10_000)
    world.tick()
    assert names(world) == [("conntrack", "leaf")]


def test_an_event_read_late_still_names_the_first_request(world: World) -> None:
    tell(world, connection(from_ns=T0 + SECOND))
    call_directly(world)
    assert names(world) == [("conntrack", "communicating")]


def test_two_proxies_are_told_apart_by_where_a_connection_goes(world: World) -> None:
    tell(
        world,
        connection(source=SERVICES["leaf"], destination_port=8080),  # server-b's public one
        connection(),
    )
    call_directly(world)
    assert names(world) == [("conntrack", "communicating")]


def test_a_silent_agent_s_connections_name_only_what_was_before(world: World) -> None:
    tell(world, connection())
    world.gone("server-a")
    world.lines("server-b", from_other("server-a", 60_000, client_port=PORT))
    world.settle()
    assert world.only().join.by == "none"


def test_an_agent_that_tells_afresh_ends_what_it_does_not_repeat(world: World) -> None:
    tell(world, connection(), connection(translated_port=PORT + 1))
    tell(world, connection(from_ns=T0 + 30 * SECOND), afresh=True, as_of_ns=T0 + 30 * SECOND)
    for port in (PORT, PORT + 1):
        call_directly(world, 20_000, client_port=port)
    assert sorted(call.join.by for call in world.calls()) == ["conntrack", "none"]


def test_names_stay_where_the_same_lines_are_resolved_again(world: World) -> None:
    tell(world, connection())
    call_directly(world)
    before = world.only()
    world.join("server-c")
    world.settle()
    assert world.only().from_ == before.from_
    assert world.only().join.by == "conntrack"


async def test_a_journal_that_is_read_again_names_the_same_callers(
    world: World, tmp_path: Path
) -> None:
    call_directly(world, at_ms=1.0, client_port=PORT + 1)
    tell(world, connection(), connection(source=SERVICES["leaf"], translated_port=PORT + 1))
    call_directly(world)
    world.settle()
    journal = Journal.open(tmp_path, reserve_mib=0)
    for event in world.journal:
        match event:
            case HelloSeen():
                await journal.append_hello(event)
            case InventorySeen():
                await journal.append_inventory(event)
            case ConnectionsSeen():
                await journal.append_connections(event)
            case BatchCommitted():
                pass
    kept = [one for one in journal.replay() if isinstance(one, ConnectionsSeen)]
    await journal.close()
    assert kept == [one for one in world.journal if isinstance(one, ConnectionsSeen)]
    again = World()
    again.say(*world.journal)
    again.settle()
    assert {call.join.by for call in again.calls()} == {"none"}  # No clock is measured yet.
    for server in ("server-a", "server-b"):
        again.skew(server, 0)
    named = [(call.join.by, call.from_.name) for call in again.calls()]
    assert named == names(world) == [("conntrack", "leaf"), ("conntrack", "communicating")]
    assert [call.id for call in again.calls()] == [call.id for call in world.calls()]


def test_connections_are_bounded_and_the_oldest_go_first() -> None:
    told = Told()
    source = parse_address(CALLER)
    assert source is not None
    for number in range(MAX_CONNECTIONS + 10):
        end = source, number % 60_000 + 1
        told.put(Connection(source, end, (source, number), number + 1, number + 2))
    assert len(told.known) == MAX_CONNECTIONS
    assert min(one.from_ns for one in told.known.values()) == 11
    assert sum(map(len, told.by_end.values())) == MAX_CONNECTIONS


def test_halves_that_wait_for_a_name_are_bounded_and_forgotten(world: World) -> None:
    tell(world, connection(translated_port=1))
    server = world.pipeline.federation.server("server-a").number
    for first in range(0, 2 * MAX_UNNAMED + 10_000, 10_000):
        rows = [
            from_other("server-a", first + i / 100, client_port=PORT, path=f"/{first}/{i}")
            for i in range(1000)
        ]
        world.lines("server-b", *rows)
        world.marks(first + 3_000)
        world.tick()
    waiting = world.pipeline.settling.conntrack.unnamed(server)
    assert 0 < len(waiting) <= 2 * MAX_UNNAMED + 2_000
    world.tick(61_000)
    world.tick(61_000)
    assert not len(world.pipeline.settling.conntrack.unnamed(server))


BAD = {
    "source": {"source": "somebody"},
    "destination": {"destination": ""},
    "translated_port": {"translated_port": 70_000},
    "from_ns": {"from_ns": 0},
    "to_ns": {"to_ns": -1},
}


@pytest.mark.parametrize("field", BAD)
def test_what_cannot_be_is_the_agent_s_fault(field: str) -> None:
    said = pb.Connections(connections=[connection(**BAD[field])])
    with pytest.raises(RemoteError, match=field):
        announcements.check_connections(said)


def test_too_many_at_once_are_refused() -> None:
    said = pb.Connections(connections=[connection()] * 1001)
    with pytest.raises(RemoteError, match="connections: 1001; at most 1000"):
        announcements.check_connections(said)
