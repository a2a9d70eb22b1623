"""Lets the user's own browser in: relays connections to a server's public proxy.

Enters: a listening socket that was made in this machine's network, and the descriptor of the
network namespace that visitors stand in (none on loopback). Leaves: for each connection one to the
proxy, from a visitor's address. Bytes pass unchanged both ways.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import suppress

import click

from servers.runner.namespaces import INTERNET_MACHINE
from servers.runner.places import Doors, Place

CHUNK = 64 * 1024
"""Bytes moved at a time: a whole small page."""


class Relay:
    def __init__(self, doors: Doors, place: Place, target: tuple[str, int]) -> None:
        self._doors = doors
        self._place = place
        self._target = target

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            made = self._doors.socket(self._place)
            await asyncio.get_running_loop().sock_connect(made, self._target)
            far_reader, far_writer = await asyncio.open_connection(sock=made)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass_on(reader, far_writer))
            group.create_task(_pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the end of one direction; closing the far end then ends the other."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def run(listening: socket.socket, relay: Relay) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(relay.connected, sock=listening)
    await stop.wait()
    server.close()


@click.command()
@click.option("--listening", type=int, required=True, help="Descriptor of the listening socket.")
@click.option("--namespace", type=int, help="Descriptor of the visitors' network namespace.")
@click.option("--source", required=True, help="The visitor's address.")
@click.option("--target", required=True, help="ip:port of the public proxy.")
def main(listening: int, namespace: int | None, source: str, target: str) -> None:
    """Relay until SIGTERM."""
    doors = Doors()
    if namespace is not None:
        doors.machines = {INTERNET_MACHINE: namespace}
    host, _, port = target.rpartition(":")
    relay = Relay(doors, Place(INTERNET_MACHINE, source), (host, int(port)))
    asyncio.run(run(socket.socket(fileno=listening), relay))


if __name__ == "__main__":
    main()
