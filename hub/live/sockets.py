"""The websockets: one sender per client, so that a slow one never holds up another.

Enters: frames and settled calls from the core. Leaves: messages to pages and scripts. Pages with
equal queries share a channel, and its frames are encoded once; a page has one pending frame (see
`viewer`). A reader of `/access_logs` has a bounded backlog and is closed, with a reason, when it is
full. What a page sends is checked: a wrong query is answered, rubbish closes the socket with a
reason.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any

import msgspec
from quart import Websocket

from hub import forms
from hub.columns.calls import Numbers
from hub.defaults import (
    CALLS_AT_ONCE,
    CLOSE_TIMEOUT_S,
    MAX_CHANNELS,
    MAX_READERS,
    MAX_UNSENT_CALLS,
    MAX_VIEWERS,
    SEND_TIMEOUT_S,
    SNAPSHOT_PAUSE_S,
    WOKEN_VIEWERS,
)
from hub.live.broadcast import Broadcast
from hub.live.channel import Channel
from hub.live.live import Live
from hub.live.viewer import Pace, Viewer
from hub.query.expression import EVERYTHING, Expression
from hub.query.language import BadQuery, parse
from hub.read.describe import Describe
from hub.serve.http_server import Framed
from hub.settle.pipeline import Pipeline

TRY_LATER = 1013
POLICY = 1008
INVALID = 1007
TOO_LONG = "nothing was read for too long; reconnect"

_FROM_PAGE = msgspec.json.Decoder(forms.FrameAck | forms.Query)


class Hangup(Exception):
    """The socket is to be closed: code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Reader:
    """One reader of `/access_logs`: calls that settled and were not sent yet."""

    def __init__(self) -> None:
        self.unsent: list[int] = []
        self.overrun = False
        self.wake = asyncio.Event()

    def add(self, numbers: list[int]) -> None:
        """Calls settled."""
        self.overrun = self.overrun or len(self.unsent) + len(numbers) > MAX_UNSENT_CALLS
        if self.overrun:
            self.unsent.clear()
        else:
            self.unsent += numbers
        self.wake.set()


class Page:
    """One open view: its query, its viewer, and what wakes its sender."""

    def __init__(self) -> None:
        self.viewer = Viewer()
        self.query: Expression = EVERYTHING
        self.q = ""
        self.answer: forms.BadQuery | None = None
        self.wake = asyncio.Event()
        self.wake.set()
        self.stuck = asyncio.Event()
        self._sending_s: float | None = None

    async def send(self, socket: Websocket, message: Framed) -> None:
        """Send; `look` notices where it takes too long: a timeout a message costs more."""
        self._sending_s = time.monotonic()
        await socket.send(message)
        self._sending_s = None

    def look(self, now_s: float) -> None:
        """Notice a page that takes nothing."""
        if self._sending_s is not None and now_s - self._sending_s > SEND_TIMEOUT_S:
            self.stuck.set()

    async def until_stuck(self) -> None:
        """Ends with a `Hangup` only."""
        await self.stuck.wait()
        raise Hangup(TRY_LATER, TOO_LONG)


class Sockets:
    """All open sockets; a listener of the pipeline."""

    def __init__(self, pipeline: Pipeline, live: Live) -> None:
        self._pipeline = pipeline
        self._describe = Describe(pipeline)
        self._live = live
        self._pages: set[Page] = set()
        self._channels: dict[Expression, Broadcast] = {}
        self._readers: set[Reader] = set()

    @property
    def viewers(self) -> int:
        """Open live views."""
        return len(self._pages)

    # --- from the core

    def settled(self, new: Numbers, amended: Numbers) -> None:
        """Calls that are new; amended ones were told before."""
        for reader in self._readers:
            reader.add(new.tolist())

    def half_seen(self, rows: Numbers) -> None:
        """Halves are for the live view only."""

    def publish(self, now_ns: int) -> Iterator[None]:
        """Make a frame for every channel and offer it to its pages; encoded once. Yields
        while figures are made, and between groups of pages, so that others get a turn."""
        yield from self._live.measure(now_ns)
        step = self._live.step(now_ns)
        if step is None:
            return
        frames = {query: channel.publish(step) for query, channel in self._channels.items()}
        now_s = time.monotonic()
        for number, page in enumerate(list(self._pages), 1):
            page.look(now_s)
            frame = frames.get(page.query)
            if frame is not None:
                page.viewer.offer(frame, now_ns)
            page.wake.set()
            if not number % WOKEN_VIEWERS:
                yield

    # --- the live view

    async def live(self, socket: Websocket, q: str = "") -> None:
        """Serve one page until it leaves."""
        if len(self._pages) >= MAX_VIEWERS:
            await socket.accept()  # a reason can only be told behind the handshake
            await socket.close(TRY_LATER, f"{MAX_VIEWERS} views are open, which is the most")
            return
        page = Page()
        self._pages.add(page)
        try:
            self._ask(page, q)
            if page.answer is not None:
                wrong = page.answer
                self._ask(page, "")
                page.answer = wrong
            await together(
                socket,
                self._send_frames(socket, page),
                self._take(socket, page),
                page.until_stuck(),
            )
        finally:
            self._pages.discard(page)
            self._close_unused()

    def _ask(self, page: Page, q: str) -> None:
        """The page wants to see what this query fits; where it is wrong, all stays as it is."""
        try:
            query = parse(q)
            if query not in self._channels:
                others = {other.query for other in self._pages if other is not page} - {EVERYTHING}
                if query != EVERYTHING and len(others) >= MAX_CHANNELS:
                    text = f"{MAX_CHANNELS} other queries are open, which is the most; try later"
                    raise BadQuery(text, 0, len(q))
                channel = Channel(self._pipeline, self._live, query)
                self._channels[query] = Broadcast(channel)
        except BadQuery as wrong:
            page.answer = forms.BadQuery(
                q=q, text=wrong.text, position=wrong.position, length=wrong.length
            )
        else:
            page.query, page.q, page.answer = query, q, None
            page.viewer.restart()
            self._close_unused()
        page.wake.set()

    def _close_unused(self) -> None:
        used = {page.query for page in self._pages}
        for query in [query for query in self._channels if query not in used]:
            del self._channels[query]

    async def _send_frames(self, socket: Websocket, page: Page) -> None:
        viewer, snapshot_due_s = page.viewer, 0.0
        while True:
            await page.wake.wait()
            page.wake.clear()
            if page.answer is not None:
                answer, page.answer = page.answer, None
                await page.send(socket, Framed.of(msgspec.json.encode(answer)))
            now_ns = time.time_ns()
            pace = viewer.pace(now_ns)
            if pace is Pace.LOST:
                raise Hangup(TRY_LATER, "this page is more than 10 s behind; reconnect")
            if viewer.needs_snapshot and pace is Pace.LIVE:
                await asyncio.sleep(snapshot_due_s - time.monotonic())
                snapshot_due_s = time.monotonic() + SNAPSHOT_PAUSE_S
                now_ns = time.time_ns()
                opening = self._channels[page.query].opening(page.q, now_ns)
                viewer.snapshot_sent(opening.seq, now_ns)
                if opening.behind is not None:
                    viewer.offer(opening.behind, now_ns)
                    page.wake.set()
                await page.send(socket, opening.message)
            elif (frame := viewer.take(now_ns)) is not None:
                viewer.sent(frame.seq, now_ns)
                await page.send(socket, frame.message)

    async def _take(self, socket: Websocket, page: Page) -> None:
        while True:
            message = await socket.receive()
            try:
                said = _FROM_PAGE.decode(message)
                if isinstance(said, forms.Query):
                    self._ask(page, said.q)
                else:
                    page.viewer.acknowledged(said.seq, time.time_ns())
            except (msgspec.DecodeError, ValueError) as error:
                code = POLICY if isinstance(error, msgspec.ValidationError) else INVALID
                reason = f"neither an acknowledgement nor a query: {error}"
                raise Hangup(code, reason[:120]) from None
            page.wake.set()

    # --- /access_logs

    async def access_logs(self, socket: Websocket) -> None:
        """Serve one reader until it leaves."""
        if len(self._readers) >= MAX_READERS:
            await socket.accept()
            await socket.close(TRY_LATER, f"{MAX_READERS} readers are connected, which is the most")
            return
        reader = Reader()
        self._readers.add(reader)
        try:
            await together(socket, self._send_calls(socket, reader), _take_nothing(socket))
        finally:
            self._readers.discard(reader)

    async def _send_calls(self, socket: Websocket, reader: Reader) -> None:
        while True:
            await reader.wake.wait()
            reader.wake.clear()
            if reader.overrun:
                reason = f"more than {MAX_UNSENT_CALLS} calls wait; this reader is too slow"
                raise Hangup(TRY_LATER, reason)
            unsent, reader.unsent = reader.unsent[:CALLS_AT_ONCE], reader.unsent[CALLS_AT_ONCE:]
            if reader.unsent:
                reader.wake.set()
                await asyncio.sleep(0)  # others get a turn
            logs = [self._describe.access_log(number) for number in self._kept(unsent)]
            if logs:
                await send(socket, msgspec.json.encode(logs))

    def _kept(self, numbers: list[int]) -> list[int]:
        """A slow reader's calls may have been let go of meanwhile."""
        table = self._pipeline.settling.calls.table
        return [
            number
            for number in numbers
            if number >= table.first and not table.value("gone", number)
        ]


async def send(socket: Websocket, text: bytes) -> None:
    """Send, or hang up on a client that takes nothing."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send(text.decode())
    except TimeoutError:
        raise Hangup(TRY_LATER, TOO_LONG) from None


async def _take_nothing(socket: Websocket) -> None:
    message = await socket.receive()
    raise Hangup(POLICY, f"this socket only sends; it got {len(message)} bytes")


async def together(socket: Websocket, *jobs: Coroutine[Any, Any, None]) -> None:
    """Run these until one ends; close with the reason where there is one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for job in jobs:
                tasks.create_task(job)
    except* Hangup as group:
        hangup = group.exceptions[0]
        assert isinstance(hangup, Hangup)
        with suppress(TimeoutError):  # who reads nothing does not read the reason either
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.close(hangup.code, hangup.reason)
