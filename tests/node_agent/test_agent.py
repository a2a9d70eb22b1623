"""The whole agent against a hub that keeps to the protocol, over a real Unix socket."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.agent import Refused

from .build import line, lines
from .conftest import Place
from .fake_hub import FakeHub, running


def numbers(first: int, last: int) -> list[int]:
    return list(range(first + 1, last + 1))


async def test_it_introduces_itself_and_ships_what_is_there(place: Place, hub: FakeHub) -> None:
    place.append(lines(0, 300))
    place.append(lines(900, 901), place.public)
    async with place.agent():
        await hub.until(lambda: len(hub.rows()) == 300 and len(hub.rows("public")) == 1)
    assert hub.counts() == numbers(0, 300)
    (hello,) = hub.hellos
    assert (hello.protocol, hello.server, len(hello.instance)) == (1, "server-a", 16)
    assert [(p.name, p.kind) for p in hello.proxies] == [
        ("private", pb.PROXY_KIND_PRIVATE),
        ("public", pb.PROXY_KIND_PUBLIC),
    ]
    (inventory,) = hub.inventories
    assert inventory.endpoints[0].service == "communicating-service"
    assert inventory.networks[0].subnets == ["172.20.0.0/16"]
    assert inventory.as_of_ns > 0
    assert hub.ended == 1


async def test_a_lone_line_leaves_at_once_though_coalescing_is_long(
    place: Place, hub: FakeHub
) -> None:
    hub.settings.coalesce_ms = 2_000
    async with place.agent():
        await hub.until(lambda: hub.hellos and hub.server_watermarks)
        place.append(line(0))
        await hub.until(lambda: hub.counts() == [1], most_s=1)
        assert len(hub.batches[0].rows) == 1


async def test_logs_that_appear_later_are_sighted_and_read(place: Place, hub: FakeHub) -> None:
    async with place.agent():
        await hub.until(lambda: hub.server_watermarks)
        for number in range(20):
            place.append(line(number))
            await hub.until(lambda n=number: len(hub.rows()) == n + 1)
        place.append(lines(50, 60), place.public)
        await hub.until(lambda: len(hub.rows("public")) == 10)
    assert hub.counts() == numbers(0, 20)


async def test_bad_lines_are_counted_and_shown_and_the_rest_goes_on(
    place: Place, hub: FakeHub
) -> None:
    place.append(lines(0, 2) + b"what is this\n" + lines(2, 4) + b"x" * 1_100_000 + b"\n" + line(4))
    async with place.agent():
        await hub.until(lambda: len(hub.rows()) == 5)
        await hub.until(lambda: hub.log().last)
    log = hub.log()
    assert (log.lines, log.malformed) == (7, 2)
    assert [sample.text[:12] for sample in log.samples] == ["what is this", "x" * 12]
    assert log.last is not None
    assert (log.last.read, log.last.malformed, log.last.sent) == (7, 2, 7)
    assert log.offset == place.private.stat().st_size


async def test_after_the_hub_was_killed_every_line_arrives_once_and_in_order(place: Place) -> None:
    hub = FakeHub()
    await hub.start(place.address)
    place.append(lines(0, 100))
    async with place.agent():
        await hub.until(lambda: len(hub.rows()) == 100)
        for start in (100, 200, 300):
            await hub.kill()
            place.append(lines(start, start + 100))
            await hub.start(place.address)
            await hub.until(lambda s=start: len(hub.rows()) == s + 100)
    await hub.kill()
    assert hub.counts() == numbers(0, 400)
    assert len({hello.instance for hello in hub.hellos}) == 1


async def test_a_batch_journalled_but_not_acknowledged_is_not_stored_twice(
    place: Place, hub: FakeHub
) -> None:
    hub.settings.max_batch_rows = 50
    hub.lose_after = 3
    place.append(lines(0, 2000))
    async with place.agent():
        await hub.until(lambda: len(hub.rows()) >= 2000)
    assert hub.counts() == numbers(0, 2000)
    assert len(hub.hellos) == 2


async def test_reading_stops_while_too_much_is_unacknowledged(place: Place, hub: FakeHub) -> None:
    hub.settings.max_batch_rows = 100
    hub.settings.max_unacknowledged_bytes = 10_000
    hub.silent = True
    place.append(lines(0, 5000))
    async with place.agent() as agent:
        await hub.until(lambda: hub.held)
        beats = len(hub.server_watermarks)
        await hub.until(lambda: len(hub.server_watermarks) > beats + 5)
        assert sum(batch.end_offset - batch.first_offset for batch in hub.held) < 3_000_000
        hub.silent = False
        assert agent._pump._stream is not None
        agent._pump._stream.cancel()
        await hub.until(lambda: len(hub.rows()) == 5000)
    assert hub.counts() == numbers(0, 5000)


async def test_a_restarted_agent_goes_on_where_the_hub_is(place: Place, hub: FakeHub) -> None:
    for start in (0, 10, 20):
        place.append(lines(start, start + 10))
        async with place.agent():
            await hub.until(lambda s=start: len(hub.rows()) == s + 10)
    assert hub.counts() == numbers(0, 30)


async def test_rotation_while_it_runs_loses_nothing(place: Place, hub: FakeHub) -> None:
    async with place.agent():
        await hub.until(lambda: hub.server_watermarks)
        for round_ in range(5):
            start = 100 * round_
            place.append(lines(start, start + 50))
            rotated = place.private.rename(place.private.with_suffix(f".jsonl.{round_}"))
            place.append(lines(start + 50, start + 60), rotated)
            place.append(line(start + 60))
            await hub.until(lambda r=round_: len(hub.rows()) == 61 * r + 61)
            place.private.rename(place.private.with_suffix(f".jsonl.{round_}b"))
    assert sorted(hub.counts()) == [n for r in range(5) for n in numbers(100 * r, 100 * r + 61)]


async def test_watermarks_follow_the_clock_and_never_run_backwards(
    place: Place, hub: FakeHub
) -> None:
    place.append(lines(0, 10))
    async with place.agent():
        await hub.until(lambda: len(hub.rows()) == 10)
        log = hub.log()
        for number in range(10, 20):
            place.append(line(number))
            seen = len(log.watermarks)
            await hub.until(lambda s=seen: len(log.watermarks) > s + 1)
        now_ns = time.time_ns()
        await hub.until(lambda: hub.server_watermarks[-1] > now_ns and log.watermarks[-1] > now_ns)
    for marks in (log.watermarks, hub.server_watermarks):
        assert all(before <= after for before, after in pairwise(marks))
        assert marks[-1] <= time.time_ns() - 20_000_000


async def test_clock_probes_carry_the_previous_ones_times(place: Place, hub: FakeHub) -> None:
    async with place.agent():
        await hub.until(lambda: len(hub.probes) >= 3)
    first, *others = hub.probes[:3]
    assert (first.number, first.previous_sent_ns, first.previous_hub_ns) == (1, 0, 0)
    for number, probe in enumerate(others, start=2):
        assert probe.number == number
        assert probe.previous_sent_ns < probe.previous_hub_ns < probe.previous_received_ns


async def test_a_hub_that_is_not_there_is_told_once_and_once_when_it_is_back(
    place: Place,
) -> None:
    place.append(lines(0, 10))
    hub = FakeHub()
    attempts: asyncio.Queue[None] = asyncio.Queue()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.put_nowait(None)
        writer.close()

    socket = place.address.removeprefix("unix:")
    nobody = await asyncio.start_unix_server(hang_up, socket)
    with structlog.testing.capture_logs() as said:
        async with asyncio.timeout(20), place.agent():
            for _ in range(4):
                await attempts.get()
            nobody.close()
            await hub.start(place.address)
            await hub.until(lambda: len(hub.rows()) == 10)
    await hub.kill()
    events = [entry["event"] for entry in said if "hub" in entry["event"]]
    assert events == ["hub is not there, retrying", "hub connected"]


async def test_a_wrong_token_is_told_with_the_hubs_reason(place: Place) -> None:
    (place.directory / "token").write_text("secret\n")
    (place.directory / "token").chmod(0o600)
    place.write_config('token_file = "token"')
    place.append(line(0))
    async with running(place.address) as hub:
        hub.token = "secret"
        await place.once()
        assert hub.counts() == [1]
        hub.token = "another"
        with pytest.raises(Refused, match="the token is wrong"):
            await place.once()


async def test_a_refusal_is_told_with_its_reason(place: Place, hub: FakeHub) -> None:
    hub.refusal = pb.Refusal(code=pb.Refusal.CODE_OCCUPIED, reason="another agent reports")
    with pytest.raises(Refused, match="another agent reports"):
        await place.once()


async def test_once_ships_everything_marks_it_complete_and_ends(place: Place, hub: FakeHub) -> None:
    place.append(lines(0, 3000))
    place.append(lines(5000, 5010), place.public)
    await place.once()
    assert hub.counts() == numbers(0, 3000)
    assert hub.counts("public") == numbers(5000, 5010)
    assert hub.hellos[0].backfill
    assert all(log.last is not None and log.last.complete for log in hub.journal.values())
    assert hub.ended == 1


async def test_once_with_nothing_to_ship_ends_too(place: Place, hub: FakeHub) -> None:
    await place.once()
    assert hub.journal == {}


async def test_stopping_ships_what_was_just_written(place: Place, hub: FakeHub) -> None:
    async with place.agent():
        await hub.until(lambda: hub.server_watermarks)
        place.append(lines(0, 200))
    assert hub.counts() == numbers(0, 200)


async def test_a_rotated_log_that_is_through_is_let_go_and_told_as_complete(
    place: Place, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node_agent.tail.ROTATED_WATCH_S", 0.05)
    place.append(lines(0, 5))
    async with place.agent():
        await hub.until(lambda: len(hub.rows()) == 5)
        place.private.rename(place.private.with_suffix(".jsonl.1"))
        place.append(line(9))
        await hub.until(lambda: any(log.last and log.last.complete for log in hub.journal.values()))
        await hub.until(lambda: len(hub.rows()) == 6)
