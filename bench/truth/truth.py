"""The columns of the truth: every request, and what an account of it should say.

Times are nanoseconds since the run's beginning in the hub's clock; parties, paths and addresses are
numbers of `Texts`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bench.truth.sites import Times

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOT_JUDGED = -1


class Fan(IntEnum):
    """How the requests of one trace that are identical come."""

    NO_TRACE = 0
    ALONE = 1
    IN_TURN = 2
    AT_ONCE = 3


@dataclass
class Hop:
    """One proxy's part in each request."""

    server: Numbers
    """-1: this proxy had no part."""
    public: Mask
    start: Times
    duration: Times
    upstream: Times
    status: Numbers
    upstream_status: Numbers
    client: Numbers
    forwarded: Numbers
    path: Numbers
    router: Numbers
    target: Numbers
    """The upstream's URL."""
    lost: Mask
    """Its line was never written."""


@dataclass
class Truth:
    """Columns, one entry a request."""

    kind: Numbers
    key: Numbers
    group: Numbers
    """Identical requests; -1: it is in no group."""
    rivals: Numbers
    """Identical ones in flight as it begins, itself included."""
    fan: Numbers
    """`Fan`: how its trace fans out to its group."""
    method: Numbers
    trace: Numbers
    """Number of its trace, from 1; 0: none."""
    parent: Numbers
    """Request that its caller was serving, as its ids tell; -1: none."""
    caller: Numbers
    """Party."""
    callee: Numbers
    origin: Numbers
    missing: Numbers
    """What is expected; -1: not judged."""
    reason: Numbers
    first: Hop
    """The caller's proxy, or the only one."""
    second: Hop

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def paired(self) -> Mask:
        """Whether both lines were written."""
        return (self.second.server >= 0) & ~self.first.lost & ~self.second.lost


def nothing(like: Hop) -> Hop:
    """No second proxy had a part."""
    values = {field.name: np.zeros_like(getattr(like, field.name)) for field in fields(Hop)}
    values["server"] = np.full(len(like.server), -1)
    return Hop(**values)


def joined(parts: list[Truth]) -> Truth:
    """All requests of several truths, with traces numbered on."""
    traces = 0
    for part in parts:
        part.trace = np.where(part.trace > 0, part.trace + traces, 0)
        traces = max(traces, int(part.trace.max(initial=0)))
    values: dict[str, object] = {}
    for field in fields(Truth):
        columns = [getattr(part, field.name) for part in parts]
        values[field.name] = (
            Hop(
                **{
                    hop.name: np.concatenate([getattr(column, hop.name) for column in columns])
                    for hop in fields(Hop)
                }
            )
            if field.name in ("first", "second")
            else np.concatenate(columns)
        )
    return Truth(**values)  # type: ignore[arg-type]
