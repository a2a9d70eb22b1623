"""What a federation's traffic is like: the knobs of the generator, and the scenarios that are run.

A scenario says nothing of the hub. Shares of `Mix` are of all requests; what they leave goes from
server to server. Shares of `Keys` are of the ways from one server to another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum


class Kind(IntEnum):
    """What really happened."""

    CROSS = 0
    """A container through its own private proxy and the other server's."""
    TIMEOUT = 1
    """The same; the caller's proxy gave up: 504 at the caller, 499 at the callee."""
    ABORT = 2
    """The same; the client went away: 499 at both."""
    UNREACHABLE = 3
    """The same; the other server refused: 502, and no second line."""
    HIDDEN = 4
    """The same; NAT of the callee's host shows its own gateway as the peer."""
    WEBSOCKET = 5
    """The same, upgraded, for seconds."""
    PUBLIC_CROSS = 6
    """From the internet through a public proxy to another server's private proxy."""
    SAME = 7
    PUBLIC = 8
    DIRECT = 9
    """A container straight to the other server's private proxy."""
    OUTSIDE = 10
    UNDECIDED = 11
    """From a gateway, a loopback address, or the server's own one."""
    HAIRPIN = 12
    UNROUTED = 13


class Key(IntEnum):
    """What lines bear that tells their other half; better ones first."""

    HOP = 0
    TRACE = 1
    FORWARDED = 2
    ADDRESS = 3
    """Nothing but addresses, path and time."""


@dataclass(frozen=True)
class Mix:
    """Shares of all requests that do not go from private proxy to private proxy."""

    same: float = 0.0
    public: float = 0.0
    direct: float = 0.0
    outside: float = 0.0
    undecided: float = 0.0
    hairpin: float = 0.0
    unrouted: float = 0.0
    websocket: float = 0.0

    def others(self) -> dict[Kind, float]:
        """By kind."""
        return {
            Kind.SAME: self.same,
            Kind.PUBLIC: self.public,
            Kind.DIRECT: self.direct,
            Kind.OUTSIDE: self.outside,
            Kind.UNDECIDED: self.undecided,
            Kind.HAIRPIN: self.hairpin,
            Kind.UNROUTED: self.unrouted,
            Kind.WEBSOCKET: self.websocket,
        }


@dataclass(frozen=True)
class Trouble:
    """Shares of the calls from server to server that do not go well, and of lines that get lost."""

    timeout: float = 0.004
    abort: float = 0.002
    unreachable: float = 0.004
    hidden: float = 0.0
    public_cross: float = 0.0
    """Of the groups."""
    lost: float = 0.0
    """Of all lines: never written."""


@dataclass(frozen=True)
class Keys:
    """Shares of the ways between servers that have each key."""

    hop: float = 0.0
    trace: float = 0.0
    forwarded: float = 0.0
    address: float = 0.0

    def shares(self) -> list[float]:
        """In the order of `Key`."""
        return [self.hop, self.trace, self.forwarded, self.address]


@dataclass(frozen=True)
class Clocks:
    """Of the servers, against the hub's, and how well probes measure them."""

    skew_ms: float = 50.0
    drift_ppm: float = 20.0
    probes: bool = True
    probe_bias_ms: float = 0.0
    """How far asymmetric ways to the hub put all probes of a server off, at the most."""


@dataclass(frozen=True)
class Scenario:
    """One run."""

    name: str
    measures: str
    keys: Keys
    mix: Mix = field(default_factory=Mix)
    trouble: Trouble = field(default_factory=Trouble)
    clocks: Clocks = field(default_factory=Clocks)
    servers: int = 12
    rate: float = 10_000.0
    """Requests a second, of all servers."""
    seconds: float = 20.0
    identical: int = 20
    """Identical requests in flight at the most."""
    paths: int = 300
    """Distinct paths behind the prefixes."""
    stripped: float = 0.8
    """Share of groups whose prefix is stripped on the way."""
    suffixes: float = 0.2
    """Share of groups whose path ends in that of another group between the same servers."""
    parallel_traces: float = 0.1
    """Share of groups in which requests of one trace are in flight together."""
    chained: float = 0.3
    """Share of requests with ids that bear those of one that their caller was serving, if any."""
    reusing: int = 0
    """Servers on which containers restart and hand their addresses on."""
    silent: bool = False
    """One server's agent is silent from 30 % to 70 % of the time, then sends all."""

    def sized(self, servers: int, rate: float, seconds: float) -> Scenario:
        """The same traffic, of another size."""
        return replace(self, servers=servers, rate=rate, seconds=seconds)


_EVERYTHING = Mix(0.3, 0.1, 0.05, 0.04, 0.04, 0.03, 0.02, 0.002)
_WAYS = Trouble(public_cross=0.05)

SCENARIOS = (
    Scenario("hop", "hop ids", Keys(hop=1.0)),
    Scenario("trace", "trace ids", Keys(trace=1.0)),
    Scenario("forwarded", "forwarded address", Keys(forwarded=1.0), identical=4),
    Scenario("address-2", "address and time, <= 2 identical", Keys(address=1.0), identical=2),
    Scenario("address-20", "address and time, <= 20 identical", Keys(address=1.0)),
    Scenario(
        "origin-ids",
        "origins, half hop ids, half trace ids",
        Keys(hop=0.5, trace=0.5),
        mix=_EVERYTHING,
        trouble=replace(_WAYS, hidden=0.02),
        reusing=3,
    ),
    Scenario(
        "origin-address",
        "origins by address",
        Keys(address=1.0),
        mix=_EVERYTHING,
        trouble=_WAYS,
        reusing=3,
        identical=4,
    ),
    Scenario(
        "loss",
        "1 % of lines lost",
        Keys(hop=0.4, trace=0.3, forwarded=0.15, address=0.15),
        mix=replace(_EVERYTHING, hairpin=0.0, websocket=0.0),
        trouble=Trouble(lost=0.01),
        identical=4,
    ),
    Scenario("silent", "one server silent", Keys(hop=0.5, trace=0.5), silent=True),
    Scenario(
        "mixed",
        "30 % from server to server",
        Keys(hop=0.25, trace=0.25, forwarded=0.25, address=0.25),
        mix=Mix(same=0.5, public=0.19, direct=0.005, outside=0.003, undecided=0.002),
        identical=4,
        reusing=1,
    ),
    Scenario(
        "mixed-ids",
        "30 % from server to server, hop ids",
        Keys(hop=1.0),
        mix=Mix(same=0.5, public=0.19, direct=0.005, outside=0.003, undecided=0.002),
        identical=4,
    ),
    Scenario(
        "skew-biased",
        "address and time, <= 2 identical, probes 3 ms off",
        Keys(address=1.0),
        identical=2,
        clocks=Clocks(probe_bias_ms=3.0),
    ),
    Scenario(
        "skew-unprobed",
        "address and time, <= 2 identical, no probes",
        Keys(address=1.0),
        identical=2,
        clocks=Clocks(probes=False),
    ),
)
