"""`hopwatch observe`: calls as they are kept, and with `--follow` as they settle.

A followed stream that ends is opened again, with a sentence on standard error, until Ctrl-C; the
first attempt must succeed. After a gap the kept calls of that time are asked for, and what was
shown already is left out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from cli.defaults import (
    LAST,
    LAST_FOLLOWED,
    OVERLAP_S,
    PAGE_CALLS,
    RECONNECT_MAX_S,
    RECONNECT_MIN_S,
    REMEMBERED_CALLS,
)
from cli.options import filters, output, reads_hub, request_fields
from cli.output import Lines, json_line, on_terminal, say
from cli.problems import Unreachable
from cli.settings import Settings
from hub.stamps import SECOND


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with new and amended calls until Ctrl-C.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(1, PAGE_CALLS),
    help=f"Begin with so many kept calls.  [default: {LAST}; with --follow {LAST_FOLLOWED}]",
)
@filters
@output()
@reads_hub
def observe(
    settings: Settings, wanted: dict[str, Any], follow: bool, last: int | None, form: str
) -> None:
    """Show calls, oldest first. All given filters must hold; a repeated one chooses.

    \b
    hopwatch observe --follow --server a --status 5xx
    hopwatch observe -q 'origin:outside -is:scanner' --since 1h -o json | jq .path
    """
    fields = request_fields(wanted)
    fields["limit"] = last or (LAST_FOLLOWED if follow else LAST)
    show = writer(form)
    for answer in Following(settings, fields) if follow else _kept(settings, fields):
        show(answer)
        if follow:
            sys.stdout.flush()


def _kept(settings: Settings, fields: dict[str, Any]) -> Iterator[Any]:
    from hopwatch.v1 import observe_pb2 as pb

    from cli.connection import connect

    with connect(settings) as hub:
        yield from hub.calls(pb.GetCallsRequest(**fields))


def writer(form: str) -> Any:
    """What takes each answer of the hub."""
    from cli.calls import COLUMNS, SHOWN, call_form, row

    columns = SHOWN if on_terminal() else COLUMNS
    lines = Lines(columns) if form == "table" else None

    def show(answer: Any) -> None:
        if answer.HasField("losses"):
            say(f"{answer.losses.calls} calls were left out: this reader is too slow")
            if lines is None:
                json_line({"losses": _losses(answer.losses)})
        elif lines is None:
            json_line(call_form(answer.call))
        else:
            lines.add(row(answer.call)[: len(columns)])

    return show


def _losses(losses: Any) -> dict[str, Any]:
    servers = [
        {"server": one.server, "missing": one.missing, "malformed": one.malformed}
        for one in losses.servers
    ]
    return {"calls": losses.calls, "servers": servers}


class Following:
    """Answers of a stream that is opened again whenever it ends."""

    def __init__(self, settings: Settings, fields: dict[str, Any]) -> None:
        self._settings = settings
        self._fields = fields
        self._shown: dict[str, int] = {}
        """Revisions of the calls that were shown last, by id."""
        self._newest_ns = time.time_ns()
        self._connected = False
        self._wait_s = RECONNECT_MIN_S

    def __iter__(self) -> Iterator[Any]:
        yield from self._stream(self._fields)
        while True:
            yield from self._stream(self._again())

    def _stream(self, fields: dict[str, Any]) -> Iterator[Any]:
        """One stream until it ends, and the wait behind it."""
        from hopwatch.v1 import observe_pb2 as pb

        from cli.connection import connect

        try:
            with connect(self._settings) as hub:
                request = pb.GetCallsRequest(**fields, follow=True)
                yield from filter(self._is_new, hub.calls(request, self._opened))
            raise Unreachable(f"{self._settings.address}: the hub ended the stream")
        except Unreachable as gone:
            if not self._connected:
                raise
            say(f"{gone}; trying again in {self._wait_s:g} s")
        time.sleep(self._wait_s)
        self._wait_s = min(2 * self._wait_s, RECONNECT_MAX_S)

    def _opened(self) -> None:
        if self._connected:
            say(f"{self._settings.address}: connected again")
        self._connected = True
        self._wait_s = RECONNECT_MIN_S

    def _again(self) -> dict[str, Any]:
        """What a stream behind a gap asks for: all that may have been missed."""
        since_ns = self._newest_ns - round(OVERLAP_S * SECOND)
        since_ns = max(since_ns, self._fields.get("since_ns", 0))
        return self._fields | {"since_ns": since_ns, "limit": PAGE_CALLS}

    def _is_new(self, answer: Any) -> bool:
        if not answer.HasField("call"):
            return True
        call = answer.call
        shown = self._shown.pop(call.id, 0)
        self._shown[call.id] = max(shown, call.revision)
        if shown >= call.revision:
            return False
        self._newest_ns = max(self._newest_ns, call.start_ns)
        if len(self._shown) > REMEMBERED_CALLS:
            del self._shown[next(iter(self._shown))]
        return True
