"""TLS and client certificates over real gRPC and real HTTPS, with certificates made here."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.guard.certificates import SERVER, Pair

from .guarded import (
    AGENT_A,
    AGENT_B,
    LONG_AGO,
    READER,
    READERS,
    TOKENS,
    Certified,
    Guarded,
    bearer,
    guarded_hub,
    write_pair,
    write_private,
)
from .streams import hello, rows_batch

TLS = '[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\n'
MUTUAL = TLS + 'client_ca = "ca.pem"\n'


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    write_private(tmp_path / "tokens.toml", TOKENS)
    write_private(tmp_path / "readers.toml", READERS)
    return Certified.make(tmp_path)


@pytest.fixture
async def mutual(tmp_path: Path, certified: Certified) -> AsyncIterator[Guarded]:
    async with guarded_hub(tmp_path, "", MUTUAL) as running:
        yield running


async def failure(hub: Guarded, credentials: Any, token: str | None = AGENT_A) -> str:
    """How a connection that cannot be made ends."""
    async with hub.agent(token, credentials) as agent:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await agent.ask(hello())
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        return failed.value.details() or ""


async def denied(hub: Guarded, credentials: Any, server: str, token: str | None = None) -> str:
    async with hub.agent(token, credentials) as agent:
        await agent.say(hello(server))
        refusal, _ = await agent.refused()
        assert refusal.code == pb.Refusal.CODE_DENIED
        return refusal.reason


# --- TLS ----------------------------------------------------------------------------------------


async def test_an_agent_reports_over_tls_with_its_token(
    tmp_path: Path, certified: Certified
) -> None:
    async with guarded_hub(tmp_path, "", 'tokens_file = "tokens.toml"\n' + TLS) as hub:
        trusting = certified.channel_credentials()
        async with hub.agent(AGENT_A, trusting) as agent:
            await agent.join()
            await agent.send(rows_batch(0, 3))
            await agent.acknowledged(2700)
        assert "not known" in await denied(hub, trusting, "server-a", "wrong-wrong-wrong")
        assert 'not that of server "server-b"' in await denied(hub, trusting, "server-b", AGENT_A)
        assert await failure(hub, None)  # plaintext at a port that speaks TLS


async def test_an_agent_trusts_only_the_ca_that_it_was_given(
    tmp_path: Path, certified: Certified
) -> None:
    (tmp_path / "other").mkdir()
    other = Certified.make(tmp_path / "other", "another CA")
    async with guarded_hub(tmp_path, "", TLS) as hub:
        details = await failure(hub, other.channel_credentials())
        assert "CERTIFICATE_VERIFY_FAILED" in details


async def test_an_expired_certificate_of_the_hub_is_refused(
    tmp_path: Path, certified: Certified
) -> None:
    certified.issue("hub", ["127.0.0.1"], SERVER, LONG_AGO)
    async with guarded_hub(tmp_path, "", TLS) as hub:
        assert "expired" in await failure(hub, certified.channel_credentials())


async def test_an_agents_certificate_cannot_pose_as_the_hub(
    tmp_path: Path, certified: Certified
) -> None:
    write_pair(tmp_path, "hub", certified.issue("server-a", ["127.0.0.1"]))
    async with guarded_hub(tmp_path, "", TLS) as hub:
        assert await failure(hub, certified.channel_credentials())


# --- client certificates ------------------------------------------------------------------------


async def test_a_certificate_reports_for_its_own_server_only(
    mutual: Guarded, certified: Certified
) -> None:
    own = certified.channel_credentials(certified.issue("server-a"))
    async with mutual.agent(None, own) as agent:
        await agent.join()
        await agent.send(rows_batch(0, 1))
        await agent.acknowledged(900)
    reason = await denied(mutual, own, "server-b")
    assert reason == 'the certificate is that of server-a, not of "server-b"'


async def test_a_dns_name_of_the_certificate_counts_as_well(
    mutual: Guarded, certified: Certified
) -> None:
    pair = certified.issue("machine-17", ["machine-17.example.com", "server-b"])
    async with mutual.agent(None, certified.channel_credentials(pair)) as agent:
        await agent.join(hello("server-b"))
    wild = certified.channel_credentials(certified.issue("wild", ["*", "*.example.com"]))
    assert "not of" in await denied(mutual, wild, "server-b")


async def test_no_old_no_foreign_and_no_missing_certificate_gets_in(
    tmp_path: Path, mutual: Guarded, certified: Certified
) -> None:
    (tmp_path / "other").mkdir()
    other = Certified.make(tmp_path / "other", "another CA")
    expired = certified.issue("server-a", now=LONG_AGO)
    foreign = other.issue("server-a")
    for pair in (None, expired, foreign):
        assert "Socket closed" in await failure(mutual, certified.channel_credentials(pair))
    hubs = Pair((tmp_path / "hub.pem").read_bytes(), (tmp_path / "hub.key").read_bytes())
    assert await failure(mutual, certified.channel_credentials(hubs))


async def test_certificate_and_token_are_both_asked_for_where_both_are_set(
    tmp_path: Path, certified: Certified
) -> None:
    async with guarded_hub(tmp_path, "", 'tokens_file = "tokens.toml"\n' + MUTUAL) as hub:
        own = certified.channel_credentials(certified.issue("server-a"))
        assert "asks for a token" in await denied(hub, own, "server-a")
        assert "not that of server" in await denied(hub, own, "server-a", AGENT_B)
        async with hub.agent(AGENT_A, own) as agent:
            await agent.join()


async def test_readers_show_their_token_over_tls(tmp_path: Path, certified: Certified) -> None:
    async with guarded_hub(tmp_path, 'auth = "token"\nreaders_file = "readers.toml"', TLS) as hub:
        trusting = certified.channel_credentials()
        assert (await hub.topology(READER, trusting)).version >= 0
        for token in (None, AGENT_A):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await hub.topology(token, trusting)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_beyond_loopback_reading_needs_a_token_even_without_authentication_of_pages(
    tmp_path: Path, certified: Certified
) -> None:
    grpc_ = 'tokens_file = "tokens.toml"\n' + TLS
    for readers, said in (
        ("", "set http.readers_file"),
        ('readers_file = "readers.toml"', "token"),
    ):
        async with guarded_hub(tmp_path, readers, grpc_, listen="0.0.0.0") as hub:
            trusting = certified.channel_credentials()
            with pytest.raises(grpc.aio.AioRpcError, match=said):
                await hub.topology(None, trusting)
            if readers:
                await hub.topology(READER, trusting)


# --- reload -------------------------------------------------------------------------------------


async def test_new_certificates_are_for_new_connections_and_old_ones_go_on(
    tmp_path: Path, mutual: Guarded, certified: Certified
) -> None:
    pair = certified.issue("server-a")
    async with mutual.agent(None, certified.channel_credentials(pair)) as old:
        await old.join()
        (tmp_path / "new").mkdir()
        renewed = Certified.make(tmp_path / "new", "the next CA")
        write_pair(tmp_path, "hub", renewed.issue("hub", ["127.0.0.1"], SERVER))
        both = certified.authority.pair.cert + renewed.authority.pair.cert
        (tmp_path / "ca.pem").write_bytes(both)
        mutual.hub.reload()
        await old.send(rows_batch(0, 1))
        await old.acknowledged(900)
        new = renewed.channel_credentials(renewed.issue("server-b"))
        async with mutual.agent(None, new) as agent:
            await agent.join(hello("server-b", b"other"))
        assert "VERIFY_FAILED" in await failure(mutual, certified.channel_credentials(pair))


async def test_a_ca_that_is_withdrawn_cuts_its_agents_off(
    tmp_path: Path, mutual: Guarded, certified: Certified
) -> None:
    async with mutual.agent(
        None, certified.channel_credentials(certified.issue("server-a"))
    ) as old:
        await old.join()
        (tmp_path / "new").mkdir()
        renewed = Certified.make(tmp_path / "new", "the next CA")
        (tmp_path / "ca.pem").write_bytes(renewed.authority.pair.cert)
        mutual.hub.reload()
        refusal, _ = await old.refused()
        assert refusal.code == pb.Refusal.CODE_DENIED
        assert "no CA" in refusal.reason


# --- HTTPS --------------------------------------------------------------------------------------

HTTPS = (
    'auth = "token"\nreaders_file = "readers.toml"\n[http.tls]\ncert = "hub.pem"\nkey = "hub.key"'
)


def trust(directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def test_pages_scripts_and_sockets_come_over_tls(
    tmp_path: Path, certified: Certified
) -> None:
    async with guarded_hub(tmp_path, HTTPS, https=True) as hub:
        context = trust(tmp_path)
        async with hub.client(verify=context) as client:
            assert (await client.get("/api/v1/servers")).status_code == 401
            done = await client.post(
                "/login", data={"token": READER, "next": "/"}, headers={"Origin": hub.url}
            )
            assert "Secure" in done.headers["Set-Cookie"]
            assert (await client.get("/api/v1/servers")).status_code == 200
            plain = {"Origin": hub.url.replace("https", "http")}
            assert (await client.post("/logout", headers=plain)).status_code == 403
        async with hub.socket(ssl=context, additional_headers=bearer(READER)) as socket:
            assert "snapshot" in str(await socket.recv())
            write_pair(tmp_path, "hub", certified.issue("renewed", ["127.0.0.1"], SERVER))
            hub.hub.reload()
            assert await served_name(hub, context) == "renewed"
            assert await socket.recv()
        certified.issue("hub", ["127.0.0.1"], SERVER, LONG_AGO)
        hub.hub.reload()
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await served_name(hub, context)


async def served_name(hub: Guarded, context: ssl.SSLContext) -> str:
    """The common name that the hub shows to a new connection."""
    import asyncio

    port = int(hub.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown: Any = writer.get_extra_info("ssl_object").getpeercert()
    writer.close()
    return str(shown["subject"][0][0][1])
