"""The traffic process: plays visitors, jobs, scanners and intruders from their own places.

Enters, on the control socket: `check` (wait until these servers are ready), `play` (these are the
servers from now on), each with the descriptors of their machines, and `stop`. Leaves, on the same
socket: one answer to each message, `{"error": null}` or what went wrong; and at the end the summary
file. What always holds: nothing new is sent to a server once `play` without it has been answered,
and `stop` is answered when no request is under way.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import click

from servers.runner import defaults, namespaces
from servers.runner.acts import Act, special_acts, visit
from servers.runner.pages import PAGES
from servers.runner.places import Doors, Place, outward_address
from servers.runner.plan import Mode, Ports, ServerPlan, plan_outsiders, plan_server
from servers.runner.ready import NotReady, server_ready
from servers.runner.tally import Tally


class Traffic:
    """The players, their sessions by place, and what is under way."""

    def __init__(self, group: asyncio.TaskGroup, mode: Mode, rate: float, seed: int) -> None:
        self.doors = Doors()
        self.tally = Tally()
        self._group = group
        self._rate = rate
        self._random = random.Random(seed)
        self._servers: list[ServerPlan] = []
        self._sessions: dict[tuple[Place, str], aiohttp.ClientSession] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._playing = asyncio.Event()
        self._turn = 0
        self._intruder = _intruder(mode)
        self._players: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._players = [
            self._group.create_task(self._play_visitors()),
            self._group.create_task(self._play_special_acts()),
        ]

    async def end(self) -> None:
        """At once: what is still under way is cut."""
        for task in (*self._players, *self._under_way):
            task.cancel()
        await self.close()

    async def play(self, servers: list[ServerPlan]) -> None:
        """These servers from now on; returns when nothing is under way to the others."""
        self._servers = servers
        self._playing.clear()
        await self.drain()
        await self.close()
        if servers:
            self._playing.set()

    async def drain(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=defaults.DRAIN_TIMEOUT_S)

    async def close(self) -> None:
        while self._sessions:
            await self._sessions.popitem()[1].close()

    async def _play_visitors(self) -> None:
        """At random moments (exponential gaps), as independent people come."""
        weights = [page.weight for page in PAGES]
        while True:
            await asyncio.sleep(self._random.expovariate(self._rate))
            await self._playing.wait()
            page = self._random.choices(PAGES, weights)[0]
            server = self._random.choice(self._servers)
            self._send(visit(server, page, self._random.randrange(8)))

    async def _play_special_acts(self) -> None:
        """Each act once a period, spread over it."""
        while True:
            await self._playing.wait()
            servers = self._servers
            acts = list(special_acts(servers, self._turn, self._intruder))
            self._turn += 1
            for act in acts:
                await self._playing.wait()
                if servers is not self._servers:
                    break
                self._send(act)
                await asyncio.sleep(defaults.SPECIAL_PERIOD_S / len(acts))

    def _send(self, act: Act) -> None:
        task = self._group.create_task(self._request(act))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _request(self, act: Act) -> None:
        self.tally.sent(act)
        headers = dict(act.headers) | ({} if act.host is None else {"Host": act.host})
        try:
            session = self._session(act)
            url = f"http://{act.entry}{act.path}"
            async with session.request(act.method, url, headers=headers, data=act.body) as answer:
                await answer.read()
                self.tally.answered(act, answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.tally.failed(act)

    def _session(self, act: Act) -> aiohttp.ClientSession:
        key = (act.place, act.user_agent)
        if key not in self._sessions:
            self._sessions[key] = self.doors.session(act.place, act.user_agent)
        return self._sessions[key]


def _intruder(mode: Mode) -> str:
    """Without namespaces, the machine's own outward address stands for a machine of nobody's."""
    planned = plan_outsiders(mode).intruder
    return planned if mode is Mode.NAMESPACES else outward_address() or planned


class Control:
    """Carries out the supervisor's messages."""

    def __init__(self, channel: socket.socket, traffic: Traffic, mode: Mode, ports: Ports) -> None:
        self._channel = channel
        self._traffic = traffic
        self._mode = mode
        self._ports = ports
        self._machines: dict[str, int] = {}

    async def run(self) -> None:
        """Until `stop`, or until the supervisor is gone."""
        while True:
            await _readable(self._channel)
            message, machines = namespaces.receive(self._channel)
            if not message:
                return
            error = await self._carry_out(message, machines)
            self._channel.send(json.dumps({"error": error}).encode())
            if message["do"] == "stop":
                return

    async def _carry_out(self, message: dict[str, Any], machines: dict[str, int]) -> str | None:
        if message["do"] == "stop":
            await self._traffic.play([])
            return None
        servers = [plan_server(self._mode, self._ports, n) for n in message["servers"]]
        before, self._machines = self._machines, self._machines | machines
        self._traffic.doors.machines = self._machines
        for name in before.keys() & machines.keys():
            os.close(before[name])
        try:
            if message["do"] == "check":
                names = [server.id for server in servers]
                doors = self._traffic.doors
                await asyncio.gather(*(server_ready(doors, server, names) for server in servers))
            else:
                await self._traffic.play(servers)
                self._forget({server.id for server in servers})
        except NotReady as error:
            return str(error)
        return None

    def _forget(self, servers: set[str]) -> None:
        """Close the descriptors of servers that have left, so that their namespaces can end."""
        for name in list(self._machines):
            server, inside, _ = name.partition("/")
            if inside and server not in servers:
                os.close(self._machines.pop(name))


async def _readable(channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        loop.remove_reader(channel)
        ready.set_result(None)

    loop.add_reader(channel, wake)
    await ready


async def run(fd: int, mode: Mode, ports: Ports, rate: float, seed: int, summary: Path) -> None:
    channel = socket.socket(fileno=fd)
    channel.setblocking(False)
    async with asyncio.TaskGroup() as group:
        traffic = Traffic(group, mode, rate, seed)
        traffic.begin()
        control = group.create_task(Control(channel, traffic, mode, ports).run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, control.cancel)
        await asyncio.wait([control])
        await traffic.end()
        _write(summary, traffic.tally.summary())


def _write(path: Path, summary: dict[str, Any]) -> None:
    """Whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(summary, indent=2) + "\n")
    temporary.replace(path)


@click.command()
@click.option("--socket", "fd", type=int, required=True, help="Descriptor of the control socket.")
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), required=True)
@click.option("--ports", type=(int, int, int), required=True, help="proxy, service, API")
@click.option("--rate", type=float, required=True, help="Visitors' requests a second.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--summary", type=click.Path(path_type=Path), required=True)
def main(
    fd: int, mode: str, ports: tuple[int, int, int], rate: float, seed: int, summary: Path
) -> None:
    """Play traffic until told to stop."""
    asyncio.run(run(fd, Mode(mode), Ports(*ports), rate, seed, summary))


if __name__ == "__main__":
    main()
