"""What is counted: rollups, totals, request numbers, accounts, watermarks, skews, ids."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.account.sequence import MAX_ASIDE, MAX_OUTSTANDING, Sequence
from hub.account.watermark import NOTHING_MORE, Watermarks
from hub.columns.calls import Counted, call_id, parse_call_id
from hub.defaults import ROLLUP_S
from hub.graph.rollup import MAX_ASIDE as ROLLUP_ASIDE
from hub.graph.rollup import Rollup
from hub.graph.totals import Totals
from hub.join.skew import WINDOW, Skews
from hub.model import WatermarkSeen
from hub.stamps import parse_time, rfc3339

from .world import LINE, MS, SECOND, T0, World, log_key, row

SEC = 1_000_000_000


def counted(edge: Any, end_ns: Any, duration_ns: Any, ok: bool = True) -> Counted:
    edge, end_ns, duration_ns = (
        np.atleast_1d(np.array(values, np.int64)) for values in (edge, end_ns, duration_ns)
    )
    ones = np.ones(len(edge), np.int64)
    return Counted(edge, end_ns, duration_ns, np.full(len(edge), ok), ones, ones, ones < 0)


# --- rollup and totals ---------------------------------------------------------------------------


@given(
    st.lists(st.integers(1_000, 60 * SEC), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_a_percentile_is_within_two_percent_of_the_exact_one(
    durations: list[int], share: float
) -> None:
    rollup = Rollup()
    rollup.add(1, counted([7] * len(durations), [T0] * len(durations), durations))
    window = rollup.window(T0 // SEC, T0 // SEC + 1)
    exact = sorted(durations)[int(np.ceil(share * len(durations))) - 1] / 1e6
    assert window.percentiles((share,))[0, 0] == pytest.approx(exact, rel=0.02)


calls = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 90), st.integers(0, 10**10), st.booleans()),
    max_size=30,
)


@given(calls, st.data())
def test_a_window_is_the_sum_of_what_was_added_and_not_taken_back(
    added: list[tuple[int, int, int, bool]], data: st.DataObject
) -> None:
    rollup, totals, kept = Rollup(), Totals(), []
    for edge, second, duration, ok in added:
        call = counted(edge, T0 + second * SEC, duration, ok)
        rollup.add(1, call)
        totals.add(1, call)
        if data.draw(st.booleans()):
            rollup.add(-1, call)
            totals.add(-1, call)
        else:
            kept.append((edge, second, ok))
    since, until = T0 // SEC + 20, T0 // SEC + 80
    window = rollup.window(since, until)
    inside = [(edge, ok) for edge, second, ok in kept if 20 <= second < 80]
    assert window.edges.tolist() == sorted({edge for edge, _ in inside})
    for edge, counts in zip(window.edges.tolist(), window.counts.tolist(), strict=True):
        of_edge = [ok for number, ok in inside if number == edge]
        assert counts[:2] == [len(of_edge), of_edge.count(False)]
    assert not np.isnan(window.percentiles((0.5,))).any()
    assert totals.counts[:, 0].sum() == len(kept)


def test_groups_of_edges_sum_what_their_edges_have() -> None:
    rollup = Rollup()
    for edge, ms in ((3, 1), (3, 2), (8, 100), (8, 100), (8, 100)):
        rollup.add(1, counted(edge, T0, ms * MS))
    window = rollup.window(T0 // SEC, T0 // SEC + 1)
    members, groups = np.array([0, 1, 1]), np.array([0, 0, 1])
    counts, latencies = window.grouped(members, groups, 2, (0.5,))
    assert counts[:, 0].tolist() == [5, 3]
    assert latencies[:, 0] == pytest.approx([100, 100], rel=0.02)


def test_a_rollup_adds_up_by_itself_when_nobody_reads() -> None:
    rollup = Rollup()
    for batch in range(200):
        ends = [T0 + number * SEC // 10 for number in range(100)]
        rollup.add(1, counted([batch % 3] * 100, ends, [MS] * 100))
        assert rollup.calls_aside < ROLLUP_ASIDE
    rollup.passed(T0 // SEC + 10)
    assert rollup.calls_aside == 0
    assert rollup.parts == 10, "one part a second"
    assert rollup.window(T0 // SEC, T0 // SEC + 10).counts[:, 0].sum() == 20_000


def test_calls_that_ended_before_the_rollup_began_cost_no_memory() -> None:
    rollup = Rollup()
    rollup.passed(T0 // SEC)
    ends = [T0 - (ROLLUP_S + 1 + number) * SEC for number in range(10_000)]
    rollup.add(1, counted([1] * 10_000, ends, [MS] * 10_000))
    assert (rollup.calls_aside, rollup.parts) == (0, 0)


def test_what_is_older_than_the_rollup_goes() -> None:
    rollup = Rollup()
    rollup.add(1, counted([1, 1], [T0, T0 + SEC], [MS, MS]))
    rollup.passed(T0 // SEC + 1 + ROLLUP_S)
    assert rollup.window(T0 // SEC - 9, T0 // SEC + 9).counts[0, 0] == 1


# --- request numbers -----------------------------------------------------------------------------

SEQUENCES: list[tuple[str, list[tuple[int, float]], tuple[int, int]]] = [
    ("in order", [(1, 0), (2, 1), (3, 2)], (0, 0)),
    ("completed out of order", [(3, 2), (1, 0), (2, 1)], (0, 0)),
    ("one lasts", [(1, 0), (3, 2)], (1, 0)),
    ("begins late", [(500, 0), (501, 1)], (0, 0)),
    ("begins late, out of order", [(501, 1), (500, 0)], (0, 0)),
    ("restart", [(1, 0), (2, 1), (1, 5), (2, 6)], (0, 0)),
    ("restart after one request", [(1, 0), (1, 5), (2, 6)], (0, 0)),
    ("lost, then restart", [(1, 0), (3, 2), (1, 5)], (0, 1)),
    ("lost, restart within the second", [(1, 0), (3, 2), (1, 0.5)], (1, 0)),
    ("two restarts", [(1, 0), (3, 2), (1, 5), (3, 6), (1, 9)], (0, 2)),
    ("number and start the other way round", [(3, 0.002), (4, 0.001), (2, 0.0021), (5, 1)], (0, 0)),
    ("a race that fills a gap", [(1, 0), (3, 0.001), (2, 0.0011)], (0, 0)),
    ("late line of the former process", [(1, 0), (2, 1), (1, 60), (9, 2), (2, 61)], (0, 0)),
    ("no numbers", [(0, 0), (0, 1)], (0, 0)),
]


@pytest.mark.parametrize(("what", "lines", "counts"), SEQUENCES, ids=[s[0] for s in SEQUENCES])
def test_request_numbers_tell_what_is_outstanding_and_what_is_missing(
    what: str, lines: list[tuple[int, float]], counts: tuple[int, int]
) -> None:
    sequence = Sequence()
    numbers = np.array([number for number, _ in lines], np.uint64)
    sequence.add(numbers, np.array([T0 + round(at * SEC) for _, at in lines], np.int64))
    assert (sequence.outstanding, sequence.missing) == counts


@given(st.permutations(list(range(1, 40))), st.sets(st.integers(1, 39)))
def test_in_whatever_order_lines_come_only_the_lost_ones_lack(
    order: list[int], lost: set[int]
) -> None:
    sequence = Sequence()
    came = [number for number in order if number not in lost]
    starts = np.array([T0 + number * MS for number in came], np.int64)
    sequence.add(np.array(came, np.uint64), starts)
    if came:
        judged = range(came[0], max(came) + 1)  # before the first one seen nothing is
        assert sequence.outstanding == len(lost & set(judged))
    assert sequence.missing == 0


def test_a_number_that_cannot_be_costs_no_memory() -> None:
    sequence = Sequence()
    sequence.add(np.array([1, 2**64 - 1], np.uint64), np.array([T0, T0 + SEC]))
    assert sequence.outstanding == MAX_OUTSTANDING
    assert sequence.missing == 2**64 - 3 - MAX_OUTSTANDING


class OneByOne:
    """A `Sequence` that judges each line as it comes."""

    def __init__(self) -> None:
        self.judged = Sequence()

    def add(self, numbers: list[int], starts: list[int]) -> None:
        for number, start_ns in zip(numbers, starts, strict=True):
            self.judged.add(np.array([number], np.uint64), np.array([start_ns], np.int64))
            assert self.judged.outstanding >= 0  # reading judges


@st.composite
def processes(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[int], int]:
    """Lines of a proxy that restarts, loses lines, logs some late and some twice; and the cuts
    between its batches."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    lines: list[tuple[int, int]] = []
    now_ms, first = 0, draw(st.sampled_from([1, 1, 700]))
    for _ in range(draw(st.integers(1, 3))):
        count = draw(st.integers(0, 600))
        start = now_ms + np.cumsum(random.exponential(draw(st.sampled_from([1, 30])), count))
        end = start + random.lognormal(2, draw(st.sampled_from([0.1, 1.5])), count)
        kept = np.argsort(end)[random.random(count) < draw(st.sampled_from([1, 1, 0.9]))]
        times = np.round(T0 + start * MS).astype(np.int64).tolist()
        lines += [(first + number, times[number]) for number in kept.tolist()]
        now_ms = int(end.max(initial=now_ms)) + draw(st.sampled_from([0, 10, 2_000]))
        first = 1
    for _ in range(draw(st.integers(0, 3)) if lines else 0):
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
    for odd in draw(st.lists(st.sampled_from([(0, T0), (2**64 - 1, T0), (5, T0 + 9 * SEC)]))):
        lines.insert(draw(st.integers(0, len(lines))), odd)
    cuts = draw(st.lists(st.integers(0, len(lines)), max_size=12))
    return lines, sorted(cuts), draw(st.integers(1, 6))


@settings(deadline=None)
@given(processes())
def test_lines_judged_in_bulk_tell_what_lines_judged_one_by_one_tell(
    said: tuple[list[tuple[int, int]], list[int], int],
) -> None:
    lines, cuts, often = said
    lazy, eager = Sequence(), OneByOne()
    for position, (begin, end) in enumerate(itertools.pairwise([0, *cuts, len(lines)])):
        numbers = [number for number, _ in lines[begin:end]]
        starts = [start_ns for _, start_ns in lines[begin:end]]
        lazy.add(np.array(numbers, np.uint64), np.array(starts, np.int64))
        eager.add(numbers, starts)
        if position % often == 0:
            assert lazy.missing == eager.judged.missing
        if position % often == 1:
            assert lazy.outstanding == eager.judged.outstanding
    assert (lazy.outstanding, lazy.missing) == (eager.judged.outstanding, eager.judged.missing)
    assert known(lazy) == known(eager.judged)


def known(sequence: Sequence) -> dict[str, Any]:
    """All that decides what comes next."""
    facts = dict(vars(sequence), _lost=len(sequence._lost))
    return facts | {"_outstanding": list(sequence._outstanding)}


def lacking(sequence: Sequence, *at_ms: float) -> list[bool]:
    """For starts so long after T0."""
    return sequence.lacks_at(np.array([T0 + round(ms * MS) for ms in at_ms], np.int64)).tolist()


@pytest.mark.parametrize("count", [200, 5_000], ids=["one by one", "in bulk"])
def test_a_request_lacks_its_line_only_around_the_time_when_it_began(count: int) -> None:
    sequence, second = Sequence(), 1_000
    numbers = np.array([n for n in range(1, count) if n != 150], np.uint64)
    sequence.add(numbers, T0 + numbers.astype(np.int64) * second * MS // 10)
    assert lacking(sequence, 14_000, 14_950, 15_000, 15_050, 16_000) == [False, *[True] * 3, False]
    sequence.add(np.array([150], np.uint64), np.array([T0 + 15_000 * MS]))
    assert lacking(sequence, 15_000) == [False]


def test_what_a_restart_lost_is_remembered_with_its_time() -> None:
    sequence = Sequence()
    for number, at_ms in ((1, 0), (3, 2_000), (1, 90_000)):
        sequence.add(np.array([number], np.uint64), np.array([T0 + at_ms * MS]))
    assert sequence.missing == 1
    assert lacking(sequence, 1_000, 60_000) == [True, False]


def test_what_is_put_aside_is_bounded() -> None:
    sequence = Sequence()
    for first in range(1, 20_000, 10):
        numbers = np.arange(first, first + 10, dtype=np.uint64)
        sequence.add(numbers, T0 + numbers.astype(np.int64) * MS)
        assert sequence.rows_aside < MAX_ASIDE
    assert (sequence.outstanding, sequence.rows_aside) == (0, 0)


# --- accounts ------------------------------------------------------------------------------------


def test_an_account_is_exact_when_all_its_counts_agree() -> None:
    world = World("server-a")
    key = log_key("server-a")
    world.lines("server-a", row(request_count=1), row(1, request_count=2))

    def reported(read: int, sent: int) -> Any:
        world.say(WatermarkSeen("server-a", key, T0, False, read, 0, sent, 0))
        return world.pipeline.ledger.form(world.pipeline.callless())

    assert reported(2, 2).exact
    behind = reported(5, 3)
    assert (behind.exact, behind.logs[0].parsed, behind.logs[0].sent) == (False, 5, 3)
    assert behind.reason == "server-a private: 3 lines are on their way"
    world.lines("server-a", *[row(2 + i) for i in range(3)])
    assert reported(5, 5).exact
    world.lines("server-a", row(10_000, request_count=4), row(30_000, request_count=1))
    lacking = reported(7, 7)
    assert lacking.reason == "server-a private: 1 requests have no line in the log"
    assert world.pipeline.ledger.accounts[0].journalled_lines == 7


def test_several_logs_of_one_proxy_share_its_request_numbers() -> None:
    world = World("server-a")
    world.lines("server-a", row(0, request_count=1), row(1, request_count=3))
    world.lines("server-a", row(2, request_count=4), row(3, request_count=2), log="rotated")
    ledger = world.pipeline.ledger.form({})
    assert (ledger.totals.outstanding, ledger.totals.missing, len(ledger.logs)) == (0, 0, 2)
    world.lines("server-a", row(5, request_count=6), log="rotated")
    ledger = world.pipeline.ledger.form({})
    assert [log.outstanding for log in ledger.logs] == [0, 1], "told once"


# --- clocks --------------------------------------------------------------------------------------


def test_watermarks() -> None:
    marks = Watermarks()
    assert marks.of("a") == 0
    marks.advance("a", "one", 50, False)
    marks.advance("a", "two", 30, False)
    assert marks.of("a") == 30
    marks.advance("a", "one", 10, False)
    marks.advance("a", "two", 70, False)
    assert marks.of("a") == 50, "never backwards"
    marks.advance("a", None, 60, False)
    assert marks.of("a") == 60, "the server as a whole"
    marks.advance("a", "one", 55, True)
    assert marks.of("a") == 70, "a log that is through is not waited for"
    marks.advance("a", "two", 70, True)
    assert marks.of("a") == NOTHING_MORE
    marks.forget("a")
    assert marks.of("a") == 60, "another agent may go on with the same logs"
    marks.advance("a", "two", 65, False)
    assert marks.of("a") == 65
    assert marks.of("b") == 0


def test_the_probe_that_nothing_disturbed_tells_the_skew() -> None:
    skews = Skews()
    assert (skews.ns("a"), skews.estimate("a")) == (0, None)
    for skew, uncertainty in ((900, 500), (100, 3), (400, 90)):
        skews.measured("a", skew, uncertainty)
    assert skews.ns("a") == 100
    for _ in range(WINDOW):
        skews.measured("a", 250, 50)
    assert skews.ns("a") == 250, "a drifting clock is followed"


# --- ids and stamps ------------------------------------------------------------------------------


@given(st.integers(0, 4 * 10**18), st.integers(0, 2**62))
def test_an_id_says_where_its_line_is(start_ns: int, offset: int) -> None:
    id = call_id(start_ns, log_key("server-a"), offset)
    parsed = parse_call_id(id)
    assert (parsed[0], parsed[2]) == (start_ns, offset)
    assert parse_time(rfc3339(start_ns)) == start_ns


def test_ids_sort_by_time() -> None:
    key = log_key("server-a")
    ids = [call_id(start_ns, key, LINE) for start_ns in (9 * SECOND, 10 * SECOND, T0)]
    assert ids == sorted(ids)
