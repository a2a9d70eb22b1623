"""Steps of the core: hardly anything waits on an idle hub, little under load; all keeps order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.defaults import YIELD_MS
from hub.journal import steps
from hub.journal.steps import Steps, rows_of, steps_of
from hub.model import AgentGone, BatchCommitted, Event, LogSeen

from .world import World, log_key, row

INTERVAL_S, YIELD_S = 0.05, YIELD_MS / 1e3


def events(count: int, first: int = 0) -> list[Event]:
    return [AgentGone("server-a", f"{number}") for number in range(first, first + count)]


ONE = World("server-a").batch("server-a", row())


def batch(rows: int) -> BatchCommitted:
    return replace(ONE, observations=replace(ONE.observations, rows=rows))


class Clock:
    """An event loop's time and timers, in the test's hands."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._timers: list[Timer] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when_s: float, then: Callable[[], None]) -> Timer:
        timer = Timer(when_s, then)
        self._timers.append(timer)
        return timer

    def passes(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while due := [timer for timer in self._timers if timer.when_s <= until_s and timer.then]:
            first = min(due, key=lambda timer: timer.when_s)
            then, first.then, self.now_s = first.then, None, max(self.now_s, first.when_s)
            if then is not None:
                then()
        self.now_s = until_s


class Timer:
    """One of them; `then` is None when it is off."""

    def __init__(self, when_s: float, then: Callable[[], None]) -> None:
        self.when_s = when_s
        self.then: Callable[[], None] | None = then

    def cancel(self) -> None:
        self.then = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(steps.asyncio, "get_running_loop", lambda: made)
    return made


def test_on_an_idle_hub_a_step_waits_for_its_acknowledgements_only(clock: Clock) -> None:
    taken: list[list[Event]] = []
    collected = Steps(taken.append, INTERVAL_S)
    for first in (0, 1):
        collected.add(events(1, first))
        assert len(taken) == first, "not in the turn of the loop that says what is committed"
        clock.passes(YIELD_S * 1.01)
        assert taken[-1] == events(1, first)
        clock.passes(INTERVAL_S * 1.2)
    assert len(taken) == 2


def test_under_load_commits_are_settled_together_in_their_order_and_soon(clock: Clock) -> None:
    taken: list[list[Event]] = []
    times: list[float] = []

    def take(some: list[Event]) -> None:
        taken.append(some)
        times.append(clock.time())

    collected, said = Steps(take, INTERVAL_S), 0
    began = clock.time()
    while clock.time() < began + 6 * INTERVAL_S:
        collected.add(events(3, said))
        said += 3
        clock.passes(0.001)
    clock.passes(INTERVAL_S * 1.5)
    assert [event for some in taken for event in some] == events(said)
    assert len(taken) <= 8
    assert all(later - sooner > INTERVAL_S * 0.9 for sooner, later in itertools.pairwise(times))


def test_many_lines_do_not_wait(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP_ROWS", 100)
    taken: list[list[Event]] = []
    collected = Steps(taken.append, INTERVAL_S)
    collected.add(events(1))
    clock.passes(YIELD_S * 1.01)
    collected.add([batch(60)])
    assert len(taken) == 1
    collected.add([batch(60)])
    assert [rows_of(event) for event in taken[1]] == [60, 60]
    clock.passes(INTERVAL_S * 1.5)
    assert len(taken) == 2, "and the timer is off"


def test_a_reader_gets_what_waits(clock: Clock) -> None:
    taken: list[list[Event]] = []
    collected = Steps(taken.append, INTERVAL_S)
    collected.flush()
    assert taken == []
    collected.add(events(1))
    collected.flush()
    collected.add(events(2, 1))
    collected.flush()
    assert taken == [events(1), events(2, 1)]
    clock.passes(INTERVAL_S * 1.5)
    assert len(taken) == 2


@given(st.lists(st.sampled_from([0, 1, 500, 9_000]), max_size=60))
def test_a_replay_comes_in_steps_of_bounded_size(sizes: list[int]) -> None:
    batches = [batch(rows) for rows in sizes]
    parts = list(steps_of(iter(batches)))
    assert [event for part in parts for event in part] == batches
    for part in parts:
        assert sum(map(rows_of, part[:-1])) < steps.STEP_ROWS
    for part in parts[:-1]:
        assert sum(map(rows_of, part)) >= steps.STEP_ROWS


def test_a_replay_is_read_as_it_is_settled() -> None:
    read = 0

    def journal() -> Iterator[Event]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield batch(1_000)

    next(steps_of(journal()))
    assert read == 9


def test_a_log_that_is_seen_behind_a_batch_of_the_same_step_counts_no_line_twice() -> None:
    world, key = World("server-a"), log_key("server-a")
    said = world.batch("server-a", row(), row(1))
    world.say(said, LogSeen(key, "/var/log/private.jsonl", said.end_offset, 2, 0))
    assert world.pipeline.ledger.accounts[0].journalled_lines == 2
