"""What `hopwatch import` reads: servers, their proxies, and the recorded logs of each.

In: arguments, `SERVER/PROXY[:KIND]=PATH` or an `agent.toml`. Out: `Site`s, or `WrongUsage`. A site
of an `agent.toml` says what the agent there would say (addresses, networks, services, privacy), and
reads the files that it names; `SERVER/PROXY=PATH` for one of its proxies is read instead of those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hopwatch import __version__
from hopwatch.v1 import ingest_pb2 as pb

from cli.problems import WrongUsage
from node_agent.agent import greeting
from node_agent.config import SERVER_ID, AgentConfig
from node_agent.redact import Redactor, redactor
from node_agent.settings import ConfigError, load
from node_agent.static_source import static_inventory

_LOG = re.compile(r"([^/=]+)/([^/=:]+)(?::(public|private))?=(.+)")
KINDS = {"public": pb.PROXY_KIND_PUBLIC, "private": pb.PROXY_KIND_PRIVATE}


@dataclass
class Site:
    """One server: what its agent would have said, and its logs by proxy."""

    hello: pb.Hello
    inventory: pb.Inventory | None = None
    redactor: Redactor = field(default_factory=Redactor)
    logs: dict[str, list[Path]] = field(default_factory=dict)


def sites(arguments: Iterable[str], internal: Iterable[str] = ()) -> list[Site]:
    """`internal`: `SERVER=ADDRESS`, how other servers see one that has no `agent.toml`."""
    found: dict[str, Site] = {}
    arguments = list(arguments)
    for argument in arguments:
        if "=" not in argument:
            site = _configured(Path(argument))
            if site.hello.server in found:
                raise WrongUsage(f"{argument}: server {site.hello.server} is given twice")
            found[site.hello.server] = site
    replaced: set[tuple[str, str]] = set()
    for argument in arguments:
        if "=" in argument:
            _add(found, argument, replaced)
    for argument in internal:
        server, _, address = argument.partition("=")
        if server not in found or not address:
            raise WrongUsage(f"--internal-address {argument}: must be SERVER=ADDRESS of a LOG")
        found[server].hello.internal_addresses.append(address)
    for site in found.values():
        for other in found.values():
            site.redactor.peers(other.hello.internal_addresses)
            site.redactor.peers(other.hello.public_addresses)
    return list(found.values())


def _configured(path: Path) -> Site:
    if path.suffix != ".toml":
        raise WrongUsage(f"{path}: must be SERVER/PROXY=PATH, or an agent.toml")
    try:
        config: AgentConfig = load(path)
    except ConfigError as error:
        raise WrongUsage("; ".join(error.problems)) from None
    hello = greeting(config, b"", backfill=False)
    hello.recorded = True
    return Site(
        hello,
        static_inventory(config),
        redactor(config),
        {proxy.name: [proxy.access_log] for proxy in config.proxies},
    )


def _add(found: dict[str, Site], argument: str, replaced: set[tuple[str, str]]) -> None:
    match = _LOG.fullmatch(argument)
    if match is None:
        raise WrongUsage(f"{argument}: must be SERVER/PROXY=PATH or SERVER/PROXY:KIND=PATH")
    server, proxy, kind, path = match.groups()
    if not SERVER_ID.fullmatch(server):
        raise WrongUsage(f"{argument}: a server is 1 to 64 of a-z, 0-9, dot, dash, underscore")
    site = found.get(server)
    if site is None:
        said = pb.Hello(protocol=1, agent_version=__version__, server=server, recorded=True)
        site = found[server] = Site(said)
    if proxy not in {one.name for one in site.hello.proxies}:
        site.hello.proxies.append(pb.Proxy(name=proxy, kind=_kind(argument, proxy, kind)))
    if (server, proxy) not in replaced:
        replaced.add((server, proxy))
        site.logs[proxy] = []
    site.logs[proxy].append(Path(path))


def _kind(argument: str, proxy: str, given: str | None) -> pb.ProxyKind:
    named = [kind for kind in KINDS if kind in proxy]
    if given is None and len(named) != 1:
        raise WrongUsage(
            f"{argument}: is it a public or a private proxy? Write {proxy}:public or :private"
        )
    return KINDS[given or named[0]]
