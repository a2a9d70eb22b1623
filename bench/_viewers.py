"""Pages of the live socket in a process of their own: `python -m bench._viewers`, told what to do.

Enters: lines on standard input: `open N`, `stall N`, `measure S`, `end`. Leaves: a line of JSON for
each. A page reads its frames' numbers and times, acknowledges every second, and parses nothing
else: 300 real pages have 300 machines, these share a core with the agents and must cost little.
That is why the websocket's framing is read by hand here. A stalled page leaves its socket open and
reads nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

HEAD = re.compile(
    rb'\{"type":"(frame|snapshot)",(?:"protocol":\d+,"hub_version":"[^"]*",)?"seq":(\d+),"time_ms":([\d.e+]+)'
)
ACK_S = 1.0
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING = 1, 8, 9


@dataclass
class Seen:
    """What a page got while it was measured."""

    frames: int = 0
    snapshots: int = 0
    bytes: int = 0
    closed: str | None = None
    late_ms: list[float] = field(default_factory=list)
    """From the hub's time of the frame to its arrival here; both clocks are this machine's."""


class Page(asyncio.Protocol):
    """One page."""

    def __init__(self, host: str, path: str) -> None:
        self._request = HANDSHAKE.format(host=host, path=path).encode()
        self._open = False
        self._data = bytearray()
        self._acknowledged_s = 0.0
        self.ready = asyncio.get_running_loop().create_future()
        self.seen = Seen()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        transport.write(self._request)

    def stall(self) -> None:
        """Read nothing more."""
        self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            if b" 101 " not in self._data[:end]:
                raise RuntimeError(self._data.decode())
            del self._data[: end + 4]
            self._open = True
        while (size := self._message()) is not None:
            del self._data[:size]

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.closed = self.seen.closed or "without a reason"
        if not self.ready.done():
            self.ready.set_exception(
                RuntimeError(f"closed before its snapshot: {self.seen.closed}")
            )

    def _message(self) -> int | None:
        """Take one message; its size, None where it is not all here."""
        data = self._data
        if len(data) < 2:
            return None
        length, head = data[1] & 0x7F, 2
        if length >= 126:
            head = 4 if length == 126 else 10
            if len(data) < head:
                return None
            length = int.from_bytes(data[2:head], "big")
        if len(data) < head + length:
            return None
        if data[0] & 0xF == TEXT:
            self._take(bytes(data[head : head + 120]), head + length)
        elif data[0] & 0xF == PING:
            self._send(10, bytes(data[head : head + length]))
        elif data[0] & 0xF == CLOSE:
            self.seen.closed = data[head + 2 : head + length].decode()
        return head + length

    def _take(self, head: bytes, size: int) -> None:
        found = HEAD.match(head)
        if not found:
            raise RuntimeError(f"not a frame: {head.decode()}")
        if not self.ready.done():
            self.ready.set_result(None)
        seen = self.seen
        seen.bytes += size
        if found[1] == b"frame":
            seen.frames += 1
            seen.late_ms.append(time.time() * 1e3 - float(found[3]))
        else:
            seen.snapshots += 1
        now_s = time.monotonic()
        if now_s - self._acknowledged_s >= ACK_S:
            self._acknowledged_s = now_s
            self._send(TEXT, b'{"type":"ack","seq":%d}' % int(found[2]))

    def _send(self, kind: int, data: bytes) -> None:
        """With a mask of zeros, which leaves the bytes as they are."""
        self._transport.write(bytes([0x80 | kind, 0x80 | len(data)]) + bytes(4) + data)


async def open_pages(address: str, path: str, count: int) -> list[Page]:
    """So many pages, each with its snapshot."""
    host, port = address.split(":")
    loop = asyncio.get_running_loop()
    pages: list[Page] = []
    for _ in range(count):
        _, page = await loop.create_connection(lambda: Page(address, path), host, int(port))
        pages.append(page)
    await asyncio.gather(*(page.ready for page in pages))
    return pages


async def main(address: str, path: str) -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    pages: list[Page] = []
    stalled: list[Page] = []
    while order := (await orders.readline()).decode().split():
        match order:
            case ["open", count]:
                pages += await open_pages(address, path, int(count))
                answer: object = len(pages)
            case ["stall", count]:
                for page in pages[: int(count)]:
                    page.stall()
                stalled, pages = pages[: int(count)], pages[int(count) :]
                answer = len(stalled)
            case ["measure", seconds]:
                for page in pages:
                    page.seen = Seen()
                cpu_s = time.process_time()
                await asyncio.sleep(float(seconds))
                answer = {
                    "pages": [vars(page.seen) for page in pages],
                    "stalled": [page.seen.closed for page in stalled],
                    "cpu_s": time.process_time() - cpu_s,
                }
            case _:
                break
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
