"""Calls of several parts as one list, newest first.

Enters: calls of parts, with their ids. Leaves: the newest of them, in order, each with where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hub.history.part import Part
from hub.query.order import Keys, joined

Numbers = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """Calls, newest first."""

    keys: Keys
    source: Numbers
    """Of each call: its part's place in `parts`."""
    number: Numbers
    """Of each call in its part."""
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return len(self.number)

    def with_part(self, part: Part, numbers: Numbers, limit: int) -> Listing:
        """With these calls of one more part, the newest `limit` of all."""
        keys = joined([self.keys, part.keys.at(numbers)])
        newest = keys.newest(limit)
        source = np.concatenate([self.source, np.full(len(numbers), len(self.parts))])[newest]
        number = np.concatenate([self.number, numbers])[newest]
        used = np.unique(source)
        parts = (*self.parts, part)
        return Listing(
            keys.at(newest),
            np.searchsorted(used, source),
            number,
            tuple(parts[place] for place in used.tolist()),
        )

    def first(self, limit: int) -> Listing:
        """The newest `limit`."""
        if len(self) <= limit:
            return self
        some = np.arange(limit)
        return Listing(self.keys.at(some), self.source[some], self.number[some], self.parts)

    def gathered(self) -> Listing:
        """The same, its calls in one part: what is told of many parts takes longer."""
        if len(self.parts) < 2:
            return self
        first = np.cumsum([0, *(part.count for part in self.parts)])
        number = self.number + first[self.source]
        source = np.zeros(len(self), np.int64)
        return Listing(self.keys, source, number, (Part.of(self.parts),))

    def members(self) -> Iterator[tuple[Part, Numbers, Numbers]]:
        """Of each part the calls' numbers, and their places in the list."""
        for place, part in enumerate(self.parts):
            places = np.flatnonzero(self.source == place)
            yield part, self.number[places], places

    def told(self, tell: Callable[[Part, Numbers], Sequence[T]]) -> list[T]:
        """What is told of the calls of each part, in the order of the list."""
        result: list[T] = [None] * len(self)  # type: ignore[list-item]
        for part, numbers, places in self.members():
            if len(numbers) == len(self):
                return list(tell(part, numbers))
            for place, one in zip(places.tolist(), tell(part, numbers), strict=True):
                result[place] = one
        return result


def nothing() -> Listing:
    """No calls."""
    none = np.zeros(0, np.int64)
    return Listing(Keys(none, none, none), none, none, ())
