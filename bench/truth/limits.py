"""How right anyone can be who sees nothing but addresses, paths and perfect clocks.

Enters: `Truth` and the ways between the servers. Leaves: which true pairs look worse than wrong
ones: two identical requests whose callee's lines, swapped, fit the network's delays better. Who
knows the delays' distribution and the exact skew still gets these wrong, so a figure beyond this
is luck. Only swaps of two are looked at, among neighbours in time: a bound from above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.truth.scenario import Key
from bench.truth.sites import Sites
from bench.truth.truth import Mask, Numbers, Truth

NEIGHBOURS = 40
MEDIAN_NS, SIGMA = 60e3, 0.8
QUEUED, QUEUE_NS = 0.01, 2e6
"""Of `Maker._ways`: jitter, and who queues for how long."""

Costs = NDArray[np.float64]


def ambiguous(truth: Truth, sites: Sites) -> Mask:
    """Pairs that the most likely pairing would get wrong."""
    wrong = np.zeros(len(truth), bool)
    candidates = np.flatnonzero(truth.paired & (truth.group >= 0) & (truth.key != Key.HOP))
    # what must be the same for two lines to be mistaken for another
    claim = np.where(truth.key == Key.FORWARDED, truth.second.forwarded, 0)
    alike = np.stack([truth.group, truth.trace, claim])[:, candidates]
    order = np.lexsort((truth.first.start[candidates], *alike))
    sorted_calls, alike = candidates[order], alike[:, order]
    for step in range(1, NEIGHBOURS):
        one, two = sorted_calls[:-step], sorted_calls[step:]
        same = (alike[:, :-step] == alike[:, step:]).all(axis=0)
        if not same.any():
            break
        one, two = one[same], two[same]
        true = _cost(truth, sites, one, one) + _cost(truth, sites, two, two)
        swapped = _cost(truth, sites, one, two) + _cost(truth, sites, two, one)
        better = swapped < true
        wrong[one[better]] = wrong[two[better]] = True
    return wrong


def _cost(truth: Truth, sites: Sites, callers: Numbers, callees: Numbers) -> Costs:
    """Minus the logarithm of the likelihood that these lines belong together."""
    first, second = truth.first, truth.second
    way = sites.way_ns[first.server[callers], second.server[callees]]
    there = second.start[callees] - first.start[callers]
    end = first.start[callers] + first.duration[callers]
    back = end - second.start[callees] - second.duration[callees]
    gave_up = first.status[callers] != 200  # then the callee's end follows the caller's
    back = np.where(gave_up & (back < 0), -back, back)
    status = truth.first.status[callers] != truth.first.status[callees]
    # 1e3: who was given up does not pair with who was answered
    cost: Costs = _unlikely(there - way) + _unlikely(back - way) + np.where(status, 1e3, 0.0)
    return cost


def _unlikely(excess: Costs) -> Costs:
    beyond = np.maximum(excess, 1.0)
    log = np.log(beyond / MEDIAN_NS) / SIGMA
    usual = np.exp(-0.5 * log**2) / (beyond * SIGMA * np.sqrt(2 * np.pi))
    queued = np.exp(-beyond / QUEUE_NS) / QUEUE_NS
    density = (1 - QUEUED) * usual + QUEUED * queued
    cost: Costs = -np.log(np.maximum(density, 1e-300)) + np.where(excess < 0, 1e3, 0.0)
    return cost
