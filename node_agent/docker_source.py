"""What the Docker engine knows of the server: networks, and who has which address, dated.

A source of the inventory: `DockerWatch` follows the engine in a thread of its own, this tells what
changed and keeps the tenures in the state directory (`docker.json`), so that a restarted agent
still names the requests of containers that are gone. Without access to Docker it says why, once,
and tries again; the configuration's names still hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec
import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.checkpoint import replace
from node_agent.config import AgentConfig, Docker, split_port
from node_agent.defaults import (
    DOCKER_REPORT_S,
    DOCKER_REPORT_S_PER_ENDPOINT,
    DOCKER_SAVE_S,
    DOCKER_SEEN_S,
    STRANGER_S,
)
from node_agent.docker_book import Kept
from node_agent.docker_watch import DockerWatch

logger = structlog.get_logger(__name__)


class DockerSource:
    """One engine's knowledge."""

    def __init__(self, docker: Docker, config: AgentConfig) -> None:
        self._docker = docker
        self._config = config
        self._file = config.state.directory / "docker.json"
        self._watch: DockerWatch | None = None
        self._saved_s = 0.0
        self._stranger_s = 0.0
        self._searches: set[asyncio.Future[None]] = set()

    @property
    def name(self) -> str:
        """For the log."""
        return "docker"

    async def run(self, report: Callable[[pb.Inventory], Awaitable[None]]) -> None:
        """Report at each change; for ever."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        watch = self._watch = DockerWatch(
            self._docker.socket,
            wanted_networks(self._docker, self._config),
            bool(self._docker.networks),
            self._docker.projects,
            [network.name for network in self._config.networks if network.shared],
            proxy_addresses(self._config),
            _load(self._file),
            tell,
        )
        watch.start()
        try:
            while True:
                await self._wait(changed)
                found = watch.inventory()
                await report(found)
                pause_s = DOCKER_REPORT_S + DOCKER_REPORT_S_PER_ENDPOINT * len(found.endpoints)
                await asyncio.sleep(pause_s)
        finally:
            watch.stop()
            self._save()

    def peers(self, addresses: Iterable[str]) -> None:
        """These called: an own address that nobody is known to have is looked for, in a thread."""
        if self._watch is None or time.monotonic() - self._stranger_s < STRANGER_S:
            return
        for address in addresses:
            if self._watch.lacks(address):
                self._stranger_s = time.monotonic()
                loop = asyncio.get_running_loop()
                search = loop.run_in_executor(None, self._watch.look_for, address)
                self._searches.add(search)
                search.add_done_callback(self._searches.discard)
                return

    async def _wait(self, changed: asyncio.Event) -> None:
        """For the next change; what has not been saved yet is saved meanwhile, and how long the
        engine was watched."""
        pause_s = DOCKER_SAVE_S
        while not changed.is_set():
            try:
                async with asyncio.timeout(pause_s):
                    await changed.wait()
            except TimeoutError:
                self._save()
                pause_s = DOCKER_SEEN_S
        if time.monotonic() - self._saved_s >= DOCKER_SAVE_S:
            self._save()
        changed.clear()

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        if self._watch is None:
            return
        try:
            replace(self._file, self._watch.kept())
        except OSError as error:
            logger.error("tenures cannot be saved", file=str(self._file), reason=str(error))


def wanted_networks(docker: Docker, config: AgentConfig) -> list[str]:
    """Those that the configuration names; where `[docker]` names some, the relevant ones."""
    named = [*docker.networks, *(name for proxy in config.proxies for name in proxy.networks)]
    if not docker.networks:
        named += [network.name for network in config.networks]
    return list(dict.fromkeys(named))


def proxy_addresses(config: AgentConfig) -> dict[str, str]:
    """Whose the configured addresses of the proxies are: their containers are these proxies."""
    return {
        split_port(listen)[0]: proxy.name for proxy in config.proxies for listen in proxy.addresses
    }


def _load(file: Path) -> Kept | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
