"""Frames that a page was too slow for, merged: the page ends where a quick one does."""

from __future__ import annotations

from typing import Any

import pytest

from hub import forms
from hub.live.merge import merged

from .shown import Shown
from .world import World, from_other, ident, row, to_other


def frames() -> list[forms.Frame]:
    """Of a life: new nodes, bad calls, a call that is amended, a notice that grows."""
    shown = Shown(World("server-a", "server-b"))
    world = shown.world
    shown.frame()
    made = []
    for number in range(6):
        world.lines("server-a", row(number, path=f"/a/{number}"), row(number, status=500))
        if number == 2:
            world.lines("server-a", row(client="203.0.113.9"))
        if number == 3:
            world.lines("server-a", row(client="203.0.113.9"))
            world.lines("server-b", from_other("server-a", trace_id=ident("t")))
            world.marks(2_000)
        if number == 5:
            world.lines("server-a", to_other("server-b", trace_id=ident("t")))
        world.tick(400)
        frame = shown.frame()
        assert frame is not None
        made.append(frame)
    return made


class Page:
    """What a page keeps of the frames that it gets."""

    def __init__(self) -> None:
        self.edges: dict[int, forms.Edge] = {}
        self.nodes: dict[str, forms.Node] = {}
        self.totals: dict[int, tuple[int, int, int]] = {}
        self.calls: dict[str, forms.CallSummary] = {}
        self.notices: dict[str, forms.Notice] = {}
        self.packets: list[tuple[Any, ...]] = []
        self.counted = 0

    def take(self, frame: forms.Frame) -> None:
        if frame.topology:
            self.edges |= {edge.index: edge for edge in frame.topology.edges}
            self.nodes |= {node.id: node for node in frame.topology.nodes}
            for gone in frame.topology.removed_edges:
                del self.edges[gone]
        totals = frame.totals
        self.totals |= {
            edge: (calls, errors, size)
            for edge, calls, errors, size in zip(
                totals.edge, totals.calls, totals.errors, totals.bytes, strict=True
            )
        }
        self.calls |= {call.id: call for call in [*frame.errors, *frame.calls, *frame.amended]}
        self.notices |= {notice.id: notice for notice in frame.notices}
        packets = frame.packets
        ended = [round(frame.time_ms - ago) for ago in packets.end_ms]
        self.packets += zip(packets.edge, ended, packets.status, packets.ok, strict=True)
        self.counted += len(packets.edge) + frame.hidden.packets

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Page) and vars(self) == vars(other)


@pytest.mark.parametrize("missed", [range(2), range(1, 5), range(6), range(4, 6)])
def test_a_page_that_gets_frames_merged_knows_what_the_others_know(missed: range) -> None:
    every = frames()
    quick, slow = Page(), Page()
    for frame in every:
        quick.take(frame)
    for frame in every[: missed.start]:
        slow.take(frame)
    part = [every[number] for number in missed]
    one = part[0]
    for frame in part[1:]:
        one = merged(one, frame)
    slow.take(one)
    for frame in every[missed.stop :]:
        slow.take(frame)
    assert len(quick.calls) > 12
    assert quick.notices
    assert any(call.join == "trace" for call in quick.calls.values())
    assert slow == quick
    assert (one.stats is None) == all(frame.stats is None for frame in part)


def test_bounds_hold_and_what_falls_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    every = frames()
    monkeypatch.setattr("hub.live.merge.MAX_PACKETS", 5)
    monkeypatch.setattr("hub.live.merge.MAX_ERROR_DETAILS", 2)
    monkeypatch.setattr("hub.live.merge.MAX_CALL_DETAILS", 1)
    one = every[0]
    for frame in every[1:4]:
        one = merged(one, frame)
    packets = sum(len(frame.packets.edge) + frame.hidden.packets for frame in every[:4])
    errors = sum(len(frame.errors) for frame in every[:4])
    calls = sum(len(frame.calls) for frame in every[:4])
    assert (len(one.packets.edge), one.hidden.packets) == (5, packets - 5)
    assert (len(one.errors), one.hidden.errors) == (2, errors - 2)
    assert (len(one.calls), one.hidden.calls) == (1, calls - 1)
    assert one.errors[-1] == every[3].errors[-1], "the newest stay"


def change(nodes: list[str], gone: list[str]) -> forms.TopologyChange:
    def node(id: str) -> forms.Node:
        return forms.Node(
            id=id, kind="service", server=None, name=id, proxy_kind=None, addresses=[],
            containers=[], first_seen=None, last_seen=None,
        )  # fmt: skip

    return forms.TopologyChange(
        version=1, servers=[], nodes=[node(id) for id in nodes], edges=[],
        removed_servers=[], removed_nodes=gone, removed_edges=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("older", "newer", "there", "gone"),
    [
        ((["a"], []), (["b"], []), ["a", "b"], []),
        ((["a"], []), ([], ["a"]), [], ["a"]),
        (([], ["a"]), (["a"], []), ["a"], []),
        (([], ["a"]), ([], ["b"]), [], ["a", "b"]),
        ((["a", "b"], ["c"]), (["c", "a"], ["b"]), ["c", "a"], ["b"]),
    ],
)
def test_nodes_that_come_and_go(older: Any, newer: Any, there: Any, gone: Any) -> None:
    before, after = frames()[:2]
    before.topology, after.topology = change(*older), change(*newer)
    topology = merged(before, after).topology
    assert topology is not None
    assert ([node.id for node in topology.nodes], topology.removed_nodes) == (there, gone)
