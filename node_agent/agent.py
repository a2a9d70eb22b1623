"""The agent's wiring: tails, session, uplink and inventory in one task group.

Ends when told to (SIGTERM, SIGINT): it ships what the logs hold, waits up to 4 s for the hub's
acknowledgements, and leaves. With `once` it ends when all is acknowledged.
"""

from __future__ import annotations

import asyncio
import signal
import time

import structlog
from hopwatch import __version__
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.checkpoint import Checkpoint
from node_agent.config import AgentConfig
from node_agent.connections import ConnectionBook
from node_agent.conntrack import Conntrack
from node_agent.credentials import Credentials, UnusableCredentials, read
from node_agent.defaults import CLOSE_S, DRAIN_S, FIRST_REPORTS_S, PROTOCOL
from node_agent.docker_source import DockerSource
from node_agent.inventory import Inventory, Source
from node_agent.model import LogFormat
from node_agent.progress import Backfill
from node_agent.pump import Pump
from node_agent.redact import redactor, settings
from node_agent.session import Session
from node_agent.static_source import StaticSource
from node_agent.tail import Tail
from node_agent.traefik_source import TraefikSource
from node_agent.uplink import Backoff, Disconnected, Stream, dial
from node_agent.watch import Watch

logger = structlog.get_logger(__name__)

_KINDS = {"public": pb.PROXY_KIND_PUBLIC, "private": pb.PROXY_KIND_PRIVATE}
_FORMATS = {"json": LogFormat.JSON, "clf": LogFormat.CLF, "auto": None}
_REFUSALS = (pb.Refusal.CODE_INVALID, pb.Refusal.CODE_DENIED, pb.Refusal.CODE_OCCUPIED)


class Refused(Exception):
    """The hub will not have us, or our credentials cannot be used; only `once` gives up for it."""


class Agent:
    """One server's reporter."""

    def __init__(self, config: AgentConfig, *, once: bool = False) -> None:
        self._config = config
        self._once = once
        self._checkpoint = Checkpoint(config.state.directory)
        hello = greeting(config, self._checkpoint.instance, backfill=once)
        self._session = Session(hello, redactor(config))
        self._tails = _tails(config, self._checkpoint)
        self._watch = Watch(proxy.access_log for proxy in config.proxies)
        self._pump = Pump(self._tails, self._session, self._checkpoint, self._watch)
        known = sources(config)
        self._inventory = Inventory(known, self._pump.inventory)
        self._pump.relay.curious = [one.peers for one in known if isinstance(one, DockerSource)]
        self._conntrack: Conntrack | None = None
        if config.conntrack.enabled:
            self._session.connections = ConnectionBook()
            own = config.server.internal_addresses
            self._conntrack = Conntrack(self._session.connections, self._pump.connections, own)
        self._stop = asyncio.Event()
        self._shown: Credentials | None = None
        self._stream: Stream | None = None

    async def run(self) -> None:
        """Until told to stop, or, with `once`, until the hub has everything. Raises Refused."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        if self._watch.polls:
            logger.warning("inotify does not work, polling", reason=self._watch.reason)
        try:
            async with asyncio.TaskGroup() as group:
                wait_s = 0.0 if self._once else FIRST_REPORTS_S
                background = self._inventory.start(group, wait_s)
                background.append(group.create_task(self._keep_connected(), name="uplink"))
                stopper = group.create_task(self._stopped(), name="stop")
                background.append(stopper)
                if self._conntrack is not None:
                    background.append(group.create_task(self._conntrack.run(), name="conntrack"))
                if self._config.metrics.listen:
                    scrapes = self._answer_scrapes(self._config.metrics.listen)
                    background.insert(0, group.create_task(scrapes, name="metrics"))
                worker = group.create_task(self._work(), name="pump")
                await asyncio.wait((worker, stopper), return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait((worker,), timeout=DRAIN_S + CLOSE_S)
                for task in (worker, *background):
                    task.cancel()
        except* Refused as refusals:
            raise refusals.exceptions[0] from None
        finally:
            self._close()

    def stop(self) -> None:
        """Drain and leave."""
        self._stop.set()
        self._pump.leaving = True
        self._pump.wake.set()

    def reload(self) -> None:
        """Read token and certificates again; what has changed is shown in a new connection."""
        try:
            fresh = read(self._config.hub)
        except UnusableCredentials as error:
            logger.error("not reloaded, the connection stays", reason=str(error))
            return
        changed = fresh != self._shown
        logger.info("token and certificates reloaded", changed=changed)
        if changed and self._stream is not None:
            self._pump.close_stream("token or certificates have changed")

    async def _answer_scrapes(self, listen: str) -> None:
        """Without metrics the agent goes on: lines matter more."""
        from node_agent import metrics

        def ready(port: int) -> None:
            logger.info("metrics", address=f"{listen.rpartition(':')[0]}:{port}")

        collector = metrics.AgentCollector(self._session, self._pump.relay)
        try:
            await metrics.serve(listen, collector, ready)
        except OSError as error:
            reason = error.strerror or str(error)
            logger.error("metrics cannot be served", listen=listen, reason=reason)

    async def _stopped(self) -> None:
        await self._stop.wait()

    # The connection.

    async def _keep_connected(self) -> None:
        backoff = Backoff()
        told: str | None = None
        while True:
            reason, refused = await self._one_stream(backoff)
            if self._session_was_up:
                told = None
            news = reason if refused else "gone"
            if told != news and not self._pump.leaving:
                event = "hub refuses" if refused else "hub is not there, retrying"
                logger.warning(event, hub=self._config.hub.address, reason=reason)
                told = news
            if refused and self._once:
                raise Refused(reason)
            await asyncio.sleep(backoff.wait_s())

    async def _one_stream(self, backoff: Backoff) -> tuple[str, bool]:
        """Run until it ends: why, and whether the hub (or a file of ours) refuses."""
        self._session_was_up = False
        try:
            self._shown = read(self._config.hub)
            async with dial(self._config.hub, self._shown) as self._stream:
                stream = self._stream
                self._pump.attach(stream)
                while True:
                    self._pump.heard(await stream.receive())
                    if self._conntrack is not None:
                        self._conntrack.peers(self._session.peers)
                    if self._session.streaming and not self._session_was_up:
                        self._session_was_up = True
                        backoff.reset()
                        logger.info(
                            "hub connected",
                            hub=self._config.hub.address,
                            version=self._session.hub_version,
                        )
        except Disconnected as end:
            closing = self._pump.closing
            if closing is None:
                return end.reason, end.refused
            return closing.reason, closing.code in _REFUSALS
        except UnusableCredentials as error:
            return str(error), True
        finally:
            self._stream = None
            self._pump.detach()

    # The end.

    async def _work(self) -> None:
        if self._once:
            with Backfill(time.monotonic()) as backfill:
                while not (self._pump.relay.through or self._stop.is_set()):
                    await self._pump.rest(0.05)
                    await self._pump.turn()
                    backfill.show(*self._pump.relay.progress(), time.monotonic())
        else:
            await self._pump.run()
        self._pump.leaving = True
        await self._drain()

    async def _drain(self) -> None:
        """Ship what is there, wait for the acknowledgements, close."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._pump.turn()
                while self._session.streaming and not self._pump.relay.resumed:
                    await self._pump.rest(0.1)
                    await self._pump.turn()
                while self._session.streaming and self._session.unacknowledged:
                    await self._pump.rest(0.1)
                if self._once and not self._stop.is_set():
                    await self._pump.complete()
                await self._pump.close(CLOSE_S)
        except TimeoutError:
            logger.warning("left without all acknowledgements", bytes=self._session.unacknowledged)

    def _close(self) -> None:
        self._pump.save()
        self._watch.close()
        for tail in self._tails:
            tail.close()
        self._checkpoint.close()


def greeting(config: AgentConfig, instance: bytes, *, backfill: bool) -> pb.Hello:
    """Who we are; the logs are added when they are known."""
    return pb.Hello(
        protocol=PROTOCOL,
        agent_version=__version__,
        server=config.server.id,
        instance=instance,
        internal_addresses=config.server.internal_addresses,
        public_addresses=config.server.public_addresses,
        proxies=[
            pb.Proxy(
                name=proxy.name,
                kind=_KINDS[proxy.kind],
                addresses=proxy.addresses,
                networks=proxy.networks,
                trusted_proxies=proxy.trusted_proxies,
            )
            for proxy in config.proxies
        ],
        backfill=backfill,
        redaction=settings(config),
    )


def sources(config: AgentConfig) -> list[Source]:
    """Who knows this server: the configuration, Docker, and each Traefik that has an API."""
    found: list[Source] = [StaticSource(config)]
    if config.docker is not None:
        found.append(DockerSource(config.docker, config))
    for proxy in config.proxies:
        if proxy.traefik_api is not None:
            found.append(TraefikSource(proxy.name, proxy.traefik_api))
    return found


def _tails(config: AgentConfig, checkpoint: Checkpoint) -> list[Tail]:
    paths = [proxy.access_log for proxy in config.proxies]
    return [
        Tail(
            proxy.name,
            proxy.access_log,
            checkpoint,
            format=_FORMATS[proxy.format],
            others=paths,
        )
        for proxy in config.proxies
    ]
