"""What a query asks of calls, as a tree: terms, joined by all, any and not.

Values only: equal queries are equal trees, however they were written, so viewers that ask the same
share their frames. `hub.language` reads them from text, `hub.conditions` tries them on calls.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """One thing that a term looks for."""

    text: str
    exact: bool = False
    """It was quoted: no wildcards, and a name must be the whole of it."""


@dataclass(frozen=True, slots=True)
class Term:
    """A field has one of these values."""

    field: str
    """A name of `hub.terms.FIELDS`; "": text anywhere."""
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class All:
    """All of these hold; of none: everything does."""

    parts: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    part: Expression


Expression = Term | All | AnyOf | Not

EVERYTHING = All()


def all_of(*parts: Expression) -> Expression:
    """All of these hold, without levels that say nothing."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, All) else [part]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(*parts: Expression) -> Expression:
    """One of these holds, without levels that say nothing."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, AnyOf) else [part]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))


def negated(part: Expression) -> Expression:
    """It does not hold."""
    return part.part if isinstance(part, Not) else Not(part)
