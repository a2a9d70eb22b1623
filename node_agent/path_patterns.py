"""Parts of paths that the configuration names: `/users/*/orders`, `/reset/**`.

In: a path as it was logged. Out: the same with `REDACTED` in place of what a star stands for. A
pattern is segments: text, which has to be there; `*`, one segment or a part of one (`/u-*`); at the
end `**`, all segments that follow. It applies wherever its segments follow each other, at the
path's beginning or behind a prefix (`/server-b/users/7/orders`), and to every place at once: what
a proxy strips in front never changes what becomes of the rest, so both halves of a call still join.
The query is none of a path pattern's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

REDACTED = "REDACTED"
MAX_REDACTED = 100
"""Segments of one path, or parameters of one query. Of a path that has more, what follows is left
out; a query that has more is one `REDACTED`: so no line grows much longer than it was."""
_REST = "**"


def checked(pattern: str) -> str:
    """The pattern itself; ValueError says what is wrong with it."""
    segments = pattern.split("/")[1:]
    if not pattern.startswith("/") or not all(segments) or "?" in pattern:
        raise ValueError('must be segments of a path, such as "/users/*/orders"')
    if "*" not in pattern:
        raise ValueError('must have a star where the secret is, such as "/users/*/orders"')
    if any(_REST in segment for segment in segments[:-1]) or (
        _REST in segments[-1] and segments[-1] != _REST
    ):
        raise ValueError('"**" can only be the last segment: all that follow')
    return pattern


class PathPatterns:
    """Some of them."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_Pattern(pattern) for pattern in patterns]
        begins = "|".join(pattern.expression for pattern in self._patterns)
        # An encoded character may be any: such paths are looked at segment by segment.
        self._may_fit = re.compile(f"%|{begins}", re.DOTALL).search if begins else None

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def path(self, path: str) -> str:
        """Without what the patterns name."""
        if self._may_fit is None or not self._may_fit(path):
            return path
        path, mark, query = path.partition("?")
        segments = path.split("/")
        plain = [unquote(one) for one in segments] if "%" in path else segments
        found: dict[int, str] = {}
        for pattern in self._patterns:
            for place, text in pattern.places(plain):
                found[place] = text if found.get(place, text) == text else REDACTED
        for count, place in enumerate(sorted(found), 1):
            segments[place] = found[place]
            if count == MAX_REDACTED:
                del segments[place + 1 :]
                break
        return "/".join(segments) + mark + query


class _Pattern:
    """One."""

    def __init__(self, text: str) -> None:
        segments = checked(text).split("/")[1:]
        self._to_the_end = segments[-1] == _REST
        if self._to_the_end:
            segments.pop()
        self._segments = [re.compile(_expression(one, ".+"), re.DOTALL) for one in segments]
        self._shown = [one.replace("*", REDACTED) if "*" in one else "" for one in segments]
        inner = "".join("/" + _expression(one, "[^/?]+") for one in segments)
        end = "/" if self._to_the_end else r"(?:[/?]|\Z)"
        self.expression = inner + end
        """Found in every path, without encoded characters, that the pattern applies to."""

    def places(self, segments: list[str]) -> Iterator[tuple[int, str]]:
        """Which segments change, and what becomes of them; the first is what precedes a slash."""
        size = len(self._segments)
        for begin in range(1, len(segments) - size + (not self._to_the_end)):
            here = segments[begin : begin + size]
            if all(map(_fits, self._segments, here)):
                for place, text in enumerate(self._shown, begin):
                    if text:
                        yield place, text
                if self._to_the_end:
                    rest = range(begin + size, len(segments))
                    yield from ((place, REDACTED) for place in rest if segments[place])
                    return  # what follows lies within it


def _expression(segment: str, star: str) -> str:
    return star.join(map(re.escape, segment.split("*")))


def _fits(expression: re.Pattern[str], segment: str) -> bool:
    return expression.fullmatch(segment) is not None
