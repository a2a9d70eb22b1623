"""A job in a container: calls its own private proxy, other servers through it, and past it.

`python -m servers.services.job --proxy URL --peer NAME=URL …`. Every 3 s one request of each kind.
"""

from __future__ import annotations

import asyncio

import click

from servers.runner import defaults
from servers.runner.pages import LEAF
from servers.services.playing import Send, play

AGENT = {"User-Agent": "reporting-job"}


@click.command()
@click.option("--proxy", required=True, help="URL of the private proxy.")
@click.option("--peer", "peers", multiple=True, help="NAME=URL of another server's private proxy.")
def main(proxy: str, peers: tuple[str, ...]) -> None:
    """Work until SIGTERM."""
    others = [peer.partition("=")[::2] for peer in peers]

    async def program(send: Send) -> None:
        turn = 0
        while True:
            turn += 1
            await send(f"{proxy}{LEAF}/items/{turn}", AGENT)
            for name, url in others:
                await send(f"{proxy}/{name}{LEAF}/items/{turn}", AGENT)
                await send(f"{url}{LEAF}/echo?q=direct-{turn}", AGENT)
            await asyncio.sleep(defaults.SPECIAL_PERIOD_S)

    play(program)


if __name__ == "__main__":
    main()
