"""Tries queries on calls, column by column.

Enters: an `Expression`, and `Subjects`: settled calls, or halves that wait. Leaves: a mask of those
that it holds for. What a term says of an edge is found once per edge, of a text once per distinct
string; the rest are comparisons of columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers
from hub.enums import JoinKey, Origin
from hub.graph.graph import EdgeRecord, NodeRecord
from hub.query.expression import All, AnyOf, Expression, Not, Term, Value
from hub.query.subjects import Subjects
from hub.query.term_answers import EdgeAnswers, TextAnswers
from hub.query.terms import KINDS, duration_ms, path_pattern, rate_per_s
from hub.query.text_tests import Fits, address_test, anywhere_test, name_test, path_test
from hub.settle.pipeline import Pipeline

Mask = NDArray[np.bool_]

HEALTH_PATHS = re.compile(
    r"/(?:-/)?(?:_?health(?:z|check)?|readyz?|livez?|liveness|readiness|ping|up|actuator/health)"
    r"(?:/.*)?"
)
HEALTH_AGENTS = re.compile(
    r"kube-probe|health ?check|googlehc|uptime|pingdom|statuscake|blackbox", re.IGNORECASE
)
MS = 1_000_000


Condition = Callable[[Subjects], Mask]


class Conditions:
    """Makes conditions of expressions; each may be kept and tried again and again."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._graph = pipeline.graph
        self._rows = pipeline.settling.rows
        self._logs = pipeline.settling.logs
        self._terms: dict[str, Callable[[Value], Condition]] = {
            "": self._anywhere,
            "server": self._server,
            "service": lambda value: self._ends(name_test(value), by_id=False),
            "from": lambda value: self._edges(self._end(value, self._graph.callers)),
            "to": lambda value: self._edges(self._end(value, lambda edge: (edge.to_node,))),
            "node": lambda value: self._edges(self._end(value, self._graph.way)),
            "edge": lambda value: self._edges(_edge_test(value)),
            "origin": lambda value: self._edges(_word_test(value, lambda edge: edge.origin)),
            "join": self._join,
            "is": self._is,
            "status": _status,
            "method": lambda value: self._text("method", name_test(value)),
            "host": lambda value: self._text("host", name_test(value)),
            "path": lambda value: self._text("path", path_test(value)),
            "address": lambda value: self._text("client", address_test(value)),
            "trace": self._trace,
            "min": self._min,
            "slower": _slower,
        }

    def of(self, expression: Expression) -> Condition:
        """The condition that an expression asks for."""
        match expression:
            case Term(field, values):
                return _any_of([self._terms[field](value) for value in values])
            case AnyOf(parts):
                return _any_of([self.of(part) for part in parts])
            case Not(part):
                inner = self.of(part)
                return lambda subjects: ~inner(subjects)
            case All(parts):
                return _all_of([self.of(part) for part in sorted(parts, key=_cost)])

    # --- of edges

    def _edges(self, fits: Callable[[EdgeRecord], bool]) -> Condition:
        known = EdgeAnswers(self._pipeline, fits)
        return lambda subjects: known.of(subjects.take("edge"))

    def _end(
        self, value: Value, ends: Callable[[EdgeRecord], tuple[int, ...]]
    ) -> Callable[[EdgeRecord], bool]:
        """One of an edge's nodes has this name, id or address."""
        by_name, by_address = name_test(value), address_test(value)

        def fits(node: NodeRecord) -> bool:
            names = (node.name or "", node.id)
            return any(map(by_name, names)) or any(map(by_address, node.addresses))

        return lambda edge: any(fits(self._graph.nodes[number]) for number in ends(edge))

    def _ends(self, fits: Fits, *, by_id: bool) -> Condition:
        nodes = self._graph.nodes

        def of_either(edge: EdgeRecord) -> bool:
            ends = (nodes[edge.from_node], nodes[edge.to_node])
            return any(fits((node.name or node.id) if by_id else node.name or "") for node in ends)

        return self._edges(of_either)

    def _min(self, value: Value) -> Condition:
        least = rate_per_s(value.text)

        def holds(subjects: Subjects) -> Mask:
            rates, edges = self._pipeline.rollup.rates(), subjects.take("edge")
            known = edges < len(rates)
            known[known] = rates[edges[known]] >= least
            return known

        return holds

    # --- of lines

    def _server(self, value: Value) -> Condition:
        fits = name_test(value)

        def holds(rows: Numbers) -> Mask:
            seen = np.array([fits(log.server.id) for log in self._logs], np.bool_)
            result: Mask = seen[self._rows.table.take("log", rows)]
            return result

        return lambda subjects: _any_hop(subjects, holds)

    def _text(self, column: str, fits: Fits) -> Condition:
        answers = TextAnswers(self._pipeline, column, fits)
        return lambda subjects: _any_hop(subjects, answers.of)

    def _trace(self, value: Value) -> Condition:
        words = np.frombuffer(bytes.fromhex(value.text), "<u8")
        take = self._rows.table.take
        return lambda subjects: _any_hop(
            subjects, lambda rows: (take("trace_id", rows) == words).all(axis=1)
        )

    def _anywhere(self, value: Value) -> Condition:
        inner = anywhere_test(value)
        texts = [self._text(name, inner) for name in ("path", "host", "client")]
        return _any_of([self._ends(inner, by_id=True), *texts])

    # --- of calls

    def _join(self, value: Value) -> Condition:
        fits = name_test(value)
        keys = [key for key in JoinKey if fits(key.name.lower())]
        return lambda subjects: np.isin(subjects.take("by"), keys)

    def _is(self, value: Value) -> Condition:
        pattern = path_pattern(value.text)
        health = _any_of(
            [
                self._text("path", lambda path: bool(HEALTH_PATHS.fullmatch(path.split("?")[0]))),
                self._text("user_agent", lambda agent: bool(HEALTH_AGENTS.search(agent))),
            ]
        )
        public = self._edges(lambda edge: edge.origin is Origin.PUBLIC)
        unrouted: Condition = lambda subjects: (  # noqa: E731
            ~subjects.take("ok") & ~subjects.take("answered_by_service")
        )
        scanner = _all_of([public, unrouted, lambda subjects: subjects.take("status") < 500])
        kinds: dict[str, Condition] = {
            "health": health,
            "scanner": scanner,
            "noise": _any_of([health, scanner]),
            "half": lambda subjects: (subjects.take("missing") > 0) & (subjects.take("hop1") < 0),
            "joined": lambda subjects: subjects.take("hop1") >= 0,
            "spoofed": lambda subjects: subjects.take("claims") != 0,
        }
        return _any_of([kinds[kind] for kind in KINDS if pattern.match(kind)])


def _edge_test(value: Value) -> Callable[[EdgeRecord], bool]:
    pattern = path_pattern(value.text)
    return lambda edge: pattern.match(edge.id.lower()) is not None


def _word_test(value: Value, word: Callable[[EdgeRecord], Origin]) -> Callable[[EdgeRecord], bool]:
    pattern = path_pattern(value.text)
    return lambda edge: pattern.match(word(edge).name.lower()) is not None


# --- conditions of plain columns -----------------------------------------------------------------


def _status(value: Value) -> Condition:
    text = value.text
    if text in ("error", "ok"):
        return lambda subjects: subjects.take("ok") == (text == "ok")
    if text.endswith("xx"):
        return lambda subjects: subjects.take("status") // 100 == int(text[0])
    return lambda subjects: subjects.take("status") == int(text)


def _slower(value: Value) -> Condition:
    least_ns = duration_ms(value.text) * MS
    return lambda subjects: subjects.take("duration_ns") > least_ns


# --- several conditions --------------------------------------------------------------------------

_COSTS = {"": 3, "path": 2, "host": 2, "address": 2, "method": 2, "trace": 2, "is": 3, "server": 1}


def _cost(expression: Expression) -> int:
    """Cheap and sharp ones are tried first."""
    match expression:
        case Term(field, _):
            return _COSTS.get(field, 0)
        case Not(part):
            return _cost(part)
        case All(parts) | AnyOf(parts):
            return max(map(_cost, parts), default=0) + 1


def _all_of(conditions: list[Condition]) -> Condition:
    def holds(subjects: Subjects) -> Mask:
        result = np.ones(len(subjects), np.bool_)
        for condition in conditions:
            left = np.flatnonzero(result)
            if not len(left):
                break
            result[left] = condition(subjects.part(left) if len(left) < len(result) else subjects)
        return result

    return holds


def _any_of(conditions: list[Condition]) -> Condition:
    if len(conditions) == 1:
        return conditions[0]

    def holds(subjects: Subjects) -> Mask:
        result = np.zeros(len(subjects), np.bool_)
        for condition in conditions:
            left = np.flatnonzero(~result)
            if not len(left):
                break
            result[left] = condition(subjects.part(left) if len(left) < len(result) else subjects)
        return result

    return holds


def _any_hop(subjects: Subjects, holds: Callable[[Numbers], Mask]) -> Mask:
    hop1 = subjects.take("hop1")
    result = holds(subjects.take("hop0"))
    second = np.flatnonzero((hop1 >= 0) & ~result)
    if len(second):
        result[second] = holds(hop1[second])
    return result
