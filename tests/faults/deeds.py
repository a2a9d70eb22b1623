"""What each fault does to the crew, and what must be true while it lasts.

Enters: a fault. Leaves: the harm done and undone again. Raises AssertionError where something that
the fault must bring about (a hub that says that its disk is full) does not come.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import httpx

from tests.e2e.hub_api import HubApi, eventually
from tests.faults.crew import Crew
from tests.faults.evidence import first_line_print, lines_in
from tests.faults.schedule import Fault, Kind
from tests.faults.world import empty, fill

FULL_WITHIN_S = 30
READY_WITHIN_S = 150
"""A hub that was killed reads its journal first: 0.1 ms a line, more where others compute too."""
AGAIN_WITHIN_S = 30
"""Space has returned: the journal looks once a second."""
CAUGHT_UP_WITHIN_S = 120
BURST = 400


class Deeds:
    """Carries out faults."""

    def __init__(self, crew: Crew, hub: HubApi, rng: random.Random) -> None:
        self._crew = crew
        self._hub = hub
        self._rng = rng
        self.rotations = 0
        self.kills = 0
        self._deeds: dict[Kind, Callable[[Fault], Any]] = {
            Kind.KILL_AGENT: lambda fault: self._down(f"{fault.server}/agent", crew.kill),
            Kind.STOP_AGENT: lambda fault: self._down(f"{fault.server}/agent", self._terminate),
            Kind.KILL_HUB: lambda fault: self._down("hub", crew.kill),
            Kind.STOP_HUB: lambda fault: self._down("hub", self._terminate),
            Kind.KILL_HUB_IN_BURST: self._kill_hub_in_burst,
            Kind.CUT: self._cut,
            Kind.FILL_DISK: self._fill_disk,
            Kind.SLOW_DISK: self._slow_disk,
            Kind.KILL_TRAEFIK: lambda fault: self._down(f"{fault.server}/traefik", crew.kill),
            Kind.RESTART_TRAEFIK: lambda fault: self._down(
                f"{fault.server}/traefik", self._terminate
            ),
            Kind.ROTATE_TRAEFIK: self._rotate_traefik,
            Kind.ROTATE: lambda fault: self._write(rotate=_log(fault), compress=True),
            Kind.COPYTRUNCATE: lambda fault: self._write(copytruncate=_log(fault)),
            Kind.RECREATE: self._recreate,
            Kind.RESTART_PROXY: lambda fault: self._write(restart=_log(fault)),
            Kind.FREEZE_HUB: lambda fault: self._freeze("hub"),
            Kind.FREEZE_AGENT: lambda fault: self._freeze(f"{fault.server}/agent"),
        }

    def perform(self, fault: Fault) -> None:
        """From its beginning to its end, with what happens within it."""
        with self._deeds[fault.kind](fault):
            time.sleep(fault.hold_s)
            if fault.within is not None:
                self.perform(fault.within)
                time.sleep(fault.hold_s)
        self._crew.revive()

    # --- processes

    @contextmanager
    def _down(self, name: str, end: Callable[[str], object]) -> Iterator[None]:
        if name in self._crew.running:
            end(name)
        self.kills += 1
        yield
        self._crew.start(name)

    def _terminate(self, name: str) -> None:
        code = self._crew.terminate(name)
        # One that was still starting has no handler yet.
        if code not in (0, -signal.SIGTERM):
            self._crew.crashes.append(f"{name} ended with {code} after SIGTERM")

    @contextmanager
    def _kill_hub_in_burst(self, fault: Fault) -> Iterator[None]:
        self._crew.write(burst=BURST)
        time.sleep(self._rng.uniform(0, 0.06))
        with self._down("hub", self._crew.kill):
            yield

    @contextmanager
    def _freeze(self, name: str) -> Iterator[None]:
        self._crew.signal(name, signal.SIGSTOP)
        yield
        self._crew.signal(name, signal.SIGCONT)

    # --- network and disk

    @contextmanager
    def _cut(self, fault: Fault) -> Iterator[None]:
        self._crew.world.cut(fault.server)
        yield
        self._crew.world.mend(fault.server)

    @contextmanager
    def _slow_disk(self, fault: Fault) -> Iterator[None]:
        self._crew.slow_disk.slow(self._rng.randrange(30, 400))
        yield
        self._crew.slow_disk.slow(0)

    @contextmanager
    def _fill_disk(self, fault: Fault) -> Iterator[None]:
        """The hub says so and stores nothing; when space returns, it goes on by itself."""
        self.ready(READY_WITHIN_S)
        fill(self._crew.data, to_the_brim=self._rng.random() < 0.5)
        eventually(self._says_full, "the hub says that its disk is full", FULL_WITHIN_S)
        stored = self._stored()
        yield
        alone = fault.within is None
        if alone:
            assert self._stored() == stored, "the hub acknowledges with a full disk"
            assert self._says_full(), "the hub is ready with a full disk"
        assert "stores nothing" in self._crew.said("hub")
        empty(self._crew.data)
        if alone:
            self.ready(AGAIN_WITHIN_S)
            assert "stores again" in self._crew.said("hub")

    def _says_full(self) -> bool:
        answer = self._hub.raw("readyz")
        return answer.status_code == 503 and "disk" in answer.json()["reason"]

    def _stored(self) -> int:
        return int(self._hub.get("api/v1/ledger")["totals"]["acknowledged"])

    def ready(self, within_s: float) -> None:
        """Wait until the hub takes lines; start it again where it has ended."""

        def is_ready() -> bool:
            self._crew.revive()
            return self._hub.is_ready()

        eventually(is_ready, "the hub is ready", within_s)

    # --- logs

    def _write(self, **command: Any) -> Any:
        self._crew.write(**command)
        return nullcontext()

    @contextmanager
    def _rotate_traefik(self, fault: Fault) -> Iterator[None]:
        """Traefik goes on in the renamed file until it gets USR1."""
        log = self._crew.log(fault.server, "public")
        self.rotations += 1
        if log.exists():
            log.rename(log.with_name(f"{log.name}.{self.rotations}"))
        yield
        if (name := f"{fault.server}/traefik") in self._crew.running:
            self._crew.signal(name, signal.SIGUSR1)

    @contextmanager
    def _recreate(self, fault: Fault) -> Iterator[None]:
        """The agent has the file open; it reads what is left in it after it is gone."""
        log = self._crew.log(fault.server, "private")
        self.ready(READY_WITHIN_S)
        self._crew.write(burst=BURST)
        eventually(log.read_bytes, "lines in the log", 10)
        print_ = first_line_print(log)
        with log.open("rb") as file:
            eventually(lambda: self._journalled(print_), "the agent reads it", CAUGHT_UP_WITHIN_S)
            self._crew.write(recreate=_log(fault))
            yield
            lines = lines_in(file)
        eventually(
            lambda: self._journalled(print_) == lines, "all of it is read", CAUGHT_UP_WITHIN_S
        )

    def _journalled(self, print_: str) -> int:
        try:
            logs = self._hub.get("api/v1/ledger")["logs"]
        except httpx.HTTPError:
            return 0
        return sum(log["journalled"] + log["malformed"] for log in logs if log["log"] == print_)


def _log(fault: Fault) -> str:
    return fault.server[-1]
