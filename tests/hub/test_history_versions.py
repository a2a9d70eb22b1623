"""Files of the former version of the schema: read as the newer ones, and made new by compaction."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq

from hub import forms
from hub.history.schema import SAME
from hub.query.filters import parse

from .keeper import Keeper, feed
from .test_history_export import odd_lines
from .world import SECOND, row

OLD = Path(__file__).parents[1] / "data" / "history-1.parquet"
"""Sealed by version 1: the lines of `traffic`."""
HOUR = 3_600 * SECOND


async def traffic(keeper: Keeper) -> None:
    await feed(keeper, seal_every=1_000)
    await odd_lines(keeper, 10_000)


async def exported(keeper: Keeper) -> bytes:
    parts = keeper.pages.export(parse({})[0], "ndjson")
    return b"".join([part.lines async for part in parts])


async def in_full(keeper: Keeper, calls: list[forms.Call]) -> list[forms.CallInFull | None]:
    return [await keeper.pages.in_full(call.id) for call in calls[::29]]


def version(path: Path) -> bytes:
    metadata: dict[bytes, bytes] = pq.read_schema(path).metadata
    return metadata[b"hopwatch.schema"]


def size_of_ids(path: Path) -> int:
    """Bytes of the second hops' ids that may be the first hops', too."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    return sum(one.total_compressed_size for one in columns if one.path_in_schema in SAME)


async def test_a_file_of_version_1_tells_what_a_new_one_tells(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await traffic(keeper)
    before = await exported(keeper)
    await keeper.seal()
    (entry,) = keeper.archive.state.files
    new = tmp_path / "history" / entry.name
    assert (version(OLD), version(new)) == (b"1", b"2")
    same = pq.read_table(new, columns=["hop1_same"]).column(0).to_pylist()
    assert {1, 2} <= {bits for bits in same if bits}
    assert size_of_ids(new) < size_of_ids(OLD) / 2
    await keeper.close()
    shutil.copy(OLD, new)
    again = await Keeper.open(tmp_path, keeper.now_ns)
    assert again.read_again == 0
    assert await exported(again) == before
    calls = await again.calls()
    full = await in_full(again, calls)
    traced = next(call for call in calls if len(call.hops) == 2 and call.hops[1].trace_id)
    found = await again.calls(trace_id=traced.hops[1].trace_id or "")
    assert traced in found
    await again.lines("server-a", row(20_000))
    again.settle()
    await again.seal()
    mixed = await exported(again)
    assert mixed.endswith(before)
    assert await again.keeping.compact(again.now_ns + HOUR) == 2
    (entry,) = again.archive.state.files
    assert version(tmp_path / "history" / entry.name) == b"2"
    assert await exported(again) == mixed
    assert await in_full(again, calls) == full
    await again.close()
