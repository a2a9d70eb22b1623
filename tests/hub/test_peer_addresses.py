"""Agents are told the other servers' addresses: with the welcome, and when they change."""

from __future__ import annotations

from pathlib import Path

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
