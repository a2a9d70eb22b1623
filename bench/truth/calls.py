"""All requests of a run, what happened to them, and what an account of them should say.

Enters: a scenario and its servers. Leaves: `Truth`, one entry a request. What is expected follows
the contract: a request whose caller's line is lost cannot be told from a direct one, so that is
what is expected of it.
"""

from __future__ import annotations

import numpy as np

from bench.truth.alone import Alone
from bench.truth.crossing import Crossing
from bench.truth.names import Names
from bench.truth.scenario import Key, Kind, Scenario
from bench.truth.sites import SECOND, Sites
from bench.truth.texts import Texts
from bench.truth.truth import NOT_JUDGED, Truth, joined
from hub.enums import Missing, Origin, Reason

TWO_LINES = (
    Kind.CROSS,
    Kind.TIMEOUT,
    Kind.ABORT,
    Kind.HIDDEN,
    Kind.WEBSOCKET,
    Kind.PUBLIC_CROSS,
)


def make_truth(
    scenario: Scenario, sites: Sites, texts: Texts, random: np.random.Generator
) -> Truth:
    """All requests of a run, in no order."""
    names = Names(scenario, sites, texts)
    crossing = Crossing(scenario, sites, names, random)
    alone = Alone(scenario, sites, names, random)
    shares = scenario.mix.others()
    parts = [crossing.made(scenario.rate * (1 - sum(shares.values())))]
    for kind, share in shares.items():
        count = int(scenario.rate * share * scenario.seconds)
        if count:
            websockets = kind is Kind.WEBSOCKET
            parts.append(crossing.websockets(count) if websockets else alone.made(kind, count))
    truth = joined(parts)
    chain(truth, scenario, random)
    lose(truth, scenario, names, random)
    return truth


def chain(truth: Truth, scenario: Scenario, random: np.random.Generator) -> None:
    """Services pass ids on: a share of requests with ids bear those of a request that their
    caller's server was serving then. Their traces become one."""
    there = np.flatnonzero((truth.second.server >= 0) & (truth.key <= Key.TRACE))
    served = there[np.lexsort((truth.second.start[there], truth.second.server[there]))]
    length = np.int64(scenario.seconds * SECOND) * 2
    begun = truth.second.server[served] * length + truth.second.start[served]
    calling = np.isin(truth.kind, [*TWO_LINES, Kind.SAME, Kind.UNREACHABLE])
    calling &= (truth.key <= Key.TRACE) & (truth.kind != Kind.PUBLIC_CROSS)
    children = np.flatnonzero(calling & (random.random(len(truth)) < scenario.chained))
    if not len(served):
        return
    at = truth.first.server[children] * length + truth.first.start[children]
    place = np.searchsorted(begun, at) - 1 - random.integers(0, 4, len(children))
    parent = served[np.maximum(place, 0)]
    end = truth.second.start[parent] + truth.second.duration[parent]
    fits = (
        (place >= 0)
        & (truth.second.server[parent] == truth.first.server[children])
        & (truth.second.start[parent] < truth.first.start[children])
        & (end > truth.first.start[children])
        & (truth.key[parent] == truth.key[children])
    )
    truth.parent[children[fits]] = parent[fits]
    root = np.where(truth.parent >= 0, truth.parent, np.arange(len(truth)))
    while (root[root] != root).any():
        root = root[root]
    truth.trace = truth.trace[root]


def lose(truth: Truth, scenario: Scenario, names: Names, random: np.random.Generator) -> None:
    """Some lines were never written: what is expected of the other halves changes."""
    if not scenario.trouble.lost:
        return
    for hop in (truth.first, truth.second):
        hop.lost = (random.random(len(truth)) < scenario.trouble.lost) & (hop.server >= 0)
    two = truth.second.server >= 0
    no_callee = two & truth.second.lost & ~truth.first.lost
    truth.callee[no_callee] = names.servers[truth.second.server[no_callee]]
    truth.missing[no_callee] = Missing.CALLEE_HALF
    timed_out = truth.first.status == 504
    truth.reason[no_callee] = np.where(timed_out[no_callee], NOT_JUDGED, Reason.CALLEE_LINE_LOST)
    no_caller = two & truth.first.lost & ~truth.second.lost
    unclaimed = no_caller & (truth.second.forwarded == 0)
    truth.caller[unclaimed] = names.servers[truth.first.server[unclaimed]]
    truth.origin[no_caller] = Origin.CROSS_SERVER_DIRECT
    truth.missing[no_caller] = NOT_JUDGED
    truth.reason[no_caller] = Reason.CALLER_LINE_LOST
