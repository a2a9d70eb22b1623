"""What the agent's benchmarks need of processes: their CPU time, a hub's front of one's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hub.agents import session
from hub.agents.ingest import SERVICE, IngestServicer, serve
from hub.journal.journal import Journal
from hub.model import Event

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CONFIG = """
[server]
id = "server-a"
[hub]
address = "{address}"
[[proxies]]
name = "private"
kind = "private"
access_log = "{log}"
[state]
directory = "state"
"""


def cpu_s(pid: int) -> float:
    """User and system time of a process so far, its threads included."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) * TICK_S


@asynccontextmanager
async def front(
    directory: Path, sink: Callable[[list[Event]], None], coalesce_ms: int
) -> AsyncIterator[Path]:
    """The hub's front with its journal, in this process; gives an agent's configuration."""
    session.SETTINGS.coalesce_ms = coalesce_ms
    journal = Journal.open(directory / "data", reserve_mib=0)
    servicer = IngestServicer(journal, None, sink)
    address = f"unix:{directory}/hub.sock"
    listening = await serve([address], [servicer], [SERVICE])
    config = directory / "agent.toml"
    config.write_text(CONFIG.format(address=address, log=directory / "access.log"))
    try:
        yield config
    finally:
        await servicer.close()
        await listening.stop(1)
        await journal.close()
