"""`hopwatch-agent doctor`: what keeps this agent from working, and what to do about it.

In: the configuration. Out: findings, one sentence each. Looks at the logs (`log_check`), the state
directory, token and certificates, the hub and its clock (`hub_check`), Docker, connection tracking
and Traefik's API. Changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from node_agent.config import AgentConfig
from node_agent.conntrack import ConntrackTrouble, elsewhere, listen, read_table
from node_agent.credentials import UnusableCredentials, read
from node_agent.docker_engine import Engine, EngineTrouble
from node_agent.docker_model import named
from node_agent.docker_source import wanted_networks
from node_agent.finding import Finding, advice, bad, good
from node_agent.hub_check import ask_the_hub
from node_agent.log_check import look_at_log

SECONDS_A_DAY = 86_400
EXPIRES_SOON_DAYS = 14


async def examine(config: AgentConfig) -> AsyncIterator[Finding]:
    """Everything, one after the other."""
    for proxy in config.proxies:
        yield look_at_log(proxy)
    yield look_at_state(config.state.directory)
    if not config.server.internal_addresses:
        yield advice(
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


# What is here.


def look_at_state(directory: Path) -> Finding:
    """Whether the agent can keep its state."""
    above = next(one for one in (directory, *directory.parents) if one.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        return bad("state", f"{directory} cannot be written by user {os.geteuid()}: chown it")
    return good("state", f"{directory} can be written")


def look_at_certificates(config: AgentConfig) -> Iterator[Finding]:
    """Whether token and certificates can be used, and for how long."""
    try:
        read(config.hub)
    except UnusableCredentials as error:
        yield bad("credentials", str(error))
        return
    tls = config.hub.tls
    for path in (tls.cert, tls.ca) if tls else ():
        if path is None:
            continue
        days = (_expires_s(path) - time.time()) / SECONDS_A_DAY
        if days < 0:
            what = f"{path} expired {-days:.0f} days ago: make a new one on the hub "
            yield bad("certificate", what + "(hopwatch-hub enroll SERVER --certificates --force)")
        elif days < EXPIRES_SOON_DAYS:
            yield advice("certificate", f"{path} expires in {days:.0f} days")


def _expires_s(path: Path) -> float:
    """The standard library reads a certificate of one's own only by this name."""
    decoded = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    return float(ssl.cert_time_to_seconds(decoded["notAfter"]))


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
        return bad("docker", str(error))
    if lacking:
        there = ", ".join(sorted(one.name for one in networks))
        return bad("docker", f"no network {', '.join(lacking)}; there are: {there}")
    return good("docker", f"engine {engine.version}, all networks are there")


def look_at_conntrack(config: AgentConfig) -> Finding:
    """Whether connection tracking can be listened to, and is this machine's own."""
    try:
        listen().close()
        read_table(frozenset())
    except ConntrackTrouble as trouble:
        return bad("conntrack", str(trouble))
    if reason := elsewhere(config.server.internal_addresses):
        return advice("conntrack", reason)
    return good("conntrack", "the kernel tells whose connections to other servers are")


async def ask_traefik(proxy: str, address: str) -> Finding:
    """Whether its API answers."""
    import httpx

    subject = f"traefik api of {proxy}"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(f"{address}/api/version")
            answer.raise_for_status()
            return good(subject, f"Traefik {answer.json().get('Version', '?')}")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return bad(subject, f"{address}: {error or type(error).__name__}. See traefik_api")
