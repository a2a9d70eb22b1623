"""The bench that judges the join is judged here: its truth is consistent, its scorer misses
nothing."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.truth.answer import Answer
from bench.truth.calls import make_truth
from bench.truth.delivery import commits
from bench.truth.lines import LINE_BYTES, Lines, make_lines
from bench.truth.run import run
from bench.truth.scenario import SCENARIOS, Key, Kind, Mix, Scenario
from bench.truth.score import score
from bench.truth.sites import SECOND, T0_NS, Sites
from bench.truth.texts import Texts
from bench.truth.truth import NOT_JUDGED, Fan, Truth
from hub.enums import Missing
from hub.model import BatchCommitted, ClockMeasured, LogKey, WatermarkSeen

SMALL = {one.name: one.sized(5, 500, 6) for one in SCENARIOS}
MS = 1_000_000


@cache
def made(scenario: Scenario) -> tuple[Sites, Texts, Truth, Lines]:
    random = np.random.default_rng(7)
    texts = Texts()
    sites = Sites(scenario, texts, random)
    truth = make_truth(scenario, sites, texts, random)
    return sites, texts, truth, make_lines(truth, sites)


def right_answer(truth: Truth, lines: Lines) -> Answer:
    """As a hub that knows all would tell it."""
    alone = np.flatnonzero(~truth.paired[lines.call])
    pairs = np.flatnonzero(truth.paired[lines.call] & ~lines.second)
    other = np.full(len(truth), -1)
    other[lines.call[lines.second]] = np.flatnonzero(lines.second)
    first = np.concatenate([pairs, alone])
    request = lines.call[first]
    second = np.concatenate([other[lines.call[pairs]], np.full(len(alone), -1)])
    return Answer(
        first,
        second,
        truth.caller[request],
        truth.callee[request],
        truth.origin[request],
        np.maximum(truth.missing[request], 0),
        np.maximum(truth.reason[request], 0),
    )


# --- the generator -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_a_callees_interval_lies_within_its_callers(name: str) -> None:
    _, _, truth, _ = made(SMALL[name])
    two = (truth.second.server >= 0) & np.isin(truth.kind, [Kind.CROSS, Kind.TIMEOUT, Kind.ABORT])
    assert two.sum() > 200
    begins = truth.second.start - truth.first.start
    ends = truth.second.start + truth.second.duration - truth.first.start - truth.first.duration
    assert (begins[two] >= 200_000).all(), "no way takes less than 0.2 ms"
    answered = two & (truth.kind == Kind.CROSS)
    assert (ends[answered] <= -200_000).all()
    assert (ends[two & ~answered] >= 200_000).all(), "who is given up learns of it by the network"


@pytest.mark.parametrize("name", SMALL)
def test_no_more_identical_requests_are_in_flight_than_said(name: str) -> None:
    scenario = SMALL[name]
    _, _, truth, _ = made(scenario)
    usual = (truth.group >= 0) & (truth.kind != Kind.WEBSOCKET)
    assert truth.rivals[usual].max() <= scenario.identical
    assert truth.rivals[usual].max() > 1
    for group in np.unique(truth.group[usual])[:5]:
        mine = truth.group == group
        assert len(np.unique(truth.second.path[mine & (truth.second.server >= 0)])) == 1
        assert len(np.unique(truth.method[mine])) == 1


def test_a_line_bears_its_servers_clock() -> None:
    sites, _, truth, lines = made(SMALL["hop"])
    start = np.where(lines.second, truth.second.start[lines.call], truth.first.start[lines.call])
    assert {abs(site.clock.skew_ns) for site in sites.items} >= {50 * MS}
    for site in sites.items:
        mine = lines.log // 2 == site.number
        skew = lines.start_ns[mine] - T0_NS - start[mine]
        wanted = site.clock.skew_ns + start[mine] * site.clock.drift_ppm * 1e-6
        assert np.abs(skew - wanted).max() <= 1
        assert abs(site.clock.drift_ppm) <= 20


def test_the_same_address_is_another_service_elsewhere_and_later() -> None:
    _sites, texts, truth, _ = made(SMALL["origin-ids"])
    same = truth.kind == Kind.SAME
    owners = defaultdict(set)
    for server, client, caller in zip(
        truth.first.server[same], truth.first.client[same], truth.caller[same], strict=True
    ):
        owners[texts.values[client]].add((int(server), texts.values[caller]))
    assert all(len({server for server, _ in owners[name]}) > 1 for name in list(owners)[:5])
    reused = sum(len(names) > len({server for server, _ in names}) for names in owners.values())
    assert reused, "no address was handed on"


def test_proxies_number_their_requests_without_gaps_unless_lines_are_lost() -> None:
    for name, lossless in (("hop", True), ("loss", False)):
        _, _, _, lines = made(SMALL[name])
        whole = [
            np.array_equal(
                np.sort(lines.request_count[lines.log == log]),
                1 + np.arange(np.sum(lines.log == log)),
            )
            for log in np.unique(lines.log)
        ]
        assert all(whole) == lossless


def test_one_trace_fans_out_to_one_path_at_once_and_in_turn() -> None:
    _, _, truth, _ = made(replace(SMALL["trace"].sized(5, 2_000, 6), parallel_traces=0.5))
    assert (truth.fan == Fan.AT_ONCE).any()
    assert (truth.fan == Fan.IN_TURN).any()
    assert (truth.parent >= 0).any()
    child = np.flatnonzero(truth.parent >= 0)
    assert (truth.trace[child] == truth.trace[truth.parent[child]]).all()
    assert (truth.first.server[child] == truth.second.server[truth.parent[child]]).all()


def test_every_line_is_delivered_once_and_its_log_in_order() -> None:
    scenario = SMALL["silent"]
    sites, texts, _, lines = made(scenario)
    ends: dict[LogKey, int] = defaultdict(int)
    marks: dict[LogKey, int] = defaultdict(int)
    servers = []
    seen = []
    for commit in commits(scenario, sites, texts, lines, np.random.default_rng(1)):
        for event in commit.events:
            if isinstance(event, BatchCommitted):
                said = event.observations
                assert event.first_offset == ends[event.log]
                assert event.end_offset - event.first_offset == said.rows * LINE_BYTES
                completed = said.start_ns + said.duration_ns
                assert completed.min() >= marks[event.log], "a watermark was broken"
                assert (np.diff(completed) >= 0).all()
                # it reached the hub after it was written
                server = next(site for site in sites.items if site.id == event.log.server)
                assert server.clock.read(commit.now_ns - T0_NS) >= completed.max()
                ends[event.log] = event.end_offset
                marks[event.log] = event.watermark_ns
                servers.append(event.log.server)
                seen += (said.bytes_in - 1).tolist()
            elif isinstance(event, WatermarkSeen):
                for log in (log for log in marks if log.server == event.server):
                    marks[log] = max(marks[log], event.watermark_ns)
    assert sorted(seen) == list(range(len(lines)))
    assert len(set(itertools.pairwise(servers))) > len(sites.items), "not shuffled"


def test_probes_measure_a_clock_within_what_they_say() -> None:
    scenario = SMALL["skew-biased"]
    sites, texts, _, lines = made(scenario)
    for commit in commits(scenario, sites, texts, lines, np.random.default_rng(1)):
        for event in commit.events:
            if isinstance(event, ClockMeasured):
                site = next(site for site in sites.items if site.id == event.server)
                drift_ns = 20e-6 * scenario.seconds * SECOND + 20e-6 * 7 * SECOND
                off = abs(event.skew_ns - site.clock.skew_ns)
                assert off <= event.uncertainty_ns + drift_ns


# --- the scorer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_a_right_answer_has_full_marks(name: str) -> None:
    _, _, truth, lines = made(SMALL[name])
    scored = score(truth, lines, right_answer(truth, lines))
    assert scored.pairs.precision.share == scored.pairs.recall.share == 1
    assert scored.pairs.recall.of == truth.paired.sum() > 100
    for ratio in (scored.callers, scored.callees, scored.origins, scored.missing, scored.reasons):
        assert ratio.share == 1
    assert (scored.forced, scored.lines_off, scored.edges_off) == (0, 0, 0)


def test_two_swapped_callees_are_two_wrong_pairs() -> None:
    _, _, truth, lines = made(SMALL["address-2"])
    answer = right_answer(truth, lines)
    pairs = np.flatnonzero(answer.second >= 0)
    answer.second[pairs[:2]] = answer.second[pairs[:2]][::-1]
    scored = score(truth, lines, answer)
    for ratio in (scored.pairs.precision, scored.pairs.recall, scored.by_key["address"].recall):
        assert ratio.of - ratio.right == 2
    assert scored.lines_off == 0


def test_a_pair_the_wrong_way_round_is_wrong() -> None:
    _, _, truth, lines = made(SMALL["hop"])
    answer = right_answer(truth, lines)
    answer.first[0], answer.second[0] = answer.second[0], answer.first[0]
    assert score(truth, lines, answer).pairs.precision.right == truth.paired.sum() - 1


def test_a_half_without_the_other_that_is_paired_is_forced() -> None:
    _, _, truth, lines = made(SMALL["loss"])
    answer = right_answer(truth, lines)
    lost = np.flatnonzero((answer.second < 0) & (truth.second.lost[lines.call[answer.first]]))
    answer.second[lost[0]] = answer.second[0]
    scored = score(truth, lines, answer)
    assert scored.forced == 1
    assert scored.lines_off == 1, "that line stands in two calls now"


def test_all_lines_between_two_servers_bear_the_same_key() -> None:
    _, _, truth, _ = made(replace(SMALL["mixed"], mix=Mix(same=0.2, websocket=0.02)))
    ways = defaultdict(set)
    grouped = truth.group >= 0
    for caller, callee, key in zip(
        truth.first.server[grouped],
        truth.second.server[grouped],
        truth.key[grouped],
        strict=True,
    ):
        if callee >= 0:
            ways[int(caller), int(callee)].add(int(key))
    assert all(len(keys) == 1 for keys in ways.values())
    assert {key for keys in ways.values() for key in keys} == set(Key)


def test_wrong_callers_origins_and_reasons_are_seen() -> None:
    _, texts, truth, lines = made(SMALL["loss"])
    answer = right_answer(truth, lines)
    answer.caller[:5] = texts.code("service nowhere nobody")
    answer.origin[7:9] = (answer.origin[7:9] + 1) % 7
    half = np.flatnonzero(answer.missing == Missing.CALLEE_HALF)[:3]
    answer.missing[half] = Missing.NOTHING
    scored = score(truth, lines, answer)
    assert scored.callers.of - scored.callers.right == 5
    assert scored.missing.of - scored.missing.right == 3
    assert scored.origins.of - scored.origins.right == 4, "both lines of two pairs"
    assert scored.edges_off > 0


def test_lines_in_no_call_are_counted() -> None:
    _, _, truth, lines = made(SMALL["hop"])
    answer = right_answer(truth, lines)
    cut = Answer(*(getattr(answer, name)[3:] for name in Answer.__dataclass_fields__))
    scored = score(truth, lines, cut)
    assert scored.lines_off == 6
    assert scored.pairs.recall.of - scored.pairs.recall.right == 3


def test_what_the_lines_cannot_tell_is_not_judged() -> None:
    _, _, truth, _ = made(SMALL["loss"])
    direct = truth.kind == Kind.DIRECT
    assert (truth.reason[direct] == NOT_JUDGED).all(), "a direct call, or one whose line is lost"
    assert (truth.key[truth.kind == Kind.HIDDEN] <= Key.TRACE).all()


# --- the hub -------------------------------------------------------------------------------------


def test_hop_ids_join_every_call() -> None:
    mix = Mix(same=0.2, public=0.1, direct=0.05, outside=0.02)
    done = run(replace(SMALL["hop"], mix=mix), seed=3)
    scored = score(done.truth, done.lines, done.answer)
    assert scored.pairs.precision.share == scored.pairs.recall.share == 1
    assert scored.pairs.recall.of > 1_000
    assert scored.origins.share == scored.callers.share == scored.callees.share == 1
    assert (scored.forced, scored.lines_off, scored.edges_off) == (0, 0, 0)
