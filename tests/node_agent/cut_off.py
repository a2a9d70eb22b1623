"""Cuts a real agent off from a hub, as a pulled cable does, and tells how long it took to notice.

`python -m tests.node_agent.cut_off DIRECTORY SECONDS [--relay] [--busy]`: a process of its own,
because it enters namespaces (see `tests.faults.world`). With `--relay`, or where there are none, a
relay on loopback swallows all bytes, though TCP's own acknowledgements go on. With `--busy` the
agent is in the midst of a backlog, so that its writes have to wait. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from tests.faults.world import World, make
from tests.node_agent.build import lines
from tests.node_agent.fake_hub import FakeHub

SERVER = "server-a"
MOST_S = 40.0


async def play(world: World, directory: Path, cut_s: float, *, busy: bool) -> dict[str, object]:
    """Connect, cut for `cut_s` or until it is noticed, mend, and wait for what was written."""
    log = directory / "private.jsonl"
    log.write_bytes(lines(0, 10))
    # Before the hub: to fork while gRPC's threads run can hang.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node_agent", "--config", str(directory / "agent.toml")),
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=world.enter(SERVER),
    )
    hub = FakeHub()
    hub.settings.coalesce_ms = 25
    await hub.start(world.listen)
    try:
        await hub.until(lambda: len(hub.rows()) == 10, MOST_S)
        if busy:
            with log.open("ab") as out:
                out.write(lines(10, 40_000))
            await hub.until(lambda: len(hub.rows()) > 5_000, MOST_S)
        await asyncio.to_thread(world.cut, SERVER)
        cut = time.monotonic()
        with log.open("ab") as out:
            out.write(lines(40_000, 40_010))
        noticed_s, reason = await _noticed(process, cut)
        await asyncio.sleep(max(0.0, cut + cut_s - time.monotonic()))
        await asyncio.to_thread(world.mend, SERVER)
        mended = time.monotonic()
        await hub.until(lambda: hub.counts()[-1:] == [40_010], MOST_S)
        counts = hub.counts()
        return {
            "kind": world.kind,
            "noticed_s": noticed_s,
            "reason": reason,
            "back_s": time.monotonic() - mended,
            "once": len(counts) == len(set(counts)) == (40_010 if busy else 20),
            "streams": len(hub.hellos),
        }
    finally:
        process.kill()
        await process.wait()
        await hub.kill()


async def _noticed(process: asyncio.subprocess.Process, cut: float) -> tuple[float, str]:
    assert process.stderr is not None
    async with asyncio.timeout(MOST_S):
        async for line in process.stderr:
            if b"retrying" in line:
                return time.monotonic() - cut, line.decode().strip()
    raise AssertionError("the agent has ended")


def main(arguments: list[str]) -> None:
    directory, cut_s = Path(arguments[0]), float(arguments[1])
    world = make(directory / "disk", relay="--relay" in arguments)
    (directory / "agent.toml").write_text(f"""
[server]
id = "{SERVER}"
[hub]
address = "{world.hub_for(SERVER)}"
[[proxies]]
name = "private"
kind = "private"
access_log = "private.jsonl"
[state]
directory = "state"
""")
    print(json.dumps(asyncio.run(play(world, directory, cut_s, busy="--busy" in arguments))))


if __name__ == "__main__":
    main(sys.argv[1:])
