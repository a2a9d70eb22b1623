"""The usual agent: `python -m bench.reference.agent LOG ADDRESS`. Ends when all is acknowledged."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc.aio
from hopwatch.v1 import ingest_pb2 as pb

METHOD = "/reference.Ingest/Report"
ROWS = 1000


def start_ns(text: str) -> int:
    """RFC 3339 with nanoseconds."""
    second, _, fraction = text.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(second + "+00:00").timestamp())
    return whole * 1_000_000_000 + int(fraction.ljust(9, "0"))


def row(line: dict[str, Any], offset: int) -> pb.Row:
    """One line as a message: the fields that our own agent takes."""
    get = line.get
    host, _, port = get("ClientAddr", "").rpartition(":")
    return pb.Row(
        offset=offset,
        start_ns=start_ns(line["StartUTC"]),
        duration_ns=get("Duration", 0),
        upstream_ns=get("OriginDuration", 0),
        overhead_ns=get("Overhead", 0),
        status=get("DownstreamStatus", 0),
        upstream_status=get("OriginStatus", 0),
        bytes_in=get("RequestContentSize", 0),
        bytes_out=get("DownstreamContentSize", 0),
        request_count=get("RequestCount", 0),
        client_port=int(port or 0),
        retries=get("RetryAttempts", 0),
        trace_id=bytes.fromhex(get("TraceId", "")),
        client=host,
        forwarded=get("request_X-Forwarded-For", ""),
        method=get("RequestMethod", ""),
        host=get("RequestHost", ""),
        path=get("RequestPath", ""),
        protocol=get("RequestProtocol", ""),
        scheme=get("RequestScheme", ""),
        entry_point=get("entryPointName", ""),
        router=get("RouterName", ""),
        service=get("ServiceName", ""),
        upstream=get("ServiceURL", ""),
        user_agent=get("request_User-Agent", ""),
    )


async def ship(log: Path, address: str) -> None:
    """Read, parse, send; wait for each batch's acknowledgement."""
    async with grpc.aio.insecure_channel(address) as channel:
        report = channel.unary_unary(
            METHOD,
            request_serializer=pb.Batch.SerializeToString,
            response_deserializer=pb.Ack.FromString,
        )
        offset = first = 0
        rows: list[pb.Row] = []
        with log.open("rb") as lines:
            for line in lines:
                rows.append(row(json.loads(line), offset - first))
                offset += len(line)
                if len(rows) == ROWS:
                    await report(pb.Batch(log=1, first_offset=first, end_offset=offset, rows=rows))
                    rows, first = [], offset
        if rows:
            await report(pb.Batch(log=1, first_offset=first, end_offset=offset, rows=rows))


if __name__ == "__main__":
    asyncio.run(ship(Path(sys.argv[1]), sys.argv[2]))
