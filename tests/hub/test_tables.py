"""The containers of the core: growing columns, interned strings, the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.columns.interner import Interner
from hub.columns.table import Table
from hub.enums import NodeKind, Origin
from hub.graph.graph import EdgeRecord, Graph, NodeRecord

steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 40)),
        st.tuples(st.just("forget"), st.integers(-5, 60)),
        st.tuples(st.just("put"), st.integers(0, 1_000)),
    ),
    max_size=40,
)


@given(steps)
def test_a_table_is_a_list_that_forgets_its_beginning(actions: list[tuple[str, int]]) -> None:
    table = Table({"value": (np.int64, ()), "pair": (np.uint16, (2,))}, capacity=4)
    model: list[int] = []
    first = 0
    for action, count in actions:
        if action == "append":
            values = np.arange(len(model), len(model) + count)
            numbers = table.append(count, {"value": values, "pair": 7})
            assert numbers.tolist() == values.tolist()
            model += values.tolist()
        elif action == "forget":
            table.forget_before(table.first + count)
            first = max(first, min(first + count, len(model)))
        elif first < len(model):
            number = first + count % (len(model) - first)
            table.put("value", np.array([number]), -count)
            model[number] = -count
        assert (table.first, table.end, len(table)) == (first, len(model), len(model) - first)
        assert table["value"].tolist() == model[first:]
        assert table.take("value", np.arange(first, len(model))).tolist() == model[first:]
        assert (table["pair"] == 7).all()


def test_a_table_that_forgets_as_much_as_it_gets_takes_twice_what_it_keeps_at_the_most() -> None:
    table = Table(dict.fromkeys("abcdefgh", (np.int64, ())))
    for _ in range(400):
        table.append(100, dict.fromkeys("abcdefgh", 1))
        table.forget_before(table.end - 5_000)
    assert len(table) == 5_000
    assert table.nbytes() < 2 * 8 * 8 * 5_000


@given(st.lists(st.text(max_size=3)), st.data())
def test_an_interner_keeps_what_is_used(values: list[str], data: st.DataObject) -> None:
    interner = Interner()
    codes = interner.codes(values)
    kept = [value for value in values if data.draw(st.booleans())]
    used = interner.codes(kept)
    mapping = interner.keep_only(used)
    assert [interner.values[code] for code in mapping[used].tolist()] == kept
    assert len(interner) == len({"", *kept})
    assert [interner.values[code] for code in interner.codes(values).tolist()] == values
    assert len(codes) == len(values)


def test_the_graph_tells_what_changed_and_what_went() -> None:
    graph = Graph()
    one = graph.node("one", NodeKind.SERVICE, "a", "one")
    two = graph.node("two", NodeKind.SERVICE, "a", "two")
    two.in_inventory = True
    edge = graph.edge(one.number, two.number, Origin.SAME_SERVER, ())
    graph.seen(np.array([edge.number]), np.array([100]))
    version = graph.version
    graph.retire(100)
    assert graph.changes_since(version) == ([], [])
    graph.retire(101)
    nodes, edges = graph.changes_since(version)
    assert [(node.id, node.present) for node in nodes] == [("one", False)]
    assert [edge.present for edge in edges] == [False]
    version = graph.version
    graph.seen(np.array([edge.number]), np.array([200]))
    nodes, edges = graph.changes_since(version)
    assert [node.id for node in nodes if node.present] == ["one"]
    assert [edge.present for edge in edges] == [True]
    longer = graph.edge(one.number, two.number, Origin.SAME_SERVER, (two.number,))
    assert (longer is edge, edge.via) == (True, (two.number,))


class Eager:
    """A graph's times and presence, one call at a time."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.times: dict[int, tuple[int, int]] = {}
        self.edges: dict[int, int] = {}
        self.present: dict[tuple[str, int], bool] = {}

    def shows(self, kind: str, number: int) -> bool:
        return self.present.setdefault((kind, number), True)

    def seen(self, edge: EdgeRecord, end_ns: int) -> None:
        self.edges[edge.number] = max(self.edges.get(edge.number, 0), end_ns)
        self.present["edge", edge.number] = True
        for node in (edge.from_node, edge.to_node, *edge.via):
            first, last = self.times.get(node, (end_ns, 0))
            self.times[node] = min(first, end_ns), max(last, end_ns)
            self.present["node", node] = True

    def retire(self, before_ns: int) -> None:
        for edge in self.graph.edges:
            if self.edges.get(edge.number, 0) < before_ns:
                self.present["edge", edge.number] = False
        for node in self.graph.nodes:
            if not node.in_inventory and self.times.get(node.number, (0, 0))[1] < before_ns:
                self.present["node", node.number] = False

    def compare(self) -> None:
        for node in self.graph.nodes:
            assert node.present == self.shows("node", node.number)
            assert self.graph.times(node) == self.times.get(node.number, (0, 0))
        for edge in self.graph.edges:
            assert edge.present == self.shows("edge", edge.number)


deeds = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), st.lists(st.tuples(st.integers(0, 8), st.integers(1, 60)))),
        st.tuples(st.just("retire"), st.integers(0, 60)),
        st.tuples(st.just("way"), st.integers(0, 8)),
        st.tuples(st.just("look"), st.none()),
    ),
    max_size=30,
)


@given(deeds)
def test_a_graph_that_notes_sightings_knows_what_one_that_looks_at_each_call_knows(
    actions: list[tuple[str, Any]],
) -> None:
    graph = Graph()
    nodes = [graph.node(f"{n}", NodeKind.SERVICE, "a", f"{n}") for n in range(4)]
    nodes[0].in_inventory = True
    edges = [
        graph.edge(a.number, b.number, Origin.SAME_SERVER, ()) for a in nodes[:3] for b in nodes[:3]
    ]
    model = Eager(graph)
    for action, what in actions:
        if action == "seen" and what:
            numbers, ends = np.array(what, np.int64).T
            before = graph.version, shown(graph)
            graph.seen(numbers, ends)
            for edge, end_ns in what:
                model.seen(edges[edge], end_ns)
            changed = shown(graph) != before[1]
            assert (graph.version > before[0]) == changed
        elif action == "retire":
            graph.retire(what)
            model.retire(what)
        elif action == "way":
            edge = edges[what]
            graph.edge(edge.from_node, edge.to_node, Origin.SAME_SERVER, (nodes[3].number,))
        elif action == "look":
            model.compare()
    model.compare()


def shown(graph: Graph) -> list[bool]:
    records: list[NodeRecord | EdgeRecord] = [*graph.nodes, *graph.edges]
    return [record.present for record in records]
