"""Appends batches to a journal until it is killed; prints each acknowledged end offset."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from hub.journal.journal import Committed, Journal
from tests.hub.streams import LOG, columns, columns_batch


async def main(directory: Path) -> None:
    journal = Journal.open(directory, reserve_mib=0)
    message = columns(200)
    for i in range(100_000):
        batch = columns_batch(i * 180_000, message)
        outcome = await journal.append_batch(LOG, batch)
        assert isinstance(outcome, Committed)
        print(batch.end_offset, flush=True)


asyncio.run(main(Path(sys.argv[1])))
