"""The live view's frames: what happened since the last one, and where everything stands.

Enters: calls as they settle, halves that wait. Leaves: `Frame`s and `Snapshot`s, the same for every
viewer. Totals are cumulative and cover every edge that changed in the last `STALE_VIEWER_MS`, so a
frame that a viewer skips loses no count; what the bounds keep out of a frame is counted in
`hidden`. A call has one packet: where its half was shown while it waited, it is only listed when it
settles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from hopwatch import __version__

from hub import forms
from hub.calls import Numbers
from hub.defaults import (
    FRAME_INTERVAL_MS,
    MAX_CALL_DETAILS,
    MAX_ERROR_DETAILS,
    MAX_PACKET_AGE_MS,
    MAX_PACKETS,
    RECENT_SHOWN,
    STALE_VIEWER_MS,
)
from hub.describe import Describe
from hub.notices import Notices
from hub.pipeline import Pipeline
from hub.state import State
from hub.stats import Stats

MS = 1_000_000
SECOND = 1_000_000_000


class Live:
    """Collects what settles and makes frames of it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._settling = pipeline.settling
        self._calls = pipeline.settling.calls.table
        self._describe = Describe(pipeline)
        self._stats = Stats(pipeline.rollup, pipeline.graph)
        self._state = State(pipeline)
        self._notices = Notices(pipeline)
        self._new: list[Numbers] = []
        self._amended: list[Numbers] = []
        self._halves: list[Numbers] = []
        self._shown_halves: dict[int, int] = {}
        self._recent: deque[int] = deque(maxlen=RECENT_SHOWN)
        self._recent_errors: deque[int] = deque(maxlen=RECENT_SHOWN)
        self._seq = 0
        self._version = pipeline.graph.version
        self._second = 0
        self._rows_then, self._shown, self._then_ns = pipeline.rows_received, 0, 0
        self._last: tuple[forms.Stats, forms.Status] | None = None

    # --- Listener

    def settled(self, new: Numbers, amended: Numbers) -> None:
        """Calls that are new or amended."""
        self._new.append(new)
        self._amended.append(amended)

    def half_seen(self, rows: Numbers) -> None:
        """Halves that are shown while they wait."""
        self._halves.append(rows)

    # --- frames

    def frame(self, now_ns: int) -> forms.Frame | None:
        """What happened since the last frame; None: nothing, and no figures are due."""
        due = now_ns // SECOND != self._second
        idle = not (self._new or self._amended or self._halves)
        if idle and not due and self._version == self._pipeline.graph.version:
            return None
        new, amended = self._standing(self._new), self._standing(self._amended)
        halves = np.concatenate([np.zeros(0, np.int64), *self._halves])
        halves = halves[self._settling.waits(halves)]
        self._new, self._amended, self._halves = [], [], []
        self._notices.calls(new, now_ns)
        shown = self._settled_halves(np.union1d(new, amended))
        packets, hidden = self._packets(new[~np.isin(new, shown)], halves, now_ns)
        errors, calls, unlisted = self._details(new)
        stats, status = self._figures(now_ns) if due else (None, None)
        topology = self._describe.changes_since(self._version)
        self._version = self._pipeline.graph.version
        self._seq += 1
        return forms.Frame(
            seq=self._seq,
            time_ms=now_ns / MS,
            topology=topology,
            totals=self._totals(self._pipeline.totals.changed_since(now_ns - STALE_VIEWER_MS * MS)),
            packets=packets,
            errors=errors,
            calls=calls,
            amended=self._describe.summaries(np.setdiff1d(amended, new)[-MAX_ERROR_DETAILS:]),
            hidden=forms.Hidden(packets=hidden, errors=unlisted[0], calls=unlisted[1]),
            stats=stats,
            status=status,
            notices=self._notices.take_changed(),
        )

    def snapshot(self, now_ns: int) -> forms.Snapshot:
        """Where everything stands; frames go on from here."""
        stats, status = self._last or self._figures(now_ns)
        return forms.Snapshot(
            protocol=1,
            hub_version=__version__,
            seq=self._seq,
            time_ms=now_ns / MS,
            frame_interval_ms=FRAME_INTERVAL_MS,
            topology=self._describe.topology(),
            totals=self._totals(self._pipeline.totals.known()),
            stats=stats,
            status=status,
            errors=self._describe.summaries(
                self._standing([np.array(self._recent_errors, np.int64)])
            ),
            calls=self._describe.summaries(self._standing([np.array(self._recent, np.int64)])),
            notices=self._notices.all(),
        )

    # --- parts

    def _standing(self, parts: Iterable[Numbers]) -> Numbers:
        """Of these calls those that are still kept, each once, by number."""
        numbers = np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
        numbers = numbers[numbers >= self._calls.first]
        standing: Numbers = numbers[~self._calls.take("gone", numbers)]
        return standing

    def _settled_halves(self, numbers: Numbers) -> Numbers:
        """Of these calls those that have a packet already, because a half of them was shown."""
        if not self._shown_halves:
            return numbers[:0]
        shown = []
        hops = zip(
            numbers.tolist(),
            self._calls.take("hop0", numbers).tolist(),
            self._calls.take("hop1", numbers).tolist(),
            strict=True,
        )
        for number, *rows in hops:
            edges = [self._shown_halves.pop(row, None) for row in rows]
            if any(edge is not None for edge in edges):
                shown.append(number)
        return np.array(shown, np.int64)

    def _packets(self, numbers: Numbers, halves: Numbers, now_ns: int) -> tuple[forms.Packets, int]:
        """One packet a call, at most `MAX_PACKETS`, bad ones first; and how many were left out."""
        age_ns = now_ns - self._calls.take("end_ns", numbers)
        recent = numbers[age_ns < MAX_PACKET_AGE_MS * MS]
        ok = self._calls.take("ok", recent)
        order = np.lexsort((-self._calls.take("end_ns", recent), ok))[:MAX_PACKETS]
        shown = recent[order]
        shown = shown[np.argsort(self._calls.take("end_ns", shown), kind="stable")]
        take = self._calls.take
        packets = forms.Packets(
            edge=take("edge", shown).tolist(),
            end_ms=np.round(np.maximum(now_ns - take("end_ns", shown), 0) / MS, 3).tolist(),
            duration_ms=np.round(take("duration_ns", shown) / MS, 3).tolist(),
            status=take("status", shown).tolist(),
            ok=take("ok", shown).astype(int).tolist(),
        )
        self._add_halves(packets, halves[: MAX_PACKETS - len(shown)], now_ns)
        self._shown += len(packets.edge)
        return packets, len(numbers) + len(halves) - len(packets.edge)

    def _add_halves(self, packets: forms.Packets, rows: Numbers, now_ns: int) -> None:
        take, moment = self._settling.rows.table.take, self._pipeline.progress.moment()
        edges, status = take("shown_edge", rows).tolist(), take("status", rows)
        ages_ns = now_ns - self._settling.end_ns(rows, moment)
        self._shown_halves |= dict(zip(rows.tolist(), edges, strict=True))
        packets.edge += edges
        packets.end_ms += np.round(np.maximum(ages_ns, 0) / MS, 3).tolist()
        packets.duration_ms += np.round(take("duration_ns", rows) / MS, 3).tolist()
        packets.status += status.tolist()
        packets.ok += ((status >= 100) & (status < 400)).astype(int).tolist()

    def _details(
        self, numbers: Numbers
    ) -> tuple[list[forms.CallSummary], list[forms.CallSummary], tuple[int, int]]:
        """Bad calls and newest others in detail, and how many of both are only counted."""
        ok = self._calls.take("ok", numbers)
        bad, good = numbers[~ok], numbers[ok]
        self._recent.extend(numbers[-RECENT_SHOWN:].tolist())
        self._recent_errors.extend(bad[-RECENT_SHOWN:].tolist())
        errors = self._describe.summaries(bad[-MAX_ERROR_DETAILS:])
        calls = self._describe.summaries(good[-MAX_CALL_DETAILS:])
        return errors, calls, (len(bad) - len(errors), len(good) - len(calls))

    def _totals(self, edges: Numbers) -> forms.EdgeTotals:
        counts = self._pipeline.totals.counts[edges]
        return forms.EdgeTotals(
            edge=edges.tolist(),
            calls=counts[:, 0].tolist(),
            errors=counts[:, 1].tolist(),
            bytes=counts[:, 2].tolist(),
        )

    def _figures(self, now_ns: int) -> tuple[forms.Stats, forms.Status]:
        elapsed_s = max((now_ns - self._then_ns) / SECOND, 0.001)
        received = (self._pipeline.rows_received - self._rows_then) / elapsed_s
        servers = self._state.servers(now_ns)
        self._notices.states(servers, now_ns)
        status = self._state.status(
            servers,
            received if self._then_ns else 0.0,
            self._shown / elapsed_s if self._then_ns else 0.0,
        )
        self._rows_then, self._shown, self._then_ns = self._pipeline.rows_received, 0, now_ns
        self._second = now_ns // SECOND
        self._last = (self._stats.form(now_ns), status)
        return self._last
