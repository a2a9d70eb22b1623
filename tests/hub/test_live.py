"""Live frames and the pace of a viewer: what is shown is true, and nothing is shown twice."""

from __future__ import annotations

from typing import Any

import pytest

from hub import forms
from hub.defaults import LOST_VIEWER_MS, SHOW_HALF_AFTER_MS, STALE_VIEWER_MS
from hub.live.viewer import Outgoing, Pace, Viewer

from .shown import Shown
from .world import MS, World, from_other, ident, row, to_other


@pytest.fixture
def shown() -> Shown:
    made = Shown(World("server-a", "server-b"))
    made.frame()
    return made


def test_a_half_that_was_shown_gets_no_second_packet_when_it_is_joined(shown: Shown) -> None:
    world = shown.world
    world.lines("server-a", to_other("server-b", trace_id=ident("t"), status=500))
    world.tick(SHOW_HALF_AFTER_MS - 50)
    first = shown.frame()
    assert first is None or not first.packets.edge, "it may still be joined"
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
    assert not len(shown.channel._shown_halves)


def test_a_half_that_settles_before_the_next_frame_is_one_packet(shown: Shown) -> None:
    world = shown.world
    world.lines("server-a", to_other("server-b", trace_id=ident("t")))
    world.tick(300)
    world.lines("server-b", from_other("server-a", trace_id=ident("t")))
    assert len(shown.frame().packets.edge) == 1
    assert not len(shown.channel._shown_halves)


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
    monkeypatch.setattr("hub.live.channel.MAX_PACKETS", 10)
    monkeypatch.setattr("hub.live.channel.MAX_ERROR_DETAILS", 3)
    monkeypatch.setattr("hub.live.channel.MAX_CALL_DETAILS", 4)
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


def test_a_frame_has_the_totals_of_the_edges_that_changed(shown: Shown) -> None:
    shown.world.lines("server-a", row())
    (edge,) = shown.frame().totals.edge
    shown.world.lines("server-b", row())
    (other,) = shown.frame().totals.edge
    assert edge != other
    shown.world.lines("server-a", row())
    totals = shown.frame().totals
    assert (totals.edge, totals.calls) == ([edge], [2])


def test_with_nothing_new_there_is_a_frame_a_second_with_figures(shown: Shown) -> None:
    shown.world.tick(1_000)
    assert shown.frame().stats is not None
    assert shown.frame() is None
    shown.world.lines("server-a", row())
    assert shown.frame().stats is None


# --- a viewer's pace -----------------------------------------------------------------------------


def offered(seq: int, **fields: Any) -> Outgoing:
    nothing: Any = forms.Packets(edge=[], end_ms=[], duration_ms=[], status=[], ok=[])
    said = {
        "topology": None,
        "totals": forms.EdgeTotals(edge=[], calls=[], errors=[], bytes=[]),
        "matched": None,
        "packets": nothing,
        "errors": [],
        "calls": [],
        "amended": [],
        "hidden": forms.Hidden(packets=0, errors=0, calls=0),
        "stats": None,
        "status": None,
        "notices": [],
        **fields,
    }
    return Outgoing(forms.Frame(seq=seq, time_ms=seq * 100.0, **said))


@pytest.fixture
def viewer() -> Viewer:
    made = Viewer()
    made.snapshot_sent(1, 0)
    made.acknowledged(1, 0)
    return made


def test_a_newer_frame_is_merged_into_the_one_that_waits(viewer: Viewer) -> None:
    viewer.offer(offered(2, hidden=forms.Hidden(packets=3, errors=0, calls=1)), 0)
    viewer.offer(offered(3, hidden=forms.Hidden(packets=4, errors=1, calls=0)), 0)
    frame = viewer.take(0)
    assert frame is not None
    assert frame.seq == 3
    assert frame.frame.hidden == forms.Hidden(packets=7, errors=1, calls=1)
    assert viewer.take(0) is None
    assert not viewer.needs_snapshot


def test_viewers_that_wait_for_the_same_frames_share_the_merged_one() -> None:
    viewers = [Viewer() for _ in range(3)]
    frames = [offered(2), offered(3), offered(4)]
    for viewer in viewers:
        viewer.snapshot_sent(1, 0)
        viewer.acknowledged(1, 0)
        for frame in frames:
            viewer.offer(frame, 0)
    taken = [viewer.take(0) for viewer in viewers]
    assert taken[0] is not None
    assert taken[0] is taken[1] is taken[2]


def test_a_viewer_that_falls_behind_gets_a_snapshot_once_it_has_caught_up(viewer: Viewer) -> None:
    viewer.sent(2, 0)
    viewer.sent(3, 100 * MS)
    assert viewer.pace(STALE_VIEWER_MS * MS) is Pace.LIVE
    late = STALE_VIEWER_MS * MS + 1
    assert viewer.pace(late) is Pace.BEHIND
    viewer.offer(offered(4), late)
    assert viewer.take(late) is None
    viewer.acknowledged(2, late)
    assert viewer.pace(late) is Pace.BEHIND, "one is still open"
    viewer.acknowledged(3, late)
    assert viewer.pace(late) is Pace.LIVE
    assert viewer.needs_snapshot


def test_a_page_may_take_its_time_with_a_snapshot() -> None:
    viewer = Viewer()
    viewer.snapshot_sent(1, 0)
    viewer.offer(offered(2), 0)
    assert viewer.take(0) is not None
    viewer.sent(2, 0)
    late = STALE_VIEWER_MS * MS + 1
    viewer.offer(offered(3), late)
    assert viewer.pace(late) is Pace.LIVE
    assert viewer.take(late) is None, "it has enough to do"
    viewer.acknowledged(1, 2 * late)
    frame = viewer.take(2 * late)
    assert frame is not None
    assert frame.seq == 3
    assert viewer.pace(2 * late) is Pace.LIVE, "it could not look at frame 2 before"
    assert not viewer.needs_snapshot


def test_a_viewer_that_never_answers_is_lost(viewer: Viewer) -> None:
    viewer.sent(2, 0)
    assert viewer.pace(LOST_VIEWER_MS * MS + 1) is Pace.LOST


@pytest.mark.parametrize("acknowledged", [[], [2]])
def test_an_acknowledgement_of_what_was_never_sent_is_an_error(
    viewer: Viewer, acknowledged: list[int]
) -> None:
    viewer.sent(2, 0)
    for seq in acknowledged:
        viewer.acknowledged(seq, 0)
    with pytest.raises(ValueError, match="99"):
        viewer.acknowledged(99, 0)
