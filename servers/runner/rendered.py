"""The checked-in configurations of server-a and server-b: what the runner writes, with the paths
that the files have in containers. `python -m servers.runner render` writes them; a test checks
that they are current.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from servers.runner import composed
from servers.runner.hopwatch_config import agent_toml
from servers.runner.plan import Mode, Ports, plan_server
from servers.runner.traefik_config import (
    Extras,
    ProxyFiles,
    private_routes,
    private_static,
    public_routes,
    public_static,
)

SERVERS = (1, 2)
LOGS = PurePosixPath("/var/log/traefik")
ROUTES = PurePosixPath("/etc/traefik")
STATE = PurePosixPath("/var/lib/hopwatch-agent")
HUB = "hub.internal:7443"


def files() -> Iterator[tuple[PurePosixPath, str]]:
    """Path in the repository, and text."""
    extras = Extras()
    plans = [plan_server(Mode.NAMESPACES, Ports(), number) for number in SERVERS]
    for plan in plans:
        peers = [peer for peer in plans if peer is not plan]
        root = PurePosixPath("servers") / plan.id
        private = ProxyFiles(LOGS / "private.jsonl", ROUTES / "private.routes.yml")
        public = ProxyFiles(LOGS / "public.jsonl", ROUTES / "public.routes.yml")
        yield root / "traefik/private.yml", private_static(plan, private, extras)
        yield root / "traefik/private.routes.yml", private_routes(plan, peers, extras)
        yield root / "traefik/public.yml", public_static(plan, public, extras)
        yield root / "traefik/public.routes.yml", public_routes(plan)
        yield root / "agent.toml", agent_toml(plan, HUB, LOGS, STATE)
    yield from composed.files(plans)


def stale(repository: Path) -> list[PurePosixPath]:
    """Files that are not what would be written now."""
    return [path for path, text in files() if _read(repository / path) != text]


def write(repository: Path) -> None:
    for path, text in files():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
