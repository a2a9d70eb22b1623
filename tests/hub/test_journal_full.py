"""The journal on a disk that is full, or nearly: nothing is stored, it says so, and it recovers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from hub.journal.journal import (
    Committed,
    Journal,
    StorageFull,
)

from .streams import LOG, columns, columns_batch, rows_batch
from .test_journal import ROOT, stored


async def test_a_full_database_stores_nothing_says_so_and_recovers(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, reserve_mib=0)
    await journal.append_batch(LOG, rows_batch(0, 1))
    journal.limit_pages(1)
    with pytest.raises(StorageFull, match="full"):
        await journal.append_batch(LOG, columns_batch(900, columns(1000)))
    assert journal.state.reason is not None
    assert stored(journal) == [(0, 900)]
    journal.limit_pages(1 << 30)
    async with asyncio.timeout(5):
        while not journal.state.ok:  # noqa: ASYNC110 - it is read, not waited for
            await asyncio.sleep(0.05)
    assert isinstance(await journal.append_batch(LOG, rows_batch(900, 1)), Committed)
    await journal.close()


async def test_below_the_reserve_nothing_is_stored_but_deleting_goes_on(tmp_path: Path) -> None:
    first = Journal.open(tmp_path, reserve_mib=0)
    for i in range(3):
        await first.append_batch(LOG, rows_batch(i * 900, 1))
    await first.close()
    journal = Journal.open(tmp_path, reserve_mib=1 << 40)
    with pytest.raises(StorageFull, match="kept in reserve"):
        await journal.append_batch(LOG, rows_batch(2700, 1))
    assert await journal.delete_before(3) == 2
    assert not journal.state.ok
    await journal.close()


DISK = """
import asyncio, os, sys
from pathlib import Path
from hub.journal.journal import Committed, Journal, StorageFull
from tests.hub.streams import LOG, columns, columns_batch

async def main(directory):
    journal = Journal.open(directory / "data", reserve_mib=1)
    message, i = columns(1000), 0
    try:
        while True:
            batch = columns_batch(i * 900_000, message)
            assert isinstance(await journal.append_batch(LOG, batch), Committed)
            i += 1
    except StorageFull as full:
        print("full:", full)
    assert os.statvfs(directory).f_bavail * 4096 > 1 << 19
    assert sum(1 for _ in journal.replay()) == i > 10
    (directory / "ballast").unlink()
    while not journal.state.ok:
        await asyncio.sleep(0.05)
    batch = columns_batch(i * 900_000, message)
    assert isinstance(await journal.append_batch(LOG, batch), Committed)
    await journal.close()
    print("recovered")

directory = Path(sys.argv[1])
(directory / "ballast").write_bytes(bytes(8 << 20))
asyncio.run(main(directory))
"""


def test_a_disk_that_is_really_full_is_survived(tmp_path: Path) -> None:
    script = tmp_path / "disk.py"
    script.write_text(DISK)
    disk = tmp_path / "m"
    mounted = f"mount -t tmpfs -o size=48m tmpfs {disk} && exec {sys.executable} {script} {disk}"
    disk.mkdir()
    try:
        subprocess.run(["unshare", "-Urm", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user and mount namespaces here: {error}")
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", mounted],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": f"{ROOT}:{ROOT}/gen", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "full:" in done.stdout and "recovered" in done.stdout
