"""The containers of the core: growing columns, interned strings, the graph."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.enums import NodeKind, Origin
from hub.graph import Graph
from hub.interner import Interner
from hub.table import Table

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
