"""What all viewers with equal queries get: a snapshot to begin with, then frames.

Enters: the steps of `hub.live`. Leaves: forms. Totals are cumulative and cover every edge that
changed since the last frame. What a frame's bounds keep out of it is counted in `hidden`. A call
has one packet: where its half was shown while it waited, it is only listed when it settles.
"""

from __future__ import annotations

import msgspec
import numpy as np
from hopwatch import __version__
from numpy.typing import NDArray

from hub import forms
from hub.columns.calls import Numbers
from hub.defaults import (
    FRAME_INTERVAL_MS,
    MATCHED_CALLS,
    MATCHED_S,
    MAX_CALL_DETAILS,
    MAX_ERROR_DETAILS,
    MAX_PACKET_AGE_MS,
    MAX_PACKETS,
    RECENT_SHOWN,
)
from hub.live.live import Figures, Live, Step
from hub.live.matches import Matches
from hub.query.conditions import Conditions
from hub.query.expression import EVERYTHING, Expression
from hub.query.subjects import SettledCalls, WaitingHalves
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline

MS = 1_000_000
SECOND = 1_000_000_000
NONE = np.zeros(0, np.int64)

Mask = NDArray[np.bool_]


class Channel:
    """The frames of one query."""

    def __init__(self, pipeline: Pipeline, live: Live, query: Expression = EVERYTHING) -> None:
        self._pipeline = pipeline
        self._live = live
        self._settling = pipeline.settling
        self._calls = pipeline.settling.calls.table
        self._describe = Describe(pipeline)
        self._holds = None if query == EVERYTHING else Conditions(pipeline).of(query)
        self._matches: Matches | None = None
        self._shown_halves = NONE
        self._shown, self._shown_per_s = 0, 0.0

    # --- forms

    def frame(self, step: Step) -> forms.Frame | None:
        """What happened, as this channel's viewers see it; None: nothing of theirs."""
        new, amended, halves = step.new, step.amended, step.halves
        if self._holds is not None:
            new, amended = self._fitting(new), self._fitting(amended)
            halves = halves[self._holds(WaitingHalves(self._pipeline, halves))]
        matched = self._count(step, new, amended)
        packets, hidden = self._packets(step, new, halves)
        changed = step.changed if self._matches is None else self._matches.known(step.changed)
        if self._holds is not None and not (
            len(new) or len(amended) or len(halves) or len(changed)
            or (matched and matched.edge) or step.topology or step.figures or step.notices
        ):  # fmt: skip
            return None
        errors, calls, unlisted = self._details(new)
        figures = step.figures
        if figures:
            self._shown_per_s, self._shown = round(self._shown / figures.elapsed_s, 1), 0
        return forms.Frame(
            seq=step.seq,
            time_ms=step.now_ns / MS,
            topology=step.topology,
            totals=self._totals(changed),
            matched=matched,
            packets=packets,
            errors=errors,
            calls=calls,
            amended=self._describe.summaries(amended[-MAX_ERROR_DETAILS:]),
            hidden=forms.Hidden(packets=hidden, errors=unlisted[0], calls=unlisted[1]),
            stats=figures.stats if figures else None,
            status=self._status(figures) if figures else None,
            notices=step.notices,
        )

    def snapshot(self, now_ns: int, q: str = "") -> forms.Snapshot:
        """Where everything stands; frames go on from here."""
        calls = self._recent()
        if self._holds is not None and self._matches is None:
            since_ns = self._counted_since_ns(now_ns)
            self._matches = Matches(self._calls, since_ns)
            self._matches.update(calls[self._calls.take("end_ns", calls) >= since_ns])
        matches = self._matches
        changed = self._pipeline.totals.changed_since(0)
        figures = self._live.figures(now_ns)
        bad = calls[~self._calls.take("ok", calls)]
        return forms.Snapshot(
            protocol=1,
            hub_version=__version__,
            seq=self._live.seq,
            time_ms=now_ns / MS,
            frame_interval_ms=FRAME_INTERVAL_MS,
            q=q,
            topology=self._describe.topology(),
            totals=self._totals(matches.known(changed) if matches else changed),
            matched=matches.form() if matches else None,
            matched_since_ms=matches.since_ns / MS if matches else None,
            stats=figures.stats,
            status=self._status(figures),
            errors=self._describe.summaries(bad[-RECENT_SHOWN:]),
            calls=self._describe.summaries(calls[-RECENT_SHOWN:]),
            notices=self._live.notices(),
        )

    # --- parts

    def _fitting(self, numbers: Numbers) -> Numbers:
        """Of these calls those that the query fits."""
        if self._holds is None:
            return numbers
        return numbers[self._holds(SettledCalls(self._pipeline, numbers))]

    def _count(self, step: Step, new: Numbers, amended: Numbers) -> forms.EdgeMatches | None:
        """Among the calls that the query fits, count these, which it fits too."""
        if self._matches is None:
            return None
        withdrawn = np.union1d(step.amended, step.gone)
        return self._matches.update(np.union1d(new, amended), withdrawn)

    def _counted_since_ns(self, now_ns: int) -> int:
        """A minute back, or as far as `_recent` looks."""
        since_ns = (self._live.told_ns or now_ns) - MATCHED_S * SECOND
        looked_at = self._live.told - MATCHED_CALLS
        if looked_at <= self._calls.first:
            return since_ns
        return max(since_ns, int(self._calls.value("end_ns", looked_at)))

    def _recent(self) -> Numbers:
        """The newest calls that were told in frames, by number."""
        end = self._live.told
        numbers = np.arange(max(self._calls.first, end - MATCHED_CALLS), end)
        take = self._calls.take
        return self._fitting(numbers[~(take("gone", numbers) | take("ignored", numbers))])

    def _packets(self, step: Step, new: Numbers, halves: Numbers) -> tuple[forms.Packets, int]:
        """One packet a call, at most `MAX_PACKETS`, bad ones first; and how many were left out."""
        take, now_ns = self._calls.take, step.now_ns
        unseen = new[~self._shown_as_halves(new)]
        recent = unseen[now_ns - take("end_ns", unseen) < MAX_PACKET_AGE_MS * MS]
        order = np.lexsort((-take("end_ns", recent), take("ok", recent)))[:MAX_PACKETS]
        shown = recent[order]
        shown = shown[np.argsort(take("end_ns", shown), kind="stable")]
        packets = forms.Packets(
            edge=take("edge", shown).tolist(),
            end_ms=_ages_ms(now_ns, take("end_ns", shown)),
            duration_ms=np.round(take("duration_ns", shown) / MS, 3).tolist(),
            status=take("status", shown).tolist(),
            ok=take("ok", shown).astype(int).tolist(),
        )
        self._add_halves(packets, halves[: MAX_PACKETS - len(shown)], now_ns)
        self._shown += len(packets.edge)
        return packets, len(unseen) + len(halves) - len(packets.edge)

    def _shown_as_halves(self, new: Numbers) -> Mask:
        """Which of the new calls have a packet already, because a half of them was shown."""
        if not len(self._shown_halves):
            return np.zeros(len(new), np.bool_)
        hops = [self._calls.take(hop, new) for hop in ("hop0", "hop1")]
        seen = np.isin(hops[0], self._shown_halves) | np.isin(hops[1], self._shown_halves)
        kept = self._shown_halves[self._shown_halves >= self._settling.rows.table.first]
        self._shown_halves = kept[self._settling.waits(kept)]
        return seen

    def _add_halves(self, packets: forms.Packets, rows: Numbers, now_ns: int) -> None:
        take, moment = self._settling.rows.table.take, self._pipeline.progress.moment()
        halves = WaitingHalves(self._pipeline, rows)
        self._shown_halves = np.concatenate([self._shown_halves, rows])
        packets.edge += halves.take("edge").tolist()
        packets.end_ms += _ages_ms(now_ns, self._settling.end_ns(rows, moment))
        packets.duration_ms += np.round(take("duration_ns", rows) / MS, 3).tolist()
        packets.status += take("status", rows).tolist()
        packets.ok += halves.take("ok").astype(int).tolist()

    def _details(
        self, numbers: Numbers
    ) -> tuple[list[forms.CallSummary], list[forms.CallSummary], tuple[int, int]]:
        """Bad calls and newest others in detail, and how many of both are only counted."""
        ok = self._calls.take("ok", numbers)
        bad, good = numbers[~ok], numbers[ok]
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

    def _status(self, figures: Figures) -> forms.Status:
        """With what this channel showed."""
        return msgspec.structs.replace(figures.status, shown_per_s=self._shown_per_s)


def _ages_ms(now_ns: int, end_ns: Numbers) -> list[float]:
    ages: list[float] = np.round(np.maximum(now_ns - end_ns, 0) / MS, 3).tolist()
    return ages
