"""Every default and bound of the command, each with its unit and its reason."""

from __future__ import annotations

ADDRESS = "127.0.0.1:7443"
"""Where a hub listens that was told nothing else."""

CONNECT_MS = 5_000
"""Of one attempt to connect: gRPC's own 20 s look like a command that hangs."""

ANSWER_S = 30.0
"""For a single answer: a hub under full load needs some 100 ms."""

KEEPALIVE_MS = 10_000
"""Between two pings of a followed stream: a cut cable is known after 20 s."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Of an answer: a topology of some hundred thousand nodes."""

LAST = 100
"""Kept calls that `observe` shows: some screens."""

LAST_FOLLOWED = 10
"""Kept calls that `observe --follow` begins with, as `tail` does."""

PAGE_CALLS = 10_000
"""Kept calls in one answer: the hub's bound."""

REPLAY_STRETCH_S = 5.0
"""Of the past that `replay` asks for at once: at 1,000 calls/s 5,000 calls are held."""

REPLAY_STRETCHES = 12
"""Of these at once where a replay is faster than time: a question for each would hold it up."""

RECONNECT_MIN_S = 0.5
RECONNECT_MAX_S = 10.0
"""Between two attempts to go on following; they double. A hub restarts within seconds."""

OVERLAP_S = 60.0
"""How far before the newest call a reconnected reader asks again: calls settle within 5 s, but an
agent that was cut off reports later."""

REMEMBERED_CALLS = 20_000
"""Ids of shown calls, so that a reconnected reader shows none twice; 200 bytes each."""

WINDOW_S = 60
"""Seconds that `edges` looks back."""
