"""A running demo: servers, hub, agents and traffic, started in order and stopped in order.

Enters: options. Leaves: a `Demo` that servers can join and leave, and at the end the account of
every line. What always holds: when `running` is left, by whatever way, every process of it is
gone; a process that ends unasked ends the demo with `Crashed`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from servers.runner import defaults, layout
from servers.runner.hopwatch_config import hub_toml
from servers.runner.hub_client import HubClient
from servers.runner.layout import RunDirectory
from servers.runner.mock_server import REPOSITORY, MockServer, console_script
from servers.runner.namespaces import INTERNET_MACHINE
from servers.runner.plan import Mode, ServerPlan, plan_outsiders, server_number
from servers.runner.processes import Command, Crashed, Processes
from servers.runner.progress import Steps
from servers.runner.ready import NotReady, until
from servers.runner.report import Account, compare
from servers.runner.sites import Sites, choose
from servers.runner.traefik_config import Extras
from servers.runner.traffic_control import NAME as TRAFFIC
from servers.runner.traffic_control import TrafficControl, TrafficError

HUB = "hub"
RELAY = "relay"


class PortInUse(Exception):
    """The message names the port and the option that moves it."""


@dataclass(frozen=True, slots=True)
class Options:
    rundir: Path
    keep: bool = False
    """Leave the run directory behind; a demo that failed always does."""
    servers: int = defaults.SERVERS
    rate: float = defaults.RATE_PER_S
    http_port: int = defaults.HTTP_PORT
    public_port: int = defaults.PUBLIC_PORT
    mode: Mode | None = None
    """None: namespaces where they can be had."""
    extras: Extras = field(default_factory=Extras)
    hopwatch: bool = True
    """False: servers and traffic only, without hub and agents."""


@asynccontextmanager
async def running(options: Options, steps: Steps) -> AsyncIterator[Demo]:
    """A demo that is ready, until the block is left. Raises Crashed when a process of it ends."""
    directory = RunDirectory(options.rundir, options.keep)
    try:
        async with asyncio.TaskGroup() as group:
            demo = Demo(options, steps, directory, Processes(group))
            try:
                await demo.start()
                yield demo
            finally:
                await demo.stop()
    except BaseExceptionGroup as errors:
        directory.keep = True
        raise _most_telling(errors) from None
    finally:
        directory.close()


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """A crash explains the errors that it caused elsewhere."""
    single: list[BaseException] = []
    for error in group.exceptions:
        single.append(_most_telling(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in single if isinstance(error, Crashed)), single[0])


class Demo:
    """Started by `running`; `server_ids` are there right now."""

    def __init__(
        self, options: Options, steps: Steps, directory: RunDirectory, processes: Processes
    ) -> None:
        self.options = options
        self.directory = directory
        self._steps = steps
        self._processes = processes
        self._sites: Sites | None = None
        self._traffic: TrafficControl | None = None
        self._servers: dict[str, MockServer] = {}
        self._logs: dict[tuple[str, str], Path] = {}
        self.changing = asyncio.Lock()
        """Held while a server joins or leaves."""
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.options.http_port}/"

    @property
    def public_url(self) -> str:
        return f"http://public.localhost:{self.options.public_port}/"

    @property
    def sites(self) -> Sites:
        assert self._sites is not None, "the demo has been started"
        return self._sites

    @property
    def traffic(self) -> TrafficControl:
        assert self._traffic is not None, "the demo has been started"
        return self._traffic

    @property
    def server_ids(self) -> list[str]:
        return list(self._servers)

    @property
    def plans(self) -> list[ServerPlan]:
        return [server.plan for server in self._servers.values()]

    async def start(self) -> None:
        """Everything up and playing."""
        if self.options.hopwatch:
            listen(self.options.http_port, "DEMO_HTTP_PORT or --http-port").close()
        public = listen(self.options.public_port, "DEMO_PUBLIC_PORT or --public-port")
        self._sockets.append(public)
        numbers = range(1, self.options.servers + 1)
        async with self._steps.step("networks") as step:
            self._sites = await choose(self.options.mode, numbers)
            step.note(f"{self.sites.mode}: {self.sites.reason}")
        for number in numbers:
            self._add(number)
        self._write_routes()
        self._write_peers()
        async with self._steps.step("hub, proxies and services"):
            await self._start_hub()
            await self._start_servers(self._servers.values())
            await self._start_traffic()
            await self.traffic.check(self.plans)
        await self._start_relay(public)
        await self._start_agents(set(self._servers))
        await self.traffic.play(self.plans)
        self._write_state()

    async def add_server(self, server: str) -> None:
        """A new server joins; returns when it is seen and has traffic. ValueError if it cannot."""
        async with self.changing:
            number = server_number(server)
            if server in self._servers:
                raise ValueError(f"{server} is there already")
            async with self._steps.step(f"{server} joins"):
                self.sites.server(number)
                await self.sites.add([number])
                self._add(number)
                self._write_routes()
                self._servers[server].write_peers(self.plans)
                await self._start_servers([self._servers[server]])
                await self.traffic.check(self.plans)
                await self._start_agents({server})
                self._write_peers()
                await self.traffic.play(self.plans)
                self._write_state()

    async def remove_server(self, server: str) -> None:
        """A server leaves: first its traffic, last its agent. ValueError if it cannot."""
        async with self.changing:
            if server not in self._servers:
                raise ValueError(f"{server} is not there; there are {', '.join(self._servers)}")
            if server == "server-a":
                raise ValueError("server-a stays: public.localhost leads to it")
            async with self._steps.step(f"{server} leaves"):
                del self._servers[server]
                self._write_peers()
                await self.traffic.play(self.plans)
                self._write_routes()
                names = [n for n in self._processes.pids if n.startswith(f"{server}/")]
                await self._processes.stop([n for n in names if not n.endswith("/agent")])
                await self._processes.stop([n for n in names if n.endswith("/agent")])
                self.sites.remove(server)
                self._write_state()

    async def finish_traffic(self) -> None:
        """Nothing new is sent, and nothing is under way."""
        await self._processes.stop([RELAY])
        self._processes.expect_end(TRAFFIC)
        await self.traffic.stop()
        await self._processes.ended(TRAFFIC)

    async def settle(self) -> Account:
        """The account when every line of every log stands in a call, or when time is up."""
        async with HubClient(self.url) as hub:
            account: Account | None = None

            async def ask() -> tuple[bool, Account]:
                nonlocal account
                account = compare(self._logs, await hub.ledger())
                return account.good, account

            async with self._steps.step("the ledger takes in the last lines"):
                with suppress(NotReady):
                    await until(
                        ask, "the ledger", defaults.SETTLE_TIMEOUT_S, defaults.LEDGER_POLL_S
                    )
            if account is None:
                raise NotReady("the hub does not tell its ledger")
            return account

    async def stop(self) -> None:
        """Senders first, then what they talk to, the agents when nothing is written any more."""
        names = list(self._processes.pids)
        for name in names:
            self._processes.expect_end(name)
        agents = [name for name in names if name.endswith("/agent")]
        first = [name for name in names if name in (TRAFFIC, RELAY)]
        rest = [name for name in names if name not in (*agents, *first, HUB)]
        try:
            for group in (first, rest, agents, [HUB]):
                for name, how in (await self._processes.stop(group)).items():
                    self._steps.warn(f"{name} did not stop cleanly: it {how}")
        except asyncio.CancelledError:
            self._processes.kill_all()
            raise
        finally:
            if self._traffic is not None:
                self._traffic.close()
            for made in self._sockets:
                made.close()
            if self._sites is not None:
                self._sites.close()
            self.directory.state.unlink(missing_ok=True)

    def _add(self, number: int) -> None:
        plan = self.sites.server(number)
        files = self.directory.server(plan.id)
        server = MockServer(plan, files, self.options.extras)
        server.write(f"unix:{self.directory.hub_socket}")
        self._servers[plan.id] = server
        for kind in ("private", "public"):
            self._logs[plan.id, kind] = files.access_log(kind)

    def _write_routes(self) -> None:
        for server in self._servers.values():
            server.write_routes(self.plans)

    def _write_peers(self) -> None:
        for server in self._servers.values():
            server.write_peers(self.plans)

    async def _start_hub(self) -> None:
        if not self.options.hopwatch:
            return
        directory = self.directory
        layout.write(
            directory.hub_toml,
            hub_toml(
                self.sites.mode, self.options.http_port, directory.hub_socket, directory.hub_data
            ),
        )
        command = Command(
            name=HUB,
            argv=[console_script("hopwatch-hub"), "--config", str(directory.hub_toml)],
            log=directory.output(HUB),
            enter=self.sites.entrance(None),
            cwd=REPOSITORY,
        )
        await self._processes.start(command)

    async def _start_servers(self, servers: Iterable[MockServer]) -> None:
        for server in servers:
            for command in server.commands(self.sites):
                await self._processes.start(command)

    async def _start_traffic(self) -> None:
        self._traffic = TrafficControl(self.sites)
        log = self.directory.output(TRAFFIC)
        command = self.traffic.command(self.options.rate, self.directory.traffic_summary, log)
        await self._processes.start(command)
        self.traffic.started()

    async def _start_relay(self, public: socket.socket) -> None:
        namespace = self.sites.descriptors.get(INTERNET_MACHINE)
        arguments = [
            f"--listening={public.fileno()}",
            f"--source={plan_outsiders(self.sites.mode).browser}",
            f"--target={self.plans[0].public_entries[1]}",
        ]
        passed = [public.fileno()]
        if namespace is not None:
            arguments.append(f"--namespace={namespace}")
            passed.append(namespace)
        command = Command(
            name=RELAY,
            argv=[sys.executable, "-m", "servers.runner.relay", *arguments],
            log=self.directory.output(RELAY),
            enter=self.sites.entrance(INTERNET_MACHINE),
            cwd=REPOSITORY,
            pass_fds=passed,
        )
        await self._processes.start(command)

    async def _start_agents(self, servers: set[str]) -> None:
        if not self.options.hopwatch:
            return
        async with self._steps.step("agents"), HubClient(self.url) as hub:
            await hub.ready()
            for server in servers:
                await self._processes.start(self._servers[server].agent(self.sites))
            await hub.connected(servers)

    def _write_state(self) -> None:
        servers = [
            {
                "id": server.id,
                "internal_address": server.plan.internal_address,
                "public_address": server.plan.public_address,
                "logs": {
                    kind: str(server.files.access_log(kind)) for kind in ("private", "public")
                },
            }
            for server in self._servers.values()
        ]
        state = {
            "url": self.url if self.options.hopwatch else None,
            "public_url": self.public_url,
            "mode": self.sites.mode.value,
            "mode_reason": self.sites.reason,
            "rundir": str(self.directory.root),
            "traffic_summary": str(self.directory.traffic_summary),
            "control_socket": str(self.directory.control_socket),
            "servers": servers,
            "pids": {"supervisor": os.getpid(), **self._processes.pids},
        }
        layout.write_json(self.directory.state, state)


def listen(port: int, move: str) -> socket.socket:
    """A listening socket on this machine's loopback; PortInUse says how to choose another port."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
        made.listen()
    except OSError as error:
        made.close()
        raise PortInUse(
            f"127.0.0.1:{port}: {error.strerror}; {move} chooses another port"
        ) from None
    return made


ERRORS = (PortInUse, Crashed, NotReady, TrafficError)
"""What can end a demo besides its user."""
