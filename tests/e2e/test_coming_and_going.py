"""A server joins a running demo and leaves it; hub and view follow without a restart."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import why_no_namespaces
from tests.e2e.hub_api import HubApi, eventually, messages
from tests.servers.demo_process import DemoProcess

JOIN_AFTER, LEAVE_AFTER, SECONDS = 1, 14, 20


@pytest.fixture(scope="module")
def changing() -> Iterator[DemoProcess]:
    mode = "loopback" if why_no_namespaces() else "namespaces"
    with tempfile.TemporaryDirectory(prefix="hopwatch-") as short:
        demo = DemoProcess.start(
            Path(short) / "run",
            *(f"--mode={mode}", f"--seconds={SECONDS}"),
            *(f"--join-after={JOIN_AFTER}", f"--leave-after={LEAVE_AFTER}"),
        )
        try:
            yield demo
        finally:
            if demo.process.poll() is None:
                demo.terminate()


def test_a_server_appears_while_the_view_is_open_and_is_marked_when_it_is_gone(
    changing: DemoProcess,
) -> None:
    hub = HubApi(changing.state["url"])
    assert hub.connected() == {"server-a", "server-b"}
    ids: list[set[str]] = []
    with hub.socket("api/v1/live") as socket:
        for message in messages(socket, within_s=JOIN_AFTER + LEAVE_AFTER):
            topology = message["topology"]
            if topology is not None:
                ids.append({server["id"] for server in topology["servers"]})
            if any("server-c" in seen for seen in ids):
                break
    assert ids[0] == {"server-a", "server-b"}, "the snapshot"
    assert "server-c" in ids[-1], "a frame, on the same socket"

    eventually(lambda: "server-c" in hub.connected(), "server-c is connected", within_s=10)
    eventually(lambda: _to(hub), "calls to server-c", within_s=10)
    names = {node["server"] for node in hub.get("api/v1/topology")["nodes"]}
    assert "server-c" in names
    assert any(network.startswith("server-c/") for network in hub.get("network_info"))

    def is_gone() -> bool:
        servers = {s["id"]: s for s in hub.get("api/v1/topology")["servers"]}
        return not servers["server-c"]["connected"]

    eventually(is_gone, "server-c is shown as not connected", within_s=LEAVE_AFTER + 10)
    assert hub.connected() == {"server-a", "server-b"}
    assert hub.server("server-c")["reason"]


def test_the_account_is_exact_with_the_server_that_left(changing: DemoProcess) -> None:
    code, said = changing.end()
    assert code == 0, said
    assert "Every line accounted for" in said
    assert "server-c" in said.partition("Every line accounted for")[2]


def _to(hub: HubApi) -> list[dict[str, object]]:
    return [call for call in hub.calls() if call["to"]["server"] == "server-c"]
