"""The book of tenures: right names at every time, whatever the engine does and however little of it
is seen."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from hopwatch.v1 import ingest_pb2 as pb
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from node_agent.defaults import CLOSED_TENURE_NS, MAX_CLOSED_TENURES
from node_agent.docker_book import Book, Kept, Place, Present
from node_agent.docker_model import Container

NET, ADDRESS = "private", "172.20.0.4"


def book(**containers: str) -> Book:
    """With these containers (id=service) known, on one network."""
    made = Book()
    made.place(Place(NET, ("172.20.0.0/16",), ("172.20.0.1",)), 0)
    for id, service in containers.items():
        made.know(Container(id, f"{service}-1", service))
    return made


def spans(made: Book, now_ns: int = 1000) -> list[tuple[str, int, int]]:
    return [
        (one.service, one.valid_from_ns, one.valid_to_ns)
        for one in made.inventory(now_ns).endpoints
    ]


def test_an_address_belongs_to_who_is_connected_and_to_nobody_after() -> None:
    made = book(a="alpha")
    made.connected(NET, "a", [ADDRESS], 10)
    assert spans(made) == [("alpha", 10, 0)]
    made.disconnected(NET, "a", 20)
    assert spans(made) == [("alpha", 10, 20)]


def test_who_comes_ends_what_was_open_there() -> None:
    made = book(a="alpha", b="beta")
    made.connected(NET, "a", [ADDRESS], 10)
    made.connected(NET, "b", [ADDRESS], 30)
    made.disconnected(NET, "a", 31)
    assert spans(made) == [("alpha", 10, 30), ("beta", 30, 0)]


def test_a_restarted_container_takes_its_tenure_up_again() -> None:
    made = book(a="alpha")
    for at_ns in range(10, 500, 10):
        made.connected(NET, "a", [ADDRESS], at_ns)
        made.disconnected(NET, "a", at_ns + 5)
    assert spans(made) == [("alpha", 10, 495)]


def test_a_restarted_container_begins_anew_where_another_had_its_address() -> None:
    made = book(a="alpha", b="beta")
    for id, at_ns in (("a", 10), ("b", 20), ("a", 30)):
        made.connected(NET, id, [ADDRESS], at_ns)
        made.disconnected(NET, id, at_ns + 5)
    assert spans(made) == [("alpha", 10, 15), ("beta", 20, 25), ("alpha", 30, 35)]


def test_what_cannot_be_watched_has_no_name_until_it_is_seen_again() -> None:
    made = book(a="alpha", b="beta")
    made.connected(NET, "a", [ADDRESS], 10)
    made.connected(NET, "b", ["172.20.0.5"], 10)
    made.lost(50)
    assert spans(made) == [("alpha", 10, 50), ("beta", 10, 50)]
    restarted = Present(NET, "b", ("172.20.0.5",), since_ns=70)
    made.seen([Present(NET, "a", (ADDRESS,), since_ns=10), restarted], 90)
    assert sorted(spans(made)) == [("alpha", 10, 0), ("beta", 10, 50), ("beta", 70, 0)]


def test_a_second_loss_does_not_bring_back_who_was_gone_after_the_first() -> None:
    made = book(a="alpha")
    made.connected(NET, "a", [ADDRESS], 10)
    made.lost(50)
    made.seen([], 60)
    made.lost(70)
    made.seen([Present(NET, "a", (ADDRESS,), since_ns=10)], 80)
    assert (("alpha", 10, 50)) in spans(made)
    assert all(begin >= 10 for _, begin, _ in spans(made))


def test_a_container_found_later_has_had_its_address_since_it_was_free() -> None:
    made = book(a="alpha", b="beta")
    made.connected(NET, "a", [ADDRESS], 10)
    made.disconnected(NET, "a", 20)
    assert made.networks_lacking(ADDRESS) == [NET]
    made.found(NET, "b", ADDRESS, since_ns=5)
    assert spans(made) == [("alpha", 10, 20), ("beta", 20, 0)]
    assert made.networks_lacking(ADDRESS) == made.networks_lacking("172.20.0.1") == []
    assert made.networks_lacking("10.9.9.9") == made.networks_lacking("nonsense") == []


def test_a_containers_names_follow_an_inspection_and_a_renaming() -> None:
    made = book()
    made.connected(NET, "0123456789abcdef", [ADDRESS], 10)
    assert spans(made) == [("0123456789ab", 10, 0)]
    made.know(Container("0123456789abcdef", "one", "one", image="img", aliases=("also",)))
    made.know(Container("0123456789abcdef", "two", "two"))
    (told,) = made.inventory(100).endpoints
    assert (told.service, told.container, told.image, [*told.aliases]) == (
        "two",
        "two",
        "img",
        ["also"],
    )


def test_a_container_with_a_proxys_address_is_that_proxy_on_all_networks() -> None:
    made = Book(proxies={"10.10.0.11": "private-server-proxy"})
    made.know(Container("t", "server-a_traefik_1", "traefik"))
    made.connected(NET, "t", ["172.20.0.2"], 10)
    made.connected("internal", "t", ["10.10.0.11"], 10)
    assert {service for service, _, _ in spans(made)} == {"private-server-proxy"}


def test_what_ended_is_told_for_an_hour_and_no_more_than_the_bound() -> None:
    made = book(a="alpha", b="beta")
    made.connected(NET, "a", [ADDRESS], 10)
    made.disconnected(NET, "a", 20)
    assert spans(made, 20 + CLOSED_TENURE_NS) == [("alpha", 10, 20)]
    assert spans(made, 21 + CLOSED_TENURE_NS) == []
    for n in range(MAX_CLOSED_TENURES + 10):
        made.connected(NET, "ab"[n % 2], [ADDRESS], 100 + n)
    assert len(spans(made)) == MAX_CLOSED_TENURES + 1


def test_a_network_made_anew_keeps_its_former_subnet_for_an_hour() -> None:
    made = book()
    made.places_there((), 100)
    assert [*made.inventory(100).networks[0].subnets] == ["172.20.0.0/16"]
    made.place(Place(NET, ("172.21.0.0/16",), ("172.21.0.1",)), 200)
    (told,) = made.inventory(300).networks
    assert [*told.subnets] == ["172.21.0.0/16", "172.20.0.0/16"]
    (told,) = made.inventory(101 + CLOSED_TENURE_NS).networks
    assert [*told.subnets] == ["172.21.0.0/16"]


def test_a_gateway_comes_from_a_container_where_the_network_tells_none() -> None:
    made = book()
    made.place(Place("bare", ("172.22.0.0/16",), ()), 0)
    made.gateway("bare", "172.22.0.1")
    made.gateway(NET, "9.9.9.9")
    gateways = {net.name: [*net.gateways] for net in made.inventory(1).networks}
    assert gateways == {NET: ["172.20.0.1"], "bare": ["172.22.0.1"]}


def test_a_restarted_agent_goes_on_where_it_was() -> None:
    made = book(a="alpha")
    made.connected(NET, "a", [ADDRESS], 10)
    again = Book(msgspec.json.decode(msgspec.json.encode(made.kept()), type=Kept))
    again.lost(50)
    again.seen([Present(NET, "a", (ADDRESS,), since_ns=10)], 60)
    assert spans(again) == [("alpha", 10, 0)]


class Engine(RuleBasedStateMachine):
    """An engine that moves three containers over two addresses; the agent sees it, or does not."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 10
        self.book = book(a="a", b="b", c="c")
        self.owner: dict[str, tuple[str, int]] = {}
        self.truth: list[tuple[str, str, int, int]] = []
        """Address, container, from, to."""
        self.blind: list[tuple[int, int]] = []
        self.sees = True

    def _pass(self) -> int:
        self.now += 10
        return self.now

    @rule(id=st.sampled_from("abc"), address=st.sampled_from(["172.20.0.4", "172.20.0.5"]))
    def connect(self, id: str, address: str) -> None:
        if address in self.owner or id in {owner for owner, _ in self.owner.values()}:
            return
        self.owner[address] = (id, self._pass())
        if self.sees:
            self.book.connected(NET, id, [address], self.now)

    @rule(address=st.sampled_from(["172.20.0.4", "172.20.0.5"]))
    def disconnect(self, address: str) -> None:
        if address in self.owner:
            id, since = self.owner.pop(address)
            self.truth.append((address, id, since, self._pass()))
            if self.sees:
                self.book.disconnected(NET, id, self.now)

    @precondition(lambda self: self.sees)
    @rule()
    def lose_sight(self) -> None:
        self.sees = False
        self.blind.append((self._pass(), 0))
        self.book.lost(self.now)

    @precondition(lambda self: not self.sees)
    @rule(again=st.booleans())
    def see_again(self, again: bool) -> None:
        if again:  # The agent itself was restarted.
            self.book = Book(msgspec.json.decode(msgspec.json.encode(self.book.kept()), type=Kept))
            for id in "abc":
                self.book.know(Container(id, f"{id}-1", id))
            self.book.lost(self.now)
        self.sees = True
        self.blind[-1] = (self.blind[-1][0], self._pass())
        present = [
            Present(NET, id, (address,), since) for address, (id, since) in self.owner.items()
        ]
        self.book.seen(present, self.now)

    def moments(self) -> Iterator[tuple[str, int, str | None]]:
        """Address, time, who has it then."""
        still = [(address, id, since, 0) for address, (id, since) in self.owner.items()]
        for address in ("172.20.0.4", "172.20.0.5"):
            for at in range(15, self.now + 10, 10):
                owner = None
                for where, id, since, until in (*self.truth, *still):
                    if where == address and since <= at and (not until or at < until):
                        owner = id
                yield address, at, owner

    @invariant()
    def a_name_is_never_wrong_and_is_there_where_it_was_seen(self) -> None:
        told = self.book.inventory(self.now).endpoints
        for address, at, owner in self.moments():
            names = {
                one.service
                for one in told
                if one.address == address
                and one.valid_from_ns <= at
                and (not one.valid_to_ns or at < one.valid_to_ns)
            }
            # A restarted container's gap belongs to nobody; its own name there harms nobody.
            assert owner is None or names <= {owner}, (address, at, owner, told)
            blind = any(begin <= at and (not end or at < end) for begin, end in self.blind)
            if owner is not None and not blind:
                assert names == {owner}, (address, at, owner, told)


Engine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestEngine = Engine.TestCase


def test_the_endpoints_are_dockers_word() -> None:
    made = book(a="alpha")
    made.connected(NET, "a", [ADDRESS], 10)
    assert made.inventory(20).endpoints[0].source == pb.SOURCE_DOCKER
