"""What every captured file of tests/data/samples must come out as, told by hand.

The expectations are derived from what was done (tests/data/samples/README.md), the raw lines and
the contract's rules, never from what the code says. The lines go the whole way: the agent's line
buffer, parser and encoder, the wire format, and the real pipeline. All were captured on one
machine, so the clocks agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub import forms
from node_agent.batch import Encoder
from node_agent.lines import LineBuffer
from node_agent.parse import parse

from .world import World, endpoint, inventory, log_key

SAMPLES = Path("tests/data/samples")
CAPTURED_NS = 1_795_345_000_000_000_000
"""2026-11-22T10:56:40Z; all were captured within an hour of it."""


@dataclass(frozen=True)
class Told:
    """One call, as it should be listed."""

    origin: str
    caller: str
    """ "name@server" of a service, else "kind@server" or "kind name"."""
    callee: str
    status: int
    by: str = "none"
    hops: str = "b"
    """The servers whose private proxies logged it, caller's first; "A" is server-a's public one."""
    ok: bool = True
    answered_by: str = "service"
    grpc_status: int | None = None
    reason: str = ""
    """A word of it."""


COMM_A, LEAF_A = "communicating-service@server-a", "non-communicating-service@server-a"
COMM_B, LEAF_B = "communicating-service@server-b", "non-communicating-service@server-b"
GRPC = "grpcsvc@server-b"
HOST_A, HOST_B = "gateway@server-a", "gateway@server-b"
PROXY_B = "proxy@server-b"


def across(status: int, by: str = "address", ok: bool = True, answered_by: str = "service") -> Told:
    """A's communicating service through both private proxies to B's leaf."""
    return Told("cross_server", COMM_A, LEAF_B, status, by, "ab", ok, answered_by)


def from_host(status: int, ok: bool = True, callee: str = LEAF_B, **more: object) -> Told:
    """The peer is a gateway, or B's own address: B's host, or hidden by NAT. Never guessed."""
    return Told("undecided", HOST_B, callee, status, "none", "b", ok, **more)  # type: ignore[arg-type]


UNROUTED = from_host(404, False, PROXY_B, answered_by="proxy")
"""No RouterName in the line: no middleware and no service had a part, so it goes to the proxy."""

GRPC_CALLS = [
    # HTTP says 200 to all three; Fail's Grpc-Status 5 (not found) makes it an error
    from_host(200, callee=GRPC, grpc_status=0),
    from_host(200, False, callee=GRPC, grpc_status=5),
    from_host(200, callee=GRPC, grpc_status=0),
    UNROUTED,  # /other.X/Y fits no rule
]

SCENARIOS: dict[str, list[Told]] = {
    "01_public_to_comm_fanout": [
        # published on loopback: docker-proxy shows the gateway; at a public proxy that is public
        Told("public", HOST_A, COMM_A, 200, hops="A"),
        # q=1 began before q=2, though its line was written after
        Told("same_server", COMM_A, LEAF_A, 200, hops="a"),
        across(400, ok=False),
    ],
    "02_container_to_own_private_proxy": [
        Told("same_server", COMM_A, LEAF_A, 400, hops="a", ok=False)
    ],
    "03_cross_server_via_proxies": [across(200)],
    "04_direct_isolated": [],  # Docker drops packets between bridges: there is no line
    # 10.10.0.2 is A's container on the internal network, which both servers share
    "05_direct_on_internal_net": [
        Told("cross_server_direct", COMM_A, LEAF_B, 200, reason="direct")
    ],
    # the same engine publishes the port: docker-proxy shows the internal network's gateway
    "06_direct_published_port": [from_host(400, False)],
    "06b_direct_published_port_via_gateway": [from_host(400, False)],
    "07a_host_loopback_to_private": [from_host(400, False)],
    "07b_host_alias_to_private": [from_host(200)],  # 10.20.0.12 is B's own address
    # 10.30.0.7 is nobody's address and in nobody's network
    "07c_lan_to_private": [
        Told("outside", "outside 10.30.0.7", LEAF_B, 400, ok=False),
        Told("outside", "outside 10.30.0.7", LEAF_B, 200),
    ],
    "08a_internet_public": [Told("public", "external internet", COMM_A, 400, hops="A", ok=False)],
    # Traefik dropped the X-Forwarded-For of an untrusted peer
    "08b_internet_public_xff_spoof": [Told("public", "external internet", COMM_A, 200, hops="A")],
    "09_websocket": [from_host(101)],  # DownstreamStatus 0, and the request asked for an upgrade
    "10a_http2_tls": [from_host(400, False)],
    "10b_h2c_prior_knowledge": [from_host(200)],
    "11_grpc": GRPC_CALLS,
    "12_404_no_router": [UNROUTED],
    "13a_client_abort_499": [from_host(499, False, answered_by="proxy")],
    # B's interval ends 0.7 ms after A's: A had to tell it
    "13b_cross_server_abort": [across(499, ok=False, answered_by="proxy")],
    # Traefik logs 502 as the upstream's status, too; it made it itself
    "14a_backend_down_502": [from_host(502, False, answered_by="proxy")],
    "14b_backend_reset": [from_host(502, False, answered_by="proxy")],
    "17_sse_stream": [from_host(200)],
    # 500 and 503 came from the service; 1xx to 3xx are ok
    "18_status_304_204_500": [
        from_host(204),
        from_host(304),
        from_host(500, False),
        from_host(503, False),
    ],
    "19_bad_request": [UNROUTED],  # only GET /x got as far as a line
    # B trusts 10.10.0.11: its ClientHost is A's calling container, which tells the other half
    "20a_xff_trusted_cross": [across(200, "forwarded")],
    # A's proxy trusts no container: what was spoofed never left A
    "20b_xff_trusted_spoof_by_A_container": [across(200, "forwarded")],
    # insecure: ClientHost is "6.6.6.6, 7.7.7.7", which anybody can say; the peer is the gateway
    "20d_public_xff_insecure": [Told("public", HOST_A, COMM_A, 200, hops="A")],
    "21a2_grpc_kept_headers": GRPC_CALLS,
    # all on 127.0.0.1 without Docker: only the client's traceparent, in both lines, joins them.
    # Who called A's proxy is hidden, and the callee has but its Traefik service's name
    "21a_notracing_traceparent_from_client": [
        Told("cross_server", HOST_A, "s@server-b", 200, "trace", "ab")
    ],
    "21b_tracing_dead_endpoint": [
        # by start: echo, echo with the client's trace id, the public request, then what it causes.
        # Those three have traces of their own: the service did not pass its trace on
        across(200, "trace"),
        across(200, "trace"),
        Told("public", HOST_A, COMM_A, 200, hops="A"),
        across(200, "trace"),
        Told("same_server", COMM_A, LEAF_A, 400, hops="a", ok=False),
    ],
    "21c_tracing_samplerate0": [across(200, "trace"), across(200, "trace")],
    "21d_tracing_otlp_http": [across(200, "trace")],
    "22a_accesslog_otlp_http": [],  # everything went out over OTLP; the file stayed empty
    "22b_accesslog_otlp_grpc_dual_tracing": [across(200, "trace")],
    "22d_otlp_dead_endpoint": [from_host(400, False), from_host(200), from_host(400, False)],
}

OTLP: dict[str, list[Told]] = {
    "21d_tracing_otlp_http.otlp": [],  # spans only: no access log record is in it
    # the same request's lines as log records; B's came first, and without tracing only addresses
    # and times join them
    "22a_accesslog_otlp_http.otlp": [across(200)],
    "22b_accesslog_otlp_grpc_dual_tracing.otlp": [across(200, "trace")],
}

TWO_ENGINES: dict[str, list[Told]] = {
    # 172.18.0.4 is the communicating service on both servers: this one is A's
    "G1_cross_via_proxies": [across(200)],
    # masquerade: A's container and A's host both come as A's internal address, past A's proxy
    "G2_direct_from_A_container": [
        Told("cross_server_direct", "server@server-a", LEAF_B, 200, reason="direct")
    ],
    "G3_B_container_hairpin_own_host_ip": [from_host(200)],
    "G4_B_container_proper": [Told("same_server", COMM_B, LEAF_B, 200)],
    "G5_A_host_process": [
        Told("cross_server_direct", "server@server-a", LEAF_B, 200, reason="direct")
    ],
    # B's own address, then the gateway of its network twice
    "G6_B_host_process": [from_host(200), from_host(200), from_host(200)],
}


def one_engine() -> World:
    """Both servers on one engine: networks of their own, and an internal one that they share."""
    world = World()
    shared = pb.Network(
        name="internal", subnets=["10.10.0.0/24"], gateways=["10.10.0.1"], shared=True
    )
    own = {"server-a": "172.20", "server-b": "172.21"}
    for server, private in own.items():
        public = private.replace("172.2", "172.1") if server == "server-b" else "172.19"
        networks = [
            pb.Network(name="private", subnets=[f"{private}.0.0/16"], gateways=[f"{private}.0.1"]),
            pb.Network(name="public", subnets=[f"{public}.0.0/16"], gateways=[f"{public}.0.1"]),
            shared,
        ]
        endpoints = [
            endpoint("communicating-service", f"{private}.0.4", network="private"),
            endpoint("non-communicating-service", f"{private}.0.5", network="private"),
            endpoint("grpcsvc", f"{private}.0.9", network="private"),
        ]
        if server == "server-a":  # in 05 it is on the internal network, too
            endpoints.append(endpoint("communicating-service", "10.10.0.2", network="internal"))
        register(world, server, f"{private}.0.2", endpoints, networks)
    return world


def two_engines() -> World:
    """Two engines: the same network with the same addresses on both."""
    world = World()
    for server in ("server-a", "server-b"):
        network = pb.Network(name="private", subnets=["172.18.0.0/16"], gateways=["172.18.0.1"])
        endpoints = [
            endpoint("communicating-service", "172.18.0.4", network="private"),
            endpoint("non-communicating-service", "172.18.0.5", network="private"),
        ]
        register(world, server, "172.18.0.2", endpoints, [network])
    return world


def loopback() -> World:
    """Two servers without Docker, on one machine: B's proxy listens where A's upstream points."""
    world = World()
    for server, port in (("server-a", 9799), ("server-b", 9800)):
        world.join(
            server,
            internal_addresses=["127.10.0.11" if server == "server-a" else "127.10.0.12"],
            public_addresses=[],
            proxies=[
                pb.Proxy(
                    name="private",
                    kind=pb.PROXY_KIND_PRIVATE,
                    addresses=[f"127.0.0.1:{port}"],
                )
            ],
        )
        world.say(inventory(server, [], []))
    return world


def register(
    world: World,
    server: str,
    proxy: str,
    endpoints: Iterable[pb.Endpoint],
    networks: list[pb.Network],
) -> None:
    """A server with one public and one private proxy."""
    internal = {"server-a": "10.10.0.11", "server-b": "10.10.0.12"}[server]
    alias = {"server-a": "10.20.0.11", "server-b": "10.20.0.12"}[server]
    world.join(
        server,
        internal_addresses=[internal],
        public_addresses=[alias],
        proxies=[
            pb.Proxy(
                name="private",
                kind=pb.PROXY_KIND_PRIVATE,
                addresses=[f"{internal}:80", f"{proxy}:80"],
            ),
            pb.Proxy(name="public", kind=pb.PROXY_KIND_PUBLIC, addresses=[f"{alias}:80"]),
        ],
    )
    world.say(inventory(server, endpoints, networks))


# --- the way of the lines ------------------------------------------------------------------------


def logs(texts: Iterable[str]) -> dict[tuple[str, str], bytes]:
    """Each proxy's log, its lines in the order of their completion, as Traefik writes them."""
    lines: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for text in texts:
        line = json.loads(text)
        server, _, proxy = line.pop("_file").partition("/")
        lines.setdefault((server, proxy or "private"), []).append((line["time"], json.dumps(line)))
    return {
        log: "".join(f"{text}\n" for _, text in sorted(written, key=lambda one: one[0])).encode()
        for log, written in lines.items()
    }


def of_records(texts: Iterable[str]) -> Iterator[str]:
    """The lines that OTLP log records carry as their bodies, with the log they would stand in."""
    for text in texts:
        for resource in json.loads(text).get("resourceLogs", []):
            facts = {fact["key"]: fact["value"] for fact in resource["resource"]["attributes"]}
            server, _, proxy = facts["service.name"]["stringValue"].rpartition("-")
            for scope in resource["scopeLogs"]:
                for record in scope["logRecords"]:
                    line = json.loads(record["body"]["stringValue"])
                    yield json.dumps({"_file": f"{server}/{proxy}", **line})


def told(world: World, texts: Iterable[str]) -> list[Told]:
    """The calls that the lines come out as, by their start."""
    world.now_ns = CAPTURED_NS + 3_600_000_000_000
    for server in {record.id for record in world.pipeline.federation.servers}:
        world.skew(server, 0.0)
    for (server, proxy), content in logs(texts).items():
        for piece in LineBuffer().feed(content):
            chunk = parse(piece)
            assert not chunk.malformed
            for batch in Encoder().encode(1, chunk):
                world.commit(log_key(server, proxy), batch)
    for record in world.pipeline.federation.servers:
        world.mark(record.id, (world.now_ns - CAPTURED_NS) / 1e6 + 1e9)
    world.tick()
    world.tick(5_001)
    world.check()
    return [of_call(call) for call in sorted(world.calls(), key=lambda call: call.start)]


def of_call(call: forms.Call) -> Told:
    """In the words of the tables above."""
    letters = [
        hop.server[-1].upper() if hop.kind == "public" else hop.server[-1] for hop in call.hops
    ]
    assert call.join.missing is None
    return Told(
        call.origin,
        of_party(call.from_),
        of_party(call.to),
        call.status,
        call.join.by,
        "".join(letters),
        call.ok,
        call.answered_by,
        call.grpc_status,
        (call.join.reason or "").partition(":")[0],
    )


def of_party(party: forms.Party) -> str:
    if party.server is None:
        return f"{party.kind} {party.name}"
    return f"{party.name if party.kind == 'service' else party.kind}@{party.server}"


# --- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_captured_scenario_comes_out_as_what_was_done(name: str) -> None:
    world = loopback() if name.startswith("21a_") else one_engine()
    texts = (SAMPLES / "scenarios" / f"{name}.jsonl").read_text().splitlines()
    assert told(world, texts) == SCENARIOS[name]


@pytest.mark.parametrize("name", OTLP)
def test_lines_that_went_out_over_otlp_come_out_the_same(name: str) -> None:
    texts = (SAMPLES / "scenarios" / f"{name}.jsonl").read_text().splitlines()
    assert told(one_engine(), of_records(texts)) == OTLP[name]


@pytest.mark.parametrize("name", TWO_ENGINES)
def test_two_engines_with_the_same_addresses_are_told_apart(name: str) -> None:
    texts = (SAMPLES / "two-engines" / f"{name}.jsonl").read_text().splitlines()
    assert told(two_engines(), texts) == TWO_ENGINES[name]


def test_every_captured_file_has_its_expectation() -> None:
    found = {str(file.relative_to(SAMPLES)) for file in SAMPLES.rglob("*.jsonl")}
    scenarios = {f"scenarios/{name}.jsonl" for name in SCENARIOS | OTLP}
    assert found == scenarios | {f"two-engines/{name}.jsonl" for name in TWO_ENGINES}


def test_the_joined_lines_are_those_whose_exported_spans_are_parent_and_child() -> None:
    """21d: B's server span names A's client span as its parent, and that A's server span."""
    parents, names = {}, {}
    for text in (SAMPLES / "scenarios/21d_tracing_otlp_http.otlp.jsonl").read_text().splitlines():
        for resource in json.loads(text)["resourceSpans"]:
            facts = {fact["key"]: fact["value"] for fact in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    parents[span["spanId"]] = span.get("parentSpanId")
                    names[span["spanId"]] = facts["service.name"]["stringValue"], span["kind"]
    served = [span for span, name in names.items() if name[1] == "SPAN_KIND_SERVER"]
    (root,) = (span for span in served if not parents[span])
    (inner,) = (span for span in served if parents[span])
    assert names[root][0] == "server-a-private"
    assert names[inner][0] == "server-b-private"
    assert parents[parents[inner]] == root
