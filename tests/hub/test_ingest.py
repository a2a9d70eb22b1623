"""The front of the hub over real gRPC on real Unix sockets, with a real journal."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hopwatch.v1 import ingest_pb2 as pb

from hub.agents.ingest import ListenError, serve
from hub.guard.auth import Tokens
from hub.model import (
    AgentGone,
    BatchCommitted,
    ClockMeasured,
    HelloSeen,
    InventorySeen,
    LogSeen,
    WatermarkSeen,
)

from .streams import (
    LINE_BYTES,
    T0,
    Agent,
    Hub,
    columns,
    columns_batch,
    hello,
    rows_batch,
    running_hub,
    sighting,
)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with running_hub(tmp_path) as running:
        yield running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the hub has no event for what tests ask
            await asyncio.sleep(0.005)


async def test_a_batch_is_acknowledged_when_it_is_journalled_and_told(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        welcome = await agent.join()
        assert (welcome.protocol, welcome.resumes[0].number, welcome.resumes[0].offset) == (1, 1, 0)
        assert welcome.settings.max_batch_rows > 0
        await agent.send(rows_batch(0, 3, malformed=1))
        ack = await agent.acknowledged(3 * LINE_BYTES)
        assert (ack.lines, ack.malformed) == (4, 1)
        assert [
            e.observations.rows for e in hub.journal.replay() if isinstance(e, BatchCommitted)
        ] == [3]
        kinds = [type(event) for event in hub.events]
        assert kinds == [HelloSeen, LogSeen, BatchCommitted]
        assert await agent.leave() == (grpc.StatusCode.OK, [])
    await until(lambda: isinstance(hub.events[-1], AgentGone))
    assert hub.events[-1] == AgentGone("server-a", "the agent left")


async def test_an_agent_that_comes_back_goes_on_where_the_hub_is(hub: Hub) -> None:
    for start in (0, 900):
        async with Agent(hub.address) as agent:
            welcome = await agent.join()
            assert welcome.resumes[0].offset == start
            await agent.send(rows_batch(start, 1))
            await agent.acknowledged(start + 900)
            await agent.leave()


async def test_a_stream_ends_only_when_everything_is_acknowledged(hub: Hub) -> None:
    message = columns(1000)
    async with Agent(hub.address) as agent:
        await agent.join()
        for i in range(50):
            await agent.send(columns_batch(i * 900_000, message))
        status, rest = await agent.leave()
        assert status == grpc.StatusCode.OK
        assert rest[-1].ack.logs[0].offset == 50 * 900_000
        assert len(rest) <= 50


async def test_the_sink_hears_batches_and_watermarks_in_order(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        for i in range(40):
            await agent.send(rows_batch(i * 900, 1))
            mark = pb.Watermark(log=1, watermark_ns=T0 + i)
            await agent.say(pb.AgentMessage(watermark=mark))
        await agent.leave()
    told = [e for e in hub.events if isinstance(e, BatchCommitted | WatermarkSeen)]
    assert [type(e) for e in told] == [BatchCommitted, WatermarkSeen] * 40
    assert [e.watermark_ns for e in told[1::2]] == [T0 + i for i in range(40)]
    sequence = [e.seq for e in told[::2]]
    assert sequence == sorted(sequence)


async def test_a_batch_below_the_offset_is_acknowledged_and_told_once(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        for _ in range(3):
            await agent.send(rows_batch(0, 2))
            assert (await agent.acknowledged(1800)).lines == 2
    assert sum(isinstance(e, BatchCommitted) for e in hub.events) == 1


async def test_a_gap_ends_the_stream_with_the_expected_offset(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        await agent.send(rows_batch(0, 1))
        await agent.send(rows_batch(1800, 1))
        refusal, status = await agent.refused()
    assert refusal.code == pb.Refusal.CODE_OFFSET
    assert (refusal.expected.number, refusal.expected.offset) == (1, 900)
    assert status == grpc.StatusCode.FAILED_PRECONDITION


async def test_what_follows_a_batch_that_was_not_taken_is_not_told(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        await agent.send(rows_batch(900, 1))
        mark = pb.Watermark(log=1, watermark_ns=T0)
        await agent.say(pb.AgentMessage(watermark=mark))
        await agent.refused()
    await until(lambda: isinstance(hub.events[-1], AgentGone))
    assert not any(isinstance(e, WatermarkSeen) for e in hub.events)


async def test_a_log_that_appears_later_gets_its_own_resume(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        other = sighting(2, "public", b"o" * 16)
        answer = await agent.ask(pb.AgentMessage(log_sighting=other))
        assert (answer.resume.number, answer.resume.offset) == (2, 0)
        await agent.send(rows_batch(0, 1, log=2))
        await agent.send(rows_batch(0, 2, log=1))
        await agent.send(rows_batch(900, 1, log=2))
        await agent.leave()
    spans = [(e.log.proxy, e.first_offset) for e in hub.events if isinstance(e, BatchCommitted)]
    assert spans == [("public", 0), ("private", 0), ("public", 900)]


async def test_an_inventory_is_told_each_time_and_kept_when_it_changed(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        for version, names in ((1, ["x"]), (2, ["x"]), (3, ["x", "y"])):
            networks = [pb.Network(name=n, subnets=["172.20.0.0/16"]) for n in names]
            said = pb.Inventory(version=version, as_of_ns=version, networks=networks)
            await agent.say(pb.AgentMessage(inventory=said))
        await agent.leave()
    told = [e.inventory.version for e in hub.events if isinstance(e, InventorySeen)]
    kept = [e.inventory.version for e in hub.journal.replay() if isinstance(e, InventorySeen)]
    assert (told, kept) == ([1, 2, 3], [1, 3])


async def test_a_clock_probe_is_answered_and_measures_from_the_second_on(tmp_path: Path) -> None:
    async with running_hub(tmp_path, clock=lambda: T0) as hub, Agent(hub.address) as agent:
        await agent.join()
        answer = await agent.ask(pb.AgentMessage(clock_probe=pb.ClockProbe(number=1)))
        assert (answer.clock_reply.number, answer.clock_reply.hub_ns) == (1, T0)
        probe = pb.ClockProbe(
            number=2,
            previous_sent_ns=T0 + 4_000,
            previous_received_ns=T0 + 6_000,
            previous_hub_ns=T0,
        )
        await agent.ask(pb.AgentMessage(clock_probe=probe))
        measured = [e for e in hub.events if isinstance(e, ClockMeasured)]
        assert measured == [ClockMeasured("server-a", 5_000, 1_000)]


# --- who may ------------------------------------------------------------------------------------


async def test_the_same_instance_replaces_its_old_stream(hub: Hub) -> None:
    async with Agent(hub.address) as old, Agent(hub.address) as new:
        await old.join()
        for i in range(30):
            await old.send(rows_batch(i * 900, 1))
        await old.acknowledged(900)  # some are stored, others on their way
        welcome = await new.join()
        refusal, _ = await old.refused()
        assert refusal.code == pb.Refusal.CODE_OCCUPIED
        at = welcome.resumes[0].offset
        await new.send(rows_batch(at, 1))
        await new.acknowledged(at + 900)
    batches = [e for e in hub.events if isinstance(e, BatchCommitted)]
    assert [b.first_offset for b in batches] == [i * 900 for i in range(len(batches))]
    order = [type(e) for e in hub.events if isinstance(e, HelloSeen | AgentGone)]
    assert order[:3] == [HelloSeen, AgentGone, HelloSeen]


async def test_another_instance_is_refused_while_the_first_is_there(hub: Hub) -> None:
    async with Agent(hub.address) as first:
        await first.join()
        async with Agent(hub.address) as second:
            await second.say(hello(instance=b"another"))
            refusal, status = await second.refused()
        assert refusal.code == pb.Refusal.CODE_OCCUPIED
        assert "another agent reports" in refusal.reason
        assert status == grpc.StatusCode.FAILED_PRECONDITION
        await first.send(rows_batch(0, 1))
        await first.acknowledged(900)
    await until(lambda: not hub.servicer.connected)
    async with Agent(hub.address) as second:
        await second.join(hello(instance=b"another"))


TOKEN_A, TOKEN_B = "token-of-server-a", "token-of-server-b"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (TOKEN_A, None),
        (None, grpc.StatusCode.UNAUTHENTICATED),
        ("wrong-wrong-wrong-wrong", grpc.StatusCode.UNAUTHENTICATED),
        (TOKEN_B, grpc.StatusCode.PERMISSION_DENIED),
    ],
)
async def test_a_server_reports_for_itself_only(
    tmp_path: Path, token: str | None, status: grpc.StatusCode | None
) -> None:
    file = tmp_path / "tokens.toml"
    hashed = hashlib.sha256(TOKEN_B.encode()).hexdigest()
    file.write_text(f'server-a = "{TOKEN_A}"\nserver-b = "sha256:{hashed}"\n')
    file.chmod(0o600)
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    async with (
        running_hub(tmp_path, Tokens.load(file)) as hub,
        Agent(hub.address, metadata) as agent,
    ):
        await agent.say(hello())
        if status is None:
            assert (await agent.hear()).HasField("welcome")
            return
        refusal, code = await agent.refused()
        assert (refusal.code, code) == (pb.Refusal.CODE_DENIED, status)
        assert not hub.events


# --- hostile agents -----------------------------------------------------------------------------


def bad_batch(rows: int = 1, **fields: object) -> pb.AgentMessage:
    return pb.AgentMessage(batch=rows_batch(0, rows, **fields))


def bad_hello(**fields: object) -> pb.AgentMessage:
    return hello(**fields)


HOSTILE: list[tuple[str, bool, pb.AgentMessage | bytes, str]] = [
    ("noise", True, b"\xff\xff\xff", "message: not an AgentMessage"),
    ("a second hello", True, hello(), "hello: comes only once"),
    ("no hello", False, bad_batch(), "batch: the first message must be a hello"),
    ("an old protocol", False, bad_hello(protocol=0), "hello.protocol: 0"),
    ("a server's name", False, bad_hello(server="A B"), "hello.server: 'A B'"),
    ("no instance", False, bad_hello(instance=b""), "hello.instance: 0 bytes"),
    ("no address", False, bad_hello(internal_addresses=["x"]), "hello.internal_addresses: 'x'"),
    (
        "twin proxies",
        False,
        bad_hello(proxies=[pb.Proxy(name="p", kind=pb.PROXY_KIND_PUBLIC)] * 2),
        "hello.proxies: names and numbers must be unique",
    ),
    ("a foreign proxy", False, bad_hello(logs=[sighting(1, "nobody")]), '"nobody" is not in'),
    ("a short hash", False, bad_hello(logs=[sighting(1, "private", b"x")]), "fingerprint: 1 bytes"),
    ("log 0", False, bad_hello(logs=[sighting(0)]), "log_sighting.number: 0"),
    ("an unknown log", True, bad_batch(log=9), "batch.log: log 9 was not sighted"),
    ("a batch backwards", True, bad_batch(end_offset=0), "end_offset: 0"),
    ("a bomb", True, bad_batch(0, columns_zstd=b"(\xb5/\xfd\xa0" + b"\xff" * 40), "columns_zstd"),
    (
        "another log's number",
        True,
        pb.AgentMessage(log_sighting=sighting(1, "public")),
        "number: 1 is another log's",
    ),
    (
        "a watermark of no log",
        True,
        pb.AgentMessage(watermark=pb.Watermark(log=5)),
        "watermark.log: log 5 was not sighted",
    ),
    (
        "a network that is none",
        True,
        pb.AgentMessage(inventory=pb.Inventory(networks=[pb.Network(name="n", subnets=["x"])])),
        "inventory.networks.subnets: 'x' is no CIDR",
    ),
]


@pytest.mark.parametrize(
    ("joins", "message", "reason"), [case[1:] for case in HOSTILE], ids=[c[0] for c in HOSTILE]
)
async def test_a_hostile_agent_is_cut_off_with_a_reason_and_others_go_on(
    hub: Hub, joins: bool, message: pb.AgentMessage | bytes, reason: str
) -> None:
    async with Agent(hub.address) as good, Agent(hub.address) as bad:
        await good.join(hello("server-b", b"good"))
        if isinstance(message, bytes):
            bad.call = bad.channel.stream_stream(
                "/hopwatch.v1.Ingest/Stream", response_deserializer=pb.HubMessage.FromString
            )()
            await bad.call.write(hello().SerializeToString())
            await bad.hear()
            await bad.call.write(message)
        else:
            if joins:
                await bad.join()
            await bad.say(message)
        refusal, status = await bad.refused()
        assert reason in refusal.reason
        assert refusal.code == pb.Refusal.CODE_INVALID
        assert status == grpc.StatusCode.INVALID_ARGUMENT
        await good.send(rows_batch(0, 1))
        await good.acknowledged(900)


async def test_a_message_beyond_4_mib_ends_only_its_own_stream(hub: Hub) -> None:
    async with Agent(hub.address) as good, Agent(hub.address) as bad:
        await good.join(hello("server-b", b"good"))
        await bad.join()
        await bad.send(pb.Batch(log=1, end_offset=9, columns=bytes(5 << 20)))
        assert (await bad.status())[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
        await good.send(rows_batch(0, 1))
        await good.acknowledged(900)
    await until(lambda: not hub.servicer.connected)


async def test_an_agent_that_vanishes_frees_its_place(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        agent.call.cancel()
        await until(lambda: not hub.servicer.connected)
    assert hub.events[-1] == AgentGone("server-a", "the connection was lost")


async def test_a_stopping_hub_says_so_after_it_has_acknowledged(hub: Hub) -> None:
    async with Agent(hub.address) as agent:
        await agent.join()
        await agent.send(rows_batch(0, 1))
        await agent.acknowledged(900)
        await hub.servicer.close()
        refusal, status = await agent.refused()
    assert refusal.code == pb.Refusal.CODE_UNAVAILABLE
    assert status == grpc.StatusCode.UNAVAILABLE


async def test_a_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, Agent(hub.address) as agent:
        await agent.join()
        hub.journal.limit_pages(1)
        message = columns(1000)
        await agent.send(columns_batch(0, message))
        refusal, status = await agent.refused()
        assert refusal.code == pb.Refusal.CODE_UNAVAILABLE
        assert "full" in refusal.reason
        assert status == grpc.StatusCode.UNAVAILABLE
        assert not hub.journal.state.ok
        hub.journal.limit_pages(1 << 30)
        await until(lambda: hub.journal.state.ok)
        async with Agent(hub.address) as again:
            assert (await again.join()).resumes[0].offset == 0
            await again.send(columns_batch(0, message))
            await again.acknowledged(900_000)


# --- the server ---------------------------------------------------------------------------------


async def test_a_port_in_use_is_one_clear_line(hub: Hub) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenError, match=rf"^{address} is in use"):
            await serve([address], [])
    with pytest.raises(ListenError, match=r"hub\.sock is in use"):
        await serve([hub.address], [])


async def test_a_socket_that_nobody_answers_is_replaced_and_private(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listening = await serve([f"unix:{path}", "127.0.0.1:0"], [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert int(listening.addresses[1].rpartition(":")[2]) > 0
    await listening.stop(0)
    assert not path.exists()


async def test_health_and_reflection_answer(hub: Hub) -> None:
    async with grpc.aio.insecure_channel(hub.address) as channel:
        check = health_pb2.HealthCheckRequest(service="hopwatch.v1.Ingest")
        answer = await health_pb2_grpc.HealthStub(channel).Check(check)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([ask]))
        async for listed in call:
            names = {service.name for service in listed.list_services_response.service}
            assert "hopwatch.v1.Ingest" in names
