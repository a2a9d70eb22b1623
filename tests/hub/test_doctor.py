"""What keeps a hub from working, and what its doctor says of it."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.__main__ import main
from hub.config import HubConfig, load
from hub.doctor import Finding, Verdict, examine
from hub.guard.certificates import SERVER
from tests.hub.guarded import LONG_AGO, NOW, TOKENS, Certified, guarded_hub, write_private

TLS = 'tokens_file = "tokens.toml"\n[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\n'


def config(directory: Path, grpc: str = "", **more: str) -> HubConfig:
    http = more.get("http", 'listen = "127.0.0.1:1"')
    text = f'[grpc]\n{grpc}\n[http]\n{http}\n[data]\ndirectory = "data"\n{more.get("data", "")}\n'
    (directory / "hub.toml").write_text(text)
    return load(directory / "hub.toml")


def said(config: HubConfig, subject: str) -> list[Finding]:
    return [one for one in examine(config) if one.subject == subject]


def test_a_hub_that_does_not_run_has_room_and_its_ports(tmp_path: Path) -> None:
    found = [*examine(config(tmp_path, 'listen = ["127.0.0.1:0"]'))]
    assert [one.verdict for one in found if one.subject == "data"] == [Verdict.GOOD]
    assert "it does not run" in next(one.text for one in found if one.subject == "hub")


def test_a_full_disk(tmp_path: Path) -> None:
    (finding,) = said(config(tmp_path, data="reserve_mib = 900000000"), "data")
    assert finding.verdict is Verdict.BAD
    assert "the hub acknowledges nothing. Make room" in finding.text


def test_a_port_that_somebody_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        (finding,) = said(config(tmp_path, f'listen = ["127.0.0.1:{port}"]'), "port")
    assert finding.verdict is Verdict.BAD
    assert "choose another" in finding.text


@pytest.mark.parametrize("name", ["tokens.toml", "hub.pem", "hub.key"])
def test_a_secret_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    Certified.make(tmp_path)
    write_private(tmp_path / "tokens.toml", TOKENS)
    told = config(tmp_path, TLS)
    (tmp_path / name).unlink()
    found = said(told, "secrets")
    assert found and all(one.verdict is Verdict.BAD for one in found)
    assert name in found[0].text


@pytest.mark.parametrize(
    ("issued", "verdict"),
    [(LONG_AGO, Verdict.BAD), (NOW, None)],
)
def test_a_certificate_that_has_expired(
    issued: object, verdict: Verdict | None, tmp_path: Path
) -> None:
    made = Certified.make(tmp_path)
    made.issue("hub", ["127.0.0.1"], SERVER, issued)  # type: ignore[arg-type]
    write_private(tmp_path / "tokens.toml", TOKENS)
    found = said(config(tmp_path, TLS), "certificate")
    assert [one.verdict for one in found] == ([verdict] if verdict else [])


def test_a_certificate_that_expires_soon(tmp_path: Path) -> None:
    Certified.make(tmp_path)
    write_private(tmp_path / "tokens.toml", TOKENS)
    told = config(tmp_path, TLS)
    from hub.doctor import _expires

    soon = _expires(tmp_path / "hub.pem") - timedelta(days=3)
    (finding,) = [one for one in examine(told, soon) if one.subject == "certificate"]
    assert (finding.verdict, "expires in 3 days" in finding.text) == (Verdict.ADVICE, True)


async def test_a_running_hub_tells_of_its_servers(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path) as hub, hub.agent(None) as agent:
        await agent.join()
        found = await asyncio.to_thread(lambda: [*examine(load(tmp_path / "hub.toml"))])
    assert [one.verdict for one in found if one.subject == "hub"] == [Verdict.GOOD]
    assert [one.verdict for one in found if one.subject == "server server-a"] == [Verdict.GOOD]


def test_the_command_exits_with_1_where_something_is_wrong(tmp_path: Path) -> None:
    config(tmp_path, data="reserve_mib = 900000000")
    ran = CliRunner().invoke(main, ["--config", str(tmp_path / "hub.toml"), "doctor"])
    assert ran.exit_code == 1
    assert any(line.startswith("bad     data:") for line in ran.output.splitlines())
