"""Each mistake that a user can make, and what the doctor says of it: against real hubs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.guard.certificates import CLIENT, SERVER
from node_agent.__main__ import main
from node_agent.config import AgentConfig, Proxy
from node_agent.doctor import examine
from node_agent.finding import Finding, Verdict
from node_agent.hub_check import seen_as
from node_agent.log_check import look_at_log
from node_agent.settings import load
from tests.hub.guarded import AGENT_A, LONG_AGO, TOKENS, Certified, guarded_hub, write_private
from tests.hub.streams import running_hub
from tests.node_agent.build import lines
from tests.node_agent.conftest import Place

CLF = Path(__file__).parents[1] / "data" / "clf" / "traefik-3.7.15.log"


async def found(config: AgentConfig, subject: str) -> Finding:
    """What the doctor says of this."""
    findings = [one async for one in examine(config)]
    (one,) = [one for one in findings if one.subject == subject]
    return one


def log_of(path: Path) -> Finding:
    return look_at_log(Proxy(name="private", kind="private", access_log=path))


@pytest.fixture
def nobody() -> Iterator[None]:
    """For a while an ordinary user, who cannot read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    yield
    os.seteuid(0)


def test_a_log_whose_directory_is_not_mounted(tmp_path: Path) -> None:
    finding = log_of(tmp_path / "traefik" / "private.jsonl")
    assert finding.verdict is Verdict.BAD
    assert "does not exist: mount the directory of the access log there" in finding.text


def test_a_log_that_traefik_does_not_write(tmp_path: Path) -> None:
    finding = log_of(tmp_path / "private.jsonl")
    assert finding.verdict is Verdict.BAD
    assert "accessLog.filePath" in finding.text


def test_a_log_with_the_wrong_permission(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for directory in (tmp_path, *list(tmp_path.parents)[:3]):
        if directory.stat().st_uid == os.geteuid() and directory != Path("/tmp"):
            directory.chmod(0o755)
    path = tmp_path / "private.jsonl"
    path.write_bytes(lines(0, 3))
    path.chmod(0o600 if os.geteuid() == 0 else 0)
    request.getfixturevalue("nobody")
    finding = log_of(path)
    assert finding.verdict is Verdict.BAD
    assert f"{path} may not be read by user" in finding.text
    assert f"group {path.stat().st_gid}" in finding.text


def test_a_log_in_the_common_log_format_shows_the_lines_to_add(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_bytes(CLF.read_bytes())
    finding = log_of(path)
    assert finding.verdict is Verdict.BAD
    assert "common log format" in finding.text
    assert f"filePath: {path}\n  format: json" in finding.text


def test_a_log_without_the_fields_that_calls_are_made_of(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_bytes(b'{"DownstreamStatus":200,"RequestPath":"/"}\n')
    assert "lacks StartUTC, ClientAddr" in log_of(path).text


def test_an_empty_log_and_one_without_ids_get_advice(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_bytes(b"")
    assert (log_of(path).verdict, "is empty" in log_of(path).text) == (Verdict.ADVICE, True)
    plain = {"StartUTC": "2026-11-22T10:00:00Z", "ClientAddr": "1.2.3.4:5", "RequestPath": "/"}
    path.write_text(str(plain).replace("'", '"') + "\n")
    assert "no trace or hop ids" in log_of(path).text
    plain["TraceId"] = "0af7651916cd43dd8448eb211c80319c"
    path.write_text(str(plain).replace("'", '"') + "\n")
    assert log_of(path).verdict is Verdict.GOOD


async def test_a_hub_that_is_not_there(place: Place) -> None:
    finding = await found(load(place.config), "hub")
    assert finding.verdict is Verdict.BAD
    assert "Is the hub running, is [hub] address right" in finding.text


async def test_a_hub_that_takes_the_server_and_a_clock_that_agrees(place: Place) -> None:
    async with running_hub(place.directory):
        config = load(place.config)
        assert (await found(config, "hub")).verdict is Verdict.GOOD
        assert (await found(config, "clock")).verdict is Verdict.GOOD
        assert (await found(config, "state")).verdict is Verdict.GOOD


@pytest.mark.parametrize(("off_s", "way"), [(300, "behind"), (-300, "ahead of")])
async def test_a_clock_five_minutes_off(place: Place, off_s: int, way: str) -> None:
    clock = lambda: time.time_ns() + off_s * 10**9  # noqa: E731
    async with running_hub(place.directory, clock=clock):
        finding = await found(load(place.config), "clock")
    assert finding.verdict is Verdict.BAD
    assert f"clock is 300 s {way} the hub's" in finding.text
    assert "NTP" in finding.text


async def test_a_running_agent_is_left_alone(place: Place) -> None:
    async with running_hub(place.directory) as hub, place.agent() as agent:
        place.append(lines(0, 1))
        while not agent._session.streaming:
            await agent._pump.rest(0.05)
        finding = await found(load(place.config), "hub")
        assert (finding.verdict, "reports for it now" in finding.text) == (Verdict.GOOD, True)
        assert agent._session.streaming
        assert hub


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    made = Certified.make(tmp_path)
    made.issue("agent", ["server-a"], CLIENT)
    write_private(tmp_path / "tokens.toml", TOKENS)
    return made


GUARDED = 'tokens_file = "tokens.toml"\n[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\n'


def agent_of(directory: Path, address: str, token: str = AGENT_A) -> AgentConfig:
    write_private(directory / "agent.token", token)
    place = Place(directory)
    place.address = address
    place.write_config(
        'token_file = "agent.token"\n'
        'tls = { ca = "ca.pem", cert = "agent.pem", key = "agent.key" }\n'
    )
    return load(place.config)


async def test_a_wrong_token(certified: Certified, tmp_path: Path) -> None:
    async with guarded_hub(tmp_path, grpc_=GUARDED) as hub:
        config = agent_of(tmp_path, hub.grpc)
        assert (await found(config, "hub")).verdict is Verdict.GOOD
        finding = await found(agent_of(tmp_path, hub.grpc, "not-the-right-token-at-all"), "hub")
    assert finding.verdict is Verdict.BAD
    assert "hopwatch-hub enroll SERVER --force" in finding.text


async def test_an_expired_certificate_of_the_agents_own(
    certified: Certified, tmp_path: Path
) -> None:
    certified.issue("agent", ["server-a"], CLIENT, LONG_AGO)
    finding = await found(agent_of(tmp_path, "127.0.0.1:1"), "certificate")
    assert finding.verdict is Verdict.BAD
    assert "agent.pem expired" in finding.text
    assert "hopwatch-hub enroll SERVER --certificates --force" in finding.text


async def test_an_expired_certificate_of_the_hub(certified: Certified, tmp_path: Path) -> None:
    certified.issue("hub", ["127.0.0.1"], SERVER, LONG_AGO)
    async with guarded_hub(tmp_path, grpc_=GUARDED) as hub:
        finding = await found(agent_of(tmp_path, hub.grpc), "hub")
    assert finding.verdict is Verdict.BAD
    assert "the hub's certificate is not trusted (certificate has expired)" in finding.text


def at(place: Place) -> AgentConfig:
    """The configuration there, with an address of each kind."""
    config = load(place.config)
    addresses = {"internal_addresses": ("10.10.0.11",), "public_addresses": ("198.51.100.1",)}
    return config.model_copy(update={"server": config.server.model_copy(update=addresses)})


SEEN = {
    "as its internal address": ("10.10.0.11", Verdict.GOOD, "as configured"),
    "as its public one": ("198.51.100.1", Verdict.GOOD, "as configured"),
    "as an IPv4 address in IPv6's form": ("::ffff:10.10.0.11", Verdict.GOOD, "10.10.0.11, as"),
    "as another one": (
        "10.8.0.3",
        Verdict.ADVICE,
        "the hub sees this server as 10.8.0.3; configured are 10.10.0.11, 198.51.100.1. Where other"
        ' servers see it so, too, their calls from here are shown as outside: add "10.8.0.3" to',
    ),
}


@pytest.mark.parametrize("how", SEEN)
def test_from_where_the_hub_sees_it(place: Place, how: str) -> None:
    seen, verdict, text = SEEN[how]
    finding = seen_as(at(place), seen)
    assert finding is not None and finding.subject == "addresses"
    assert finding.verdict is verdict and text in finding.text


@pytest.mark.parametrize("seen", ["", "127.0.0.1", "::1"])
def test_a_hub_on_this_machine_tells_nothing_of_addresses(place: Place, seen: str) -> None:
    assert seen_as(at(place), seen) is None


def test_the_command_says_what_is_wrong_and_exits_with_1(place: Place) -> None:
    ran = CliRunner().invoke(main, ["--config", str(place.config), "doctor"])
    assert ran.exit_code == 1
    said = ran.output.splitlines()
    assert any(line.startswith("bad     log of private:") for line in said)
    assert any(line.startswith("bad     hub:") for line in said)
