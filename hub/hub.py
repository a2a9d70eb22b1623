"""The wiring: journal, pipeline, gRPC, web application and clocks as one running hub.

Enters: a checked configuration. Leaves: a process that serves until it is told to stop, then
drains: agents are told to reconnect later, what they sent is settled and acknowledged, and
everything ends within 5 s.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from quart import Quart

from hub.agents.ingest import SERVICE as INGEST
from hub.agents.ingest import IngestServicer
from hub.api.app import create_app
from hub.api.observe import SERVICE as OBSERVE
from hub.api.observe import ObserveServicer
from hub.config import ConfigError, HubConfig
from hub.defaults import ACCEPT_AFTER_S, STEP_PAUSE_S, TICK_MS, YOUNG_OBJECTS
from hub.guard.enrolment import SERVICE as ENROLMENT
from hub.guard.enrolment import EnrolmentServicer
from hub.history.history import Condition, History
from hub.journal.held import Held
from hub.journal.journal import Journal
from hub.journal.steps import Steps, steps_of
from hub.live.beat import Beat
from hub.live.live import Live
from hub.live.sockets import Sockets
from hub.model import AgentGone, Event, HelloSeen
from hub.security import Security
from hub.serve import http_server
from hub.serve.serving import Listening, serve
from hub.serve.startup import ReadersWait, Startup
from hub.settle.pipeline import Pipeline

log = structlog.get_logger("hub")


class Hub:
    """One hub, from its configuration."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config
        sources = [(source.name, cidr) for source in config.sources for cidr in source.cidrs]
        self.pipeline = Pipeline(sources, config.data.recent_calls)
        self._stopping = asyncio.Event()
        self._startup = Startup()
        self._not_ready: str | None = None
        self._failure: Exception | None = None
        self._steps = Steps(self._settle)
        self._ingest: IngestServicer | None = None
        self._agents: Listening | None = None
        self._held: Held | None = None
        """What agents report while the journal is being read."""

    def stop(self) -> None:
        """Drain and end."""
        self._stopping.set()

    def reload(self) -> None:
        """Read tokens and certificates again; with a problem in any of them, go on with the old."""
        if self._ingest is None:
            return
        try:
            self._security.reload(self._ingest)
        except ConfigError as error:
            for problem in error.problems:
                log.error("not reloaded, the old ones stay", problem=problem)
        else:
            log.info("tokens and certificates reloaded")

    async def run(self) -> None:
        """Serve until `stop`. Raises `ConfigError`, `ListenError`, `JournalError`."""
        self._security = Security(self._config)
        listener = http_server.bind(self._config.http.listen)
        data = self._config.data
        journal = Journal.open(data.directory, reserve_mib=data.reserve_mib)
        try:
            await self._serve(journal, listener)
        finally:
            http_server.close(listener)
            await journal.close()

    async def _serve(self, journal: Journal, listener: socket.socket) -> None:
        """Serve HTTP, for probes while the journal is read; then agents and readers."""
        live = Live(self.pipeline)
        sockets = Sockets(self.pipeline, live)
        history = History(self.pipeline, journal, self._config.data)
        observe = ObserveServicer(self.pipeline, history.pages, history.windows)
        app = self._app(journal, sockets, history)
        failure: Exception | None = None
        async with asyncio.TaskGroup() as tasks:
            context = self._security.context
            tasks.create_task(http_server.run(app, listener, self._stopping.wait, context))
            try:
                await self._replay(journal, history, observe)
                if not self._stopping.is_set():
                    beat = Beat(sockets.publish, lambda: sockets.viewers)
                    self.pipeline.listeners += [live, sockets, observe, beat]
                    await self._go_on(journal, observe)
                    tasks.create_task(self._every(TICK_MS / 1e3, self.pipeline.tick))
                    tasks.create_task(beat.run(self._stopping))
                    tasks.create_task(history.run(self._stopping))
                    await self._stopping.wait()
            except Exception as error:
                failure = error  # said as it is, not as one of a group
                self.stop()
            await self._dismiss_agents()
        failure = failure or self._failure
        if failure is not None:
            raise failure
        log.info("stopped")

    def _app(self, journal: Journal, sockets: Sockets, history: History) -> Quart:
        app = create_app(
            self.pipeline,
            sockets,
            lambda: self._why_not_ready() or journal.state.reason,
            self._security.gate,
            history.pages,
            history.windows,
            history.replays,
            lambda: self._condition(history),
        )
        self._security.add_login(app)
        self._startup.install(app)

        @app.before_request
        async def read_what_is_acknowledged() -> None:
            self._steps.flush()

        return app

    def _why_not_ready(self) -> str | None:
        """Why agents are not accepted; None: they are."""
        return self._not_ready or (None if self._startup.accepting else self._startup.reason)

    def _condition(self, history: History) -> Condition:
        """How history stands; its problem, while readers wait: that they do."""
        now = history.condition()
        reason = self._startup.reason
        return replace(now, problem=f"{reason}; readers wait") if reason else now

    async def _replay(self, journal: Journal, history: History, observe: ObserveServicer) -> None:
        """Read the journal; where that takes long, agents report meanwhile."""
        began = time.monotonic()
        after, up_to = history.restore(time.time_ns()), journal.last_seq
        for events in steps_of(journal.replay(after, up_to)):
            if not await self._caught_up_by(events):
                return
            if self._agents is None and time.monotonic() - began > ACCEPT_AFTER_S:
                self._held = Held(journal)
                await self._accept_agents(journal, observe)
                log.info("agents are accepted while the journal is being read; readers wait")
        history.restored()
        self.pipeline.replayed(time.time_ns())
        kept = len(self.pipeline.settling.rows.table)
        if kept:
            seconds = round(time.monotonic() - began, 2)
            log.info("journal read", lines=kept, seconds=seconds)
        for events in self._held.steps() if self._held else ():
            if not await self._caught_up_by(events):
                return
        self._held = None

    async def _caught_up_by(self, events: list[Event]) -> bool:
        """Take these in, and let others have a turn; False: the hub stops."""
        self.pipeline.handle(events, time.time_ns())
        self._startup.progress(self.pipeline.rows_received)
        await asyncio.sleep(STEP_PAUSE_S)
        return not self._stopping.is_set()

    async def _accept_agents(self, journal: Journal, observe: ObserveServicer) -> Listening:
        security = self._security
        self._ingest = IngestServicer(journal, security.keyring.now.tokens, self._take)
        self._agents = await serve(
            self._config.grpc.listen,
            [self._ingest, observe, EnrolmentServicer(self._config, self.reload)],
            [INGEST, OBSERVE, ENROLMENT],
            security.credentials,
            [*security.interceptors, ReadersWait(self._startup, OBSERVE)],
        )
        self._startup.accepting = True
        return self._agents

    async def _go_on(self, journal: Journal, observe: ObserveServicer) -> None:
        """The core is up to date: agents report, and readers read."""
        agents = self._agents or await self._accept_agents(journal, observe)
        _keep_what_is_here()
        self._startup.over()
        log.info(
            "ready",
            view=f"{'https' if self._security.context else 'http'}://{self._config.http.listen}/",
            agents=", ".join(agents.addresses),
        )

    async def _dismiss_agents(self) -> None:
        self._not_ready = "the hub stops"
        if self._agents is None or self._ingest is None:
            return
        log.info("stopping")
        await self._ingest.close()
        self._steps.flush()
        await self._agents.stop(0.5)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, HelloSeen):
                log.info("agent connected", server=event.server, version=event.hello.agent_version)
            elif isinstance(event, AgentGone):
                log.info("agent gone", server=event.server, reason=event.reason)
        if self._held is None:
            self._steps.add(events)
        else:
            self._held.add(events)

    def _settle(self, events: list[Event]) -> None:
        """A fault of the core ends the hub: it would go on with lines missing that are journalled,
        and that a new start reads again."""
        if self._failure is not None:
            return
        try:
            self.pipeline.handle(events, time.time_ns())
        except Exception as error:
            self._failure, self._not_ready = error, "the hub has failed and stops"
            self.stop()

    async def _every(self, interval_s: float, step: Callable[[int], None]) -> None:
        """Call `step` with the time, this often, until the hub stops."""
        while not await _happens(self._stopping, interval_s):
            step(time.time_ns())


def _keep_what_is_here() -> None:
    """Modules, classes, handlers: they stay until the end, and need not be looked through for
    cycles while agents wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False
