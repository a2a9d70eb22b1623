"""Halves that stay alone: which half is missing, and why that can be.

Enters: halves and the progress of the servers. Leaves: what their own lines do not tell, written
into the columns of their calls.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hub.enums import Missing, Origin, Reason
from hub.join.half_view import HalfView
from hub.join.progress import Moment
from hub.settle.verdict import Values

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]


def tell_alone(
    values: Values, halves: HalfView, moment: Moment, lost: Mask, callers: Callable[[], Codes]
) -> None:
    """Complete the columns of the calls of these halves.

    `lost`: the line of the other half may be one that is lacking there. `callers` gives the nodes
    that peer servers claim to speak for (-1: none).
    """
    leads, others = halves.leads, halves.other
    passed = moment.passed(halves.server, others, halves.end_ns, leads)
    values["reason"] = np.select(
        [
            leads & halves.unreached,
            leads & ~passed,
            leads & lost,
            leads,
            others < 0,
            ~passed,
            lost,
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
    if called.any():
        nodes = callers()
        values["from_node"] = np.where(called & (nodes >= 0), nodes, values["from_node"])
