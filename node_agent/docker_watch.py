"""Keeps a book of who has which address, from an engine's events.

In: an engine. Out: the book, and a call at each change. Runs in a thread of its own, for the SDK
blocks. The engine's connect events carry no address, so the network is inspected at once: unlike a
container's inspection, that does not wait until the container has started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.defaults import (
    DOCKER_HISTORY_S,
    DOCKER_RETRY_MAX_S,
    DOCKER_RETRY_MIN_S,
)
from node_agent.docker_book import Book, Kept, Place, Present
from node_agent.docker_engine import Engine, EngineSlow, EngineTrouble
from node_agent.docker_model import EngineEvent, Kind, Network, from_event, named

logger = structlog.get_logger(__name__)

SECOND = 1_000_000_000


class DockerWatch:
    """One engine, watched until stopped, through its restarts."""

    def __init__(
        self,
        address: str,
        wanted: Sequence[str],
        only_wanted: bool,
        projects: Sequence[str],
        shared: Sequence[str],
        proxies: Mapping[str, str],
        kept: Kept | None,
        changed: Callable[[], None],
    ) -> None:
        self._address = address
        self._wanted = tuple(wanted)
        self._only_wanted = only_wanted
        self._projects = frozenset(projects)
        self._shared = frozenset(shared)
        self._changed = changed
        self._book = Book(kept, proxies)
        self._lost_ns = kept.seen_until_ns if kept else 0
        """From when on nothing is seen; 0 while the engine is watched."""
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._engine: Engine | None = None
        self._networks: dict[str, Network] = {}
        """The relevant ones by the engine's id."""
        self._names: dict[str, str] = {}
        """Their names, as the inventory has them, by the engine's id."""
        self._seen_until_ns = 0
        self._told: str | None = None
        self._thread = threading.Thread(target=self._run, name="docker", daemon=True)

    def start(self) -> None:
        """Begin; what is known from before counts up to when it was last seen."""
        now_ns = time.time_ns()
        self._lose(min(self._lost_ns or now_ns, now_ns))
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for the engine."""
        self._stop.set()
        if self._engine is not None:
            self._engine.close()

    def inventory(self) -> pb.Inventory:
        """What is known now."""
        with self._guard:
            return self._book.inventory(time.time_ns())

    def kept(self) -> bytes:
        """What should survive a restart, as JSON."""
        with self._guard:
            return msgspec.json.encode(self._book.kept(self._lost_ns or time.time_ns()))

    # The thread.

    def _run(self) -> None:
        wait_s = DOCKER_RETRY_MIN_S
        while not self._stop.is_set():
            try:
                self._engine = Engine(self._address)
                began_ns = self._take_stock(self._engine)
                wait_s = DOCKER_RETRY_MIN_S
                for event in self._engine.events(began_ns):
                    self._handle(self._engine, event)
                self._trouble("the engine closed its stream of events")
            except EngineTrouble as error:
                self._trouble(str(error))
            except Exception as error:  # whatever it answered: the next attempt may do better
                self._trouble(f"{self._address} told what cannot be read: {error!r}")
            if not self._lost_ns:
                self._lose(time.time_ns())
            self._changed()
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            self._stop.wait(wait_s)
            wait_s = min(wait_s * 2, DOCKER_RETRY_MAX_S)

    def _lose(self, at_ns: int) -> None:
        with self._guard:
            self._book.lost(at_ns)
            self._lost_ns = at_ns

    def _trouble(self, reason: str) -> None:
        if self._told != reason and not self._stop.is_set():
            logger.warning("docker cannot be watched", reason=reason)
            self._told = reason

    def _take_stock(self, engine: Engine) -> int:
        """All that is there now; the time from which on events are news."""
        began_ns = time.time_ns()
        back_ns = began_ns - int(DOCKER_HISTORY_S * SECOND)
        connects = {
            (event.subject, event.container): event.at_ns
            for event in engine.events(back_ns, began_ns)
            if event.kind is Kind.CONNECTED
        }
        containers = engine.containers()
        self._find_networks(engine, began_ns)
        with self._guard:
            self._book.know_only(containers)
        present = []
        started: dict[str, int] = {}
        for network in [*self._networks.values()]:
            for id, (_, addresses) in engine.addresses(network.id).items():
                since_ns = connects.get((network.id, id))
                if since_ns is None:
                    if id not in started:
                        started[id] = self._inspect(engine, id)
                    since_ns = started[id] or began_ns
                if self._counts(network, id):
                    present.append(Present(self._names[network.id], id, addresses, since_ns))
        with self._guard:
            self._book.seen(present, began_ns)
            self._lost_ns = 0
        self._seen_until_ns = time.time_ns()
        self._changed()
        # Aliases can wait: an inspection does, while a container is started.
        for id in {one.container for one in present} - started.keys():
            self._inspect(engine, id)
        self._told = None
        names = sorted(self._names.values())
        logger.info(
            "docker is watched", engine=engine.version, networks=names, endpoints=len(present)
        )
        if missing := sorted({*self._wanted} - {*names}):
            logger.info("these networks are not there (yet)", networks=missing)
        self._changed()
        return began_ns

    def _find_networks(self, engine: Engine, now_ns: int) -> None:
        every = [one for one in engine.networks() if one.driver not in ("host", "null")]
        found = named(every, self._wanted, self._projects)
        asked_for = {network.id for network in found.values()}
        others = {one.name: one for one in every if one.id not in asked_for} | found
        watched = found if self._only_wanted else others
        self._networks = {network.id: network for network in watched.values()}
        self._names = {network.id: name for name, network in watched.items()}
        with self._guard:
            for name, network in others.items():
                place = Place(name, network.subnets, network.gateways)
                place.shared, place.ignored = name in self._shared, name not in watched
                self._book.place(place, now_ns)
            self._book.places_there(others.keys(), now_ns)

    def _handle(self, engine: Engine, event: EngineEvent) -> None:
        match event.kind:
            case Kind.CONNECTED:
                self._connected(engine, event)
            case Kind.DISCONNECTED if event.subject in self._names:
                with self._guard:
                    name = self._names[event.subject]
                    self._book.disconnected(name, event.container, event.at_ns)
                if event.at_ns <= self._seen_until_ns:  # It may have come back since.
                    self._connected(engine, event)
            case Kind.NETWORK_MADE | Kind.NETWORK_GONE:
                self._find_networks(engine, event.at_ns)
            case Kind.CREATED | Kind.RENAMED:
                with self._guard:
                    self._book.know(from_event(event.subject, event.attributes))
            case Kind.STARTED:
                self._inspect(engine, event.subject)
            case Kind.DESTROYED:
                with self._guard:
                    self._book.forget(event.subject)
                return
            case _:
                return
        self._changed()

    def _connected(self, engine: Engine, event: EngineEvent) -> None:
        network = self._networks.get(event.subject)
        if network is None:
            return
        found = engine.addresses(network.id).get(event.container)
        if found is None:
            return  # It is gone again.
        if self._book.known(event.container) is None:
            self._inspect(engine, event.container)
        if self._counts(network, event.container):
            name = self._names[network.id]
            with self._guard:
                self._book.connected(name, event.container, found[1], event.at_ns)

    def _inspect(self, engine: Engine, id: str) -> int:
        """Learn what only an inspection tells; when the container was started, 0: unknown."""
        try:
            container = engine.container(id)
        except EngineSlow:
            return 0  # It is being started; the event of that brings us here again.
        if container is None:
            return 0
        with self._guard:
            self._book.know(container)
            for engine_name, gateway in container.gateways:
                for network in self._networks.values():
                    if network.name == engine_name:
                        self._book.gateway(self._names[network.id], gateway)
        return container.started_ns

    def _counts(self, network: Network, id: str) -> bool:
        """On a shared network, only containers of this server's Compose projects are its own."""
        if not self._projects or self._names[network.id] not in self._shared:
            return True
        known = self._book.known(id)
        return known is not None and known.project in self._projects

    # From the agent's side, in any thread.

    def lacks(self, address: str) -> bool:
        """Whether it lies in a network of this server's own, and nobody is known to have it."""
        with self._guard:
            return bool(self._book.networks_lacking(address))

    def look_for(self, address: str) -> None:
        """Ask the engine who has this address; its events may be late, or may have missed it."""
        engine = self._engine
        with self._guard:
            lacking = self._book.networks_lacking(address)
        try:
            for network in [*self._networks.values()] if engine else []:
                name = self._names.get(network.id)
                if engine is None or name not in lacking:
                    continue
                for id, (_, addresses) in engine.addresses(network.id).items():
                    if address in addresses and (since_ns := self._inspect(engine, id)):
                        with self._guard:
                            self._book.found(name, id, address, since_ns)
                        self._changed()
        except EngineTrouble as error:
            logger.debug("a stranger could not be looked for", reason=str(error))
