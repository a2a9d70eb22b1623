"""Who may report, and who may read: over real gRPC, real HTTP and real websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import observe_pb2, observe_pb2_grpc
from websockets.exceptions import InvalidStatus

from .guarded import (
    AGENT_A,
    AGENT_B,
    READER,
    READERS,
    TOKENS,
    Guarded,
    bearer,
    closed_with,
    guarded_hub,
    write_private,
)
from .streams import hello, rows_batch

TOKEN_HTTP = 'auth = "token"\nreaders_file = "readers.toml"'
TOKEN_GRPC = 'tokens_file = "tokens.toml"'


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Guarded]:
    write_private(tmp_path / "tokens.toml", TOKENS)
    write_private(tmp_path / "readers.toml", READERS)
    async with guarded_hub(tmp_path, TOKEN_HTTP, TOKEN_GRPC) as running:
        yield running


# --- the table ----------------------------------------------------------------------------------

WHO = {
    "nobody": None,
    "a stranger": "token-of-nobody-at-all",
    "server-a": AGENT_A,
    "server-b": AGENT_B,
    "reader ann": READER,
}
MAY = {
    "nobody": {"health"},
    "a stranger": {"health"},
    "server-a": {"health", "report for server-a"},
    "server-b": {"health", "report for server-b"},
    "reader ann": {"health", "read", "metrics", "watch", "observe"},
}


async def reports(hub: Guarded, token: str | None, server: str) -> bool:
    async with hub.agent(token) as agent:
        answer = await agent.ask(hello(server))
        if answer.HasField("welcome"):
            return True
        assert answer.refusal.code == pb.Refusal.CODE_DENIED
        return False


async def reads(hub: Guarded, token: str | None, path: str) -> bool:
    async with hub.client() as client:
        response = await client.get(path, headers=bearer(token))
    if response.status_code == 401:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        return False
    assert response.status_code == 200
    return True


async def watches(hub: Guarded, token: str | None) -> bool:
    try:
        async with hub.socket(additional_headers=bearer(token)) as socket:
            return '"snapshot"' in str(await socket.recv())
    except InvalidStatus as refused:
        assert refused.response.status_code == 401
        return False


async def observes(hub: Guarded, token: str | None) -> bool:
    try:
        await hub.topology(token)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        return False
    return True


@pytest.mark.parametrize("who", WHO)
async def test_everybody_may_do_exactly_what_the_table_says(hub: Guarded, who: str) -> None:
    token = WHO[who]
    did = {
        "report for server-a": await reports(hub, token, "server-a"),
        "report for server-b": await reports(hub, token, "server-b"),
        "read": await reads(hub, token, "/api/v1/servers"),
        "metrics": await reads(hub, token, "/metrics"),
        "watch": await watches(hub, token),
        "observe": await observes(hub, token),
        "health": await reads(hub, token, "/healthz"),
    }
    assert {action for action, done in did.items() if done} == MAY[who]


async def test_every_path_but_the_probes_and_the_login_wants_a_reader(hub: Guarded) -> None:
    paths = [
        "/", "/assets/x.js", "/network_info", "/api/v1/topology", "/api/v1/requests",
        "/api/v1/requests/x", "/api/v1/edges", "/api/v1/servers", "/api/v1/ledger",
        "/api/v1/session", "/metrics", "/nowhere", "/healthz/", "//healthz", "/login/x",
    ]  # fmt: skip
    async with hub.client() as client:
        for path in paths:
            assert (await client.get(path)).status_code == 401, path
        for path in ("/healthz", "/readyz", "/login", "/login.css"):
            assert (await client.get(path)).status_code == 200, path


async def test_a_token_in_the_query_is_no_token(hub: Guarded) -> None:
    async with hub.client() as client:
        assert (await client.get(f"/api/v1/servers?token={READER}")).status_code == 401


async def test_without_authentication_everybody_on_this_machine_reads(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path) as hub:
        assert await reads(hub, None, "/metrics")
        assert await watches(hub, None)
        assert await observes(hub, None)
        async with hub.client() as client:
            assert (await client.get("/login")).status_code == 404


# --- reload -------------------------------------------------------------------------------------


async def test_a_withdrawn_token_cuts_its_agent_off_and_the_others_stay(hub: Guarded) -> None:
    async with hub.agent(AGENT_A) as first, hub.agent(AGENT_B) as second:
        await first.join(hello("server-a"))
        await second.join(hello("server-b", b"other"))
        write_private(
            hub.directory / "tokens.toml", f'server-b = "{AGENT_B}"\nserver-c = "{"c" * 20}"\n'
        )
        hub.hub.reload()
        refusal, status = await first.refused()
        assert (refusal.code, status) == (
            pb.Refusal.CODE_DENIED,
            grpc.StatusCode.UNAUTHENTICATED,
        )
        assert "not known" in refusal.reason
        await second.send(rows_batch(0, 1))
        await second.acknowledged(900)
        assert await reports(hub, "c" * 20, "server-c")
        assert not await reports(hub, AGENT_A, "server-a")


@pytest.mark.parametrize("broken", ["not toml", "", 'server-a = "short"', None])
async def test_a_reload_with_a_problem_changes_nothing(
    hub: Guarded, broken: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    async with hub.agent(AGENT_A) as agent:
        await agent.join(hello("server-a"))
        if broken is None:
            (hub.directory / "tokens.toml").chmod(0o640)
        else:
            write_private(hub.directory / "tokens.toml", broken)
        hub.hub.reload()
        await agent.send(rows_batch(0, 1))
        await agent.acknowledged(900)
    assert await reports(hub, AGENT_B, "server-b")
    said = "".join(capfd.readouterr())
    assert "not reloaded, the old ones stay" in said
    assert broken is not None or "chmod 600" in said


async def test_a_withdrawn_reader_loses_its_open_sockets_and_streams(hub: Guarded) -> None:
    async with hub.socket(additional_headers=bearer(READER)) as socket:
        await socket.recv()
        write_private(hub.directory / "readers.toml", 'bob = "token-of-reader-bob"\n')
        hub.hub.reload()
        code, reason = await closed_with(socket)
    assert (code, "may not read any more" in reason) == (1008, True)
    assert not await observes(hub, READER)


async def test_a_withdrawn_reader_loses_a_stream_that_has_nothing_to_say(hub: Guarded) -> None:
    async with grpc.aio.insecure_channel(hub.grpc) as channel:
        stub: Any = observe_pb2_grpc.ObserveStub(channel)
        metadata = (("authorization", f"Bearer {READER}"),)
        stream = stub.GetCalls(observe_pb2.GetCallsRequest(follow=True), metadata=metadata)
        await stream.initial_metadata()
        write_private(hub.directory / "readers.toml", 'bob = "token-of-reader-bob"\n')
        hub.hub.reload()
        async with asyncio.timeout(10):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stream.read()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_one_token_for_a_server_and_a_reader_is_refused(
    hub: Guarded, capfd: pytest.CaptureFixture[str]
) -> None:
    write_private(hub.directory / "readers.toml", f'eve = "{AGENT_A}"\n')
    hub.hub.reload()
    assert "have the same token" in "".join(capfd.readouterr())
    assert not await reads(hub, AGENT_A, "/api/v1/servers")


# --- behind a proxy -----------------------------------------------------------------------------


async def named(hub: Guarded, *headers: tuple[str, str]) -> httpx.Response:
    async with hub.client() as client:
        return await client.get("/api/v1/servers", headers=list(headers))


async def test_a_trusted_proxy_names_the_reader(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path, 'auth = "proxy-header"\nproxy_header = "X-User"') as hub:
        assert (await named(hub, ("X-User", "ann"))).status_code == 200
        async with hub.socket(additional_headers={"X-User": "ann"}) as socket:
            assert "snapshot" in str(await socket.recv())
        async with hub.client() as client:
            seen = await client.get("/api/v1/session", headers={"X-User": "ann"})
            assert seen.json() == {"reader": "ann", "logout": None}
        for headers in (
            [],
            [("X-User", "")],
            [("X-Forwarded-User", "ann")],
            [("X-User", "ann"), ("X-User", "eve")],
        ):
            refused = await named(hub, *headers)
            assert refused.status_code == 401, headers
            assert "X-User" in refused.json()["detail"]


async def test_a_peer_that_is_no_proxy_cannot_name_a_reader(tmp_path: Path) -> None:
    http = 'auth = "proxy-header"\ntrusted_proxies = ["10.9.9.0/24"]'
    async with guarded_hub(tmp_path, http) as hub:
        spoofed = await named(
            hub,
            ("X-Forwarded-User", "ann"),
            ("X-Forwarded-For", "10.9.9.1"),
            ("X-Real-IP", "10.9.9.1"),
        )
        assert spoofed.status_code == 401


async def test_prometheus_reads_with_a_token_beside_the_proxy(tmp_path: Path) -> None:
    write_private(tmp_path / "readers.toml", READERS)
    http = 'auth = "proxy-header"\ntrusted_proxies = ["10.9.9.9/32"]\nreaders_file = "readers.toml"'
    async with guarded_hub(tmp_path, http) as hub:
        assert await reads(hub, READER, "/metrics")
        assert await observes(hub, READER)
        assert not await reads(hub, AGENT_A, "/metrics")
