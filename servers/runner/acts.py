"""What the traffic plays, as data.

Enters: the servers that are there. Leaves: the visitors' pages with their weights, and the special
acts, one of each kind for each server, played every few seconds. Pure. `expect` is the origin that
the called proxy's line must get; an act is kept out where it cannot be played (one server alone
has nobody to call).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from servers.runner.namespaces import (
    INTERNET_MACHINE,
    INTRUDER_MACHINE,
    host_of,
    machine_of,
)
from servers.runner.pages import BROWSERS, LEAF, PAGE, SCANNED, Page
from servers.runner.places import Place
from servers.runner.plan import (
    COMMUNICATING,
    INTERNAL,
    JOB,
    PRIVATE,
    PRIVATE_PROXY,
    PUBLIC_PROXY,
    ServerPlan,
    plan_outsiders,
)

FORGED = (("X-Hop-Id", "f0" * 16), ("X-Forwarded-For", "172.20.0.4"))
"""As if a registered server had sent it for one of its containers."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request: who sends what where."""

    kind: str
    """How it is counted."""
    place: Place
    entry: str
    """`ip:port` of the proxy."""
    proxy: str
    """`server/proxy`, whose log gets the line."""
    path: str
    user_agent: str
    expect: str
    host: str | None = None
    method: str = "GET"
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


def visit(server: ServerPlan, page: Page, visitor: int) -> Act:
    """A visitor asks a server's public proxy for a page."""
    outsiders = plan_outsiders(server.mode)
    return Act(
        kind=f"visitor_{page.kind}",
        place=Place(INTERNET_MACHINE, outsiders.visitors[visitor % len(outsiders.visitors)]),
        entry=server.public_entries[1],
        proxy=f"{server.id}/{PUBLIC_PROXY}",
        path=page.path,
        user_agent=BROWSERS[visitor % len(BROWSERS)],
        expect="public",
        host="public.localhost" if server.number == 1 else f"www.{server.id}.test",
    )


def special_acts(servers: Sequence[ServerPlan], turn: int, intruder: str) -> Iterator[Act]:
    """One round of everything that is not a visitor; `turn` varies the details.

    `intruder` is the address that the intruder comes from. A loopback address would be undecided by
    CONTRACT's rules: it may be anything on the same host.
    """
    knock = "undecided" if ip_address(intruder).is_loopback else "outside"
    outsiders = plan_outsiders(servers[0].mode) if servers else None
    for position, server in enumerate(servers):
        assert outsiders is not None
        yield from _own_acts(server, turn)
        yield Act(
            kind="scanner",
            place=Place(INTERNET_MACHINE, outsiders.scanner),
            entry=server.public_entries[1],
            proxy=f"{server.id}/{PUBLIC_PROXY}",
            path=SCANNED[turn % len(SCANNED)],
            user_agent="masscan/1.3",
            expect="public",
        )
        yield Act(
            kind="intruder",
            place=Place(INTRUDER_MACHINE, intruder),
            entry=server.internal_entry,
            proxy=f"{server.id}/{PRIVATE_PROXY}",
            path=f"{LEAF}/echo?q=let-me-in" if turn % 2 else "/admin",
            user_agent="curl/8.9.1",
            expect=knock,
            headers=FORGED,
        )
        if len(servers) > 1:
            yield from _acts_between(server, servers[(position + 1) % len(servers)], turn)


def _own_acts(server: ServerPlan, turn: int) -> Iterator[Act]:
    """What a server does to itself."""
    private = f"{server.id}/{PRIVATE_PROXY}"
    job = server.machine(JOB)
    yield Act(
        kind="job_own_proxy",
        place=Place(machine_of(server.id, JOB), job.on(PRIVATE)),
        entry=server.private_entry,
        proxy=private,
        path=f"{LEAF}/echo?report={turn}",
        user_agent="reporting-job",
        expect="same_server",
        method="POST",
        body=b"rows " * (turn % 50),
    )
    yield Act(
        kind="host_process",
        place=Place(host_of(server.id), server.gateway),
        entry=server.private_entry,
        proxy=private,
        path=f"{PAGE}/summary" if turn % 2 else f"{LEAF}/echo?q=cron",
        user_agent="cron/1.0",
        expect="undecided",
    )


def _acts_between(server: ServerPlan, other: ServerPlan, turn: int) -> Iterator[Act]:
    """What a server does to another one, besides the pages' fan-outs."""
    job = server.machine(JOB)
    yield Act(
        kind="direct",
        place=Place(machine_of(server.id, JOB), job.on(INTERNAL)),
        entry=other.internal_entry,
        proxy=f"{other.id}/{PRIVATE_PROXY}",
        path=f"{LEAF}/items/direct-{turn}",
        user_agent="reporting-job",
        expect="cross_server_direct",
    )
    yield Act(
        kind="job_cross_server",
        place=Place(machine_of(server.id, JOB), job.on(PRIVATE)),
        entry=server.private_entry,
        proxy=f"{server.id}/{PRIVATE_PROXY}",
        path=f"/{other.id}{LEAF}/items/job-{turn}",
        user_agent="reporting-job",
        expect="cross_server",
    )
    # Docker masquerades a container's calls to the internet with its host's public address; that
    # address is the public proxy's, so this one stands there.
    yield Act(
        kind="hairpin",
        place=Place(machine_of(server.id, PUBLIC_PROXY), server.public_address),
        entry=other.public_entries[1],
        proxy=f"{other.id}/{PUBLIC_PROXY}",
        path=f"{PAGE}/orders",
        user_agent=COMMUNICATING,
        expect="hairpin",
        host="public.localhost" if other.number == 1 else f"www.{other.id}.test",
    )
