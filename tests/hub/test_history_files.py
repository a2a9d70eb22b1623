"""A file's row groups hold their own strings only, and single calls are read without the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hub.history import files, record
from hub.history.part import Part
from hub.history.schema import COLUMNS, TEXT
from hub.history.sources import Stored

from .keeper import Keeper, feed
from .test_history_export import odd_lines

TEXTS = [name for name, kind in COLUMNS.items() if kind == TEXT]


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROW_GROUP", 16)
    monkeypatch.setattr(files, "SHORT", 0)


async def sealed(directory: Path) -> tuple[Keeper, list[pq.ParquetFile]]:
    keeper = await Keeper.open(directory)
    await feed(keeper, seal_every=4)
    await odd_lines(keeper, 10_000)
    await keeper.seal()
    paths = sorted((directory / "history").glob("calls-*.parquet"))
    return keeper, [pq.ParquetFile(path, read_dictionary=TEXTS) for path in paths]


async def test_a_row_group_has_no_strings_of_others(tmp_path: Path) -> None:
    keeper, opened = await sealed(tmp_path)
    assert max(file.num_row_groups for file in opened) > 1
    for file in opened:
        for number in range(file.num_row_groups):
            for name in TEXTS:
                column = file.read_row_group(number, columns=[name]).column(0).combine_chunks()
                used = set(column.drop_null().to_pylist())
                assert sorted(column.dictionary.to_pylist()) == sorted(used), name
    await keeper.close()


async def test_calls_by_themselves_are_told_as_in_their_row_group(tmp_path: Path) -> None:
    keeper, opened = await sealed(tmp_path)
    seen = 0
    for file in opened:
        for number in range(file.num_row_groups):
            part = Part(keeper.pipeline, Stored(file, number))
            some = np.arange(part.count)[::-3]
            alone = part.only(some)
            every = np.arange(len(some))
            assert record.calls(alone, every) == record.calls(part, some)
            assert record.summaries(alone, every) == record.summaries(part, some)
            for name in COLUMNS:
                assert alone.told(name, every) == part.told(name, some), name
            seen += len(some)
    assert seen > 20
    await keeper.close()


async def test_a_log_that_the_hub_does_not_know_is_told_as_the_file_has_it(tmp_path: Path) -> None:
    keeper, opened = await sealed(tmp_path)
    part = Part(keeper.pipeline, Stored(opened[0], 0))
    every = np.arange(part.count)
    known = part.told("hop0_server", every), part.told("hop1_log", every)
    keeper.pipeline.ledger.accounts.clear()
    alone = part.only(every)
    assert (alone.told("hop0_server", every), alone.told("hop1_log", every)) == known
    await keeper.close()
