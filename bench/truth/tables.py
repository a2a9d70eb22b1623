"""The scores as tables: one a scenario, and one of the measures with their targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.table import Table

from bench.truth.run import Run
from bench.truth.score import Pairs, Ratio, Score
from hub.defaults import MAX_LATE_HALVES, SETTLE_AFTER_COMMIT_MS

Result = tuple[Run, Score]


@dataclass(frozen=True)
class Measure:
    """One figure with its target."""

    scenario: str
    what: str
    target: str
    figure: Callable[[Run, Score], float]
    met: Callable[[float], bool]
    form: Callable[[float], str]


def share(value: float) -> str:
    """Never rounded up to 1."""
    return "1" if value == 1 else f"{int(value * 1e5) / 1e5:.5f}"


def count(value: float) -> str:
    return f"{value:,.0f}"


def at_least(bound: float) -> Callable[[float], bool]:
    return lambda value: value >= bound


def at_most(bound: float) -> Callable[[float], bool]:
    return lambda value: value <= bound


def precision(_: Run, score: Score) -> float:
    return score.pairs.precision.share


def recall(_: Run, score: Score) -> float:
    return score.pairs.recall.share


def told_precision(_: Run, score: Score) -> float:
    """Of the requests that can be told at all."""
    return score.tellable.precision.share


def told_recall(_: Run, score: Score) -> float:
    return score.tellable.recall.share


def origins(_: Run, score: Score) -> float:
    return score.origins.share


def callers(_: Run, score: Score) -> float:
    return score.callers.share


def edges_off(_: Run, score: Score) -> float:
    return score.edges_off


def wrong_pairs(score: Score) -> float:
    """Pairs not found and not right, as a share of requests: how many edges can be off."""
    wrong = 2 * score.pairs.precision.of - 2 * score.pairs.precision.right
    missed = score.pairs.recall.of - score.pairs.recall.right
    return (wrong + missed) / max(score.requests, 1)


def edges_beyond_pairs(_: Run, score: Score) -> float:
    return max(score.edges_off - wrong_pairs(score), 0.0)


def skew_ms(run: Run, _: Score) -> float:
    return max(run.figures.skew_error_ns.values(), default=0) / 1e6


def cpu_us(run: Run, score: Score) -> float:
    return run.figures.cpu_s / max(score.lines, 1) * 1e6


def of_ids(_: Run, score: Score) -> float:
    """Precision of pairs with ids."""
    pairs = (score.by_key["hop"].precision, score.by_key["trace"].precision)
    return Ratio(sum(p.right for p in pairs), sum(p.of for p in pairs)).share


def waiting_bound(run: Run) -> float:
    """Halves that can wait at once: all of the longest wait, and those on their way meanwhile."""
    both = 2 * run.scenario.rate
    return both * (SETTLE_AFTER_COMMIT_MS / 1e3 + 0.2)


def waiting_share(run: Run, _: Score) -> float:
    """Of the bound."""
    return run.figures.peak_waiting / waiting_bound(run)


def remembered_share(run: Run, _: Score) -> float:
    return run.figures.peak_remembered / MAX_LATE_HALVES


def _pairs(scenario: str, what: str, bound: float) -> Iterable[Measure]:
    if bound == 1:  # but for what nobody could tell: some two in 100 000 of traces that fan out
        good, all_of, target = told_precision, told_recall, "1"
    else:
        good, all_of, target = precision, recall, f">= {bound:g}"
    yield Measure(scenario, f"{what}: precision", target, good, at_least(bound), share)
    yield Measure(scenario, f"{what}: recall", target, all_of, at_least(bound), share)


MEASURES = (
    *_pairs("hop", "hop id", 1.0),
    *_pairs("trace", "trace id", 1.0),
    Measure("forwarded", "forwarded address: caller", "1", callers, at_least(1.0), share),
    *_pairs("forwarded", "forwarded address", 0.999),
    *_pairs("address-2", "address and time, <= 2 identical", 0.999),
    *_pairs("address-20", "address and time, <= 20 identical", 0.99),
    Measure("origin-ids", "origin, ids", "1", origins, at_least(1.0), share),
    Measure("origin-address", "origin, by address", ">= 0.995", origins, at_least(0.995), share),
    Measure("loss", "1 % lost: precision with ids", ">= 0.999", of_ids, at_least(0.999), share),
    Measure(
        "loss",
        "1 % lost: pairs forced, ids",
        "0",
        lambda _, s: s.forced_with_ids,
        at_most(0),
        count,
    ),
    Measure("loss", "1 % lost: pairs forced, all", "0", lambda _, s: s.forced, at_most(0), count),
    Measure(
        "loss",
        "1 % lost: lines not in exactly one call",
        "0",
        lambda _, s: s.lines_off,
        at_most(0),
        count,
    ),
    Measure("hop", "edges off, hop id", "0", edges_off, at_most(0), share),
    Measure("trace", "edges off, trace id", "0", edges_off, at_most(0), share),
    Measure(
        "address-20",
        "edges off beyond wrong pairs, by address",
        "0",
        edges_beyond_pairs,
        at_most(0),
        share,
    ),
    *(
        Measure(name, "skew, worst server, ms", "<= 1", skew_ms, at_most(1), "{:.2f}".format)
        for name in ("address-2", "address-20", "mixed", "skew-biased", "skew-unprobed")
    ),
    *_pairs("silent", "one server silent, then all at once", 1.0),
    Measure(
        "silent",
        "halves waiting, share of 5.2 s x rate",
        "<= 1",
        waiting_share,
        at_most(1),
        share,
    ),
    Measure(
        "silent",
        f"halves remembered, share of {MAX_LATE_HALVES:,}",
        "<= 1",
        remembered_share,
        at_most(1),
        share,
    ),
    Measure("hop", "CPU per observation, hop ids, us", "<= 1", cpu_us, at_most(1), "{:.2f}".format),
    Measure("mixed", "CPU per observation, us", "<= 1.5", cpu_us, at_most(1.5), "{:.2f}".format),
    Measure(
        "mixed-ids", "CPU per observation, ids, us", "<= 1", cpu_us, at_most(1), "{:.2f}".format
    ),
)


def measures(results: list[Result]) -> Table:
    """The table of the targets, for the scenarios that were run."""
    shown = Table(title="Measures", title_justify="left")
    for column in ("measure", "scenario", "target", "measured", ""):
        shown.add_column(column, justify="right" if column in ("target", "measured") else "left")
    for measure in MEASURES:
        for run, score in results:
            if run.scenario.name == measure.scenario:
                value = measure.figure(run, score)
                met = "met" if measure.met(value) else "MISSED"
                shown.add_row(
                    measure.what, measure.scenario, measure.target, measure.form(value), met
                )
    return shown


def details(run: Run, score: Score) -> Table:
    """Everything about one scenario."""
    figures = run.figures
    shown = Table(
        title=f"{run.scenario.name}: {run.scenario.measures}; {score.requests:,} requests, "
        f"{score.lines:,} lines",
        title_justify="left",
        show_header=False,
    )
    shown.add_row("pairs", _pair(score.pairs))
    shown.add_row("  without what nobody could tell", _pair(score.tellable))
    for name, parts in (
        ("key", score.by_key),
        ("in flight", score.by_rivals),
        ("trace", score.by_trace),
        ("parent", score.by_parent),
    ):
        for part, pairs in parts.items():
            if pairs.recall.of:
                shown.add_row(f"  {name} {part}", _pair(pairs))
    for name, ratio in (
        ("callers", score.callers),
        ("callees", score.callees),
        ("origins", score.origins),
        ("half-seen: which half", score.missing),
        ("half-seen: why", score.reasons),
    ):
        shown.add_row(name, f"{share(ratio.share)} of {ratio.of:,}")
    for kind, ratio in score.origins_by_kind.items():
        if ratio.right < ratio.of:
            shown.add_row(f"  origins, {kind}", f"{share(ratio.share)} of {ratio.of:,}")
    forced = f"{score.forced:,}, {score.forced_with_ids:,} of them with ids"
    shown.add_row("pairs forced", forced)
    shown.add_row("calls on wrong edges", share(score.edges_off))
    shown.add_row("lines not in exactly one call", count(score.lines_off))
    shown.add_row("skew, worst server", f"{skew_ms(run, score):.2f} ms")
    shown.add_row("CPU per observation", f"{cpu_us(run, score):.2f} us")
    shown.add_row(
        "halves at the peak",
        f"{figures.peak_waiting:,} waiting, {figures.peak_remembered:,} remembered",
    )
    shown.add_row("CPU of the generator", f"{figures.make_s:.1f} s")
    return shown


def _pair(pairs: Pairs) -> str:
    precision, recall = pairs.precision, pairs.recall
    return (
        f"precision {share(precision.share)}, recall {share(recall.share)} "
        f"({recall.right:,} of {recall.of:,}; {precision.of - precision.right:,} wrong)"
    )
