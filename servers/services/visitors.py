"""Visitors from the internet, and a scanner among them.

`python -m servers.services.visitors --server HOST=URL …`, HOST being the name that they ask for.
Requests come at random moments, `--rate` a second over all servers.
"""

from __future__ import annotations

import asyncio
import random

import click

from servers.runner import defaults
from servers.runner.pages import BROWSERS, PAGES, SCANNED
from servers.services.playing import Send, play

SCAN_SHARE = 0.05


@click.command()
@click.option("--server", "servers", multiple=True, required=True, help="HOST=URL, repeated.")
@click.option("--rate", default=defaults.RATE_PER_S, show_default=True, help="Requests a second.")
def main(servers: tuple[str, ...], rate: float) -> None:
    """Visit until SIGTERM."""
    known = [server.partition("=")[::2] for server in servers]
    weights = [page.weight for page in PAGES]

    async def program(send: Send) -> None:
        while True:
            await asyncio.sleep(random.expovariate(rate))
            host, url = random.choice(known)
            path = random.choices(PAGES, weights)[0].path
            if random.random() < SCAN_SHARE:
                path = random.choice(SCANNED)
            await send(f"{url}{path}", {"Host": host, "User-Agent": random.choice(BROWSERS)})

    play(program)


if __name__ == "__main__":
    main()
