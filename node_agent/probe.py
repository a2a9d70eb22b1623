"""Clock probes: how far the agent's clock and the hub's are apart.

Each probe carries the four times of the one before (as NTP does, RFC 5905): so the hub learns them
without asking back. The first few follow each other quickly.
"""

from __future__ import annotations

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.defaults import FIRST_PROBES, PROBE_INTERVAL_S, QUICK_PROBE_S


class Prober:
    """The probes of one stream."""

    def __init__(self, now_s: float) -> None:
        self._probe = pb.ClockProbe()
        self._sent_ns = 0
        self._due_s = now_s

    def tick(self, now_s: float, wall_ns: int) -> pb.ClockProbe | None:
        """The probe that is due."""
        if now_s < self._due_s:
            return None
        self._probe.number += 1
        self._sent_ns = wall_ns
        self._due_s = now_s + PROBE_INTERVAL_S
        return self._probe

    def answered(self, reply: pb.ClockReply, now_s: float, wall_ns: int) -> None:
        """The hub's answer; one to an earlier probe says nothing any more."""
        if reply.number != self._probe.number:
            return
        self._probe.previous_sent_ns = self._sent_ns
        self._probe.previous_received_ns = wall_ns
        self._probe.previous_hub_ns = reply.hub_ns
        if reply.number < FIRST_PROBES:
            self._due_s = now_s + QUICK_PROBE_S
