"""What the journal keeps of inventories: differences, told again exactly."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
from pathlib import Path

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.journal.journal import (
    Journal,
)
from hub.model import (
    HelloSeen,
    InventorySeen,
)

from .streams import T0


def in_churn(change: int, containers: int = 100) -> InventorySeen:
    """Server-a's inventory when its containers have been replaced so often, one after the other:
    as an agent tells it, with those of the last hour that are gone."""
    endpoints = [
        pb.Endpoint(
            network="private-net",
            address=f"172.20.0.{life % containers + 2}",
            service=f"service-{life % 7}",
            container=f"project-service-{life}",
            image="registry.internal/team/service:1.2.3",
            aliases=[f"service-{life % 7}", hashlib.sha256(str(life).encode()).hexdigest()[:12]],
            valid_from_ns=T0 + life * 1_000_000_007,
            valid_to_ns=T0 + (life + containers) * 1_000_000_007 if life < change else 0,
            source=pb.SOURCE_DOCKER,
        )
        for life in range(max(change - 2000, 0), change + containers)
    ]
    return InventorySeen(
        "server-a", pb.Inventory(version=change + 1, as_of_ns=T0 + change, endpoints=endpoints)
    )


async def test_many_changes_of_an_inventory_take_a_fraction_and_are_told_exactly(
    tmp_path: Path,
) -> None:
    journal = Journal.open(tmp_path, reserve_mib=0)
    told = [in_churn(change) for change in range(300)]
    await asyncio.gather(*map(journal.append_inventory, told))
    assert list(journal.replay()) == told
    await journal.close()
    size = (tmp_path / "journal.db").stat().st_size
    assert size < sum(event.inventory.ByteSize() for event in told) / 10
    again = Journal.open(tmp_path, reserve_mib=0)
    assert list(again.replay()) == told
    await again.append_inventory(in_churn(300))
    assert list(again.replay(300)) == [in_churn(300)]
    await again.close()


@pytest.mark.parametrize("cut", [2, 60, 151, 200])
async def test_what_is_valid_at_a_cut_can_be_told_by_what_stays(tmp_path: Path, cut: int) -> None:
    journal = Journal.open(tmp_path, reserve_mib=0)
    told = [in_churn(change, 20) for change in range(200)]
    await asyncio.gather(*map(journal.append_inventory, told))
    await journal.delete_before(cut)
    kept = [event for event in journal.replay() if isinstance(event, InventorySeen)]
    assert kept[-(201 - cut) :] == told[cut - 1 :]
    assert told[cut - 2] in kept
    assert len(kept) <= 201 - cut + 3
    await journal.close()


async def test_a_journal_of_the_last_release_goes_on(tmp_path: Path) -> None:
    """Its inventories are whole and plain."""
    journal = Journal.open(tmp_path, reserve_mib=0)
    await journal.append_hello(HelloSeen("server-a", pb.Hello(server="server-a")))
    await journal.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as other, other:
        other.execute("PRAGMA user_version = 2")
        other.execute(
            "INSERT INTO entries (kind, server, digest, body) VALUES (2, 'server-a', x'00', ?)",
            (in_churn(1).inventory.SerializeToString(),),
        )
    journal = Journal.open(tmp_path, reserve_mib=0)
    await journal.append_inventory(in_churn(2))
    await journal.append_inventory(in_churn(3))
    kept = [event for event in journal.replay() if isinstance(event, InventorySeen)]
    assert kept == [in_churn(1), in_churn(2), in_churn(3)]
    await journal.close()
