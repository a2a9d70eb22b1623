"""Exports from columns are, byte by byte, what the forms of the same calls are written as."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from hub.history import pages as pages_of
from hub.query.filters import parse
from hub.read.export import csv_lines, ndjson_lines

from .keeper import Keeper, feed
from .world import SERVICES, from_other, ident, row, to_other

LEAF = SERVICES["leaf"]
ODD = 7
"""Calls of `odd_lines`."""
FORMS: tuple[Literal["csv", "ndjson"], ...] = ("csv", "ndjson")


async def odd_lines(keeper: Keeper, at: float) -> None:
    """Retried, forged, nested, failed by gRPC, with what spreadsheets and CSV trip over."""
    again = ident(f"again {at}")
    tried = {"hop_id": again, "overhead_ns": 20_000_000, "trace_id": ident(f"trace {at}")}
    await keeper.lines(
        "server-a",
        to_other("server-b", at, 40, **tried),
        row(at + 1, path='=1+1,"two"\nlines', host="-x", user_agent="@me"),
        row(at + 2, 0.00005, path="", grpc_status=14, flags=1),
        row(at + 3, 0, status=404, router="", service="", upstream="", upstream_ns=0),
        row(at + 4, client=LEAF, trace_id=ident(f"trace {at}"), path="/ü"),
        row(at + 5, client="2001:db8::1", client_port=0),
    )
    await keeper.lines(
        "server-b",
        from_other("server-a", at + 2, 6, hop_parent=again, status=503),
        from_other("server-a", at + 20, 6, hop_parent=again, hop_id=ident(f"in {at}")),
        row(at + 22, 2, client=LEAF, hop_parent=ident(f"in {at}"), path="/inner"),
    )
    keeper.settle()


async def check(keeper: Keeper, **filters: str) -> int:
    chosen = parse(filters)[0]
    calls, cursor = await keeper.pages.page(chosen, 50)
    while cursor:
        page, cursor = await keeper.pages.page(chosen, 50, cursor)
        calls += page
    assert (await keeper.pages.page(chosen, 10_000))[0] == calls, "a large page, from columns"
    for form in FORMS:
        slow = b"".join((csv_lines if form == "csv" else ndjson_lines)(calls))
        parts = [part async for part in keeper.pages.export(chosen, form)]
        assert b"".join(part.lines for part in parts) == slow
        assert sum(part.calls for part in parts) == len(calls)
    return len(calls)


async def test_an_export_is_what_its_calls_forms_are(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=5)
    await odd_lines(keeper, 0)
    whole = await check(keeper)
    await keeper.seal()
    assert await check(keeper) == whole
    await odd_lines(keeper, 10_000)
    assert await check(keeper) == whole + ODD, "of files and memory"
    assert 0 < await check(keeper, status="5xx") < whole
    assert 0 < await check(keeper, q="path:*inner") < whole
    assert await check(keeper, path="/nowhere") == 0
    await keeper.seal()
    await keeper.close()
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert again.read_again == 0
    assert await check(again) == whole + ODD
    await again.close()


async def test_an_export_of_many_parts_goes_on_where_the_last_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_of, "EXPORT_CALLS", 7)
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=5)
    await odd_lines(keeper, 10_000)
    whole = await check(keeper)
    chosen = parse({})[0]
    every = [part async for part in keeper.pages.export(chosen, "ndjson")]
    assert len(every) == -(-whole // 7)
    some = [part async for part in keeper.pages.export(chosen, "ndjson", limit=20)]
    lines = b"".join(part.lines for part in every).splitlines(keepends=True)
    assert b"".join(part.lines for part in some) == b"".join(lines[:20])
    assert [part.calls for part in some] == [7, 7, 6]
    cursor = (await keeper.calls())[9].id
    behind = [part async for part in keeper.pages.export(chosen, "ndjson", cursor)]
    assert b"".join(part.lines for part in behind) == b"".join(lines[10:])
    await keeper.close()
