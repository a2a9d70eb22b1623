"""The documented backup, taken while the hub runs, and the hub that is restored from it."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

from .keeper import Keeper, feed
from .test_history import by_ids, check
from .world import row

DOCS = Path(__file__).parents[2] / "docs/history.md"


def backup_commands() -> str:
    (commands,) = re.findall(r"```sh\n# backup\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return commands


async def test_a_hub_restored_from_a_backup_goes_on_and_ends_exact(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    keeper = await Keeper.open(data)
    for number in range(3):
        await keeper.lines(
            "server-a", *(row(number * 100 + at) for at in range(20)), proxy="public"
        )
        keeper.settle()
        if number < 2:
            await keeper.seal()
    commands = backup_commands().replace("/var/lib/hopwatch-hub", str(data))
    commands = commands.replace("/backup", str(backup))
    if shutil.which("sqlite3") is None:  # the same, by the library that the command is made of
        commands = re.sub(r"sqlite3 .*\n", "", commands)
        backup.mkdir()
        with sqlite3.connect(data / "journal.db") as source:
            source.execute("VACUUM INTO ?", (str(backup / "journal.db"),))
        source.close()
    command = ["sh", "-e", "-c", commands]
    await asyncio.to_thread(subprocess.run, command, check=True)
    # The hub goes on: what it seals, compacts and deletes behind the backup is lost with its disk.
    await keeper.lines("server-a", row(400), proxy="public")
    keeper.settle()
    await keeper.seal()
    lost = await keeper.calls()
    await keeper.close()
    shutil.rmtree(data)
    restored = await Keeper.open(backup, keeper.now_ns)
    assert {call.id for call in await restored.calls()} == {call.id for call in lost} - {lost[0].id}
    # Agents send again what lies behind the hub's offset, which is the backup's.
    await restored.lines("server-a", row(400), proxy="public")
    restored.settle()
    assert {call.id for call in await restored.calls()} == {call.id for call in lost}
    ledger = restored.ledger()
    assert (ledger.exact, ledger.totals.in_calls) == (True, 61)
    await restored.close()


async def test_all_kinds_of_traffic_survive_a_restore(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path / "data")
    await feed(keeper, seal_every=4)
    before = by_ids(await check(keeper))
    await keeper.close()
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    again = await Keeper.open(tmp_path / "copy", keeper.now_ns)
    again.settle()
    assert by_ids(await check(again)) == before
    await again.close()
