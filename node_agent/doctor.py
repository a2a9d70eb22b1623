"""`hopwatch-agent doctor`: what keeps this agent from working, and what to do about it.

In: the configuration. Out: findings, one sentence each. Looks at the logs, the state directory,
token and certificates, the hub (with a stream of its own, which never takes a running agent's
place), the clock, Docker and Traefik's API. Changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.agent import greeting
from node_agent.config import AgentConfig, Proxy
from node_agent.conntrack import ConntrackTrouble, elsewhere, listen, read_table
from node_agent.credentials import UnusableCredentials, read
from node_agent.defaults import DOCTOR_CLOCK_S, DOCTOR_HUB_S, DOCTOR_TAIL_BYTES, INSTANCE_BYTES
from node_agent.docker_engine import Engine, EngineTrouble
from node_agent.docker_model import named
from node_agent.docker_source import wanted_networks
from node_agent.uplink import Disconnected, Stream, dial

JSON_LINES = """\
accessLog:
  filePath: {path}
  format: json
  fields:
    headers: {{defaultMode: drop, names: {{X-Hop-Id: keep, X-Hop-Parent: keep}}}}"""
SECONDS_A_DAY = 86_400
EXPIRES_SOON_DAYS = 14


class Verdict(Enum):
    """How good a finding is."""

    GOOD = "good"
    ADVICE = "advice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    subject: str
    text: str


async def examine(config: AgentConfig) -> AsyncIterator[Finding]:
    """Everything, one after the other."""
    for proxy in config.proxies:
        yield look_at_log(proxy)
    yield look_at_state(config.state.directory)
    if not config.server.internal_addresses:
        yield _advice(
            "addresses",
            "[server] internal_addresses is empty: other servers' calls from here cannot be told "
            "from strangers'. Name the address under which they see this server",
        )
    for finding in look_at_certificates(config):
        yield finding
    async for finding in ask_the_hub(config):
        yield finding
    if config.docker is not None:
        yield await asyncio.to_thread(ask_docker, config)
    if config.conntrack.enabled:
        yield await asyncio.to_thread(look_at_conntrack, config)
    for proxy in config.proxies:
        if proxy.traefik_api is not None:
            yield await ask_traefik(proxy.name, proxy.traefik_api)


# The logs.


def look_at_log(proxy: Proxy) -> Finding:
    """Whether the agent can read it, and whether it says what is needed."""
    path, subject = proxy.access_log, f"log of {proxy.name}"
    if not path.parent.is_dir():
        return _bad(
            subject,
            f"{path.parent} does not exist: mount the directory of the access log there "
            f"(Compose: volumes: [logs:{path.parent}:ro])",
        )
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - DOCTOR_TAIL_BYTES))
            lines = log.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return _bad(
            subject,
            f"{path} is not there. Does Traefik write it (accessLog.filePath), is its directory "
            "mounted here?",
        )
    except PermissionError:
        return _bad(
            subject,
            f"{path} may not be read by user {os.geteuid()}: chmod o+r it, or add the agent's user "
            f"to group {_group(path)}",
        )
    except OSError as error:
        return _bad(subject, f"{path}: {error.strerror}")
    if os.path.ismount(path):
        return _bad(
            subject,
            f"{path} is mounted as a single file: after the first rotation it would stay the old "
            "one. Mount its directory",
        )
    if not lines:
        return _advice(subject, f"{path} is empty: no request yet, or accessLog is off")
    return _look_at_line(subject, path, lines[-1])


def _look_at_line(subject: str, path: Path, line: bytes) -> Finding:
    if not line.lstrip().startswith(b"{"):
        return _bad(
            subject,
            f"{path} is in the common log format: such calls are counted and joined by nothing. "
            f"Traefik needs:\n{JSON_LINES.format(path=path)}",
        )
    try:
        said: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return _bad(subject, f"{path}: its last line is no JSON: {line[:80]!r}")
    if missing := [key for key in ("StartUTC", "ClientAddr", "RequestPath") if key not in said]:
        return _bad(
            subject,
            f"{path} lacks {', '.join(missing)}: accessLog.fields drops them; leave "
            "accessLog.fields.defaultMode at keep",
        )
    if not {"TraceId", "request_X-Hop-Id", "request_Traceparent"} & said.keys():
        return _advice(
            subject,
            f"{path} holds no trace or hop ids: cross-server calls are joined by addresses and "
            "time. For exact joins: tracing, or the hop plugin (docs/traefik.md)",
        )
    return _good(subject, f"{path} is read, JSON, with ids")


def _group(path: Path) -> int:
    try:
        return path.stat().st_gid
    except OSError:
        return path.parent.stat().st_gid


# What is here.


def look_at_state(directory: Path) -> Finding:
    """Whether the agent can keep its state."""
    above = next(one for one in (directory, *directory.parents) if one.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        return _bad("state", f"{directory} cannot be written by user {os.geteuid()}: chown it")
    return _good("state", f"{directory} can be written")


def look_at_certificates(config: AgentConfig) -> Iterator[Finding]:
    """Whether token and certificates can be used, and for how long."""
    try:
        read(config.hub)
    except UnusableCredentials as error:
        yield _bad("credentials", str(error))
        return
    tls = config.hub.tls
    for path in (tls.cert, tls.ca) if tls else ():
        if path is None:
            continue
        days = (_expires_s(path) - time.time()) / SECONDS_A_DAY
        if days < 0:
            what = f"{path} expired {-days:.0f} days ago: make a new one on the hub "
            yield _bad("certificate", what + "(hopwatch-hub enroll SERVER --certificates --force)")
        elif days < EXPIRES_SOON_DAYS:
            yield _advice("certificate", f"{path} expires in {days:.0f} days")


def _expires_s(path: Path) -> float:
    """The standard library reads a certificate of one's own only by this name."""
    decoded = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    return float(ssl.cert_time_to_seconds(decoded["notAfter"]))


# The hub.


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
            yield _good("hub", f"{where} takes this server, version {message.welcome.hub_version}")
            if finding := seen_as(config, message.welcome.seen_address):
                yield finding
            yield _clock(await _apart_s(stream))
            await stream.finish()
    except Disconnected as end:
        if "another agent" in end.reason.lower():
            yield _occupied(where)
        else:
            yield _bad("hub", f"{where}: {end.reason}{_what_to_do(end.reason)}")
    except TimeoutError:
        yield _bad(
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
        return _good("addresses", f"the hub sees this server as {address}, as configured")
    known = ", ".join((*own, *public)) or "none"
    return _advice(
        "addresses",
        f"the hub sees this server as {address}; configured are {known}. Where other servers see "
        f'it so, too, their calls from here are shown as outside: add "{address}" to [server] '
        "internal_addresses (public_addresses, where it is the internet's). Where only the way to "
        "the hub goes through a NAT or a VPN, leave it",
    )


def _refused(where: str, refusal: pb.Refusal) -> Finding:
    if refusal.code == pb.Refusal.CODE_OCCUPIED:
        return _occupied(where)
    return _bad("hub", f"{where} refuses: {refusal.reason}{_what_to_do(refusal.reason)}")


def _occupied(where: str) -> Finding:
    return _good("hub", f"{where} takes this server: an agent reports for it now")


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
        return _good("clock", f"within {max(abs(ahead_s), 0.001):.3f} s of the hub's")
    way = "ahead of" if ahead_s > 0 else "behind"
    return _bad(
        "clock",
        f"this machine's clock is {abs(ahead_s):.0f} s {way} the hub's. Joins work with it, but "
        "times shown are wrong: run NTP on both (timedatectl set-ntp true)",
    )


# Docker and Traefik.


def ask_docker(config: AgentConfig) -> Finding:
    """Whether discovery works, and whether it sees the networks."""
    docker = config.docker
    assert docker is not None
    try:
        engine = Engine(docker.socket)
        try:
            networks, _ = engine.networks(), engine.containers()
            wanted = wanted_networks(docker, config)
            lacking = sorted({*wanted} - named(networks, wanted, docker.projects).keys())
        finally:
            engine.close()
    except EngineTrouble as error:
        return _bad("docker", str(error))
    if lacking:
        there = ", ".join(sorted(one.name for one in networks))
        return _bad("docker", f"no network {', '.join(lacking)}; there are: {there}")
    return _good("docker", f"engine {engine.version}, all networks are there")


def look_at_conntrack(config: AgentConfig) -> Finding:
    """Whether connection tracking can be listened to, and is this machine's own."""
    try:
        listen().close()
        read_table(frozenset())
    except ConntrackTrouble as trouble:
        return _bad("conntrack", str(trouble))
    if reason := elsewhere(config.server.internal_addresses):
        return _advice("conntrack", reason)
    return _good("conntrack", "the kernel tells whose connections to other servers are")


async def ask_traefik(proxy: str, address: str) -> Finding:
    """Whether its API answers."""
    import httpx

    subject = f"traefik api of {proxy}"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(f"{address}/api/version")
            answer.raise_for_status()
            return _good(subject, f"Traefik {answer.json().get('Version', '?')}")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return _bad(subject, f"{address}: {error or type(error).__name__}. See traefik_api")


def _good(subject: str, text: str) -> Finding:
    return Finding(Verdict.GOOD, subject, text)


def _advice(subject: str, text: str) -> Finding:
    return Finding(Verdict.ADVICE, subject, text)


def _bad(subject: str, text: str) -> Finding:
    return Finding(Verdict.BAD, subject, text)
