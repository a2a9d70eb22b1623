"""A real engine of the tests' own, started once; without it, everything here is skipped, and says
why."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker import images
from tests.docker.engine import Engine, why_no_engine
from tests.docker.images import busybox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this directory is end to end, and needs an engine."""
    here = Path(__file__).parent
    reason = why_no_engine()
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"no Docker engine: {reason}"))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    directory = Path(tempfile.mkdtemp(prefix="hopwatch-docker-"))
    started = Engine(directory)
    try:
        busybox(started.api)
        yield started
    finally:
        started.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    """One that a test may stop and start."""
    directory = Path(tempfile.mkdtemp(prefix="hopwatch-docker-"))
    started = Engine(directory, link=2)
    try:
        busybox(started.api)
        yield started
    finally:
        started.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def agent_image(engine: Engine) -> str:
    """The shipped agent's image, in `engine`."""
    if shutil.which("docker") is None:
        pytest.skip("the docker command is not installed: `make engine` does, as root")
    if reason := images.why_no_base():
        pytest.skip(f"images cannot be built: {reason}")
    images.python(engine.api)
    return images.agent(engine.host)


@pytest.fixture(scope="session")
def built(engine: Engine) -> Engine:
    """The engine with all images."""
    images.wheels()
    images.python(engine.api)
    images.traefik(engine.api)
    return engine
