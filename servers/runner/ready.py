"""Asks whether things are up. Enters: sessions and addresses. Leaves: None when all are up.

Nothing is waited out: each question is asked again until its answer is right or time is up, and
`NotReady` then says which one was not, and what it answered last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp

from servers.runner import defaults
from servers.runner.namespaces import host_of
from servers.runner.places import Doors, Place
from servers.runner.plan import (
    COMMUNICATING,
    NON_COMMUNICATING,
    PRIVATE,
    PRIVATE_PROXY,
    PUBLIC_PROXY,
    ServerPlan,
)


class NotReady(Exception):
    """Something did not come up in time."""


Judge = Callable[[int, Any], bool]


async def server_ready(doors: Doors, plan: ServerPlan, everybody: Sequence[str]) -> None:
    """Both services answer, and both Traefiks have their routes, those to the others among them.

    Asked from the server's host.
    """
    ways = [f"{server}@file" for server in everybody if server != plan.id]
    private, public = (
        f"http://{api}/api/http/routers" for api in (plan.private_api, plan.public_api)
    )
    questions: list[tuple[str, str, str, Judge]] = [
        (PRIVATE_PROXY, plan.gateway, private, _has_routes(ways)),
        (PUBLIC_PROXY, plan.public_gateway, public, _has_routes([])),
    ]
    for name in (COMMUNICATING, NON_COMMUNICATING):
        url = f"http://{plan.service(name, PRIVATE)}/health"
        questions.append((name, plan.gateway, url, _is_ok))

    async def ask(what: str, source: str, url: str, judge: Judge) -> None:
        async with doors.session(Place(host_of(plan.id), source), "readiness") as session:
            await answered(session, f"{plan.id}/{what}", url, judge)

    await asyncio.gather(*(ask(*question) for question in questions))


async def answered(session: aiohttp.ClientSession, what: str, url: str, judge: Judge) -> Any:
    """The first answer that the judge likes."""

    async def ask() -> tuple[bool, Any]:
        async with session.get(url) as response:
            answer = await response.json(content_type=None)
            return judge(response.status, answer), answer

    return await until(ask, what, defaults.READY_TIMEOUT_S)


async def until(
    ask: Callable[[], Awaitable[tuple[bool, Any]]],
    what: str,
    timeout_s: float,
    poll_s: float = defaults.READY_POLL_S,
) -> Any:
    """Ask until the answer is right."""
    last: object = "nothing"
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    right, last = await ask()
                    if right:
                        return last
                except (aiohttp.ClientError, OSError, ValueError) as error:
                    last = repr(error)
                await asyncio.sleep(poll_s)
    except TimeoutError:
        raise NotReady(f"{what} is not ready after {timeout_s:.0f} s; last: {last}") from None


def _has_routes(wanted: Sequence[str]) -> Judge:
    """Every route from the routes file is enabled, the wanted ones are there, and at least one."""

    def judge(status: int, answer: Any) -> bool:
        if status != 200:
            return False
        ours = [router for router in answer if router.get("provider") == "file"]
        enabled = [router["name"] for router in ours if router["status"] == "enabled"]
        there = all(any(name.endswith(want) for name in enabled) for want in wanted)
        return bool(ours) and len(enabled) == len(ours) and there

    return judge


def _is_ok(status: int, _: Any) -> bool:
    return status == 200
