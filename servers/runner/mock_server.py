"""One mock server: its files, and the commands that run it.

Enters: its plan, the other servers of the moment, where its machines stand. Leaves: commands.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from servers.runner import layout
from servers.runner.hopwatch_config import agent_toml
from servers.runner.layout import ServerFiles
from servers.runner.namespaces import host_of, machine_of
from servers.runner.plan import (
    COMMUNICATING,
    NON_COMMUNICATING,
    PRIVATE,
    PRIVATE_PROXY,
    PUBLIC,
    PUBLIC_PROXY,
    ServerPlan,
)
from servers.runner.processes import Command
from servers.runner.sites import Sites
from servers.runner.traefik_config import (
    PLUGIN_MODULE,
    Extras,
    ProxyFiles,
    private_routes,
    private_static,
    public_routes,
    public_static,
)

REPOSITORY = Path(__file__).parents[2]
PLUGIN = REPOSITORY / "servers" / "plugins" / "hopid"


def console_script(name: str) -> str:
    """A program that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


@dataclass(frozen=True, slots=True)
class MockServer:
    plan: ServerPlan
    files: ServerFiles
    extras: Extras

    @property
    def id(self) -> str:
        return self.plan.id

    def write(self, hub: str) -> None:
        """The files that stay; the other two methods write those that change."""
        files = self.files
        for kind, text in (
            ("private", private_static(self.plan, self._proxy_files("private"), self.extras)),
            ("public", public_static(self.plan, self._proxy_files("public"), self.extras)),
        ):
            files.working_directory(kind).mkdir(parents=True, exist_ok=True)
            layout.write(files.traefik / f"{kind}.yml", text)
        layout.write(files.traefik / "public.routes.yml", public_routes(self.plan))
        layout.write(files.agent_toml, agent_toml(self.plan, hub, files.logs, files.agent_state))
        files.logs.mkdir(parents=True, exist_ok=True)
        for kind in ("private", "public"):
            files.access_log(kind).touch()
        if self.extras.plugin:
            installed = files.working_directory("private") / "plugins-local/src" / PLUGIN_MODULE
            shutil.copytree(PLUGIN, installed, dirs_exist_ok=True)

    def write_routes(self, everybody: Sequence[ServerPlan]) -> None:
        """The ways to all others, for the private proxy."""
        routes = private_routes(self.plan, self._others(everybody), self.extras)
        layout.write(self.files.traefik / "private.routes.yml", routes)

    def write_peers(self, everybody: Sequence[ServerPlan]) -> None:
        """Whom the communicating service asks; each must have a route by now."""
        layout.write_json(self.files.peers, [peer.id for peer in self._others(everybody)])

    def commands(self, sites: Sites) -> list[Command]:
        """The proxies and the services."""
        return [
            self._traefik(sites, PRIVATE_PROXY, "private"),
            self._traefik(sites, PUBLIC_PROXY, "public"),
            self._communicating(sites),
            self._non_communicating(sites),
        ]

    def agent(self, sites: Sites) -> Command:
        """On the server's host, as it would run there."""
        return Command(
            name=f"{self.id}/agent",
            argv=[console_script("hopwatch-agent"), "--config", str(self.files.agent_toml)],
            log=self.files.output / "agent.log",
            enter=sites.entrance(host_of(self.id)),
        )

    def _others(self, everybody: Sequence[ServerPlan]) -> list[ServerPlan]:
        return [plan for plan in everybody if plan.id != self.id]

    def _proxy_files(self, kind: str) -> ProxyFiles:
        routes = self.files.traefik / f"{kind}.routes.yml"
        return ProxyFiles(access_log=self.files.access_log(kind), routes=routes)

    def _traefik(self, sites: Sites, name: str, kind: str) -> Command:
        return Command(
            name=f"{self.id}/{name}",
            argv=[console_script("traefik"), f"--configFile={self.files.traefik / kind}.yml"],
            log=self.files.output / f"{kind}-proxy.log",
            enter=sites.entrance(machine_of(self.id, name)),
            cwd=self.files.working_directory(kind),
        )

    def _communicating(self, sites: Sites) -> Command:
        plan = self.plan
        arguments = [
            f"--listen={plan.service(COMMUNICATING, PRIVATE)}",
            f"--listen={plan.service(COMMUNICATING, PUBLIC)}",
            f"--proxy=http://{plan.private_entry.removesuffix(':80')}",
            f"--source={plan.machine(COMMUNICATING).on(PRIVATE)}",
            f"--peers={self.files.peers}",
        ]
        return self._service(sites, COMMUNICATING, "communicating", arguments)

    def _non_communicating(self, sites: Sites) -> Command:
        arguments = [f"--listen={self.plan.service(NON_COMMUNICATING, PRIVATE)}"]
        return self._service(sites, NON_COMMUNICATING, "non_communicating", arguments)

    def _service(self, sites: Sites, name: str, module: str, arguments: list[str]) -> Command:
        return Command(
            name=f"{self.id}/{name}",
            argv=[sys.executable, "-m", f"servers.services.{module}", *arguments],
            log=self.files.output / f"{name}.log",
            enter=sites.entrance(machine_of(self.id, name)),
            cwd=REPOSITORY,
        )
