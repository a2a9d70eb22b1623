"""A TCP relay on loopback that can stop passing bytes, as a cut cable does: no FIN, no RST.

Enters: connections, bytes. Leaves: the same to the target and back, unless cut. A connection that
is opened during a cut is accepted and stays silent. Bounded: one block per direction is held.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

BLOCK = 65_536


class Relay:
    """One relay, in a thread of its own."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._whole = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.address = ""
        threading.Thread(target=self._run, name="relay", daemon=True).start()
        self._ready.wait()

    def cut(self) -> None:
        """Nothing passes."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """What was held goes on."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._whole.set()
        server = await asyncio.start_server(self._pair, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await server.serve_forever()

    async def _pair(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            await self._whole.wait()
            far, there = await asyncio.open_connection(self._host, self._port)
        except OSError:
            back.close()
            return
        ways = [self._pass(near, there), self._pass(far, back)]
        await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(BLOCK):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
