"""Run in a network namespace of its own: more connections than the kernel's buffer of events holds.

Prints, as JSON, how often events were lost, and the ports that the hub would be told of: open ones
once the table was read again, and one that was made after that.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time

from node_agent import conntrack
from node_agent.connections import ConnectionBook

PEER, OWN, PORT = "10.10.0.12", "10.10.0.11", 8080
MANY, KEPT = 600, 20
WIRING = f"""
ip link set lo up
ip address add {PEER}/32 dev lo
ip address add {OWN}/32 dev lo
iptables -t nat -A POSTROUTING -p tcp -d {PEER} -j SNAT --to-source {OWN}
"""


class Told:
    """What the hub would know: the ports of connections that are open."""

    def __init__(self, book: ConnectionBook) -> None:
        self.open: set[int] = set()
        self._book = book

    def news(self) -> None:
        """Take what there is."""
        for message in self._book.news(time.time_ns()):
            for one in message.connections:
                change = self.open.discard if one.to_ns else self.open.add
                change(one.translated_port)


async def until_open(told: Told, wanted: set[int]) -> None:
    async with asyncio.timeout(60):
        while not wanted <= told.open:  # noqa: ASYNC110 - `news` is called by the loop
            await asyncio.sleep(0.01)


async def main() -> None:
    book = ConnectionBook()
    told = Told(book)
    tracking = conntrack.Conntrack(book, told.news, (OWN,))
    running = asyncio.create_task(tracking.run())
    with socket.create_server((PEER, PORT), backlog=4096):
        tracking.peers((PEER,))
        book.all(time.time_ns())
        made = [socket.create_connection((PEER, PORT)) for _ in range(2)]
        # SNAT keeps the port where it is free, and nobody else is here.
        await until_open(told, ports(made))
        before = tracking.lost
        made += [socket.create_connection((PEER, PORT)) for _ in range(MANY)]  # nobody reads
        kept = made[-KEPT:]
        async with asyncio.timeout(60):
            while tracking.lost == before:  # noqa: ASYNC110 - the shell tells nobody of it
                await asyncio.sleep(0.01)
        await until_open(told, ports(kept))
        again = [socket.create_connection((PEER, PORT))]
        await until_open(told, ports(again))
        print(json.dumps({"before": before, "lost": tracking.lost, "open": len(told.open)}))
    running.cancel()


def ports(sockets: list[socket.socket]) -> set[int]:
    """Their own ends'."""
    return {one.getsockname()[1] for one in sockets}


if __name__ == "__main__":
    subprocess.run(["sh", "-ec", WIRING], check=True)
    conntrack.CONNECTIONS_BUFFER_BYTES = 8192
    conntrack.CONNECTIONS_TABLE_S = 0.1
    asyncio.run(main())
