"""`hopwatch replay`: the calls of a past window again, each when its time comes.

Calls are asked for a stretch at a time, by their starts, and shown in the order of their ends, as
they were when they settled. What cannot be printed that fast is printed late, not left out.
"""

from __future__ import annotations

import heapq
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from cli.connection import Connection
from cli.defaults import PAGE_CALLS, REPLAY_STRETCH_S, REPLAY_STRETCHES
from cli.observe import writer
from cli.options import filters, output, reads_hub, request_fields
from cli.problems import WrongUsage
from cli.settings import Settings
from hub.stamps import SECOND


@click.command()
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01, max=1_000),
    default=1.0,
    show_default=True,
    help="How many seconds of the past a second shows.",
)
@filters
@output()
@reads_hub
def replay(settings: Settings, wanted: dict[str, Any], speed: float, form: str) -> None:
    """Show the calls of a past window again, in their own pace, until --until or now.

    \b
    hopwatch replay --since 2026-11-20T14:32:00Z --until 2026-11-20T14:35:00Z --speed 10
    hopwatch replay --since 10m --status 5xx -o json
    """
    from cli.connection import connect

    if not wanted["since"]:
        raise WrongUsage("replay needs --since: where it begins, such as 10m or RFC 3339")
    now_ns = time.time_ns()
    fields = request_fields(wanted, now_ns)
    since_ns, until_ns = fields["since_ns"], fields.get("until_ns", now_ns)
    if not since_ns < until_ns:
        raise WrongUsage("--since must be before --until, and before now")
    show, began_s = writer(form), time.monotonic()
    with connect(settings) as hub:
        stretch_ns = round(REPLAY_STRETCH_S * min(max(speed, 1.0), REPLAY_STRETCHES) * SECOND)
        for answer in _by_end(hub, fields, since_ns, until_ns, stretch_ns):
            due_s = began_s + (_end_ns(answer.call) - since_ns) / SECOND / speed
            if (wait_s := due_s - time.monotonic()) > 0:
                sys.stdout.flush()
                time.sleep(wait_s)
            show(answer)
    sys.stdout.flush()


def _by_end(
    hub: Connection, fields: dict[str, Any], since_ns: int, until_ns: int, stretch_ns: int
) -> Iterator[Any]:
    """Answers by the ends of their calls; those that run longer than a stretch are held back."""
    held: list[tuple[int, str, Any]] = []
    for at_ns in range(since_ns, until_ns, stretch_ns):
        stretch = {"since_ns": at_ns, "until_ns": min(at_ns + stretch_ns, until_ns)}
        for answer in _all(hub, fields | stretch):
            heapq.heappush(held, (_end_ns(answer.call), answer.call.id, answer))
        while held and held[0][0] < stretch["until_ns"]:
            yield heapq.heappop(held)[2]
    while held:
        yield heapq.heappop(held)[2]


def _all(hub: Connection, fields: dict[str, Any]) -> Iterator[Any]:
    """Every kept call that these fields choose, page by page."""
    from hopwatch.v1 import observe_pb2 as pb

    cursor = ""
    while True:
        page = list(hub.calls(pb.GetCallsRequest(**fields, limit=PAGE_CALLS, cursor=cursor)))
        yield from page
        if len(page) < PAGE_CALLS:
            return
        cursor = page[0].call.id


def _end_ns(call: Any) -> int:
    return int(call.start_ns + call.duration_ns)
