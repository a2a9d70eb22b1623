"""How each server's reporting stands, and what the view may claim of the whole.

Enters: the pipeline. Leaves: the forms of `/api/v1/servers`, `/api/v1/ledger`, and the live status.
"""

from __future__ import annotations

from hub import forms
from hub.account.watermark import NOTHING_MORE
from hub.settle.pipeline import Pipeline, Traffic
from hub.stamps import rfc3339

MS = 1e6


class State:
    """Readings of the servers' state."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def ledger(self) -> forms.Ledger:
        """The account of every line."""
        return self._pipeline.ledger.form(self._pipeline.callless())

    def servers(self, now_ns: int) -> list[forms.ServerState]:
        """One entry a server that ever reported."""
        return [self._server(record.id, now_ns) for record in self._pipeline.federation.servers]

    def status(self, servers: list[forms.ServerState], received_per_s: float) -> forms.Status:
        """What the live view may claim; each view knows itself what it shows."""
        ledger = self.ledger()
        gone = [server.id for server in servers if not server.connected]
        reason = ledger.reason or (f"no agent of {', '.join(gone)}" if gone else None)
        return forms.Status(
            servers=[
                forms.LiveServer(
                    id=server.id,
                    connected=server.connected,
                    lag_ms=server.lag_ms,
                    skew_ms=server.skew_ms,
                    malformed=server.lines_malformed,
                    missing=server.lines_missing,
                )
                for server in servers
            ],
            received_per_s=round(received_per_s, 1),
            shown_per_s=0.0,
            malformed=ledger.totals.malformed,
            missing=ledger.totals.missing,
            outstanding=ledger.totals.outstanding,
            exact=reason is None,
            reason=reason,
        )

    def _server(self, id: str, now_ns: int) -> forms.ServerState:
        pipeline = self._pipeline
        record = pipeline.federation.server(id)
        offset = pipeline.skews.estimate(id)
        mark = pipeline.watermark_ns(id)
        lag_ms = (now_ns - mark) / MS if mark is not None and mark != NOTHING_MORE else None
        read, malformed = pipeline.ledger.lines(id)
        last = pipeline.traffic.get(id, Traffic()).last_batch_ns
        return forms.ServerState(
            id=id,
            connected=record.connected,
            version=record.version or None,
            last_batch=rfc3339(last) if last else None,
            lag_ms=round(max(lag_ms, 0.0), 1) if lag_ms is not None else None,
            skew_ms=round(offset.skew_ns / MS, 3) if offset else None,
            skew_uncertainty_ms=round(offset.uncertainty_ns / MS, 3) if offset else None,
            lines_read=read,
            lines_malformed=malformed,
            lines_missing=pipeline.ledger.missing(id),
            malformed_samples=pipeline.ledger.samples(id),
            calls_spoofed=pipeline.calls_at(record, pipeline.totals.spoofed),
            calls_ignored=pipeline.calls_at(record, pipeline.ignored.counts[:, 0]),
            reason=record.gone_reason,
        )
