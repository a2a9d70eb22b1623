"""Parents and children, on either side of the border of memory and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import forms
from hub.defaults import MAX_CHILDREN

from .keeper import Keeper
from .world import SERVICES, from_other, ident, row, to_other

LEAF = SERVICES["leaf"]
OUTER, INNER, DEEPER = ident("a to b"), ident("at b"), ident("b to a")
HOPS = {
    "a": {"hop_id": OUTER},
    "b in": {"hop_parent": OUTER, "hop_id": INNER},
    "b out": {"hop_parent": INNER, "hop_id": DEEPER},
    "b too": {"hop_parent": INNER, "hop_id": ident("b to itself")},
    "a again": {"hop_parent": DEEPER},
}
TRACES = {place: {"trace_id": ident("one trace")} for place in HOPS}


async def outer(keeper: Keeper, ids: dict[str, dict[str, bytes]]) -> None:
    """A calls B's leaf."""
    await keeper.lines("server-a", to_other("server-b", 0, 40, **ids["a"]), row(1, path="/other"))
    await keeper.lines("server-b", from_other("server-a", 1, 38, path="/outer", **ids["b in"]))
    keeper.settle()


async def inner(keeper: Keeper, ids: dict[str, dict[str, bytes]]) -> None:
    """B's leaf calls A, and then a service of its own server."""
    out, here = ids["b out"], ids["b too"]
    await keeper.lines(
        "server-b",
        to_other("server-a", 5, 10, client=LEAF, path="/server-a/inner", **out),
        row(20, 5, client=LEAF, path="/inner/too", **here),
        row(30, 5, client=LEAF, path="/stranger"),
    )
    await keeper.lines("server-a", from_other("server-b", 6, 8, path="/inner", **ids["a again"]))
    keeper.settle()


async def reopened(keeper: Keeper) -> Keeper:
    await keeper.close()
    again = await Keeper.open(keeper.directory, keeper.now_ns)
    assert again.read_again == 0
    return again


async def check(keeper: Keeper) -> list[forms.CallInFull]:
    calls = {call.path: call for call in await keeper.calls()}
    assert sorted(calls) == ["/inner", "/inner/too", "/other", "/outer", "/stranger"]
    outermost = calls["/outer"].id
    made_for = {path: call.parent for path, call in calls.items()}
    assert made_for == {
        "/outer": None, "/inner": outermost, "/inner/too": outermost, "/other": None,
        "/stranger": None,
    }  # fmt: skip
    told = {}
    for path, call in calls.items():
        one = await keeper.pages.in_full(call.id)
        assert one is not None and await keeper.pages.one(call.id) == call
        assert (one.id, one.parent, one.hops) == (call.id, call.parent, call.hops)
        told[path] = one
    assert told["/outer"].children == [calls["/inner"].id, calls["/inner/too"].id]
    assert all(not one.children for path, one in told.items() if path != "/outer")
    return [told[path] for path in sorted(told)]


@pytest.mark.parametrize("ids", [HOPS, TRACES], ids=["hop ids", "a trace"])
async def test_kin_are_the_same_in_memory_in_files_and_over_their_border(
    tmp_path: Path, ids: dict[str, dict[str, bytes]]
) -> None:
    keeper = await Keeper.open(tmp_path)
    await outer(keeper, ids)
    await keeper.seal()
    keeper = await reopened(keeper)  # the parent is in a file
    await inner(keeper, ids)
    over = await check(keeper)
    await keeper.seal()
    assert await check(keeper) == over, "memory still has what was sealed"
    keeper = await reopened(keeper)
    assert await check(keeper) == over, "both are in files, one each"
    await keeper.close()
    whole = await Keeper.open(tmp_path / "whole")
    await outer(whole, ids)
    await inner(whole, ids)
    assert await check(whole) == over, "all in memory"
    await whole.seal()
    whole = await reopened(whole)
    assert await check(whole) == over, "all in one file"
    await whole.close()


async def test_a_child_that_was_sealed_before_its_parent_settled_has_it(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await inner(keeper, HOPS)
    await keeper.seal()
    keeper = await reopened(keeper)
    await outer(keeper, HOPS)
    await check(keeper)
    await keeper.close()


async def test_many_children_are_the_first_begun_ones(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await keeper.lines("server-a", row(0, 5_000, hop_id=OUTER, path="/outer"))
    await keeper.lines(
        "server-a",
        *[row(n, 1, client=LEAF, hop_parent=OUTER) for n in range(1, MAX_CHILDREN + 11)],
    )
    keeper.settle()
    calls = sorted(call.id for call in await keeper.calls())
    for _ in range(2):
        one = await keeper.pages.in_full(calls[0])
        assert one is not None
        assert one.children == calls[1 : MAX_CHILDREN + 1]
        await keeper.seal()
        keeper = await reopened(keeper)
    await keeper.close()
