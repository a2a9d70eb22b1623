"""Whose turn it is: live lines before a backlog, and a backlog's logs in step by event time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.checkpoint import Checkpoint
from node_agent.relay import Relay
from node_agent.session import Session
from node_agent.tail import Tail
from tests.node_agent.build import START_NS, line, stamp
from tests.node_agent.decode import observations

SECOND = 1_000_000_000
Key = tuple[str, bytes]
"""A log as the hub knows it: proxy and fingerprint."""


@dataclass
class Came:
    """A batch as the hub gets it."""

    log: Key
    numbers: list[int]
    begins_ns: int
    """Completion of its first line and of its last."""
    ends_ns: int


class Server:
    """Two logs, an agent's relay, and a hub that acknowledges when the test says so."""

    def __init__(self, directory: Path, **pace: int) -> None:
        self.directory = directory
        self.pace = pb.Settings(max_batch_rows=10, max_unacknowledged_bytes=1 << 20, **pace)
        self.now_s = 1000.0
        self.journal: dict[Key, pb.Resume] = {}
        self.waiting: list[tuple[Key, pb.Batch]] = []
        self.came: list[Came] = []
        self.memory: Checkpoint | None = None
        self.start()

    def start(self) -> None:
        """The agent starts, anew where it ran already."""
        if self.memory is not None:
            self.memory.save()
            self.memory.close()
        self.memory = Checkpoint(self.directory / "state")
        tails = [Tail(name, self.path(name), self.memory) for name in ("private", "public")]
        self.relay = Relay(tails, Session(pb.Hello(server="server-a")), self.memory)

    def path(self, proxy: str) -> Path:
        return self.directory / f"{proxy}.log"

    def write(self, proxy: str, first: int, last: int, every_s: float = 0.01) -> None:
        """Lines with the numbers of [first, last), each so long after the other."""
        with self.path(proxy).open("ab") as out:
            for number in range(first, last):
                start = stamp(START_NS + int(number * every_s * SECOND))
                out.write(line(number, StartUTC=start, StartLocal=start))

    def look(self) -> None:
        self.now_s += 0.1
        self.relay.look(self.now_s, START_NS)

    def rotate(self, proxy: str, name: str) -> None:
        self.path(proxy).rename(self.path(proxy).with_suffix(f".log.{name}"))
        self.look()

    def connect(self) -> None:
        """The hub is there, with what it has journalled."""
        self.waiting.clear()
        self.look()
        self.relay.connected(self.now_s)
        (hello,) = (message.hello for message in self.relay.outbox)
        self.relay.outbox.clear()
        self.names = {log.number: (log.proxy, log.fingerprint) for log in hello.logs}
        resumes = []
        for number, key in self.names.items():
            seen = self.journal.setdefault(key, pb.Resume())
            resumes.append(pb.Resume(number=number, offset=seen.offset, lines=seen.lines))
        self.hear(pb.HubMessage(welcome=pb.Welcome(settings=self.pace, resumes=resumes)))

    def hear(self, message: pb.HubMessage) -> None:
        self.relay.heard(message, self.now_s, START_NS)

    def turn(self, *, acknowledge: bool = True) -> list[Came]:
        """One turn of the agent: what came of it, in order."""
        self.look()
        self.relay.ship(self.now_s, START_NS)
        came = []
        for message in self.relay.outbox:
            if message.WhichOneof("message") == "batch":
                came.append(self._take(message.batch))
            elif message.WhichOneof("message") == "log_sighting":
                raise AssertionError("every log was there before")
        self.relay.outbox.clear()
        self.came += came
        if acknowledge:
            self.acknowledge()
        return came

    def _take(self, batch: pb.Batch) -> Came:
        key = self.names[batch.log]
        rows = observations(batch)
        self.waiting.append((key, batch))
        ends = [row["start_ns"] + row["duration_ns"] for row in (rows[0], rows[-1])]
        return Came(key, [row["request_count"] - 1 for row in rows], *ends)

    def acknowledge(self) -> None:
        """Journal what waits, and say so."""
        ack = pb.Ack()
        for key, batch in self.waiting:
            seen = self.journal[key]
            assert batch.first_offset == seen.offset
            seen.offset, seen.lines = batch.end_offset, seen.lines + len(observations(batch))
            ack.logs.add(number=batch.log, offset=seen.offset, lines=seen.lines)
        self.waiting.clear()
        self.hear(pb.HubMessage(ack=ack))

    def all(self, proxy: str) -> list[int]:
        return [number for each in self.came if each.log[0] == proxy for number in each.numbers]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.mark.parametrize("restarted", [False, True], ids=["it went on", "it was restarted"])
def test_after_an_outage_live_lines_go_before_a_long_backlog_of_rotated_files(
    server: Server, restarted: bool
) -> None:
    server.write("private", 0, 5)
    server.connect()
    server.turn()
    server.relay.disconnected()
    for round_ in range(4):
        server.write("private", 1000 * round_ + 5, 1000 * round_ + 205)
        server.rotate("private", str(4 - round_))
    server.write("private", 9000, 9003)
    if restarted:
        server.start()
    server.connect()
    assert server.turn()[0].numbers == [9000, 9001, 9002]
    server.turn()  # The live log's end is known from here on.
    for number in range(9003, 9012):
        server.write("private", number, number + 1)
        first, *backlog = server.turn()
        assert first.numbers == [number]
        assert backlog
        assert all(each.numbers[0] < 9000 for each in backlog)
    while server.turn():
        pass
    written = [*range(5), *(1000 * r + n for r in range(4) for n in range(5, 205))]
    assert sorted(server.all("private")) == [*written, *range(9000, 9012)]


def test_live_lines_find_room_while_a_backlog_has_used_up_its_share(server: Server) -> None:
    server.write("private", 0, 1)
    server.connect()
    server.turn()
    server.relay.disconnected()
    server.write("private", 1, 2000)
    server.rotate("private", "1")
    server.write("private", 9000, 9001)
    server.pace.max_unacknowledged_bytes = 20_000
    server.connect()
    server.turn()
    while server.turn(acknowledge=False):
        pass
    for number in range(9001, 9006):
        server.write("private", number, number + 1)
        assert [each.numbers for each in server.turn(acknowledge=False)] == [[number]]
    server.acknowledge()
    while server.turn():
        pass
    assert sorted(server.all("private")) == [*range(2000), *range(9000, 9006)]


def in_step(came: list[Came]) -> int:
    """How often a log waited its turn; each batch began within 30 s of the slowest log's reach.

    Only while both have more to come.
    """
    reached: dict[Key, int] = {}
    last = {each.log: number for number, each in enumerate(came)}
    changes = 0
    for number, each in enumerate(came):
        behind = [ns for log, ns in reached.items() if last[log] >= number]
        if len(behind) == 2:
            # A line of the sparse log later than what was allowed is the next one of it.
            assert each.begins_ns <= min(behind) + 33 * SECOND
        changes += number > 0 and came[number - 1].log != each.log
        reached[each.log] = each.ends_ns
    return changes


def test_logs_that_catch_up_stay_within_30_s_of_the_slowest_by_event_time(server: Server) -> None:
    server.write("private", 0, 4000, every_s=0.15)
    server.write("public", 0, 200, every_s=3)
    server.connect()
    while server.turn():
        pass
    assert server.all("private") == [*range(4000)]
    assert server.all("public") == [*range(200)]
    assert in_step(server.came) >= 30


def test_a_hub_that_forgot_gets_all_again_in_step(server: Server) -> None:
    """Not one log to its end and then the other, which had been further before."""
    server.write("private", 0, 4700, every_s=0.15)
    server.write("public", 0, 200, every_s=3)
    server.connect()
    while server.turn():
        pass
    server.relay.disconnected()
    server.came.clear()
    server.journal.clear()
    server.connect()
    while server.turn():
        pass
    assert server.all("private") == [*range(4700)]
    assert server.all("public") == [*range(200)]
    assert in_step(server.came) >= 30
