"""What the kernel says of connections, and what the hub is told of them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import struct
import subprocess
import sys
from ipaddress import ip_address

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from node_agent import connections
from node_agent.connections import ConnectionBook
from node_agent.defaults import CLOSED_CONNECTION_NS
from node_agent.netfilter import DESTROY, DONE, ERROR, NEW, Ended, Flow, messages

SOURCE, ORIGIN, PEER = "172.18.0.4", "10.10.0.11", "10.10.0.12"
PEERS = frozenset({ip_address(PEER).packed})
FLOW = Flow(SOURCE, ORIGIN, 33_276, PEER, 80)
SECOND = 1_000_000_000
T0 = 1_795_000_000 * SECOND


def attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size % 4)


def direction(source: str, destination: str, ports: tuple[int, int], protocol: int = 6) -> bytes:
    four = ip_address(source).version == 4
    addresses = attribute(1 if four else 3, ip_address(source).packed) + attribute(
        2 if four else 4, ip_address(destination).packed
    )
    protocols = (
        attribute(1, bytes([protocol]))
        + attribute(2, struct.pack(">H", ports[0]))
        + attribute(3, struct.pack(">H", ports[1]))
    )
    return attribute(0x8001, addresses) + attribute(0x8002, protocols)


def event(kind: int = NEW, there: bytes | None = None, back: bytes | None = None) -> bytes:
    """As the kernel writes it for the flow of FACTS: a container, masqueraded."""
    there = there or direction(SOURCE, PEER, (33_276, 80))
    back = back or direction(PEER, ORIGIN, (80, 33_276))
    body = bytes(4) + attribute(0x8001, there) + attribute(0x8002, back) + attribute(12, b"\0" * 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 0x600, 0, 0) + body


def test_a_masqueraded_connection_is_read() -> None:
    assert list(messages(event() + event(DESTROY), PEERS)) == [(True, FLOW), (False, FLOW)]


def test_ipv6_is_read() -> None:
    there = direction("fd00::4", "fd01::12", (5000, 80))
    back = direction("fd01::12", "fd01::11", (80, 6000))
    found = list(messages(event(NEW, there, back), {ip_address("fd01::12").packed}))
    assert found == [(True, Flow("fd00::4", "fd01::11", 6000, "fd01::12", 80))]


NO_FLOWS = {
    "of a process of the host": (None, direction(PEER, SOURCE, (80, 33_276))),
    "to elsewhere": (direction(SOURCE, "10.10.0.13", (1, 80)), None),
    "not TCP": (direction(SOURCE, PEER, (1, 80), protocol=17), None),
    "without ports": (attribute(0x8001, b""), None),
}


@pytest.mark.parametrize("name", NO_FLOWS)
def test_other_connections_are_passed_over(name: str) -> None:
    assert not list(messages(event(NEW, *NO_FLOWS[name]), PEERS))


def test_what_is_cut_off_or_nonsense_is_no_flow() -> None:
    whole = event()
    for end in range(len(whole)):
        assert all(isinstance(one, tuple) for one in messages(whole[:end], PEERS))
    assert not list(messages(b"\0" * 64, PEERS))
    assert not list(messages(struct.pack("=IHHII", 16, NEW, 0, 0, 0), PEERS))


def test_a_refusal_and_the_end_of_a_table_are_told() -> None:
    refused = struct.pack("=IHHIIi", 20, ERROR, 0, 1, 0, -errno.EPERM)
    done = struct.pack("=IHHIIi", 20, DONE, 0, 1, 0, 0)
    assert list(messages(refused + done, PEERS)) == [Ended(errno.EPERM), Ended(0)]


# --- the book


def told(found: list[pb.Connections]) -> list[tuple[int, int, int]]:
    """Port, begin and end in seconds after T0 (0: still there)."""
    return [
        (
            one.translated_port,
            (one.from_ns - T0) // SECOND,
            (one.to_ns - T0) // SECOND if one.to_ns else 0,
        )
        for each in found
        for one in each.connections
    ]


def flow(port: int) -> Flow:
    return Flow(SOURCE, ORIGIN, port, PEER, 80)


@pytest.fixture
def book() -> ConnectionBook:
    made = ConnectionBook()
    assert made.peers([PEER])
    made.all(T0)
    return made


def test_beginning_and_end_are_told_once(book: ConnectionBook) -> None:
    book.opened(flow(1), T0 + SECOND)
    assert told(book.news(T0 + SECOND)) == [(1, 1, 0)]
    assert book.news(T0 + SECOND) == []
    book.closed(flow(1), T0 + 130 * SECOND)
    assert told(book.news(T0 + 130 * SECOND)) == [(1, 1, 130)]


def test_a_new_hub_is_told_everything_ended_ones_of_the_last_minutes_too(
    book: ConnectionBook,
) -> None:
    for port in (1, 2):
        book.opened(flow(port), T0 + port * SECOND)
    book.closed(flow(1), T0 + 11 * SECOND)
    found = book.all(T0 + 12 * SECOND)
    assert found[0].afresh and found[0].as_of_ns == T0 + 12 * SECOND
    assert told(found) == [(1, 1, 11), (2, 2, 0)]
    later_ns = T0 + 12 * SECOND + CLOSED_CONNECTION_NS
    assert told(book.all(later_ns)) == [(2, 2, 0)]


def test_where_events_were_lost_everything_ends_and_the_table_begins_it_anew(
    book: ConnectionBook,
) -> None:
    for port in (1, 2):
        book.opened(flow(port), T0 + port * SECOND)
    book.news(T0 + 2 * SECOND)
    book.lost()
    assert told(book.news(T0 + 5 * SECOND)) == [(1, 1, 2), (2, 2, 2)]
    book.begin_table()
    book.table([flow(2), flow(3)], T0 + 6 * SECOND)
    assert sorted(told(book.news(T0 + 6 * SECOND))) == [(2, 6, 0), (3, 6, 0)]


def test_what_ends_while_the_table_is_read_does_not_begin_anew(book: ConnectionBook) -> None:
    book.begin_table()
    book.opened(flow(2), T0 + 2 * SECOND)
    book.closed(flow(1), T0 + 2 * SECOND)
    book.table([flow(1)], T0 + SECOND)
    assert told(book.news(T0 + 3 * SECOND)) == [(2, 2, 0)]


def test_the_book_is_bounded(book: ConnectionBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 100)
    for port in range(1, 301):
        book.opened(flow(port), T0 + port * SECOND)
    assert len(book.all(T0 + 301 * SECOND)[0].connections) <= 100
    assert told(book.all(T0 + 301 * SECOND))[-1] == (300, 300, 0)


def test_many_are_told_in_messages_of_a_thousand(book: ConnectionBook) -> None:
    for port in range(1, 2502):
        book.opened(flow(port), T0)
    found = book.all(T0 + SECOND)
    assert [len(one.connections) for one in found] == [1000, 1000, 501]
    assert [one.afresh for one in found] == [True, False, False]


# --- the shell


def doctors(*before: str) -> list[str]:
    """What listening says in a process of its own, started by these words."""
    code = (
        "from node_agent.conntrack import ConntrackTrouble, elsewhere, listen, read_table\n"
        "try: listen(); print('table', len(read_table(frozenset())))\n"
        "except ConntrackTrouble as trouble: print(trouble)\n"
        "print(elsewhere(['127.0.0.1', '10.10.0.11']))\n"
        "print(elsewhere(['10.10.0.11']))"
    )
    words = [*before, sys.executable, "-B", "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="it takes root on Linux to be nobody"
)


@needs_root
def test_without_the_right_to_listen_it_says_what_to_do() -> None:
    said = doctors("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
    assert "the agent needs CAP_NET_ADMIN" in said[0]


@needs_root
def test_in_a_network_namespace_of_its_own_it_says_that_it_is_elsewhere() -> None:
    said = doctors("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")
    assert said[0] == "table 0"
    assert said[1] == "None"
    assert "no interface here has 10.10.0.11" in said[2]


@needs_root
@pytest.mark.skipif(shutil.which("iptables") is None, reason="iptables is not installed")
def test_where_the_kernels_buffer_overflows_the_table_tells_what_is_open() -> None:
    """The real kernel's ENOBUFS; what comes after it is told as ever."""
    words = ["unshare", "--net", sys.executable, "-B", "-m", "tests.node_agent.conntrack_overflow"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150, check=False)
    assert not done.returncode, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["before"] == 0 and said["lost"] >= 1
    assert said["open"] == 2 + 600 + 1, "none is lacking, none is told twice"
