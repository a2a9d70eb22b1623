"""Streams of agents as they were sent, one file a release: `tests/data/streams/VERSION.stream`.

A file is messages, each with its length before it (4 bytes, little-endian). Record this release's
with `python -m tests.compatibility.recording`, once, when it is made; never again after.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hopwatch import __version__
from hopwatch.v1 import ingest_pb2 as pb

from tests.node_agent.build import lines
from tests.node_agent.conftest import Place
from tests.node_agent.fake_hub import FakeHub

STREAMS = Path(__file__).parents[1] / "data" / "streams"
ROWS, FEW = 500, 5


class Recorder(FakeHub):
    """A hub that keeps what it hears, as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[bytes] = []

    async def Stream(self, requests: Any, context: Any) -> None:
        async def kept() -> Any:
            async for message in requests:
                self.heard.append(message.SerializeToString())
                yield message

        await super().Stream(kept(), context)


def read(path: Path) -> Iterator[pb.AgentMessage]:
    """The messages of a file."""
    data = path.read_bytes()
    while data:
        length = int.from_bytes(data[:4], "little")
        yield pb.AgentMessage.FromString(data[4 : 4 + length])
        data = data[4 + length :]


def write(path: Path, messages: list[bytes]) -> None:
    """The other way round."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(len(one).to_bytes(4, "little") + one for one in messages))


async def record(directory: Path) -> list[bytes]:
    """A backlog as columns, a few lines as rows, one that is none, a rotation, clocks."""
    place, hub = Place(directory), Recorder()
    place.append(lines(0, ROWS) + b"no entry\n")
    await hub.start(place.address)
    try:
        async with place.agent():
            await hub.until(lambda: len(hub.rows()) == ROWS)
            place.append(lines(ROWS, ROWS + FEW))
            await hub.until(lambda: len(hub.rows()) == ROWS + FEW)
            place.private.rename(directory / "private.jsonl.1")
            place.append(lines(ROWS + FEW, ROWS + 2 * FEW))
            await hub.until(lambda: len(hub.rows()) == ROWS + 2 * FEW)
            await hub.until(lambda: len(hub.probes) > 1)
    finally:
        await hub.kill()
    return hub.heard


if __name__ == "__main__":
    target = STREAMS / f"{__version__}.stream"
    if target.exists():
        sys.exit(f"{target} is recorded already; a release's stream does not change")
    with tempfile.TemporaryDirectory() as made:
        write(target, asyncio.run(record(Path(made))))
