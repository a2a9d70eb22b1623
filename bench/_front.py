"""The hub without its pipeline: `python -m bench._front DIRECTORY ADDRESS`. Ends with SIGTERM.

Streams, checks, decoding, journal and acknowledgements are the hub's own; committed batches are
told to nobody. The difference to `hopwatch-hub` is identity, origin, join, rollup and the view.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from hub.agents.ingest import SERVICE, IngestServicer, serve
from hub.journal.journal import Journal


async def main(directory: Path, address: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    journal = Journal.open(directory)
    servicer = IngestServicer(journal, None, lambda events: None)
    listening = await serve([address], [servicer], [SERVICE])
    print("ready", flush=True)
    await stopping.wait()
    await servicer.close()
    await listening.stop(1)
    await journal.close()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2]))
