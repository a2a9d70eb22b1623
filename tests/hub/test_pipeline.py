"""The whole core under random days: whatever order things come in, every line is in one call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hub import forms
from hub.defaults import MAX_TRACE_HALVES
from hub.query.filters import Filters
from hub.query.query import Query
from hub.settle.pipeline import Pipeline

from .world import (
    SERVICES,
    World,
    check_invariants,
    endpoint,
    from_other,
    hello,
    ident,
    inventory,
    row,
    to_other,
)

SERVERS = ["server-a", "server-b", "server-c"]
server_ids = st.sampled_from(SERVERS)
keys = st.sampled_from(["hop", "trace", "both", "forwarded", "none"])
lost = st.sampled_from(["none", "none", "none", "caller", "callee"])


class Days(RuleBasedStateMachine):
    """Agents that come, go, lag and learn names, and lines in any order across servers."""

    @initialize(known=st.sets(server_ids, min_size=1))
    def begin(self, known: set[str]) -> None:
        self.world = World(*sorted(known))
        self.pending: dict[str, list[tuple[str, dict[str, Any]]]] = {id: [] for id in SERVERS}
        self.at_ms = 0.0
        self.number = 0
        self.revisions: dict[str, int] = {}

    @rule(caller=server_ids, callee=server_ids, key=keys, lost=lost, more=st.integers(0, 2))
    def a_call(self, caller: str, callee: str, key: str, lost: str, more: int) -> None:
        if caller == callee:
            return
        self.number += 1
        self.at_ms += 1.5
        trace = ident("one for all" if more == 2 else f"trace {self.number}")
        hop = ident(f"hop {self.number}")
        ids = {"trace_id": trace} if key in ("trace", "both") else {}
        mine = ids | ({"hop_id": hop} if key in ("hop", "both") else {})
        theirs = ids | ({"hop_parent": hop} if key in ("hop", "both") else {})
        if key == "forwarded":
            theirs |= {"forwarded": SERVICES["communicating"]}
        if lost != "caller":
            self.write(caller, "private", to_other(callee, self.at_ms, 10, **mine))
        for attempt in range(1 + (more == 1)):
            if lost != "callee":
                at_ms = self.at_ms + 1 + attempt * 3
                self.write(callee, "private", from_other(caller, at_ms, 2, **theirs))

    @rule(
        server=server_ids,
        proxy=st.sampled_from(["private", "public"]),
        client=st.sampled_from(
            [
                *SERVICES.values(),
                "172.20.0.1",
                "172.20.0.77",
                "203.0.113.9",
                "127.0.0.1",
                "10.10.0.13",
            ]
        ),
        status=st.sampled_from([200, 404, 502]),
    )
    def a_line(self, server: str, proxy: str, client: str, status: int) -> None:
        self.at_ms += 0.5
        self.write(server, proxy, row(self.at_ms, 1, client=client, status=status))

    def write(self, server: str, proxy: str, line: dict[str, Any]) -> None:
        self.pending[server].append((proxy, line))

    @rule(server=server_ids, most=st.integers(1, 8))
    def some_arrive(self, server: str, most: int) -> None:
        if self.world.pipeline.federation.find(server) is None:
            self.world.join(server)
        arriving, self.pending[server] = self.pending[server][:most], self.pending[server][most:]
        for proxy in ("private", "public"):
            lines = [line for where, line in arriving if where == proxy]
            if lines:
                self.world.lines(server, *lines, proxy=proxy)

    @rule(server=server_ids, behind_ms=st.sampled_from([0.0, 50.0, 400.0]))
    def is_complete(self, server: str, behind_ms: float) -> None:
        if self.world.pipeline.federation.find(server) and not self.pending[server]:
            self.world.mark(server, self.at_ms + 1_000 - behind_ms)

    @rule(server=server_ids)
    def leaves(self, server: str) -> None:
        if self.world.pipeline.federation.find(server):
            self.world.gone(server)

    @rule(server=server_ids, addresses=st.sampled_from([None, [], ["10.10.0.99"]]))
    def says_hello(self, server: str, addresses: list[str] | None) -> None:
        fields = {} if addresses is None else {"internal_addresses": addresses}
        self.world.say(hello(server, **fields))

    @rule(server=server_ids, names=st.sampled_from(["usual", "renamed", "none"]))
    def inventory_changes(self, server: str, names: str) -> None:
        if self.world.pipeline.federation.find(server) is None:
            return
        known = {"renamed": [endpoint("renamed", SERVICES["communicating"])], "none": []}
        self.world.say(inventory(server, known.get(names)))

    @rule(server=server_ids, skew_ms=st.sampled_from([-3.0, 0.0, 3.0]))
    def clock_is_measured(self, server: str, skew_ms: float) -> None:
        self.world.skew(server, skew_ms)

    @rule(ms=st.sampled_from([50.0, 300.0, 2_600.0]))
    def time_passes(self, ms: float) -> None:
        self.world.tick(ms)

    @invariant()
    def every_line_is_in_one_call_and_all_counts_agree(self) -> None:
        if hasattr(self, "world"):
            check_invariants(self.world)

    @invariant()
    def calls_are_paged_once_each_and_keep_their_ids(self) -> None:
        if not hasattr(self, "world"):
            return
        listed = {call.id: call for call in paged(self.world.pipeline, 3)}
        query = Query(self.world.pipeline)
        for id, revision in self.revisions.items():
            number = query.by_id(id)
            assert number is not None, f"{id} was listed and is gone"
            if id in listed:
                assert listed[id].revision >= revision
        self.revisions = {**self.revisions, **{id: call.revision for id, call in listed.items()}}

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for server, lines in self.pending.items():
            while lines:
                self.some_arrive(server, 50)
                lines = self.pending[server]
        self.world.settle()
        check_invariants(self.world)
        calls = paged(self.world.pipeline, 7)
        assert sum(len(call.hops) for call in calls) == self.world.rows
        self.a_restart_gives_the_same(calls)

    def a_restart_gives_the_same(self, calls: list[forms.Call]) -> None:
        again = World()
        again.now_ns = self.world.now_ns
        again.say(*self.world.journal)
        again.rows = self.world.rows
        again.settle()
        check_invariants(again)
        query = Query(again.pipeline)
        assert all(query.by_id(call.id) is not None for call in calls)
        joined = {tuple((hop.log, hop.offset) for hop in call.hops) for call in calls}
        after = {
            tuple((hop.log, hop.offset) for hop in call.hops): call.join.by
            for call in paged(again.pipeline, 100)
        }
        by_hop_id = {
            tuple((hop.log, hop.offset) for hop in call.hops)
            for call in calls
            if call.join.by == "hop_id"
        }
        assert sum(map(len, joined)) == sum(map(len, after))
        assert all(after.get(hops) == "hop_id" for hops in by_hop_id)


def paged(pipeline: Pipeline, limit: int) -> list[forms.Call]:
    """All calls, page by page; each once, newest first."""
    from hub.read.describe import Describe

    describe, query = Describe(pipeline), Query(pipeline)
    calls: list[forms.Call] = []
    cursor = None
    while True:
        numbers, more = query.page(Filters(), limit, cursor)
        calls += describe.calls(numbers)
        if not more:
            break
        assert len(numbers) == limit
        cursor = calls[-1].id
    ids = [call.id for call in calls]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids, reverse=True) or len({id[:19] for id in ids}) < len(ids)
    assert len(ids) == len(pipeline.settling.calls.kept())
    return calls


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


# --- retention -----------------------------------------------------------------------------------


@pytest.fixture
def small() -> World:
    return World("server-a", "server-b", recent_calls=1_000)


def test_old_lines_are_let_go_of_with_their_calls(small: World) -> None:
    for batch in range(30):
        at_ms = batch * 100.0
        lines = [row(at_ms + i / 10, 1, path=f"/leaf/{batch}/{i}") for i in range(97)]
        small.lines("server-a", *lines)
        small.tick()
    pipeline = small.pipeline
    assert 900 <= len(pipeline.settling.rows.table) <= 1_000
    calls = paged(pipeline, 100)
    assert len(calls) == len(pipeline.settling.rows.table)
    assert calls[0].path == "/leaf/29/96"
    newest = calls[0]
    assert pipeline.totals.counts[:, 0].sum() == 30 * 97, "totals are since the hub began"
    oldest = pipeline.first_needed_seq()
    assert oldest is not None
    assert {call.hops[0].offset for call in calls} == set(
        range(calls[-1].hops[0].offset, newest.hops[0].offset + 900, 900)
    )
    assert not any(rows.lost for rows in pipeline.callless().values())


def test_lines_that_may_not_go_yet_are_not_looked_at_with_every_tick(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, looks = small.pipeline, 0
    pipeline.seals = True  # and there is no history that has them
    let_go = pipeline._let_go

    def counted(first: int) -> int:
        nonlocal looks
        looks += 1
        return let_go(first)

    monkeypatch.setattr(pipeline, "_let_go", counted)
    for batch in range(12):
        small.lines("server-a", *[row(batch * 100.0 + i / 10, 1) for i in range(97)])
        for _ in range(10):
            small.tick()
    assert len(pipeline.settling.rows.table) == 12 * 97
    assert looks == 2, "once for each batch beyond the bound"


def test_a_half_that_waits_is_kept_however_many_lines_come_meanwhile(small: World) -> None:
    small.lines("server-a", to_other("server-b", trace_id=ident("slow")))
    for batch in range(20):
        small.lines("server-a", *[row(batch + i / 100, 1) for i in range(97)])
        small.tick()
    small.lines("server-b", from_other("server-a", trace_id=ident("slow")))
    (call,) = small.calls(join="trace")
    assert len(call.hops) == 2


def test_a_late_half_never_meets_a_line_that_was_let_go_of(small: World) -> None:
    small.lines("server-a", to_other("server-b", trace_id=ident("old")))
    small.marks(2_000)
    small.tick()
    for _ in range(30):
        small.lines("server-a", *[row(100 + i / 100, 1) for i in range(97)])
        small.tick()
    small.lines("server-b", from_other("server-a", trace_id=ident("old")))
    small.settle()
    (call,) = small.calls(trace_id=ident("old").hex())
    assert [hop.server for hop in call.hops] == ["server-b"]


def test_names_are_right_after_strings_were_numbered_anew(monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.columns.rows.LATE_REBUILD", 50)
    world = World("server-a", recent_calls=1_000)
    for batch in range(40):
        lines = [
            row(batch + i / 100, 1, client=f"172.20.{batch}.{i + 10}", path=f"/{batch}/{i}")
            for i in range(97)
        ]
        world.lines("server-a", *lines, row(batch + 0.98, 1))
        world.tick()
    assert len(world.pipeline.settling.rows.strings["path"]) < 2_000
    for call in world.calls():
        last_byte = call.hops[0].client.partition(":")[0].rpartition(".")[2]
        if call.path == "/leaf/echo":
            assert (call.from_.name, call.from_.address) == ("communicating", "172.20.0.4")
        else:
            batch, i = call.path.split("/")[1:]
            assert call.from_.address == f"172.20.{batch}.{int(i) + 10}"
            assert int(last_byte) == int(i) + 10
            assert call.from_.node == f"server-a/{call.from_.address}"


# --- odd orders of events ------------------------------------------------------------------------


def test_a_log_that_was_only_sighted_under_a_proxy_that_is_gone_does_no_harm() -> None:
    from hopwatch.v1 import ingest_pb2 as pb

    world = World("server-a")
    world.sight("server-a", "public")
    renamed = [pb.Proxy(name="new", kind=pb.PROXY_KIND_PRIVATE)]
    world.say(hello("server-a", proxies=renamed))
    world.sight("server-a", "new")
    world.lines("server-a", row(), proxy="new")
    assert world.only().hops[0].proxy == "new"


def test_a_proxys_networks_are_those_of_its_newest_hello() -> None:
    from hopwatch.v1 import ingest_pb2 as pb

    from hub.read.describe import Describe

    world = World("server-a")
    world.lines("server-a", row())
    newer = [pb.Proxy(name="private", kind=pb.PROXY_KIND_PRIVATE, networks=["another-net"])]
    world.say(hello("server-a", proxies=newer))
    world.lines("server-a", row(5))
    number = int(world.pipeline.settling.calls.kept()[-1])
    assert Describe(world.pipeline).access_log(number).network == "another-net"


def test_a_restart_says_the_same_of_direct_calls() -> None:
    world = World("server-a", "server-b")
    world.lines("server-b", from_other("server-a"))
    world.marks(2_000)
    world.tick()
    before = world.only()
    again = World()
    again.say(*world.journal)
    again.pipeline.replayed(again.now_ns + 60 * 10**9)
    again.now_ns += 60 * 10**9
    again.tick()
    assert not again.calls(), "agents have five seconds to come back"
    for server in ("server-a", "server-b"):
        again.skew(server, 0)
    again.marks(3_000)
    again.tick()
    assert (again.only().id, again.only().origin) == (before.id, before.origin)


def test_an_empty_batch_moves_the_account_and_nothing_else() -> None:
    world = World("server-a")
    world.say(world.batch("server-a", malformed=2))
    ledger = world.pipeline.ledger.form(world.pipeline.callless())
    assert (ledger.totals.read, ledger.totals.malformed, ledger.totals.journalled) == (2, 2, 0)
    assert ledger.exact
    assert not world.calls()


def test_one_trace_id_for_all_requests_costs_no_more_per_request() -> None:
    """A load generator may do that: work per line must not grow with the lines before."""
    world = World("server-a", "server-b")
    trace = ident("always the same")
    lines = [to_other("server-b", i * 20, 10, trace_id=trace) for i in range(2_000)]
    world.lines("server-a", *lines)
    assert len(world.pipeline.settling.join.ids) <= MAX_TRACE_HALVES
    world.settle()
    world.check()
