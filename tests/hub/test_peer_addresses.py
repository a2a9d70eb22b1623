"""Agents are told the other servers' addresses: with the welcome, and when they change."""

from __future__ import annotations

from pathlib import Path

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.guard.agent_access import peer_address
from tests.hub.guarded import guarded_hub
from tests.hub.streams import Agent, hello, running_hub

A, B, B_MOVED = "10.10.0.11", "10.10.0.12", "10.10.0.22"


async def test_each_is_told_the_others_addresses_and_no_own_one(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, Agent(hub.address) as first:
        welcome = await first.join(hello("server-a", internal_addresses=[A]))
        assert list(welcome.settings.peer_addresses) == []
        async with Agent(hub.address) as second:
            said = {"internal_addresses": [B], "public_addresses": ["198.51.100.2"]}
            welcome = await second.join(hello("server-b", **said))
            assert list(welcome.settings.peer_addresses) == [A]
            told = (await first.hear()).settings
            assert list(told.peer_addresses) == [B, "198.51.100.2"]
            assert told.max_batch_rows == welcome.settings.max_batch_rows


async def test_an_address_that_changes_is_told_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, Agent(hub.address) as first:
        await first.join(hello("server-a", internal_addresses=[A]))
        for address, news in ((B, True), (B, False), (B_MOVED, True)):
            async with Agent(hub.address) as second:
                await second.join(hello("server-b", internal_addresses=[address]))
                if news:
                    assert list((await first.hear()).settings.peer_addresses) == [address]


async def test_an_agent_is_told_from_where_the_hub_sees_it(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path) as hub, hub.agent(None) as agent:
        assert (await agent.join()).seen_address == "127.0.0.1"
        async with hub.agent(None) as another:
            refusal = (await another.ask(hello(instance=b"another"))).refusal
            assert (refusal.code, refusal.seen_address) == (pb.Refusal.CODE_OCCUPIED, "127.0.0.1")


async def test_over_a_unix_socket_there_is_no_address(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, Agent(hub.address) as agent:
        assert (await agent.join()).seen_address == ""


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:4711", "10.0.0.1"),
        ("ipv6:%5Bfd00::1%5D:4711", "fd00::1"),
        ("ipv6:[::1]:4711", "::1"),
        ("unix:", ""),
        ("unix:/run/hub.sock", ""),
    ],
)
def test_what_grpc_calls_a_peer_is_read(peer: str, address: str) -> None:
    assert peer_address(peer) == address
