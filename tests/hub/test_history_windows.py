"""Counts of past windows are those of the calls, sealed or not, by second or by minute."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hub import forms
from hub.history import counting, files
from hub.history.windows import past_window, steps_of
from hub.query.filters import BadFilter, histogram_filters, parse
from hub.read.edges import edges_of
from hub.stamps import parse_time

from .keeper import Keeper, feed
from .world import SECOND, T0

T0_S = T0 // SECOND
DAY = 86_400


def counted(calls: list[forms.Call], since: int, until: int) -> Counter[tuple[str, str, str]]:
    """By edge; the world's clocks agree, so a call ends where its first hop says."""
    ends = {call.id: parse_time(call.start) + round(call.duration_ms * 1e6) for call in calls}
    return Counter(
        (call.from_.node, call.to.node, call.origin)
        for call in calls
        if since <= ends[call.id] // SECOND < until
    )


def told(edges: forms.Edges) -> dict[tuple[str, str, str], int]:
    return {(edge.from_, edge.to, edge.origin): edge.calls for edge in edges.edges}


@pytest.mark.parametrize("seal_every", [2, 1_000])
async def test_a_window_counts_what_is_listed(tmp_path: Path, seal_every: int) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every)
    now = keeper.now_ns // SECOND
    for restart in (False, True):
        if restart:
            await keeper.close()
            keeper = await Keeper.open(tmp_path, keeper.now_ns)
            keeper.settle()
        calls = await keeper.calls()
        for since, until in ((T0_S, T0_S + 60), (T0_S + 1, T0_S + 3), (T0_S + 100, T0_S + 101)):
            edges = await keeper.windows.edges(since, until, now)
            assert told(edges) == counted(calls, since, until)
            assert edges.window_s == until - since
    await keeper.close()


async def test_long_windows_and_old_ones_count_whole_minutes(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=2)
    await keeper.seal()
    calls, now = await keeper.calls(), keeper.now_ns // SECOND
    minute = T0_S // 60 * 60
    for since, until, at in ((T0_S - DAY, T0_S + 60, now), (T0_S + 1, T0_S + 3, now + 2 * DAY)):
        edges = await keeper.windows.edges(since, until, at)
        first, last = since // 60 * 60, -(-until // 60) * 60
        assert edges.window_s == last - first
        assert told(edges) == counted(calls, first, last)
        assert first <= minute
    await keeper.close()


async def test_a_histogram_adds_up_to_the_calls(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=3)
    calls, now = await keeper.calls(), keeper.now_ns // SECOND
    steps = await keeper.windows.histogram(T0_S, T0_S + 30, now)
    assert steps.step_s == 1
    assert len(steps.calls) == len(steps.errors) == len(steps.p95_ms) == 30
    assert sum(steps.calls) == len(calls)
    assert sum(steps.errors) == sum(not call.ok for call in calls)
    assert [p95 is None for p95 in steps.p95_ms] == [count == 0 for count in steps.calls]
    second = counted(calls, T0_S + 2, T0_S + 3)
    assert steps.calls[2] == sum(second.values())
    (from_, to, origin), count = counted(calls, T0_S, T0_S + 30).most_common(1)[0]
    edge = edges_of(keeper.pipeline.graph, parse({"edge": f"{from_}>{to}:{origin}"})[0])
    one = await keeper.windows.histogram(T0_S, T0_S + 30, now, edge)
    assert sum(one.calls) == count
    week = await keeper.windows.histogram(T0_S - 6 * DAY, T0_S + DAY, T0_S + DAY)
    assert len(week.calls) <= 600
    assert sum(week.calls) == len(calls)
    await keeper.close()


FILTERS = [
    {"from": "communicating"}, {"to": "leaf"}, {"service": "leaf"}, {"origin": "cross_server"},
    {"node": "server-a/private"}, {"status": "5xx"}, {"status": "ok"}, {"server": "server-b"},
    {"path": "/leaf/1*"}, {"join": "hop_id"}, {"q": "status:5xx OR path:/leaf/2*"},
    {"service": "leaf", "status": "200"}, {"method": "POST"},
]  # fmt: skip


@pytest.mark.parametrize("restart", [False, True])
async def test_a_filtered_histogram_counts_what_the_list_has(tmp_path: Path, restart: bool) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=3)
    if restart:
        await keeper.seal()
        await keeper.close()
        keeper = await Keeper.open(tmp_path, keeper.now_ns)
    now = keeper.now_ns // SECOND
    for asked in FILTERS:
        filters, calls = histogram_filters(asked), await keeper.calls(**asked)
        edges = edges_of(keeper.pipeline.graph, filters)
        found = (
            await keeper.pages.histogram(filters, steps_of(T0_S, T0_S + 30, now))
            if edges is None
            else await keeper.windows.histogram(T0_S, T0_S + 30, now, edges)
        )
        assert (edges is None) == (not asked.keys() <= {"from", "to", "service", "origin", "node"})
        assert (sum(found.calls), found.share) == (len(calls), 1.0), asked
        assert sum(found.errors) == sum(not call.ok for call in calls)
        for step, count in enumerate(found.calls):
            assert count == sum(counted(calls, T0_S + step, T0_S + step + 1).values())
            assert (found.p95_ms[step] is None) == (count == 0)
    await keeper.close()


@pytest.mark.parametrize("most", [3, 9], ids=["some files", "some of each file"])
async def test_a_histogram_of_too_many_calls_is_estimated_and_says_so(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROW_GROUP", 8)
    monkeypatch.setattr(counting, "MAX_COUNTED_CALLS", 100)
    monkeypatch.setattr(counting, "MAX_COUNTED_GROUPS", most)
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=3)
    await keeper.seal()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    steps = steps_of(T0_S, T0_S + 30, again.now_ns // SECOND)
    every = await again.calls(join="none")
    found = await again.pages.histogram(histogram_filters({"join": "none"}), steps)
    assert 0 < found.share < 0.8
    assert len(every) / 2 < sum(found.calls) < len(every) * 2
    assert sum(count > 0 for count in found.calls) > 3
    await again.close()


@pytest.mark.parametrize("name", ["limit", "cursor", "format", "nonsense"])
def test_what_is_about_lists_is_no_filter_of_a_histogram(name: str) -> None:
    with pytest.raises(BadFilter, match=name):
        histogram_filters({name: "5"})


async def test_a_p95_is_within_two_percent(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=2)
    await keeper.seal()
    calls, now = await keeper.calls(), keeper.now_ns // SECOND
    edges = await keeper.windows.edges(T0_S, T0_S + 60, now)
    for edge in edges.edges:
        lasted = sorted(
            call.duration_ms
            for call in calls
            if (call.from_.node, call.to.node, call.origin) == (edge.from_, edge.to, edge.origin)
        )
        exact = lasted[-(-len(lasted) * 95 // 100) - 1]
        assert edge.p95_ms == pytest.approx(exact, rel=0.021)
    await keeper.close()


@pytest.mark.parametrize("asked", [{"since": "never"}, {"since": "5", "until": "4"}])
def test_a_window_that_is_none_is_said_to_be(asked: dict[str, str]) -> None:
    with pytest.raises(BadFilter, match="since"):
        past_window(asked, T0_S)
