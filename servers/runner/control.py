"""Lets another terminal change a running demo: one JSON line each way on a Unix socket.

Request: `{"do": "add" | "remove", "server": "server-c"}`. Answer: `{"error": null | "why not"}`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from servers.runner.demo import ERRORS, Demo
from servers.runner.sites import Unavailable


class ControlServer:
    """Listens while the demo runs; changes happen one after the other."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    async def serve(self) -> None:
        path = self._demo.directory.control_socket
        server = await asyncio.start_unix_server(self._connected, path)
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            error = await self._carry_out(json.loads(await reader.readline()))
        except (ValueError, KeyError, Unavailable, *ERRORS) as failure:
            error = str(failure)
        writer.write(json.dumps({"error": error}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _carry_out(self, request: dict[str, Any]) -> str | None:
        change = {"add": self._demo.add_server, "remove": self._demo.remove_server}
        if request["do"] not in change:
            return f"{request['do']!r} is neither add nor remove"
        await change[request["do"]](request["server"])
        return None


async def ask(socket: Path, do: str, server: str) -> str | None:
    """What went wrong, or None. OSError: no demo listens there."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(json.dumps({"do": do, "server": server}).encode() + b"\n")
    answer = await reader.readline()
    writer.close()
    if not answer:
        return "the demo ended meanwhile"
    error: str | None = json.loads(answer)["error"]
    return error
