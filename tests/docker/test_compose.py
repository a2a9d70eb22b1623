"""The shipped images and Compose files over a real engine, through what happens to servers.

One deployment for all of these tests, in this order; each leaves it as it found it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from servers.runner.deploy import PROJECTS, REPOSITORY
from tests.docker.deployed import Deployed, brought_up, composes, why_no_images
from tests.docker.engine import Engine

SERVERS = ("server-a", "server-b")
LEAF = "non-communicating-service"


pytestmark = pytest.mark.skipif(
    why_no_images() is not None, reason=f"images cannot be built: {why_no_images()}"
)


@pytest.fixture(scope="module")
def site(built: Engine) -> Iterator[Deployed]:
    kinds = composes()
    with brought_up(built, kinds.get("new") or kinds["1.29"]) as deployed:
        yield deployed


@pytest.fixture
def since() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_both_servers_are_shown_with_the_containers_names(site: Deployed) -> None:
    for server in SERVERS:
        shown = site.until(f"{server}'s leaf", partial(site.containers, server, LEAF))
        assert [name.replace("_", "-") for name in shown] == [f"{server}-{LEAF}-1"]
    networks = site.get("/network_info")
    told = networks["server-a/private-server-proxy-network"]["services"]
    assert {one["name"] for one in told} == {LEAF, "communicating-service", "reporting-job"}


def test_cross_server_calls_have_both_halves_and_right_names(site: Deployed, since: str) -> None:
    site.until("joined calls in both directions", lambda: site.joined_both_ways(since))
    site.until("more than 20 calls", lambda: len([*site.requests(since)]) > 20)
    site.exact()
    assert site.check_names(since) > 20


def test_a_service_scaled_to_three_and_back(site: Deployed, since: str) -> None:
    words = ("up", "-d", "--no-build", "--no-recreate", "--scale")
    site.deployment.project("server-a", *words, f"{LEAF}=3")
    site.until("three containers", lambda: len(site.containers("server-a", LEAF)) == 3)
    site.deployment.project("server-a", *words, f"{LEAF}=1")
    site.until("one container", lambda: len(site.containers("server-a", LEAF)) == 1)
    site.exact()
    assert site.check_names(since)


def test_a_restarted_service(site: Deployed, since: str) -> None:
    site.deployment.project("server-b", "restart", "-t", "1", "communicating-service")
    site.until("it is there again", lambda: site.containers("server-b", "communicating-service"))
    _calls_from(site, "server-b", "communicating-service")
    site.exact()
    assert site.check_names(since)


def test_a_service_that_leaves_its_network_and_comes_back(site: Deployed, since: str) -> None:
    (name,) = site.containers("server-a", "reporting-job")
    network = "server-a_private-server-proxy-network"
    site.deployment.run("docker", "network", "disconnect", network, name)

    def on(which: str) -> bool:
        told = site.get("/network_info")[f"server-a/{which}"]["services"]
        return "reporting-job" in {one["name"] for one in told}

    site.until("it is gone from there", lambda: not on("private-server-proxy-network"))
    site.deployment.run("docker", "network", "connect", network, name)
    site.until("it is there again", lambda: on("private-server-proxy-network"))
    _calls_from(site, "server-a", "reporting-job")
    site.exact()
    assert site.check_names(since)


@pytest.mark.parametrize(
    ("project", "service"), [("server-a", "agent"), ("hopwatch-hub", "hub")], ids=["agent", "hub"]
)
def test_a_killed_program_loses_nothing(
    project: str, service: str, site: Deployed, since: str
) -> None:
    site.deployment.project(project, "kill", service)
    site.deployment.project(project, "up", "-d", "--no-build", service)
    site.exact()
    _calls_from(site, "server-a", "communicating-service")
    ledger = site.exact()
    assert not ledger["totals"]["missing"]
    assert site.check_names(since)


def test_a_full_log_is_rotated_and_no_line_is_lost(site: Deployed, since: str) -> None:
    """As the sidecar does it when the log is large: rename, USR1."""
    (name,) = [
        one["Names"][0].lstrip("/")
        for one in site.engine.api.containers()
        if "server-a" in one["Names"][0] and "rotate-private" in one["Names"][0]
    ]
    code = (
        "import os,pathlib,signal; from servers.services.rotate import rotate; "
        "assert rotate(pathlib.Path('/var/log/traefik/private.jsonl'), 1, 3); "
        "os.kill(1, signal.SIGUSR1)"
    )
    site.deployment.run("docker", "exec", name, "python3", "-c", code)

    def logs() -> int:
        ledger = site.get("/api/v1/ledger")
        rows = [one for one in ledger["logs"] if one["server"] == "server-a"]
        return len([one for one in rows if one["proxy"] == "private-server-proxy"])

    site.until("a second log", lambda: logs() >= 2)
    ledger = site.exact()
    assert not ledger["totals"]["missing"]
    assert site.check_names(since)


def test_what_runs_is_nobodys_root_and_cannot_write_its_files(site: Deployed) -> None:
    for one in site.engine.api.containers():
        told = site.engine.api.inspect_container(one["Id"])
        image, host = told["Config"]["Image"], told["HostConfig"]
        assert host["ReadonlyRootfs"], told["Name"]
        assert host["Memory"] and host["PidsLimit"], told["Name"]
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}, told["Name"]
        if image in ("hopwatch-hub", "hopwatch-agent"):
            assert told["Config"]["User"] == "10001:10001"
            assert told["Config"]["StopSignal"] == "SIGTERM"
            assert told["Config"]["Labels"]["org.opencontainers.image.title"]
    for image in ("hopwatch-hub", "hopwatch-agent"):
        healths = [
            (site.engine.api.inspect_container(one["Id"])["State"].get("Health") or {})
            for one in site.engine.api.containers(filters={"ancestor": image})
        ]
        assert healths and all(one["Status"] in ("healthy", "starting") for one in healths)


@pytest.mark.parametrize("kind", ["1.29", "new"])
def test_each_compose_reads_all_files(kind: str, built: Engine) -> None:
    compose = composes().get(kind)
    if compose is None:
        pytest.skip(
            f"Compose {kind} is not here: make engine installs 1.29, make setup the new one"
        )
    for project, file in PROJECTS.items():
        words = [*compose, "-p", project, "-f", file, "config", "--quiet"]
        done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr


def _calls_from(site: Deployed, server: str, service: str) -> None:
    """Until a call of it that begins from now on is listed."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    site.until(
        f"a call from {service} of {server}",
        lambda: any(
            (call["from"]["server"], call["from"]["name"]) == (server, service)
            for call in site.requests(now)
        ),
    )
