"""The mock servers as Compose projects: files, as text. Pure.

Enters: the servers' plans. Leaves: for each its `compose.yaml`, and below `docker/` what its
Traefiks and its agent read. What differs from the servers without Docker: the engine gives the
addresses, so that names come from discovery; only the private proxies have fixed ones, on the
network that stands for the cloud's internal one.

The files use what Compose 1.29 and the newer ones have in common: no `version`, no project name (it
is given by `-p`), external networks and volumes by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from servers.runner import defaults
from servers.runner.plan import (
    COMMUNICATING,
    JOB,
    NON_COMMUNICATING,
    PRIVATE,
    PRIVATE_PROXY,
    PUBLIC,
    PUBLIC_PROXY,
    ServerPlan,
    plan_outsiders,
)
from servers.runner.traefik_config import (
    PLUGIN_MODULE,
    Extras,
    ProxyFiles,
    common,
    head,
    router,
    routes,
    service,
)

INTERNAL = "hopwatch-internal"
INTERNET = "hopwatch-internet"
AGENTS = "hopwatch-agents"
VIEW = "hopwatch-view"
HUB = "hub:7443"
LOGS = PurePosixPath("/var/log/traefik")
CONFIG = PurePosixPath("/etc/traefik")
WRITTEN = "Written by `python -m servers.runner render`."

COMMON = """\
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 200
    logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}
"""


def files(plans: Sequence[ServerPlan]) -> Iterator[tuple[PurePosixPath, str]]:
    """Path in the repository, and text."""
    for plan in plans:
        peers = [peer for peer in plans if peer is not plan]
        root = PurePosixPath("servers") / plan.id
        yield root / "compose.yaml", compose(plan, peers)
        yield root / "docker/private.yml", _private(plan)
        yield root / "docker/private.routes.yml", _private_routes(peers)
        yield root / "docker/public.yml", _public(plan)
        yield root / "docker/public.routes.yml", _public_routes(plan)
        yield root / "docker/agent.toml", _agent(plan)
        yield root / "docker/peers.json", _peers(peers)


def compose(plan: ServerPlan, peers: Sequence[ServerPlan]) -> str:
    """One server's project."""
    direct = " ".join(f"--peer {peer.id}=http://{peer.internal_address}" for peer in peers)
    port = 80 if plan.number == 1 else 81 + plan.number
    public_port = f"${{{plan.id.upper().replace('-', '_')}_PORT:-{port}}}"
    return f"""\
# {plan.id} as a Compose project. {WRITTEN}
#
#   docker compose -p {plan.id} -f servers/{plan.id}/compose.yaml up -d
#
# `make up` builds the images and makes what is external here: networks, and the agent's secrets.
services:
  {PRIVATE_PROXY}:
    image: ${{TRAEFIK_IMAGE:-traefik:v3.7.15}}
    command: ["--configFile={CONFIG}/private.yml"]
    networks:
      {PRIVATE}: {{}}
      internal: {{ipv4_address: {plan.internal_address}}}
    volumes:
      - ./docker:{CONFIG}:ro
      - ../plugins/hopid:/plugins-local/src/{PLUGIN_MODULE}:ro
      - logs:{LOGS}
    tmpfs: [/tmp, /plugins-storage]
    cap_add: [NET_BIND_SERVICE]
    mem_limit: 256m
    healthcheck:
      test: ["CMD", "traefik", "healthcheck", "--configFile={CONFIG}/private.yml"]
      interval: 10s
{COMMON}
  {PUBLIC_PROXY}:
    image: ${{TRAEFIK_IMAGE:-traefik:v3.7.15}}
    command: ["--configFile={CONFIG}/public.yml"]
    networks:
      {PUBLIC}: {{}}
      internet: {{aliases: ["{plan.id}.internet"]}}
    ports: ["${{PUBLISH:-127.0.0.1}}:{public_port}:80"]
    volumes:
      - ./docker:{CONFIG}:ro
      - logs:{LOGS}
    tmpfs: [/tmp]
    cap_add: [NET_BIND_SERVICE]
    mem_limit: 256m
    healthcheck:
      test: ["CMD", "traefik", "healthcheck", "--configFile={CONFIG}/public.yml"]
      interval: 10s
{COMMON}
  {COMMUNICATING}:
    image: ${{SERVICES_IMAGE:-hopwatch-services}}
    build: {{context: ../.., dockerfile: servers/services/Dockerfile}}
    command: >-
      servers.services.communicating --listen 0.0.0.0:8080 --source 0.0.0.0
      --proxy http://{PRIVATE_PROXY} --peers /etc/peers.json
    networks: [{PRIVATE}, {PUBLIC}]
    volumes: ["./docker/peers.json:/etc/peers.json:ro"]
    mem_limit: 128m
    healthcheck: {_alive()}
{COMMON}
  {NON_COMMUNICATING}:
    image: ${{SERVICES_IMAGE:-hopwatch-services}}
    command: servers.services.non_communicating --listen 0.0.0.0:8080
    networks: [{PRIVATE}]
    mem_limit: 128m
    healthcheck: {_alive()}
{COMMON}
  {JOB}:
    image: ${{SERVICES_IMAGE:-hopwatch-services}}
    command: >-
      servers.services.job --proxy http://{PRIVATE_PROXY}
      {direct}
    networks: [{PRIVATE}, internal]
    mem_limit: 128m
{COMMON}
  # One beside each proxy, in its process namespace: renames the log and sends USR1.
{_rotation(PRIVATE_PROXY, "private")}
{_rotation(PUBLIC_PROXY, "public")}
  agent:
    image: ${{AGENT_IMAGE:-hopwatch-agent}}
    build: {{context: ../.., dockerfile: node_agent/Dockerfile}}
    networks: [agents]
    volumes:
      - ./docker/agent.toml:/etc/hopwatch/agent.toml:ro
      - secrets:/etc/hopwatch/secrets:ro
      - state:/var/lib/hopwatch-agent
      - logs:{LOGS}:ro
      # Discovery only reads; docs/docker.md has the way through a read-only proxy of the socket.
      - ${{DOCKER_SOCKET:-/var/run/docker.sock}}:/var/run/docker.sock
    group_add: ["${{DOCKER_GID:-0}}"]
    tmpfs: [/tmp]
    mem_limit: 256m
    cpus: 1.0
{COMMON}
networks:
  {PRIVATE}: {{}}
  {PUBLIC}: {{}}
  internal: {{external: true, name: {INTERNAL}}}
  internet: {{external: true, name: {INTERNET}}}
  agents: {{external: true, name: {AGENTS}}}

volumes:
  logs: {{}}
  state: {{}}
  secrets: {{external: true, name: hopwatch-secrets-{plan.id}}}
"""


def _rotation(proxy: str, log: str) -> str:
    return f"""\
  rotate-{log}:
    image: ${{SERVICES_IMAGE:-hopwatch-services}}
    command: servers.services.rotate {LOGS}/{log}.jsonl --mebibytes 64 --keep 3
    user: "0:0"
    pid: "service:{proxy}"
    network_mode: none
    volumes: ["logs:{LOGS}"]
    depends_on: [{proxy}]
    mem_limit: 64m
{COMMON}"""


def _alive() -> str:
    code = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=2)"
    return f'{{test: ["CMD", "python3", "-c", "{code}"], interval: 10s}}'


def _private(plan: ServerPlan) -> str:
    trusted = plan_outsiders(plan.mode).trusted
    entry_points = f"""\
entryPoints:
  private:
    address: ":{defaults.PROXY_PORT}"
    forwardedHeaders:
      trustedIPs: [{trusted}]
    http:
      middlewares: [hopid@file]
  traefik:
    address: ":{defaults.API_PORT}"
"""
    plugin = f"experimental:\n  localPlugins:\n    hopid:\n      moduleName: {PLUGIN_MODULE}\n"
    files = ProxyFiles(LOGS / "private.jsonl", CONFIG / "private.routes.yml")
    text = head(f"{plan.id}: private proxy, in Docker") + entry_points
    return text + common(files, Extras()) + plugin


def _public(plan: ServerPlan) -> str:
    entry_points = f"""\
entryPoints:
  web:
    address: ":{defaults.PROXY_PORT}"
  traefik:
    address: ":{defaults.API_PORT}"
"""
    files = ProxyFiles(LOGS / "public.jsonl", CONFIG / "public.routes.yml")
    return head(f"{plan.id}: public proxy, in Docker") + entry_points + common(files, Extras())


def _private_routes(peers: Sequence[ServerPlan]) -> str:
    own = {COMMUNICATING: "/communicating", NON_COMMUNICATING: "/non-communicating"}
    routers = [router(name, f"PathPrefix(`{path}`)", ["private"]) for name, path in own.items()]
    services = [service(name, f"{name}:{defaults.SERVICE_PORT}") for name in own]
    middlewares = ["    hopid:\n      plugin:\n        hopid: {}\n"]
    for peer in peers:
        strip = f"strip-{peer.id}"
        routers.append(router(peer.id, f"PathPrefix(`/{peer.id}`)", ["private"], [strip]))
        services.append(service(peer.id, peer.internal_address))
        middlewares.append(f"    {strip}:\n      stripPrefix:\n        prefixes: [/{peer.id}]\n")
    return routes(routers, services, middlewares)


def _public_routes(plan: ServerPlan) -> str:
    hosts = ["public.localhost"] if plan.number == 1 else []
    host = " || ".join(f"Host(`{name}`)" for name in [*hosts, f"www.{plan.id}.test"])
    rule = f"({host}) && (Path(`/`) || PathPrefix(`/communicating`))"
    upstream = service(COMMUNICATING, f"{COMMUNICATING}:{defaults.SERVICE_PORT}")
    return routes([router(COMMUNICATING, rule, ["web"])], [upstream], [])


def _peers(peers: Sequence[ServerPlan]) -> str:
    names = ", ".join(f'"{peer.id}"' for peer in peers)
    return f"[{names}]\n"


def _agent(plan: ServerPlan) -> str:
    return f"""\
# The agent of {plan.id}, in Docker. {WRITTEN}
[server]
id = "{plan.id}"
internal_addresses = ["{plan.internal_address}"]

[hub]
address = "{HUB}"
token_file = "secrets/agent.token"
tls = {{ ca = "secrets/ca.pem", cert = "secrets/agent.pem", key = "secrets/agent.key" }}

[[proxies]]
name = "{PRIVATE_PROXY}"
kind = "private"
access_log = "{LOGS}/private.jsonl"
addresses = ["{plan.internal_address}:80"]
networks = ["{PRIVATE}", "{INTERNAL}"]

[[proxies]]
name = "{PUBLIC_PROXY}"
kind = "public"
access_log = "{LOGS}/public.jsonl"
networks = ["{PUBLIC}", "{INTERNET}"]

[docker]
networks = ["{PRIVATE}", "{PUBLIC}", "{INTERNAL}", "{INTERNET}"]
# Both servers are on one engine here; on a machine of its own a server needs no `projects`.
projects = ["{plan.id}"]

[[networks]]
name = "{INTERNAL}"
shared = true

[[networks]]
name = "{INTERNET}"
shared = true
"""
