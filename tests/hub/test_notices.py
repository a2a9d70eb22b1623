"""Notices begin, grow, end, and begin again."""

from __future__ import annotations

import pytest

from hub import forms
from hub.defaults import RETIRE_AFTER_S

from .shown import Shown
from .world import MS, World, hello, row


@pytest.fixture
def shown() -> Shown:
    made = Shown(World("server-a", "server-b"))
    made.frame()
    return made


def told(shown: Shown) -> dict[str, forms.Notice]:
    """What the next frame, a second later, tells of notices."""
    shown.world.tick(1_000)
    return {notice.id: notice for notice in shown.frame().notices}


def test_an_agent_that_is_gone_comes_back(shown: Shown) -> None:
    assert "agent_gone:server-a" not in told(shown)
    shown.world.gone("server-a")
    (gone,) = told(shown).values()
    assert (gone.kind, gone.server, gone.count, gone.ended) == ("agent_gone", "server-a", 1, None)
    assert not told(shown), "nothing changed"
    shown.world.say(hello("server-a"))
    shown.world.sight("server-a")
    (back,) = told(shown).values()
    assert (back.id, back.count) == (gone.id, 1)
    assert back.ended is not None
    assert back.ended > gone.time
    assert not told(shown)
    shown.world.gone("server-a")
    (again,) = told(shown).values()
    assert (again.count, again.ended) == (2, None)


def test_a_clock_that_is_set_right_ends_its_notice(shown: Shown) -> None:
    shown.world.skew("server-b", 900)
    shown.world.tick(1_000)
    skew = told(shown).get("skew:server-b") or shown.live.notices()[-1]
    assert (skew.kind, skew.ended) == ("skew", None)
    for _ in range(200):
        shown.world.skew("server-b", 1)
    shown.world.tick(1_000)
    told(shown)
    (known,) = [notice for notice in shown.live.notices() if notice.kind == "skew"]
    assert known.ended is not None


def test_an_intruder_that_stays_away_ends_with_its_edge(shown: Shown) -> None:
    shown.world.lines("server-a", row(client="203.0.113.9"))
    (knocks,) = told(shown).values()
    assert (knocks.kind, knocks.ended) == ("outside", None)
    shown.world.now_ns += (RETIRE_AFTER_S - 2) * 1_000 * MS
    assert knocks.id not in told(shown)
    shown.world.tick(2_000)
    ended = told(shown)[knocks.id]
    assert ended.ended is not None
    later_ms = (shown.world.now_ns - 1_795_000_000_000 * MS) / MS
    shown.world.lines("server-a", row(later_ms, client="203.0.113.9"))
    again = told(shown)[knocks.id]
    assert (again.count, again.ended) == (2, None)
    assert shown.live.notices()[-1] == again
