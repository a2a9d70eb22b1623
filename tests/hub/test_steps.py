"""Steps of the core: nothing waits on an idle hub, little under load, and all keeps its order."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import steps
from hub.model import AgentGone, BatchCommitted, Event, LogSeen
from hub.steps import Steps, rows_of, steps_of

from .world import World, log_key, row

INTERVAL_S = 0.05


def events(count: int, first: int = 0) -> list[Event]:
    return [AgentGone("server-a", f"{number}") for number in range(first, first + count)]


ONE = World("server-a").batch("server-a", row())


def batch(rows: int) -> BatchCommitted:
    return replace(ONE, observations=replace(ONE.observations, rows=rows))


async def test_an_idle_hub_adds_no_delay() -> None:
    taken: list[list[Event]] = []
    collected = Steps(taken.append, INTERVAL_S)
    for first in (0, 1):
        collected.add(events(1, first))
        assert taken[-1] == events(1, first), "at once, in the same turn of the loop"
        await asyncio.sleep(INTERVAL_S * 1.2)
    assert len(taken) == 2


async def test_under_load_commits_are_settled_together_in_their_order_and_soon() -> None:
    taken: list[list[Event]] = []
    times: list[float] = []
    loop = asyncio.get_running_loop()

    def take(some: list[Event]) -> None:
        taken.append(some)
        times.append(loop.time())

    collected, said = Steps(take, INTERVAL_S), 0
    began = loop.time()
    while loop.time() < began + 6 * INTERVAL_S:
        collected.add(events(3, said))
        said += 3
        await asyncio.sleep(0.001)
    await asyncio.sleep(INTERVAL_S * 1.5)
    assert [event for some in taken for event in some] == events(said)
    assert len(taken) <= 8
    assert all(later - sooner > INTERVAL_S * 0.9 for sooner, later in itertools.pairwise(times))


async def test_many_lines_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP_ROWS", 100)
    taken: list[list[Event]] = []
    collected = Steps(taken.append, INTERVAL_S)
    collected.add(events(1))
    collected.add([batch(60)])
    assert len(taken) == 1
    collected.add([batch(60)])
    assert [rows_of(event) for event in taken[1]] == [60, 60]
    await asyncio.sleep(INTERVAL_S * 1.5)
    assert len(taken) == 2, "and the timer is off"


async def test_a_reader_gets_what_waits() -> None:
    taken: list[list[Event]] = []
    collected = Steps(taken.append, INTERVAL_S)
    collected.flush()
    assert taken == []
    collected.add(events(1))
    collected.add(events(2, 1))
    collected.flush()
    assert taken == [events(1), events(2, 1)]
    await asyncio.sleep(INTERVAL_S * 1.5)
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
