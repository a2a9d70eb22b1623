"""Replays over the live socket: one viewer's frames, at its own speed, of its own time.

Enters: a socket with `replay_from`, and what its page says. Leaves: a snapshot, then frames ten
times a second. Nothing is queued: who reads slowly has a slower replay, and others notice nothing.
A stretch of the past is read ahead in the history's thread, in pieces of `REPLAY_PIECE_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from quart import Websocket

from hub import forms
from hub.defaults import (
    FRAME_INTERVAL_MS,
    MAX_REPLAY_SPEED,
    MAX_REPLAYS,
    MIN_REPLAY_SPEED,
    REPLAY_PIECE_S,
)
from hub.history import catalog
from hub.history.columns import decompressed
from hub.history.pages import Pages
from hub.history.replay import Replay
from hub.journal.store import Store
from hub.live.sockets import INVALID, POLICY, TRY_LATER, Hangup, send, together
from hub.query.expression import Expression
from hub.query.filters import BadFilter
from hub.query.language import BadQuery, parse
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline
from hub.stamps import parse_time

SECOND = 1_000_000_000
MS = 1_000_000

_FROM_PAGE = msgspec.json.Decoder(forms.FrameAck | forms.Play)


@dataclass(slots=True)
class Course:
    """Where a replay is, where it ends (None: with the newest call), and how fast it goes."""

    at_ns: int
    until_ns: int | None
    speed: float
    paused: bool = False
    sought: bool = True
    """A snapshot is due."""


def course(arguments: Mapping[str, str]) -> tuple[Course, Expression, str]:
    """What the socket's address asks for. Raises `BadFilter`."""
    at_ns = _time("replay_from", arguments.get("replay_from", ""))
    until = arguments.get("until", "")
    try:
        speed = float(arguments.get("speed") or 1)
    except ValueError:
        speed = 0.0
    if not MIN_REPLAY_SPEED <= speed <= MAX_REPLAY_SPEED:
        raise BadFilter(f"speed: must be {MIN_REPLAY_SPEED} to {MAX_REPLAY_SPEED}")
    q = arguments.get("q", "")
    try:
        query = parse(q)
    except BadQuery as wrong:
        raise BadFilter(f"q: {wrong.text}") from None
    return Course(at_ns, _time("until", until) if until else None, speed), query, q


class Replays:
    """All replays under way."""

    def __init__(
        self, pipeline: Pipeline, pages: Pages, store: Store, clock: Callable[[], int]
    ) -> None:
        self._pipeline = pipeline
        self._pages = pages
        self._store = store
        self._clock = clock
        self.count = 0

    async def serve(self, socket: Websocket, asked: tuple[Course, Expression, str]) -> None:
        """Serve one viewer until it leaves."""
        if self.count >= MAX_REPLAYS:
            await socket.accept()  # a reason can only be told behind the handshake
            await socket.close(TRY_LATER, f"{MAX_REPLAYS} replays run, which is the most")
            return
        self.count += 1
        try:
            at, query, q = asked
            wake = asyncio.Event()
            await together(socket, self._play(socket, at, query, q, wake), _take(socket, at, wake))
        finally:
            self.count -= 1

    async def _play(
        self, socket: Websocket, at: Course, query: Expression, q: str, wake: asyncio.Event
    ) -> None:
        replay = Replay(self._pipeline, q)
        loop, topologies = asyncio.get_running_loop(), _Topologies(self._pipeline, self._store)
        reel, loaded_ns, due_s = None, 0, loop.time()
        while True:
            if at.sought:
                at.sought, loaded_ns = False, at.at_ns
                topology = await topologies.at(at.at_ns)
                await send(socket, msgspec.json.encode(replay.snapshot(topology, at.at_ns)))
            end_ns = at.until_ns if at.until_ns is not None else self._clock()
            if at.paused or at.at_ns >= end_ns:
                # A replay that has caught up goes on with what comes; one that waits is woken.
                await _woken(wake, None if at.paused or at.until_ns else FRAME_INTERVAL_MS / 1e3)
                due_s = loop.time()
                continue
            step_ns = round(FRAME_INTERVAL_MS * MS * at.speed)
            since_ns, until_ns = at.at_ns, min(at.at_ns + step_ns, end_ns)
            if reel is None or until_ns > loaded_ns:
                piece_ns = max(REPLAY_PIECE_S * SECOND, step_ns)
                loaded_ns = min(since_ns + piece_ns, end_ns)
                reel = await self._pages.reel(since_ns, loaded_ns, query)
            if at.sought:
                reel = None
                continue
            at.at_ns = until_ns
            frame = replay.frame(reel, since_ns, until_ns, await topologies.at(until_ns))
            await send(socket, msgspec.json.encode(frame))
            due_s = max(due_s + FRAME_INTERVAL_MS / 1e3, loop.time() - FRAME_INTERVAL_MS / 1e3)
            await _woken(wake, max(due_s - loop.time(), 0))
            if at.sought:
                reel = None


class _Topologies:
    """What was shown at a time; the last one is remembered."""

    def __init__(self, pipeline: Pipeline, store: Store) -> None:
        self._pipeline = pipeline
        self._store = store
        self._span = (1, 0)
        self._known: forms.Topology | None = None

    async def at(self, at_ns: int) -> forms.Topology:
        if self._known is None or not self._span[0] <= at_ns < self._span[1]:
            found = await asyncio.to_thread(catalog.topology, self._store, at_ns)
            if found is None:
                return Describe(self._pipeline).topology()
            body, since_ns, until_ns = found
            self._known = msgspec.json.decode(decompressed(body), type=forms.Topology)
            self._span = min(since_ns, at_ns), until_ns
        return self._known


async def _take(socket: Websocket, at: Course, wake: asyncio.Event) -> None:
    while True:
        message = await socket.receive()
        try:
            said = _FROM_PAGE.decode(message)
            if isinstance(said, forms.Play):
                _play(at, said)
                wake.set()
        except (msgspec.DecodeError, ValueError) as error:
            code = POLICY if isinstance(error, msgspec.ValidationError) else INVALID
            raise Hangup(code, f"neither an acknowledgement nor play: {error}"[:120]) from None


def _play(at: Course, said: forms.Play) -> None:
    if said.speed is not None:
        if not MIN_REPLAY_SPEED <= said.speed <= MAX_REPLAY_SPEED:
            raise ValueError(f"speed must be {MIN_REPLAY_SPEED} to {MAX_REPLAY_SPEED}")
        at.speed = said.speed
    if said.paused is not None:
        at.paused = said.paused
    if said.at is not None:
        at.at_ns, at.sought = parse_time(said.at), True


async def _woken(wake: asyncio.Event, within_s: float | None) -> None:
    try:
        async with asyncio.timeout(within_s):
            await wake.wait()
            wake.clear()
    except TimeoutError:
        pass


def _time(name: str, text: str) -> int:
    try:
        return parse_time(text)
    except (ValueError, OverflowError):
        raise BadFilter(
            f'{name} = "{text[:100]}": must be RFC 3339, or seconds since 1970'
        ) from None
