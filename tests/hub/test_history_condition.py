"""How sealing stands: in the metrics and in the answer of `/readyz`."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub.config_form import Data
from hub.history.history import History
from hub.journal.journal import Journal
from hub.settle.pipeline import Pipeline

from .guarded import guarded_hub


def figures(text: str) -> dict[str, float]:
    lines = [line.split(" ") for line in text.splitlines() if line.startswith("hopwatch_history_")]
    return {name.removeprefix("hopwatch_history_"): float(value) for name, value in lines}


async def test_a_running_hub_tells_how_its_history_stands(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path) as hub, hub.client() as client:
        told = figures((await client.get("/metrics")).text)
        ready = (await client.get("/readyz")).json()
    assert told["sealed_timestamp_seconds"] > 1.7e9
    assert (told["files"], told["bytes"], told["failures_total"]) == (0, 0, 0)
    assert ready == {"status": "ok", "reason": None}


async def test_a_sealing_that_fails_is_counted_and_says_why_until_one_succeeds(
    tmp_path: Path,
) -> None:
    journal = Journal.open(tmp_path, reserve_mib=0)
    pipeline = Pipeline(recent_calls=1_000)
    history = History(pipeline, journal, Data(directory=tmp_path))
    pipeline.replayed(history.restore(0))
    history.restored()
    assert await history._tried(history._seal)
    before = history.condition()
    assert (before.failures, before.problem) == (0, None)
    directory = tmp_path / "history"
    shutil.rmtree(directory)
    directory.write_text("in its place")
    pipeline.seq += 1  # something came
    assert not await history._tried(history._seal)
    failed = history.condition()
    assert failed.failures == 1
    assert failed.problem is not None and "Not a directory" in failed.problem
    directory.unlink()
    directory.mkdir()
    pipeline.seq += 1
    assert await history._tried(history._seal)
    assert (history.condition().failures, history.condition().problem) == (1, None)
    await journal.close()
