"""Identical requests from server to server: who fires how many of them at once, and when.

A group is (caller's server, callee's server, method, path). Each has workers, each with one request
in flight at the most, so the workers bound how many identical ones there are. Half of the groups
have as many workers as the scenario allows, so that the bound is often met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.truth.scenario import Key, Scenario
from bench.truth.sites import SECOND, Times

SERVICE_MEDIAN_NS = 8e6
SERVICE_SIGMA = 0.8
"""Of the log-normal time that a service takes: 8 ms in the median, 11 on average, 50 at p99."""
MEAN_NS = SERVICE_MEDIAN_NS * np.exp(SERVICE_SIGMA**2 / 2) + 2.5e6
"""With the ways there and back."""
BUSY = 0.5
"""Share of the time that a worker has a request in flight."""


@dataclass(frozen=True)
class Groups:
    """Columns, one entry a group."""

    caller: NDArray[np.int64]
    callee: NDArray[np.int64]
    path: NDArray[np.int64]
    """Number of the path behind the prefix."""
    longer: NDArray[np.bool_]
    """It is `/v1` and the path of the group before, between the same servers."""
    stripped: NDArray[np.bool_]
    public: NDArray[np.bool_]
    """It comes from the internet through the caller's public proxy."""
    key: NDArray[np.int64]
    parallel: NDArray[np.bool_]
    """Requests of one trace are in flight together."""
    workers: NDArray[np.int64]


@dataclass(frozen=True)
class Fired:
    """Requests in the order of (worker, time)."""

    group: NDArray[np.int64]
    worker: NDArray[np.int64]
    start: Times


def make_groups(
    scenario: Scenario, keys: NDArray[np.int64], rate: float, random: np.random.Generator
) -> Groups:
    """As many as the rate (requests a second) takes, two for each server at the least; `keys` of
    the ways between servers."""
    servers, most = scenario.servers, scenario.identical
    wanted = rate * MEAN_NS / SECOND / BUSY
    count = max(2 * servers, int(np.ceil(wanted / (most * 0.75 + 0.25))))
    number = np.arange(count)
    longer = (number % 2 == 1) & (random.random(count) < 2 * scenario.suffixes)
    pair = number - longer
    caller = pair % servers
    callee = (caller + 1 + pair // servers % (servers - 1)) % servers
    workers = random.integers(1, most + 1, count)
    workers[random.random(count) < 0.5] = most
    return Groups(
        caller,
        callee,
        pair % scenario.paths,
        longer,
        (random.random(count) < scenario.stripped)[pair],
        (random.random(count) < scenario.trouble.public_cross)[pair],
        keys[caller, callee],
        random.random(count) < scenario.parallel_traces,
        workers,
    )


def fire(scenario: Scenario, groups: Groups, rate: float, random: np.random.Generator) -> Fired:
    """Starts of requests whose durations are drawn anew; see `paced`."""
    worker_group = np.repeat(np.arange(len(groups.workers)), groups.workers)
    cycle_ns = len(worker_group) * SECOND / rate
    rounds = int(scenario.seconds * SECOND / cycle_ns * 1.3) + 20
    shape = (len(worker_group), rounds)
    # a worker's next request follows its last one's end: durations come with the starts
    pauses = random.exponential(max(cycle_ns - MEAN_NS, 0.2e6), shape)
    begin = random.uniform(0, cycle_ns, len(worker_group))
    return Fired(
        np.repeat(worker_group, rounds),
        np.repeat(np.arange(len(worker_group)), rounds),
        (begin[:, None] + np.cumsum(pauses, axis=1)).ravel().astype(np.int64),
    )


def paced(fired: Fired, duration: Times) -> Times:
    """Starts, when each worker waits for its last request (durations in ns) to end."""
    before = np.cumsum(duration) - duration
    first = np.concatenate([[True], fired.worker[1:] != fired.worker[:-1]])
    base = np.maximum.accumulate(np.where(first, np.arange(len(before)), 0))
    starts: Times = fired.start + before - before[base]
    return starts


def service_times(count: int, random: np.random.Generator) -> Times:
    """What services take, in ns."""
    return random.lognormal(np.log(SERVICE_MEDIAN_NS), SERVICE_SIGMA, count).astype(np.int64)


def chosen(shares: list[float], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of shares; each as often as its share says, also where `count` is small."""
    bounds = np.cumsum(shares) / np.sum(shares)
    evenly = (random.permutation(count) + random.random(count)) / count
    picked: NDArray[np.int64] = np.searchsorted(bounds, evenly, side="right")
    return np.minimum(picked, len(Key) - 1)


def keys_of_ways(scenario: Scenario, random: np.random.Generator) -> NDArray[np.int64]:
    """The key of all calls from one server to another, (servers, servers): it is their proxies that
    give, log and trust ids and addresses."""
    servers = scenario.servers
    caller, step = np.divmod(np.arange(servers * (servers - 1)), servers - 1)
    keys = np.zeros((servers, servers), np.int64)
    # groups fill ways in the order of the step, so each step has its share of every key
    for number in range(servers - 1):
        ways = step == number
        callee = (caller[ways] + 1 + number) % servers
        keys[caller[ways], callee] = chosen(scenario.keys.shares(), servers, random)
    return keys


def in_flight(group: NDArray[np.int64], start: Times, end: Times) -> NDArray[np.int64]:
    """How many of its group are in flight as each begins, itself included."""
    span = np.int64(end.max() + 1) if len(end) else np.int64(1)
    begins, ends = group * span + start, group * span + end
    begun = np.searchsorted(np.sort(begins), begins, side="right")
    ended = np.searchsorted(np.sort(ends), begins, side="right")
    return begun - ended
