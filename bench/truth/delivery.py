"""How lines reach the hub: batches per log, watermarks, probes and inventories, in arrival order.

Enters: `Lines`. Leaves: `Commit`s, what one commit of the journal hands to the core, in time order.
A log is read every `READ_NS`, each log at its own beat; a batch travels `TRANSIT_NS` and overtakes
no other of its server (they share a stream) but any of other servers, so arrival is shuffled over
the servers. Watermarks are the agent's: the clock as the read began less `SLACK_NS`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.truth.lines import LINE_BYTES, Lines, observations
from bench.truth.scenario import Scenario
from bench.truth.sites import LIFE_NS, SECOND, T0_NS, Site, Sites
from bench.truth.texts import Texts
from hub.model import AgentGone, BatchCommitted, ClockMeasured, Event, LogSeen, WatermarkSeen

MS = 1_000_000
READ_NS = 50 * MS
SLACK_NS = 20 * MS
"""As the agent's `WATERMARK_SLACK_NS`."""
TRANSIT_NS = (1 * MS, 60 * MS)
WATERMARK_NS = 250 * MS
PROBE_NS = 5 * SECOND
COMMIT_NS = 50 * MS
"""As the hub hands over under load (`hub.defaults.COALESCE_MS`)."""
MAX_ROWS = 1000
AFTER_NS = 7 * SECOND
"""Time passes this long after the last line: whatever waits must settle."""
NOTICED_NS = 2 * SECOND
"""An agent's silence is known this long after it began."""


@dataclass(frozen=True)
class Commit:
    """Events that the core gets at once."""

    now_ns: int
    events: list[Event]
    rows: int


@dataclass(frozen=True, slots=True)
class _Read:
    """Something that a server's agent says, in the hub's clock."""

    at: int
    server: int
    order: int
    first: int = 0
    """Lines of [first, end) in one batch, where `end` > 0."""
    end: int = 0
    event: Event | None = None
    mark_ns: int = 0


def commits(
    scenario: Scenario, sites: Sites, texts: Texts, lines: Lines, random: np.random.Generator
) -> Iterator[Commit]:
    """All of a run. The first one brings the servers."""
    hellos: list[Event] = []
    for site in sites.items:
        hellos += [site.hello(), site.inventory(0)]
        hellos += [LogSeen(site.log(public), "", 0, 0, 0) for public in (False, True)]
        if scenario.clocks.probes:
            hellos.append(probe(scenario, site, 0, _bias(scenario, site), random))
    yield Commit(T0_NS, hellos, 0)
    reads: list[_Read] = []
    for site in sites.items:
        said = [*_batches(lines, site, random), *_others(scenario, site, random)]
        said.sort(key=lambda read: (read.at, read.order))
        if scenario.silent and site.number == 0:
            said = list(_silenced(said, site, scenario))
        reads += _arriving(said, random)
    reads.sort(key=lambda read: read.at)  # stable: a server's own stay in order
    yield from _grouped(reads, sites, texts, lines)


def _batches(lines: Lines, site: Site, random: np.random.Generator) -> Iterator[_Read]:
    for public in (False, True):
        log = 2 * site.number + public
        low, high = np.searchsorted(lines.log, [log, log + 1]).tolist()
        if low == high:
            continue
        beat = int(random.integers(0, READ_NS))
        looks = (lines.end[low:high] - beat) // READ_NS + 1
        edges = [0, *(np.flatnonzero(np.diff(looks)) + 1).tolist(), high - low]
        for first, end in itertools.pairwise(edges):
            at = int(looks[first]) * READ_NS + beat
            before = at - READ_NS
            for cut in range(first, end, MAX_ROWS):
                last = cut + MAX_ROWS >= end
                mark_ns = site.clock.read(at if last else before) - SLACK_NS
                stop = min(cut + MAX_ROWS, end)
                yield _Read(at, site.number, 0, low + cut, low + stop, mark_ns=mark_ns)


def _others(scenario: Scenario, site: Site, random: np.random.Generator) -> Iterator[_Read]:
    """Watermarks, probes, inventories."""
    length = int(scenario.seconds * SECOND) + AFTER_NS
    for at in range(int(random.integers(0, WATERMARK_NS)), length, WATERMARK_NS):
        # a log's last look may lie one beat back
        mark_ns = site.clock.read(max(at - READ_NS, 0)) - SLACK_NS
        mark = WatermarkSeen(site.id, None, mark_ns, False, 0, 0, 0, 0)
        yield _Read(at, site.number, 1, event=mark)
    if scenario.clocks.probes:
        bias = _bias(scenario, site)
        for at in range(int(random.integers(MS, PROBE_NS)), length, PROBE_NS):
            measured = probe(scenario, site, at, bias, random)
            yield _Read(at, site.number, 2, event=measured)
    if site.reuses:
        for at in range(LIFE_NS, int(scenario.seconds * SECOND), LIFE_NS):
            yield _Read(at + 5 * MS, site.number, 3, event=site.inventory(at))


def _bias(scenario: Scenario, site: Site) -> int:
    """Of all probes of a server, ns; both ends of the range are among the servers."""
    most = scenario.clocks.probe_bias_ms * MS
    return round(most * (2 * (site.number * 5 % scenario.servers) / scenario.servers - 1))


def probe(
    scenario: Scenario, site: Site, at: int, bias: int, random: np.random.Generator
) -> ClockMeasured:
    """A measured clock: off by half the difference of the two ways, each with a queue."""
    there, back = 500_000 + random.exponential(500_000, 2)
    skew = int(site.clock.skew(np.array([at]))[0])
    trip = int(there + back) + 2 * abs(bias)
    return ClockMeasured(site.id, skew + int(there - back) // 2 + bias, trip // 2)


def _silenced(said: list[_Read], site: Site, scenario: Scenario) -> Iterator[_Read]:
    """The agent says nothing from 30 % to 70 % of the time, and all of it then."""
    begin, end = (int(share * scenario.seconds * SECOND) for share in (0.3, 0.7))
    held = [read for read in said if begin <= read.at < end]
    yield from (read for read in said if read.at < begin)
    yield _Read(begin + NOTICED_NS, site.number, 0, event=AgentGone(site.id, "silent"))
    yield _Read(end, site.number, 0, event=site.hello())
    for read in held:
        if read.end:
            yield replace(read, at=end)
    yield from (read for read in said if read.at >= end)


def _arriving(said: list[_Read], random: np.random.Generator) -> Iterator[_Read]:
    """When each reaches the hub: none overtakes another of its server."""
    arrivals = np.array([read.at for read in said]) + random.integers(*TRANSIT_NS, len(said))
    for read, at in zip(said, np.maximum.accumulate(arrivals).tolist(), strict=True):
        yield replace(read, at=at)


def _grouped(reads: list[_Read], sites: Sites, texts: Texts, lines: Lines) -> Iterator[Commit]:
    """What arrives within `COMMIT_NS` is one commit; without news time passes all the same."""
    position, seq, now = 0, 0, 0
    last = reads[-1].at if reads else 0
    while now <= last:
        now += COMMIT_NS
        events: list[Event] = []
        rows = 0
        while position < len(reads) and reads[position].at <= now:
            read = reads[position]
            position += 1
            if read.event is not None:
                events.append(read.event)
                continue
            seq += 1
            rows += read.end - read.first
            site = sites.items[read.server]
            log = site.log(bool(lines.log[read.first] % 2))
            first = int(lines.offset[read.first])
            events.append(
                BatchCommitted(
                    seq,
                    log,
                    first,
                    int(lines.offset[read.end - 1]) + LINE_BYTES,
                    0,
                    (),
                    read.mark_ns,
                    observations(lines, texts, read.first, read.end),
                )
            )
        yield Commit(T0_NS + now, events, rows)
