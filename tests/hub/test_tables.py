"""The containers of the core: growing columns, interned strings, the graph, remembered halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.enums import NodeKind, Origin, Role
from hub.graph import Graph
from hub.interner import Interner
from hub.join import Half, Join
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


# --- halves that are remembered ------------------------------------------------------------------


def half(row: int, role: Role = Role.CALLER, **fields: Any) -> Half:
    said: dict[str, Any] = {
        "server": int(role),
        "other": 1 - int(role),
        "start_ns": row * 1_000_000,
        "end_ns": row * 1_000_000 + 500_000,
        "method": 1,
        "path": "/",
        "hop": (0, 0),
        "trace": (row, 1),
        "client": "",
        "waits": False,
        "address_join": True,
        "seen_ns": row,
        **fields,
    }
    return Half(row, role, **said)


def indexed(join: Any) -> int:
    return sum(map(len, join._hops.values())) + sum(map(len, join._traces.values()))


def test_what_is_remembered_is_bounded_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.join.MAX_LATE_HALVES", 100)
    join = Join()
    assert list(join.add(half(row, hop=(row, 2)) for row in range(1_000))) == []
    assert (join.remembered(), indexed(join)) == (100, 200)
    join.forget(now_ns=0, first_row=950)
    assert (join.remembered(), indexed(join)) == (50, 100)
    join.forget(now_ns=10**18, first_row=950)
    assert (join.remembered(), indexed(join)) == (0, 0)


def test_a_row_that_is_old_is_forgotten_also_behind_a_younger_one() -> None:
    join = Join()
    list(join.add([half(500), half(3)]))
    join.forget(now_ns=0, first_row=100)
    assert list(join.add([half(600, Role.CALLEE, trace=(3, 1), start_ns=3_000_000)])) == []


def test_joined_halves_leave_nothing_behind() -> None:
    join = Join()
    callers = [half(row, waits=True, hop=(row, 9)) for row in range(50)]
    callees = [
        half(100 + row, Role.CALLEE, waits=True, hop=(row, 9), trace=(row, 1)) for row in range(50)
    ]
    assert len(list(join.add([*callers, *callees]))) == 50
    assert (join.remembered(), len(join.waiting), indexed(join)) == (0, 0, 0)


def test_a_half_on_the_same_server_is_not_the_other_half() -> None:
    join = Join()
    hop = (1, 1)
    pairs = join.add([half(1, hop=hop), half(2, Role.CALLEE, server=0, hop=hop)])
    assert list(pairs) == []
