"""The federation: servers whose container networks overlap, their clocks, and what agents announce.

Every server has the same 172.18.0.0/16 with the same addresses, behind which other services live.
A server may hand addresses on: each of `SLOTS` addresses belongs to one `job` container after
another, with `GAP_NS` between two. Times here are nanoseconds since the run's beginning, in the
hub's clock, unless a name says `server`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hopwatch.v1 import ingest_pb2 as pb
from numpy.typing import NDArray

from bench.truth.scenario import Clocks, Scenario
from bench.truth.texts import Codes, Texts
from hub.model import HelloSeen, InventorySeen, LogKey

Times = NDArray[np.int64]

T0_NS = 1_795_000_000_000_000_000
SECOND = 1_000_000_000
GATEWAY = "172.18.0.1"
SERVICES = 8
CONTAINERS = 16
SLOTS = 4
JOBS = 3
"""Different jobs that take turns in a slot."""
LIFE_NS = 2 * SECOND
GAP_NS = 33_000_000
"""Docker gave an address to the next container within 33 ms."""


@dataclass(frozen=True)
class Clock:
    """A server's clock minus the hub's: `skew_ns` at the beginning, and what it gains since."""

    skew_ns: int
    drift_ppm: float

    def skew(self, times: Times) -> Times:
        """Skew in ns at these times."""
        gained: Times = np.rint(times * (self.drift_ppm * 1e-6)).astype(np.int64)
        return self.skew_ns + gained

    def reads(self, times: Times) -> Times:
        """What the clock shows, since 1970."""
        return T0_NS + times + self.skew(times)

    def read(self, time: int) -> int:
        """The same of one time."""
        return int(self.reads(np.array([time], np.int64))[0])


class Site:
    """One server: names, addresses, containers."""

    def __init__(self, number: int, clock: Clock, reuses: bool) -> None:
        self.number = number
        self.id = f"server-{number:02d}"
        self.clock = clock
        self.reuses = reuses
        self.internal = f"10.10.0.{11 + number}"
        self.public = f"198.51.100.{11 + number}"

    def log(self, public: bool) -> LogKey:
        """The log of its public or private proxy."""
        return LogKey(self.id, proxy_name(public), bytes([self.number + 1, public] * 8))

    def service_of(self, container: int) -> str:
        """Of a container with an address of its own; the same address serves others elsewhere."""
        return f"svc-{(container + self.number) % SERVICES}"

    def party(self, kind: str, name: str) -> str:
        """How the scorer writes a node of this server."""
        return f"{kind} {self.id} {name}"

    def hello(self) -> HelloSeen:
        """What its agent says first."""
        private = pb.Proxy(
            name="private",
            kind=pb.PROXY_KIND_PRIVATE,
            addresses=[f"{self.internal}:80", "172.18.0.2:80"],
            networks=["net"],
        )
        public = pb.Proxy(
            name="public",
            kind=pb.PROXY_KIND_PUBLIC,
            addresses=[f"{self.public}:443", "172.18.0.3:443"],
            networks=["net"],
        )
        said = pb.Hello(
            protocol=1,
            server=self.id,
            instance=bytes([self.number + 1] * 16),
            internal_addresses=[self.internal],
            public_addresses=[self.public],
            proxies=[private, public],
        )
        return HelloSeen(self.id, said)

    def inventory(self, at: int) -> InventorySeen:
        """Who has which address as of this time, and who had."""
        said = pb.Inventory(version=at + 1, as_of_ns=self.clock.read(at))
        said.networks.add(name="net", subnets=["172.18.0.0/16"], gateways=[GATEWAY])
        for container in range(CONTAINERS):
            name = self.service_of(container)
            said.endpoints.add(
                network="net",
                address=address(container),
                service=name,
                container=f"{name}-{container}",
                source=pb.SOURCE_DOCKER,
            )
        for slot in range(SLOTS) if self.reuses else ():
            for life in range(at // LIFE_NS + 1):
                begin, end = life * LIFE_NS, (life + 1) * LIFE_NS - GAP_NS
                name = job(life, slot)
                said.endpoints.add(
                    network="net",
                    address=address(CONTAINERS + slot),
                    service=name,
                    container=f"{name}-{life}",
                    source=pb.SOURCE_DOCKER,
                    valid_from_ns=self.clock.read(begin) if life else 0,
                    valid_to_ns=self.clock.read(end) if end <= at else 0,
                )
        return InventorySeen(self.id, said)


class Sites:
    """All servers, and the ways between them."""

    def __init__(self, scenario: Scenario, texts: Texts, random: np.random.Generator) -> None:
        count = scenario.servers
        clocks = make_clocks(scenario.clocks, count, random)
        self.items = [Site(i, clocks[i], i < scenario.reusing) for i in range(count)]
        way = random.uniform(200e3, 2e6, (count, count))
        self.way_ns = np.triu(way, 1) + np.triu(way, 1).T
        """One-way delay between two servers, (servers, servers), the same in both directions."""
        self.reuses = np.array([site.reuses for site in self.items])
        self.internal = texts.codes(site.internal for site in self.items)
        self.public = texts.codes(site.public for site in self.items)
        self.addresses = texts.codes(address(n) for n in range(CONTAINERS + SLOTS))
        self._services = np.array(
            [
                texts.codes(site.party("service", site.service_of(n)) for n in range(CONTAINERS))
                for site in self.items
            ]
        )
        self._jobs = np.array(
            [
                texts.codes(site.party("service", f"job-{n}") for n in range(JOBS))
                for site in self.items
            ]
        )

    def owners(self, servers: NDArray[np.int64], containers: Times, at: Times) -> Codes:
        """Who has these containers' addresses then, as parties."""
        slot = containers - CONTAINERS
        jobs = self._jobs[servers, (at // LIFE_NS + slot) % JOBS]
        own = self._services[servers, np.minimum(containers, CONTAINERS - 1)]
        owners: Codes = np.where(slot >= 0, jobs, own)
        return owners

    def containers(
        self, servers: NDArray[np.int64], at: Times, random: np.random.Generator
    ) -> Times:
        """A container of each server that lives then; a tenth jobs where addresses are reused."""
        containers = random.integers(0, CONTAINERS, len(servers))
        alive = (at % LIFE_NS > 0) & (at % LIFE_NS < LIFE_NS - GAP_NS)
        jobs = self.reuses[servers] & alive & (random.random(len(servers)) < 0.1)
        slots = CONTAINERS + random.integers(0, SLOTS, len(servers))
        return np.where(jobs, slots, containers)


def make_clocks(said: Clocks, count: int, random: np.random.Generator) -> Sequence[Clock]:
    """Both ends of the range are among them."""
    skews = random.permutation(np.linspace(-said.skew_ms, said.skew_ms, count)) * 1e6
    drifts = random.permutation(np.linspace(-said.drift_ppm, said.drift_ppm, count))
    return [Clock(int(skew), float(drift)) for skew, drift in zip(skews, drifts, strict=True)]


def address(container: int) -> str:
    """Of a container, on every server the same."""
    return f"172.18.0.{10 + container}"


def job(life: int, slot: int) -> str:
    """Who lives in a slot for the n-th time."""
    return f"job-{(life + slot) % JOBS}"


def proxy_name(public: bool) -> str:
    """As hellos and logs name it."""
    return "public" if public else "private"
