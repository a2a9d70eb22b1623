"""The query language: `server:a status:5xx origin:outside path:/api* -service:health min:1/s`.

Enters: text. Leaves: an `Expression`, or a `BadQuery` that says where the text is wrong and what to
do. Terms stand side by side and must all hold; `-` or `NOT` negates, `OR` and parentheses choose,
a comma separates values of which one must fit, `*` stands for anything, quotes take a text as it
is. A word without a field is looked for in names, hosts, paths and addresses.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from hub.defaults import MAX_QUERY_CHARS, MAX_QUERY_TERMS
from hub.query.expression import EVERYTHING, Expression, Term, Value, all_of, any_of, negated
from hub.query.terms import FIELDS

GRAMMAR = r"""
start: any?
?any: all (_OR all)*
?all: one (_AND? one)*
?one: _NOT one -> negated
    | "(" any ")" -> group
    | FIELD _value ("," _value)* -> term
    | (WORD | QUOTED) -> anywhere
_value: VALUE | QUOTED

_OR.3: /OR(?=[\s(]|$)/
_AND.3: /AND(?=[\s(]|$)/
_NOT.3: /NOT(?=[\s(])|-/
FIELD.2: /[A-Za-z_]+:/
QUOTED.2: /"[^"]*"/
VALUE: /[^\s()",]+/
WORD: /[^\s()",\-][^\s()",]*/
%ignore /\s+/
"""


class BadQuery(ValueError):
    """A query is wrong: what and what to do, and where."""

    def __init__(self, text: str, position: int, length: int) -> None:
        super().__init__(f"at character {position + 1}: {text}")
        self.text = text
        self.position, self.length = position, length
        """In characters, from 0; a length of 0: something is missing there."""


@v_args(inline=True)
class _Builder(Transformer[Token, Expression]):
    """Makes an expression while the text is parsed."""

    def start(self, inner: Expression = EVERYTHING) -> Expression:
        return inner

    def any(self, *parts: Expression) -> Expression:
        return any_of(*parts)

    def all(self, *parts: Expression) -> Expression:
        return all_of(*parts)

    def group(self, inner: Expression) -> Expression:
        return inner

    def negated(self, part: Expression) -> Expression:
        return negated(part)

    def anywhere(self, token: Token) -> Expression:
        return Term("", (_value(token, lower=True),))

    def term(self, field: Token, *tokens: Token) -> Expression:
        name = field[:-1].lower()
        if name not in FIELDS:
            raise BadQuery(_no_field(name), field.start_pos or 0, len(field))
        return Term(name, tuple(_read(name, token) for token in tokens))


_FIELD_BEFORE = re.compile(rf"\b({'|'.join(FIELDS)}):\s*$", re.IGNORECASE)
_LARK = Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


def parse(text: str) -> Expression:
    """What a text asks for. Raises `BadQuery`."""
    if len(text) > MAX_QUERY_CHARS:
        many = f"{len(text)} characters; a query has at most {MAX_QUERY_CHARS}"
        raise BadQuery(many, MAX_QUERY_CHARS, len(text) - MAX_QUERY_CHARS)
    try:
        expression: Any = _LARK.parse(text)
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
    if (terms := _terms(expression)) > MAX_QUERY_TERMS:
        raise BadQuery(f"{terms} terms; a query has at most {MAX_QUERY_TERMS}", 0, len(text))
    return expression  # type: ignore[no-any-return]


def _value(token: Token, *, lower: bool = False) -> Value:
    text = token[1:-1] if token.type == "QUOTED" else str(token)
    return Value(text.lower() if lower else text, exact=token.type == "QUOTED")


def _read(name: str, token: Token) -> Value:
    field = FIELDS[name]
    try:
        return field.read(_value(token))
    except ValueError:
        must = f"{name}:{token[:60]} must be {field.allowed}"
        raise BadQuery(must, token.start_pos or 0, len(token)) from None


def _no_field(name: str) -> str:
    close = get_close_matches(name, FIELDS, 1)
    meant = f"did you mean {close[0]}:?" if close else f"there are {', '.join(FIELDS)}."
    return f'{name}: is no field; {meant} To find it as text, quote it: "{name}:…"'


def _unexpected(text: str, error: UnexpectedInput) -> BadQuery:
    """What is wrong where the parser stopped."""
    position = len(text) if _ended(error) else error.pos_in_stream or 0
    found = text[position : position + 1]
    if found == '"':
        return BadQuery("this quote is not closed; add another", position, len(text) - position)
    if field := _FIELD_BEFORE.search(text[:position]):
        allowed = FIELDS[field[1].lower()].allowed
        return BadQuery(f"a value is missing; it must be {allowed}", position, len(found))
    if found == ")":
        return BadQuery("nothing stands before this parenthesis, or none is open", position, 1)
    if found == ",":
        return BadQuery("a comma separates a field's values; quote a text with one", position, 1)
    if found:
        return BadQuery(f"{found} is not expected here; quote a text that holds it", position, 1)
    if text.count("(") > text.count(")"):
        return BadQuery("a parenthesis is not closed; add )", position, 0)
    return BadQuery("the query ends too early; a term is missing", position, 0)


def _ended(error: UnexpectedInput) -> bool:
    return isinstance(error, UnexpectedToken) and error.token.type == "$END"


def _terms(expression: Expression) -> int:
    waiting, count = [expression], 0
    while waiting:
        match waiting.pop():
            case Term():
                count += 1
            case inner if hasattr(inner, "parts"):
                waiting += inner.parts
            case inner:
                waiting.append(inner.part)
    return count
