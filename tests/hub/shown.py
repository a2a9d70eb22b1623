"""A world with live views of it."""

from __future__ import annotations

from typing import Any

from hub.live.channel import Channel
from hub.live.live import Live
from hub.query.language import parse

from .world import World


class Shown:
    """A world with a live view of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.live = Live(self.world.pipeline)
        self.world.pipeline.listeners.append(self.live)
        self.channel = self.ask("")

    def ask(self, q: str) -> Channel:
        return Channel(self.world.pipeline, self.live, parse(q))

    def frame(self) -> Any:
        step = self.live.step(self.world.now_ns)
        return step and self.channel.frame(step)

    def frames(self, *channels: Channel) -> list[Any]:
        """Of one step."""
        step = self.live.step(self.world.now_ns)
        assert step is not None
        return [channel.frame(step) for channel in channels]
