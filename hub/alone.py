"""Halves that stay alone: which half is missing, and why that can be.

Enters: halves and the progress of the servers. Leaves: what their own lines do not tell, written
into the columns of their calls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.enums import Missing, Origin, Reason
from hub.halves import Halves
from hub.identity import Identity
from hub.progress import Moment
from hub.verdict import Values

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def tell_alone(
    values: Values,
    rows: Numbers,
    halves: Halves,
    moment: Moment,
    lost: Mask,
    identity: Identity,
) -> None:
    """Complete the columns of the calls of these halves; `lost` is `Progress.lines_lost`."""
    leads, others = halves.is_caller(rows), halves.other(rows)
    end_ns = halves.end_ns(rows, moment.skews)
    passed = moment.passed(halves.server(rows), others, end_ns, leads)
    lost_there = lost[others] & (others >= 0)
    values["reason"] = np.select(
        [
            leads & halves.unreached(rows),
            leads & ~passed,
            leads & lost_there,
            leads,
            others < 0,
            ~passed,
            lost_there,
        ],
        [
            Reason.CALLEE_UNREACHABLE,
            Reason.CALLEE_SILENT,
            Reason.CALLEE_LINE_LOST,
            Reason.UNKNOWN,
            values["reason"],
            Reason.CALLER_SILENT,
            Reason.CALLER_LINE_LOST,
        ],
        Reason.DIRECT,
    )
    called = ~leads & (others >= 0)
    values["other"] = np.where(called, others, values["other"])
    silent = called & ~passed
    values["origin"] = np.where(silent, Origin.CROSS_SERVER, values["origin"])
    values["missing"] = np.where(silent, Missing.CALLER_HALF, values["missing"])
    _tell_callers(values, rows, called, halves, moment, identity)


def _tell_callers(
    values: Values,
    rows: Numbers,
    called: Mask,
    halves: Halves,
    moment: Moment,
    identity: Identity,
) -> None:
    """Whom the peer servers claim to speak for: their container, where they have that address."""
    claims = halves.client(rows)
    claimed = np.flatnonzero(called & (claims != 0))
    if not len(claimed):
        return
    chosen, others = rows[claimed], halves.other(rows[claimed]).astype(np.int32)
    at_ns = halves.start_ns(chosen, moment.skews) + moment.skews[others]
    nodes = identity.resolve_claims(others, halves.clients(), claims[claimed], at_ns)
    callers = values["from_node"].copy()
    callers[claimed] = np.where(nodes >= 0, nodes, callers[claimed])
    values["from_node"] = callers
