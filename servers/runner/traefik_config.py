"""The configurations of a server's two Traefiks, as text.

Enters: a server's plan, where its files are, which extras are on. Leaves: YAML, in the form that
users have: a static configuration and a routes file that Traefik watches. Pure.

The private proxy has two entry points: `private` for its own containers, which may use every route,
and `internal` for other servers, which may use this server's services only and whose forwarded
addresses are trusted for the range of the other private proxies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from servers.runner.plan import (
    COMMUNICATING,
    NON_COMMUNICATING,
    PRIVATE,
    PUBLIC,
    ServerPlan,
    plan_outsiders,
)

KEPT_HEADERS = (
    "Grpc-Status",
    "Traceparent",
    "Upgrade",
    "User-Agent",
    "X-Forwarded-For",
    "X-Forwarded-Prefix",
    "X-Hop-Id",
    "X-Hop-Parent",
)
"""What the hub can use; everything else stays out of the log."""

PLUGIN_MODULE = "hopwatch/hopid"
NO_COLLECTOR = "http://127.0.0.1:4318/v1/traces"
"""Nothing needs to listen there: with `sampleRate: 0` only the ids in the log are wanted."""


DRAINS = "\n    transport: {lifeCycle: {graceTimeOut: 3s}}"
"""Traefik waits 10 s for requests that are under way; who stops it here has given it up by then."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What makes joins exact; addresses and times have to do without."""

    plugin: bool = True
    tracing: bool = True


@dataclass(frozen=True, slots=True)
class ProxyFiles:
    """Where a proxy's files are, as the proxy sees them."""

    access_log: PurePath
    routes: PurePath


def private_static(plan: ServerPlan, files: ProxyFiles, extras: Extras) -> str:
    """The private proxy's static configuration."""
    middlewares = "\n    http:\n      middlewares: [hopid@file]" if extras.plugin else ""
    entry_points = f"""\
entryPoints:
  private:
    address: {plan.private_entry}{DRAINS}{middlewares}
  internal:
    address: {plan.internal_entry}{DRAINS}
    forwardedHeaders:
      trustedIPs: [{plan_outsiders(plan.mode).trusted}]{middlewares}
  traefik:
    address: {plan.private_api}
"""
    plugin = f"""\
experimental:
  localPlugins:
    hopid:
      moduleName: {PLUGIN_MODULE}
"""
    parts = [head(f"{plan.id}: private proxy"), entry_points, common(files, extras)]
    return "".join([*parts, plugin] if extras.plugin else parts)


def public_static(plan: ServerPlan, files: ProxyFiles, extras: Extras) -> str:
    """The public proxy's static configuration."""
    inside, outside = plan.public_entries
    entry_points = f"""\
entryPoints:
  web:
    address: {outside}{DRAINS}
  containers:
    address: {inside}{DRAINS}
  traefik:
    address: {plan.public_api}
"""
    title = head(f"{plan.id}: public proxy")
    return "".join([title, entry_points, common(files, extras)])


def private_routes(plan: ServerPlan, peers: Sequence[ServerPlan], extras: Extras) -> str:
    """Own services for everybody, and for own containers one prefix for each other server."""
    own = {
        COMMUNICATING: ("PathPrefix(`/communicating`)", plan.service(COMMUNICATING, PRIVATE)),
        NON_COMMUNICATING: (
            "PathPrefix(`/non-communicating`)",
            plan.service(NON_COMMUNICATING, PRIVATE),
        ),
    }
    routers = [router(name, rule, ["private", "internal"]) for name, (rule, _) in own.items()]
    services = [service(name, address) for name, (_, address) in own.items()]
    middlewares = ["    hopid:\n      plugin:\n        hopid: {}\n"] if extras.plugin else []
    for peer in peers:
        rule = f"PathPrefix(`/{peer.id}`)"
        routers.append(router(peer.id, rule, ["private"], [f"strip-{peer.id}"]))
        services.append(service(peer.id, peer.internal_entry))
        middlewares.append(
            f"    strip-{peer.id}:\n      stripPrefix:\n        prefixes: [/{peer.id}]\n"
        )
    return routes(routers, services, middlewares)


def public_routes(plan: ServerPlan) -> str:
    """Visitors reach the communicating service; every other path matches no route."""
    hosts = [f"www.{plan.id}.test", plan.public_address]
    if plan.number == 1:
        hosts.insert(0, "public.localhost")
    host = " || ".join(f"Host(`{name}`)" for name in hosts)
    rule = f"({host}) && (Path(`/`) || PathPrefix(`/communicating`))"
    address = plan.service(COMMUNICATING, PUBLIC)
    way = router(COMMUNICATING, rule, ["web", "containers"])
    return routes([way], [service(COMMUNICATING, address)], [])


def head(title: str) -> str:
    """How each of these files begins."""
    return f"""\
# {title}. Written by `python -m servers.runner`; the routes stand in a file of their own.
global:
  checkNewVersion: false
  sendAnonymousUsage: false
log:
  level: WARN
  noColor: true
ping: {{}}
api:
  insecure: true
  dashboard: false
"""


def common(files: ProxyFiles, extras: Extras) -> str:
    """Where the routes are, what is logged, and ids for the log."""
    names = "".join(f"        {name}: keep\n" for name in KEPT_HEADERS)
    tracing = f"""\
tracing:
  sampleRate: 0
  otlp:
    http:
      endpoint: {NO_COLLECTOR}
"""
    return f"""\
providers:
  file:
    filename: {files.routes}
    watch: true
accessLog:
  filePath: {files.access_log}
  format: json
  fields:
    headers:
      defaultMode: drop
      names:
{names}{tracing if extras.tracing else ""}"""


def router(name: str, rule: str, entry_points: list[str], middlewares: Sequence[str] = ()) -> str:
    """One router, as it stands in a routes file."""
    with_middlewares = f"      middlewares: [{', '.join(middlewares)}]\n" if middlewares else ""
    return f"""\
    {name}:
      rule: "{rule}"
      entryPoints: [{", ".join(entry_points)}]
{with_middlewares}      service: {name}
"""


def service(name: str, address: str) -> str:
    """One service with one server, as it stands in a routes file."""
    url = address.removesuffix(":80")
    return f"""\
    {name}:
      loadBalancer:
        servers:
          - url: http://{url}
"""


def routes(routers: list[str], services: list[str], middlewares: list[str]) -> str:
    """A routes file."""
    below = f"  middlewares:\n{''.join(middlewares)}" if middlewares else ""
    return f"""\
http:
  routers:
{"".join(routers)}  services:
{"".join(services)}{below}"""
