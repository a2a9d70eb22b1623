"""Finds calls in the files: the newest that filters choose, and the ones that bear an id.

Enters: a moment of history. Leaves: listings, and single calls. In the history's thread only. Row
groups are read from the newest on, until no older one can hold a call of the answer.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.columns.calls import log_checksum
from hub.history import reel
from hub.history.listing import Listing, nothing
from hub.history.part import Part
from hub.history.reel import Reel
from hub.history.schema import COLUMNS
from hub.history.shelf import Group, Moment, Shelf, standing
from hub.model import LogKey
from hub.query.expression import Expression
from hub.query.filters import Filters
from hub.query.order import Key
from hub.query.query import Query
from hub.stamps import parse_time

Numbers = NDArray[np.int64]


def newest(
    shelf: Shelf,
    moment: Moment,
    filters: Filters,
    limit: int,
    after: Key | None,
    least: Key | None = None,
    wanted: Collection[str] = COLUMNS.keys(),
) -> Listing:
    """The newest calls of files behind this key, with these columns; with `least` only those that
    are newer."""
    found = nothing()
    for group in _groups(shelf, moment, filters, after):
        if least is not None and group.latest_ns < least[0]:
            break
        if len(found) == limit and group.latest_ns < found.keys.start_ns[-1]:
            break
        part = shelf.part(group, moment)
        every = np.arange(part.count)
        numbers = Query(part).matching(filters, every)  # type: ignore[arg-type]
        numbers = standing(moment, part, numbers)
        if after is not None and len(numbers):
            numbers = numbers[part.keys.at(numbers).before(after)]
        if len(numbers) > limit:
            numbers = numbers[part.keys.at(numbers).newest(limit)]
        if len(numbers):
            found = found.with_part(part.only(numbers, wanted), np.arange(len(numbers)), limit)
    return found.gathered()


def bearing(shelf: Shelf, moment: Moment, key: Key) -> tuple[Part, int] | None:
    """The call that bears this id, or one of whose lines does; None: it is not kept."""
    best: tuple[int, Part, int] | None = None
    for entry in moment.state.files:
        if not entry.may_bear(key[0]):
            continue
        for group in shelf.groups_in(entry):
            if not group.earliest_ns <= key[0] <= group.latest_ns:
                continue
            part = shelf.part(group, moment)
            bearers = np.array(_bearing(part, key), np.int64)
            for number in standing(moment, part, bearers, cut=False).tolist():
                revision = int(part["revision"][number])
                if best is None or revision > best[0]:
                    best = revision, part, number
    return best[1:] if best else None


def wind(
    shelf: Shelf, moment: Moment, here: Reel, since_ns: int, until_ns: int, query: Expression
) -> Reel:
    """What ended in [since, until) and the query fits, beside what memory has of it."""
    pieces: list[tuple[Part, Numbers, int]] = []
    parts: list[Part] = []
    for entry in moment.state.files:
        for group in shelf.groups_in(entry):
            if group.ended_to_ns < since_ns or group.ended_from_ns >= until_ns:
                continue
            part = shelf.part(group, moment)
            numbers = standing(moment, part, np.arange(part.count))
            chosen = reel.cut(part, numbers, since_ns, until_ns, query)
            pieces.append((part, chosen, len(parts)))
            parts.append(part)
    return here.beside(reel.wound(pieces, parts))


def _groups(shelf: Shelf, moment: Moment, filters: Filters, after: Key | None) -> list[Group]:
    """Those that may hold an answer, the newest first."""
    shelf.forget(moment.state)
    since, until = filters.since_ns, filters.until_ns
    groups = []
    for entry in moment.state.files:
        if until is not None and entry.first_ns >= until:
            continue
        if since is not None and entry.last_ns < since:
            continue
        for group in shelf.groups_in(entry):
            if until is not None and group.first_ns >= until:
                continue
            if since is not None and group.last_ns < since:
                continue
            if after is None or group.earliest_ns <= after[0]:
                groups.append(group)
    return sorted(groups, key=lambda group: group.latest_ns, reverse=True)


def _bearing(part: Part, key: Key) -> list[int]:
    """Calls one of whose lines is this."""
    found: list[int] = []
    for hop, start in ((0, "start_ns"), (1, "hop1_start_ns")):
        same = np.flatnonzero(part.numbers(start) == key[0])
        if not len(same):
            continue
        offsets = part.numbers(f"hop{hop}_offset")
        values, codes = part.texts(f"hop{hop}_log_sum")
        word = f"{key[1]:08x}"
        found += [n for n in same.tolist() if offsets[n] == key[2] and values[codes[n]] == word]
    return found or _attempted(part, key)


def _attempted(part: Part, key: Key) -> list[int]:
    """Calls one of whose earlier attempts is this line."""
    column = part.arrow("attempts").column(0)
    found = []
    for number in np.flatnonzero(column.is_valid().to_numpy()).tolist():
        for hop in msgspec.json.decode(column[number].as_py(), type=list[forms.Hop]):
            log = LogKey(hop.server, hop.proxy, bytes.fromhex(hop.log))
            if (parse_time(hop.start), log_checksum(log), hop.offset) == key:
                found.append(number)
    return found
