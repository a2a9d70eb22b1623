"""The query language: what a text asks for, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.defaults import MAX_QUERY_CHARS, MAX_QUERY_TERMS
from hub.query.expression import EVERYTHING, All, AnyOf, Expression, Not, Term, Value
from hub.query.language import BadQuery, parse
from hub.query.terms import FIELDS


def term(field: str, *texts: str, exact: bool = False) -> Term:
    return Term(field, tuple(Value(text, exact) for text in texts))


A, B, C = term("", "a"), term("", "b"), term("", "c")

READ: list[tuple[str, Expression]] = [
    ("", EVERYTHING),
    ("  \t ", EVERYTHING),
    (
        "server:a status:5xx origin:outside path:/api* -service:health min:1/s",
        All(
            (
                term("server", "a"),
                term("status", "5xx"),
                term("origin", "outside"),
                term("path", "/api*"),
                Not(term("service", "health")),
                term("min", "1"),
            )
        ),
    ),
    ("a b", All((A, B))),
    ("a AND b", All((A, B))),
    ("a OR b c", AnyOf((A, All((B, C))))),
    ("(a OR b) c", All((AnyOf((A, B)), C))),
    ("-(a b)", Not(All((A, B)))),
    ("NOT a", Not(A)),
    ("--a", A),
    ("a -(b OR -c)", All((A, Not(AnyOf((B, Not(C))))))),
    ("status:4xx,5xx", term("status", "4xx", "5xx")),
    ("status: 4xx, 5xx", term("status", "4xx", "5xx")),
    ("STATUS:5XX", term("status", "5xx")),
    ("method:get", term("method", "GET")),
    ("Path:/API", term("path", "/API")),
    ('path:"/a, (b) -c*"', term("path", "/a, (b) -c*", exact=True)),
    ('"a b"', term("", "a b", exact=True)),
    ("foo-bar", term("", "foo-bar")),
    ("ORder NOTe", All((term("", "order"), term("", "note")))),
    ("10.0.0.1:80 ::1", All((term("", "10.0.0.1:80"), term("", "::1")))),
    ("path:/a?b=c&d=[e]", term("path", "/a?b=c&d=[e]")),
    ("path:-x", term("path", "-x")),
    ("min:30/m", term("min", "0.5")),
    ("slower:1.5s", term("slower", "1500")),
    ("slower:1000s", term("slower", "1000000")),
    ("slower:1234567us", term("slower", "1234.567")),
    ("min:1/h", term("min", "0.0002777777777777778")),
    ("(((a)))", A),
]


@pytest.mark.parametrize(("text", "expression"), READ, ids=[text for text, _ in READ])
def test_a_text_asks_for(text: str, expression: Expression) -> None:
    assert parse(text) == expression


WRONG: list[tuple[str, str, str]] = [
    # what of the text is marked, what is said of it
    ("status:9xx", "9xx", "status:9xx must be a number, 5xx, error or ok"),
    ("a status:ok,maybe", "maybe", "status:maybe must be a number"),
    ("serer:a", "serer:", "did you mean server:?"),
    ("colour:red", "colour:", "there are server, service,"),
    ("http://x", "http:", 'quote it: "http:…"'),
    ("path:", "", "a value is missing; it must be a path"),
    ("status: )", ")", "a value is missing; it must be a number"),
    ('a "b c', '"b c', "this quote is not closed"),
    ("(a", "", "a parenthesis is not closed; add )"),
    ("a)", ")", "nothing stands before this parenthesis"),
    ("()", ")", "nothing stands before this parenthesis"),
    ("a,b", ",", "a comma separates a field's values"),
    ("-", "", "a term is missing"),
    ("a OR", "", "a term is missing"),
    ("status:4xx,", "", "a term is missing"),
    ("origin:elsewhere", "elsewhere", "one of same_server, cross_server,"),
    ("min:fast", "fast", "a rate such as 1/s"),
    ("slower:9999999999999s", "9999999999999s", "a time such as 200ms"),
    ("slower:soon", "soon", "a time such as 200ms"),
    ("trace:xyz", "xyz", "32 hexadecimal digits"),
    ("is:odd", "odd", "one of health, scanner, noise, half, joined, spoofed"),
    ('server:""', '""', "a name, or a word of it"),
]


@pytest.mark.parametrize(("text", "marked", "said"), WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_text_is_told_where_and_what_to_do(text: str, marked: str, said: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse(text)
    wrong = caught.value
    assert said in wrong.text
    assert text[wrong.position : wrong.position + wrong.length] == marked
    assert str(wrong) == f"at character {wrong.position + 1}: {wrong.text}"


def test_a_query_has_bounds() -> None:
    many = " ".join(["a"] * MAX_QUERY_TERMS)
    assert parse(many)
    with pytest.raises(BadQuery, match="51 terms; a query has at most 50"):
        parse(f"{many} a")
    with pytest.raises(BadQuery, match="1001 characters"):
        parse("x" * (MAX_QUERY_CHARS + 1))


def test_depth_is_no_trouble() -> None:
    deep = MAX_QUERY_CHARS // 4
    assert parse("(" * deep + "a" + ")" * deep) == A
    assert parse("-" * 999 + "a") == Not(A)


PIECES = ["a", "-", "(", ")", '"', ",", ":", "OR", "AND", "NOT", "*", "5xx", "/", "1", "é", "\x00"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*PIECES, " ", *(f"{name}:" for name in FIELDS)]), max_size=40))
def test_any_text_is_a_query_or_is_told_why_not(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        parse(text)
    except BadQuery as wrong:
        assert wrong.text
        assert 0 <= wrong.position <= len(text)
        assert wrong.position + wrong.length <= len(text)


def test_every_field_says_what_it_is() -> None:
    assert all(field.meaning and field.allowed for field in FIELDS.values())
