"""A half that stays alone: which half is missing, and why that can be.

Enters: a half and the progress of the servers. Leaves: the columns of its call that its own line
does not tell, by name. Pure.
"""

from __future__ import annotations

from hub.enums import Missing, Origin, Reason, Role
from hub.federation import Federation
from hub.identity import Identity
from hub.join import Half
from hub.progress import Progress


def told_alone(
    half: Half, progress: Progress, federation: Federation, identity: Identity
) -> dict[str, int]:
    """What a half that stays alone tells beyond its own line."""
    if half.role is Role.CALLER:
        return {"reason": _callee_reason(half, progress)}
    return _callee_alone(half, progress, federation, identity) if half.other >= 0 else {}


def _callee_reason(half: Half, progress: Progress) -> Reason:
    """Why the other server has no line of this call."""
    if half.unreached:
        return Reason.CALLEE_UNREACHABLE
    if not progress.passed(half.other, half):
        return Reason.CALLEE_SILENT
    return Reason.CALLEE_LINE_LOST if progress.lines_lost(half.other) else Reason.UNKNOWN


def _callee_alone(
    half: Half, progress: Progress, federation: Federation, identity: Identity
) -> dict[str, int]:
    """A request from another server whose proxy did not log it."""
    values: dict[str, int] = {"other": half.other}
    peer = federation.servers[half.other]
    at_ns = half.start_ns + progress.skew_ns(half.other)
    claim = identity.claimed(peer, half.client, at_ns) if half.client else None
    if claim is not None:
        values["from_node"] = claim.node
    if not progress.passed(half.other, half):
        return values | {
            "origin": Origin.CROSS_SERVER,
            "missing": Missing.CALLER_HALF,
            "reason": Reason.CALLER_SILENT,
        }
    lost = progress.lines_lost(half.other)
    return values | {"reason": Reason.CALLER_LINE_LOST if lost else Reason.DIRECT}
