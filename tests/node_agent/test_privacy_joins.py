"""Real agents of two servers and the real hub: what is redacted is still one call."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hub.test_main import free_port, hub

from .build import entry, stamp
from .conftest import Place

EVERYTHING = """
redact_query = "all"
redact_paths = ["/users/*/orders", "/reset/**"]
truncate_clients = true
"""
PERSON, OTHER = "203.0.113.77", "2001:db8:1:2::5"
SECRETS = ("113.77", ":2::5", "u77", "r77", "q77", "Ann", "198.51.100.9")
"""In lines as they are written here; none of them may be told by the hub."""
AHEAD_NS = 1_000_000_000
"""A line is written when its request ends. These are written sooner: later, and an agent may have
said already that its log is complete up to then."""


class Server:
    """One with two proxies and an agent."""

    def __init__(self, directory: Path, id: str, address: str, privacy: str) -> None:
        directory.mkdir()
        self.place = Place(directory)
        text = self.place.config.read_text()
        text = text.replace("server-a", id).replace("10.10.0.11", address)
        hub = f"unix:{directory.parent}/hub.sock"
        text = text.replace(f"unix:{directory}/hub.sock", hub)
        self.place.config.write_text(f"{text}[privacy]\n{privacy}\n")

    def write(self, proxy: str, clf: bool, **fields: Any) -> None:
        path = getattr(self.place, proxy)
        self.place.append((as_clf if clf else as_json)(entry(1, **fields)), path)


def as_json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def as_clf(fields: dict[str, Any]) -> bytes:
    at = datetime.fromisoformat(fields["StartUTC"][:19]).replace(tzinfo=UTC)
    return (
        f"{fields['ClientHost']} - {fields['ClientUsername']}"
        f' [{at:%d/%b/%Y:%H:%M:%S +0000}] "{fields["RequestMethod"]} {fields["RequestPath"]}'
        f' HTTP/1.1" {fields["DownstreamStatus"]} 5 "-" "-" {fields["RequestCount"]}'
        f' "{fields["RouterName"]}" "{fields["ServiceURL"]}" {fields["Duration"] // 1_000_000}ms\n'
    ).encode()


def times(begins_ns: int, lasts_ms: int) -> dict[str, Any]:
    lasts_ns = lasts_ms * 1_000_000
    text = stamp(begins_ns)
    return {"StartUTC": text, "StartLocal": text, "Duration": lasts_ns, "OriginDuration": lasts_ns}


@asynccontextmanager
async def federation(
    directory: Path, ours: str, theirs: str
) -> AsyncIterator[tuple[httpx.AsyncClient, Server, Server]]:
    """A hub, and two servers whose clocks it has measured."""
    port = free_port()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hub(directory, port))
        a = Server(directory / "a", "server-a", "10.10.0.11", ours)
        b = Server(directory / "b", "server-b", "10.10.0.12", theirs)
        await stack.enter_async_context(a.place.agent())
        await stack.enter_async_context(b.place.agent())
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        )
        async with asyncio.timeout(120):
            while len(await measured(client)) < 2:  # noqa: ASYNC110 - the hub has no event for it
                await asyncio.sleep(0.05)
        yield client, a, b


async def measured(client: httpx.AsyncClient) -> list[str]:
    servers = (await client.get("/api/v1/servers")).json()
    told = servers["servers"] if isinstance(servers, dict) else servers
    return [one["id"] for one in told if one["skew_ms"] is not None]


async def settled(client: httpx.AsyncClient, lines: int) -> list[dict[str, Any]]:
    """All calls, as soon as that many lines stand in listed ones."""
    async with asyncio.timeout(120):
        while True:
            found = (await client.get("/api/v1/requests?limit=100")).json()["requests"]
            if sum(len(call["hops"]) for call in found) == lines:
                return found  # type: ignore[no-any-return]
            await asyncio.sleep(0.05)


def crossing(a: Server, b: Server, path: str, begins_ns: int, clf: bool = False) -> None:
    """Both halves of a call, without an id."""
    mine, theirs = times(begins_ns, 40), times(begins_ns + 5_000_000, 20)
    container = {"ClientAddr": "172.20.0.4:4711", "ClientHost": "172.20.0.4"}
    a.write("private", clf, RequestPath=f"/server-b{path}", **mine, **container)
    server = {"ClientAddr": "10.10.0.11:4712", "ClientHost": "10.10.0.11"}
    leaf = {"RouterName": "leaf@file", "ServiceURL": "http://172.20.0.4:8000"}
    b.write("private", clf, RequestPath=path, **theirs, **server, **leaf)


def from_outside(a: Server, begins_ns: int, clf: bool) -> None:
    """People at the public proxy, and a line that is none."""
    for person in (PERSON, OTHER):
        peer = f"[{person}]:4713" if ":" in person else f"{person}:4713"
        path = "/reset/r77?x=q77"
        client = {"ClientAddr": peer, "ClientHost": person, "ClientUsername": "Ann"}
        a.write("public", clf, RequestPath=path, **times(begins_ns, 10), **client)
    forwarded = {"ClientAddr": f"{PERSON}:1", "ClientHost": f"198.51.100.9, {PERSON}"}
    a.write("public", clf, RequestPath="/", **times(begins_ns, 10), **forwarded)
    a.place.append(f'{PERSON} - Ann [x] "GET /reset/r77?x=q77\n'.encode(), a.place.public)


@pytest.mark.parametrize("clf", [False, True])
async def test_all_of_it_is_redacted_and_halves_are_joined_as_ever(
    tmp_path: Path, clf: bool
) -> None:
    async with federation(tmp_path, EVERYTHING, EVERYTHING) as (client, a, b):
        begins_ns = time.time_ns() + AHEAD_NS
        crossing(a, b, "/users/u77/orders?x=q77", begins_ns, clf)
        from_outside(a, begins_ns, clf)
        calls = await settled(client, 5)
        told = json.dumps([calls, (await client.get("/api/v1/servers")).json()])
        (log,) = [
            log
            for log in (await client.get("/api/v1/ledger")).json()["logs"]
            if log["proxy"] == "public" and log["server"] == "server-a"
        ]
    for secret in SECRETS:
        assert secret not in told
    assert log["malformed"] == 1
    halves = [call for call in calls if call["origin"] in ("cross_server", "cross_server_direct")]
    if clf:  # the format says too little to join by anything
        assert [len(call["hops"]) for call in halves] == [1, 1]
    else:
        (joined,) = halves
        assert joined["join"]["by"] == "address"
        assert joined["from"]["name"] == "communicating-service"
    paths = sorted(hop["path"] for call in halves for hop in call["hops"])
    last = "/users/REDACTED/orders?x=REDACTED"
    assert paths == [f"/server-b{last}", last]
    public = [call["hops"][0] for call in calls if call["origin"] == "public"]
    plain = {re.sub(r"\[(.*)\]:\d+|:\d+$", r"\1", hop["client"] or "") for hop in public}
    assert plain - {""} == {"203.0.113.0", "2001:db8:1::"}
    assert {hop["path"] for hop in public} == {"/reset/REDACTED?x=REDACTED", "/"}


@pytest.mark.parametrize("ours", [EVERYTHING, 'redact_query = "none"'])
async def test_what_is_redacted_at_one_server_only_is_joined_by_address_and_time(
    tmp_path: Path, ours: str
) -> None:
    """And what else is called at that time is not taken for it."""
    theirs = 'redact_query = "secrets"' if ours == EVERYTHING else EVERYTHING
    async with federation(tmp_path, ours, theirs) as (client, a, b):
        begins_ns = time.time_ns() + AHEAD_NS
        paths = ["/users/u1/orders?x=1", "/groups/u1/orders?x=1", "/reset/r1", "/users/u1"]
        for number, path in enumerate(paths):
            crossing(a, b, path, begins_ns + number * 1_000_000)
        calls = await settled(client, 2 * len(paths))
    assert [call["join"]["by"] for call in calls] == ["address"] * len(paths)
    whole, redacted = (1, 0) if ours == EVERYTHING else (0, 1)
    for call, path in zip(sorted(calls, key=lambda one: one["start"]), paths, strict=True):
        assert call["hops"][whole]["path"].endswith(path)
        assert call["hops"][redacted]["path"].removeprefix("/server-b").split("/")[1] in path
