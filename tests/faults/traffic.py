"""Requests for real Traefiks: a backend and clients that do not mind what happens to a proxy.

    python -m tests.faults.traffic --backend PORT --proxy PORT --proxy PORT --rate N

Each proxy gets `CLIENTS` connections that are used again and again; a broken one is opened anew
after a moment. SIGTERM: no new requests, those under way are finished, exit 0.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time

import click

CLIENTS = 6
AGAIN_S = 0.05
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The backend's side of a connection; one request of fifty takes up to 80 ms."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            if random.random() < 0.02:
                await asyncio.sleep(random.uniform(0, 0.08))
            writer.write(ANSWER)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def ask(port: int, rate: float, stopping: asyncio.Event) -> None:
    """One client: requests at a pace, over one connection as long as it lasts."""
    while not stopping.is_set():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(AGAIN_S)
            continue
        try:
            await _use(reader, writer, rate, stopping)
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(AGAIN_S)
        finally:
            writer.close()


async def _use(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float, stopping: asyncio.Event
) -> None:
    next_s = time.monotonic()
    while not stopping.is_set():
        path = f"/shop/items/{random.randrange(500)}?q={random.randrange(50)}"
        host = "Host: www.server-a.test\r\nUser-Agent: campaign\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\n{host}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")
        )
        await reader.readexactly(length)
        next_s = max(next_s + random.expovariate(rate), time.monotonic() - 0.1)
        await asyncio.sleep(max(next_s - time.monotonic(), 0))


async def run(backend: int, proxies: tuple[int, ...], rate: float) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = await asyncio.start_server(answer, "127.0.0.1", backend)
    async with asyncio.TaskGroup() as tasks:
        for port in proxies:
            for _ in range(CLIENTS):
                tasks.create_task(ask(port, rate / CLIENTS, stopping))
    server.close()


@click.command()
@click.option("--backend", type=int, required=True)
@click.option("--proxy", "proxies", type=int, required=True, multiple=True)
@click.option("--rate", type=float, required=True, help="Requests a second of each proxy.")
def main(backend: int, proxies: tuple[int, ...], rate: float) -> None:
    """Ask until SIGTERM."""
    asyncio.run(run(backend, proxies, rate))


if __name__ == "__main__":
    main()
