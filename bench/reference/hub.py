"""The usual hub: `python -m bench.reference.hub DIRECTORY ADDRESS`. Ends with SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import grpc.aio
from hopwatch.v1 import ingest_pb2 as pb

from hub.columns.wire import IDS, NUMBERS, STRINGS

COLUMNS = (*NUMBERS, *IDS, *STRINGS)
INSERT = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


class Ingest:
    """Stores batches."""

    def __init__(self, directory: Path) -> None:
        self._db = db = sqlite3.connect(directory / "reference.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"CREATE TABLE requests (id INTEGER PRIMARY KEY, {', '.join(COLUMNS)})")
        for name in ("start_ns", "path", "service"):
            db.execute(f"CREATE INDEX by_{name} ON requests ({name})")

    async def report(self, batch: pb.Batch, context: Any) -> pb.Ack:
        """Commit, then acknowledge."""
        self._db.execute("BEGIN")
        for row in batch.rows:
            self._db.execute(INSERT, [getattr(row, name) for name in COLUMNS])
        self._db.execute("COMMIT")
        return pb.Ack(logs=[pb.Resume(number=batch.log, offset=batch.end_offset)])


async def serve(directory: Path, address: str) -> None:
    """Until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        Ingest(directory).report,
        request_deserializer=pb.Batch.FromString,
        response_serializer=pb.Ack.SerializeToString,
    )
    generic = grpc.method_handlers_generic_handler("reference.Ingest", {"Report": handler})
    server.add_generic_rpc_handlers((generic,))
    server.add_insecure_port(address)
    await server.start()
    print("ready", flush=True)
    await stopping.wait()
    await server.stop(1)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
