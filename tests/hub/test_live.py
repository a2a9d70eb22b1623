"""Live frames and the pace of a viewer: what is shown is true, and nothing is shown twice."""

from __future__ import annotations

from typing import Any

import pytest

from hub.defaults import LOST_VIEWER_MS, STALE_VIEWER_MS
from hub.live import Live
from hub.viewer import Encoded, Pace, Viewer

from .world import MS, World, from_other, ident, row, to_other


class Shown:
    """A world with a live view of it."""

    def __init__(self) -> None:
        self.world = World("server-a", "server-b")
        self.live = Live(self.world.pipeline)
        self.world.pipeline.listeners.append(self.live)

    def frame(self) -> Any:
        return self.live.frame(self.world.now_ns)


@pytest.fixture
def shown() -> Shown:
    made = Shown()
    made.frame()
    return made


def test_a_half_that_was_shown_gets_no_second_packet_when_it_is_joined(shown: Shown) -> None:
    world = shown.world
    world.lines("server-a", to_other("server-b", trace_id=ident("t"), status=500))
    world.tick(200)
    first = shown.frame()
    assert first is None or not first.packets.edge, "it may still be joined within 250 ms"
    world.tick(60)
    half = shown.frame()
    assert len(half.packets.edge) == 1
    edges = {edge.index for edge in half.topology.edges} if half.topology else set()
    assert set(half.packets.edge) <= edges, "the page knows the way that the packet takes"
    assert not half.errors, "it is no call yet"
    world.lines("server-b", from_other("server-a", trace_id=ident("t"), status=500))
    whole = shown.frame()
    assert not whole.packets.edge
    assert whole.hidden.packets == 0
    assert [call.join for call in whole.errors] == ["trace"], "but it is listed now"
    assert sum(whole.totals.calls) == 1
    assert not shown.live._shown_halves


def test_a_half_that_settles_before_the_next_frame_is_one_packet(shown: Shown) -> None:
    world = shown.world
    world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    world.tick(300)
    world.lines("server-b", from_other("server-a", trace_id=ident("t")))
    assert len(shown.frame().packets.edge) == 1
    assert not shown.live._shown_halves


def test_an_amended_call_keeps_its_id_and_moves_the_totals(shown: Shown) -> None:
    world = shown.world
    world.lines("server-b", from_other("server-a", trace_id=ident("t")))
    world.marks(2_000)
    world.tick()
    alone = shown.frame()
    (summary,) = alone.calls
    world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    world.marks(4_000)
    world.tick()
    amended = shown.frame()
    (newer,) = amended.amended
    assert (newer.id, newer.revision > summary.revision) == (summary.id, True)
    assert not amended.packets.edge
    totals = dict(zip(amended.totals.edge, amended.totals.calls, strict=True))
    assert (totals[summary.edge], totals[newer.edge]) == (0, 1)


def test_what_a_frame_cannot_hold_is_counted(shown: Shown, monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.live.MAX_PACKETS", 10)
    monkeypatch.setattr("hub.live.MAX_ERROR_DETAILS", 3)
    monkeypatch.setattr("hub.live.MAX_CALL_DETAILS", 4)
    bad = [row(i, status=500) for i in range(6)]
    shown.world.lines("server-a", *bad, *[row(10 + i) for i in range(20)])
    frame = shown.frame()
    assert (len(frame.packets.edge), frame.hidden.packets) == (10, 16)
    assert frame.packets.ok.count(0) == 6, "bad ones are shown first"
    assert (len(frame.errors), frame.hidden.errors) == (3, 3)
    assert (len(frame.calls), frame.hidden.calls) == (4, 16)
    assert sum(frame.totals.calls) == 26


def test_what_ended_long_ago_is_counted_and_not_drawn(shown: Shown) -> None:
    shown.world.lines("server-a", row(-60_000))
    frame = shown.frame()
    assert (frame.packets.edge, frame.hidden.packets) == ([], 1)
    assert sum(frame.totals.calls) == 1


def test_totals_of_a_frame_cover_all_that_a_stale_viewer_can_have_missed(shown: Shown) -> None:
    shown.world.lines("server-a", row())
    (edge,) = shown.frame().totals.edge
    for waited in (900, 900):
        shown.world.tick(waited)
        shown.world.lines("server-b", row())
        assert edge in shown.frame().totals.edge
    shown.world.tick(300)
    shown.world.lines("server-b", row())
    assert edge not in shown.frame().totals.edge, "2.1 s ago"


def test_with_nothing_new_there_is_a_frame_a_second_with_figures(shown: Shown) -> None:
    shown.world.tick(1_000)
    assert shown.frame().stats is not None
    assert shown.frame() is None
    shown.world.lines("server-a", row())
    assert shown.frame().stats is None


# --- a viewer's pace -----------------------------------------------------------------------------


def offered(seq: int, topology: bool = False) -> Encoded:
    return Encoded(seq, b"{}", topology)


@pytest.fixture
def viewer() -> Viewer:
    made = Viewer()
    made.snapshot_sent(1, 0)
    made.acknowledged(1)
    return made


def test_a_newer_frame_replaces_the_one_that_waits(viewer: Viewer) -> None:
    viewer.offer(offered(2), 0)
    viewer.offer(offered(3), 0)
    assert viewer.take() == offered(3)
    assert viewer.take() is None
    assert not viewer.needs_snapshot


def test_a_replaced_frame_that_told_of_the_topology_asks_for_a_snapshot(viewer: Viewer) -> None:
    viewer.offer(offered(2, topology=True), 0)
    viewer.offer(offered(3), 0)
    assert viewer.needs_snapshot
    viewer.snapshot_sent(3, 0)
    assert viewer.take() is None, "the snapshot has it all"


def test_a_viewer_that_falls_behind_gets_a_snapshot_once_it_has_caught_up(viewer: Viewer) -> None:
    viewer.sent(2, 0)
    viewer.sent(3, 100 * MS)
    assert viewer.pace(STALE_VIEWER_MS * MS) is Pace.LIVE
    late = STALE_VIEWER_MS * MS + 1
    assert viewer.pace(late) is Pace.BEHIND
    viewer.offer(offered(4), late)
    assert viewer.take() is None
    viewer.acknowledged(2)
    assert viewer.pace(late) is Pace.BEHIND, "one is still open"
    viewer.acknowledged(3)
    assert viewer.pace(late) is Pace.LIVE
    assert viewer.needs_snapshot


def test_a_viewer_that_never_answers_is_lost(viewer: Viewer) -> None:
    viewer.sent(2, 0)
    assert viewer.pace(LOST_VIEWER_MS * MS + 1) is Pace.LOST


@pytest.mark.parametrize("acknowledged", [[], [2]])
def test_an_acknowledgement_of_what_was_never_sent_is_an_error(
    viewer: Viewer, acknowledged: list[int]
) -> None:
    viewer.sent(2, 0)
    for seq in acknowledged:
        viewer.acknowledged(seq)
    with pytest.raises(ValueError, match="99"):
        viewer.acknowledged(99)
