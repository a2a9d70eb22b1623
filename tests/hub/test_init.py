"""`hopwatch-hub init`: a first configuration that is good, and leads on."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result

from hub.__main__ import main
from hub.config import HubConfig, is_local, load
from node_agent.enrolment import Code, redeem

from .guarded import GuardedAgent, free_port, started


def init(directory: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["init", *words, "--output", str(directory)])


def config(directory: Path) -> HubConfig:
    return load(directory / "hub.toml")


@pytest.mark.parametrize(
    ("address", "listen"),
    [
        ("hub.internal", "0.0.0.0:7443"),
        ("hub.internal:9443", "0.0.0.0:9443"),
        ("10.0.0.5", "0.0.0.0:7443"),
        ("fd00::5", "[::]:7443"),
        ("[fd00::5]:9443", "[::]:9443"),
    ],
)
def test_a_hub_that_others_reach_has_tls_and_asks_for_tokens(
    address: str, listen: str, tmp_path: Path
) -> None:
    assert init(tmp_path, address).exit_code == 0
    written = config(tmp_path)
    assert written.grpc.listen == (listen,)
    assert written.grpc.tokens_file == tmp_path / "tokens.toml"
    assert written.grpc.tls is not None and written.grpc.tls.cert.exists()
    assert is_local(written.http.listen)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:9443", "::1", "unix:/run/hub.sock"])
def test_a_hub_for_one_machine_asks_for_nothing(address: str, tmp_path: Path) -> None:
    assert init(tmp_path, address).exit_code == 0
    written = config(tmp_path)
    assert is_local(written.grpc.listen[0])
    assert (written.grpc.tokens_file, written.grpc.tls) == (None, None)


@pytest.mark.parametrize("address", ["", "a b", "a:b:c", "hub:0", "hub:99999", "unix:x", "[::1"])
def test_what_is_no_address_is_refused_and_nothing_written(address: str, tmp_path: Path) -> None:
    done = init(tmp_path, address)
    assert done.exit_code == 1
    assert "must be a host" in done.output
    assert not any(tmp_path.iterdir())


def test_a_file_that_is_there_stays_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("# mine\n")
    done = init(tmp_path, "hub.internal")
    assert (done.exit_code, "--force" in done.output) == (1, True)
    assert (tmp_path / "hub.toml").read_text() == "# mine\n"
    assert init(tmp_path, "hub.internal", "--force").exit_code == 0
    first = (tmp_path / "data" / "hub.pem").read_bytes()
    assert init(tmp_path, "hub.internal", "--force").exit_code == 0
    assert (tmp_path / "data" / "hub.pem").read_bytes() == first


def test_a_hub_that_nobody_is_enrolled_at_says_how(tmp_path: Path) -> None:
    init(tmp_path, "hub.internal")
    done = CliRunner().invoke(main, ["--config", str(tmp_path / "hub.toml"), "--check-config"])
    assert done.exit_code == 2
    assert "`hopwatch-hub enroll`" in done.output


async def test_init_then_enroll_then_the_hub_runs_and_takes_the_code(tmp_path: Path) -> None:
    agents, web, file = free_port(), free_port(), tmp_path / "hub.toml"
    assert init(tmp_path, f"hub.internal:{agents}").exit_code == 0
    file.write_text(file.read_text().replace("127.0.0.1:8082", f"127.0.0.1:{web}"))
    printed = CliRunner().invoke(main, ["--config", str(file), "enroll", "server-a", "--code"])
    line = rf"hopwatch-agent init --hub hub\.internal:{agents} --code (\S+)"
    found = re.fullmatch(line, printed.stdout.strip())
    assert found, printed.output
    async with started(file, f"http://127.0.0.1:{web}"):
        got = await redeem(f"localhost:{agents}", Code.parse(found[1]))
        assert (got.server, got.tls) == ("server-a", True)
        async with GuardedAgent(
            f"localhost:{agents}",
            (("authorization", f"Bearer {got.token}"),),
            credentials=grpc.ssl_channel_credentials(got.ca),
        ) as agent:
            await agent.join()
