"""Random days of a log: whatever turns and whoever crashes, each line is journalled once, in order.

The invariant: per log, the journalled lines are the written ones. At any time they are a beginning
of them; when all has come to rest, all of them. Excluded is what no reader can see: lines written
between a copy and a truncation, or after a deletion that nobody saw. More of them by
`HOPWATCH_MODEL_EXAMPLES=2000`.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

from hopwatch.v1 import ingest_pb2 as pb
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from node_agent.checkpoint import Checkpoint
from node_agent.relay import Relay
from node_agent.session import Session
from node_agent.tail import Tail
from tests.node_agent.world import ModelHub, World

SLACK_S = 20.0
"""A renamed file gets its `USR1` sooner than the watch on it ends."""


class Days(RuleBasedStateMachine):
    """Actions of Traefik, logrotate, the agent, the hub and the wire between them."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="hopwatch-model-"))
        (self.directory / "logs").mkdir()
        self.world = World(self.directory / "logs")
        self.hub = ModelHub()
        self.now_s = 1000.0
        self.away_s = 0.0
        """Time since the path was taken from under Traefik."""
        self.relay: Relay | None = None

    # The agent.

    def start(self) -> None:
        self.memory = Checkpoint(self.directory / "state")
        self.tail = Tail("private", self.world.path, self.memory)
        self.session = Session(pb.Hello(server="server-a"))
        self.relay = Relay([self.tail], self.session, self.memory)

    @initialize()
    def first_contact(self) -> None:
        self.start()
        self.look()

    @precondition(lambda self: self.relay is None)
    @rule()
    def agent_starts(self) -> None:
        self.start()

    @precondition(lambda self: self.relay is not None)
    @rule(save=st.booleans())
    def agent_crashes(self, save: bool) -> None:
        if save:
            self.memory.save()
        self.memory.close()
        self.tail.close()
        self.relay = None
        self.hub.cut(journal_first=False)

    @precondition(lambda self: self.relay is not None)
    @rule()
    def look(self) -> None:
        assert self.relay is not None
        events = self.relay.look(self.now_s, int(self.now_s * 1e9))
        if self.relay.to_be_saved(events):
            self.memory.save()

    @precondition(lambda self: self.relay is not None)
    @rule()
    def ships(self) -> None:
        self.ship()

    def ship(self) -> bool:
        assert self.relay is not None
        more = self.relay.ship(self.now_s, int(self.now_s * 1e9))
        self.relay.tick(self.now_s, int(self.now_s * 1e9))
        self.send()
        return more

    def send(self) -> None:
        assert self.relay is not None
        if self.hub.up:
            self.hub.heard.extend(self.relay.outbox)
        self.relay.outbox.clear()

    # The wire and the hub.

    @precondition(lambda self: self.relay is not None and not self.hub.up)
    @rule()
    def connect(self) -> None:
        assert self.relay is not None
        self.relay.disconnected()
        self.hub.connect()
        self.look()
        self.relay.connected(self.now_s)
        self.send()

    @precondition(lambda self: self.hub.up)
    @rule(journal_first=st.booleans())
    def hub_crashes(self, journal_first: bool) -> None:
        """The agent need not have noticed: it goes on until it connects anew."""
        self.hub.cut(journal_first)

    @precondition(lambda self: self.hub.up and self.hub.heard)
    @rule(most=st.integers(1, 6))
    def hub_journals(self, most: int) -> None:
        self.hub.process(most)

    @precondition(lambda self: self.relay is not None and self.hub.said)
    @rule(most=st.integers(1, 6), disorder=st.integers(0, 3))
    def agent_hears(self, most: int, disorder: int) -> None:
        """Acknowledgements may come late, twice, or in another order."""
        assert self.relay is not None
        batch = [self.hub.said.popleft() for _ in range(min(most, len(self.hub.said)))]
        if disorder and all(each.HasField("ack") for each in batch):
            batch += batch[:disorder]
            random.Random(disorder).shuffle(batch)
        for message in batch:
            self.relay.heard(message, self.now_s, int(self.now_s * 1e9))
        self.send()

    # Traefik and logrotate.

    @precondition(lambda self: self.world.out is not None)
    @rule(count=st.integers(1, 8), half=st.booleans())
    def traefik_writes(self, count: int, half: bool) -> None:
        self.world.write(count, half)

    @precondition(lambda self: not self.world.path.exists() or not self.holds_lines())
    @rule()
    def traefik_opens(self) -> None:
        self.world.open()
        self.away_s = 0.0

    @precondition(lambda self: self.world.on_path and self.holds_lines())
    @rule(usr1=st.booleans())
    def renamed(self, usr1: bool) -> None:
        self.world.rename()
        if usr1:
            self.world.open()

    @precondition(lambda self: self.world.on_path and self.holds_lines())
    @rule()
    def copied_and_truncated(self) -> None:
        self.world.copytruncate()

    @precondition(lambda self: self.world.on_path and self.holds_lines())
    @rule()
    def symlink_swapped(self) -> None:
        self.world.swap_symlink()

    @precondition(lambda self: self.world.on_path and self.relay is not None)
    @rule()
    def deleted_and_made_again(self) -> None:
        """Nobody can read what is deleted before it was read."""
        self.world.finish_half()
        self.settle()
        self.world.unlink()
        self.world.open()

    @precondition(lambda self: self.world.rotated())
    @rule(half_way=st.booleans(), data=st.data())
    def compressed(self, half_way: bool, data: st.DataObject) -> None:
        file = data.draw(st.sampled_from(self.world.rotated()))
        self.world.compress(file, half_way=half_way)

    @precondition(lambda self: self.world.rotated() and self.world.on_path)
    @rule(share=st.floats(0.3, 1), data=st.data())
    def older_content_restored(self, share: float, data: st.DataObject) -> None:
        self.world.restore(data.draw(st.sampled_from(self.world.rotated())), share)

    @precondition(lambda self: self.world.out is None and self.holds_lines())
    @rule()
    def restored_content_rotated_away(self) -> None:
        self.world.rename()
        self.world.open()

    @rule(later_s=st.sampled_from([0.1, 1.0, 6.0, 31.0, 65.0]))
    def time_passes(self, later_s: float) -> None:
        on_path = self.world.on_path or self.world.out is None
        if not on_path and self.away_s + later_s > SLACK_S:
            return
        self.now_s += later_s
        self.away_s = 0.0 if on_path else self.away_s + later_s

    def holds_lines(self) -> bool:
        return self.world.path.exists() and self.world.path.stat().st_size > 0

    # What must hold.

    @invariant()
    def what_is_journalled_was_written(self) -> None:
        stored = [log.numbers for log in self.hub.journal.values() if log.numbers]
        for numbers in stored:
            assert numbers == self.world.lines[numbers[0]][: len(numbers)]
        assert len({numbers[0] for numbers in stored}) == len(stored)

    def settle(self) -> None:
        """Everybody is there and nothing happens any more."""
        if self.relay is None:
            self.start()
        for later_s in (0.0, 0.1, 1.0, 5.0, 30.0):
            self.now_s += later_s
            self.look()
            if not self.hub.up:
                self.connect()
            quiet = 0
            for _ in range(10 * self.world.number + 50):
                if quiet == 3:
                    break
                more = self.ship()
                self.look()
                quiet = 0 if more or self.hub.heard or self.hub.said else quiet + 1
                self.hub.process(len(self.hub.heard))
                while self.hub.said:
                    self.agent_hears(most=100, disorder=0)
            assert quiet == 3, "it does not come to rest"
        stored = {log.numbers[0]: log.numbers for log in self.hub.journal.values() if log.numbers}
        assert stored == self.world.lines

    def teardown(self) -> None:
        try:
            if self.relay is not None or self.world.lines:
                self.world.finish_half()
                if self.hub.up:
                    self.hub.cut(journal_first=False)
                self.settle()
        finally:
            if self.relay is not None:
                self.tail.close()
                self.memory.close()
            if self.world.out is not None:
                self.world.half = b""
                self.world.stop()
            shutil.rmtree(self.directory)


def test_whatever_happens_each_line_is_journalled_once_and_in_order() -> None:
    run_state_machine_as_test(
        Days,
        settings=settings(
            max_examples=int(os.environ.get("HOPWATCH_MODEL_EXAMPLES", "60")),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )
