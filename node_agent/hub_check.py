"""Whether the hub takes this server, from where it sees it, and what its clock says.

In: the configuration. Out: findings. Asks over a stream of its own, as another instance, which
never takes a running agent's place.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from ipaddress import ip_address

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.agent import greeting
from node_agent.config import AgentConfig
from node_agent.credentials import UnusableCredentials, read
from node_agent.defaults import DOCTOR_CLOCK_S, DOCTOR_HUB_S, INSTANCE_BYTES
from node_agent.finding import Finding, advice, bad, good
from node_agent.uplink import Disconnected, Stream, dial


async def ask_the_hub(config: AgentConfig) -> AsyncIterator[Finding]:
    """Whether it takes us, and what its clock says."""
    try:
        shown = read(config.hub)
    except UnusableCredentials:
        return
    where = config.hub.address
    try:
        async with asyncio.timeout(DOCTOR_HUB_S), dial(config.hub, shown) as stream:
            # Another instance: the hub refuses it while the agent that works here answers.
            hello = greeting(config, secrets.token_bytes(INSTANCE_BYTES), backfill=False)
            await stream.send(pb.AgentMessage(hello=hello))
            message = await stream.receive()
            if message.WhichOneof("message") == "refusal":
                yield _refused(where, message.refusal)
                if finding := seen_as(config, message.refusal.seen_address):
                    yield finding
                return
            yield good("hub", f"{where} takes this server, version {message.welcome.hub_version}")
            if finding := seen_as(config, message.welcome.seen_address):
                yield finding
            yield _clock(await _apart_s(stream))
            await stream.finish()
    except Disconnected as end:
        if "another agent" in end.reason.lower():
            yield _occupied(where)
        else:
            yield bad("hub", f"{where}: {end.reason}{_what_to_do(end.reason)}")
    except TimeoutError:
        yield bad(
            "hub",
            f"{where} does not answer within {DOCTOR_HUB_S:.0f} s: is the address right, does a "
            "firewall stand between?",
        )


def seen_as(config: AgentConfig, seen: str) -> Finding | None:
    """What others may see of this server, as the hub does; None: that tells nothing."""
    own, public = config.server.internal_addresses, config.server.public_addresses
    if not seen or ip_address(seen).is_loopback:
        return None
    address = str(getattr(ip_address(seen), "ipv4_mapped", None) or ip_address(seen))
    if address in own or address in public:
        return good("addresses", f"the hub sees this server as {address}, as configured")
    known = ", ".join((*own, *public)) or "none"
    return advice(
        "addresses",
        f"the hub sees this server as {address}; configured are {known}. Where other servers see "
        f'it so, too, their calls from here are shown as outside: add "{address}" to [server] '
        "internal_addresses (public_addresses, where it is the internet's). Where only the way to "
        "the hub goes through a NAT or a VPN, leave it",
    )


def _refused(where: str, refusal: pb.Refusal) -> Finding:
    if refusal.code == pb.Refusal.CODE_OCCUPIED:
        return _occupied(where)
    return bad("hub", f"{where} refuses: {refusal.reason}{_what_to_do(refusal.reason)}")


def _occupied(where: str) -> Finding:
    return good("hub", f"{where} takes this server: an agent reports for it now")


def _what_to_do(reason: str) -> str:
    said = reason.lower()
    if "token" in said:
        return ". See [hub] token_file; hopwatch-hub enroll SERVER --force makes a new one"
    if "failed to connect" in said or "dns" in said or "refused" in said:
        return ". Is the hub running, is [hub] address right, is its port open from here?"
    return ""


async def _apart_s(stream: Stream) -> float:
    """How far this machine's clock is ahead of the hub's: the quickest of three questions."""
    best: tuple[float, float] = (float("inf"), 0.0)
    for number in range(1, 4):
        sent_ns = time.time_ns()
        await stream.send(pb.AgentMessage(clock_probe=pb.ClockProbe(number=number)))
        while (answer := await stream.receive()).WhichOneof("message") != "clock_reply":
            pass
        took_ns = time.time_ns() - sent_ns
        ahead_ns = sent_ns + took_ns / 2 - answer.clock_reply.hub_ns
        best = min(best, (took_ns / 1e9, ahead_ns / 1e9))
    return best[1]


def _clock(ahead_s: float) -> Finding:
    if abs(ahead_s) < DOCTOR_CLOCK_S:
        return good("clock", f"within {max(abs(ahead_s), 0.001):.3f} s of the hub's")
    way = "ahead of" if ahead_s > 0 else "behind"
    return bad(
        "clock",
        f"this machine's clock is {abs(ahead_s):.0f} s {way} the hub's. Joins work with it, but "
        "times shown are wrong: run NTP on both (timedatectl set-ntp true)",
    )
