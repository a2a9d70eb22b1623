"""Real processes: a hub and an agent that meet over TLS with a token, and change them running."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from hub.__main__ import main
from hub.guard.certificates import SERVER as SERVER_AUTH

from .guarded import LONG_AGO, READER, READERS, Certified, bearer, free_port, write_private

pytestmark = pytest.mark.e2e

LINE = next(
    line
    for file in sorted(Path("tests/data/samples").rglob("*.jsonl"))
    for line in file.read_text().splitlines()
)


class Process:
    """One that runs, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log
        self._seen = 0

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def says(self, pattern: str) -> str:
        """Wait for something said after what was waited for last."""
        try:
            async with asyncio.timeout(20):
                while True:
                    text = self._log.read_text()
                    if found := re.compile(pattern).search(text, self._seen):
                        self._seen = found.end()
                        return text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0]
                    assert self.process.returncode is None, text
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{pattern!r} was not said; it said: {self._log.read_text()[-3000:]}")


@asynccontextmanager
async def running(module: str, config: Path, *, drains: bool = True) -> AsyncIterator[Process]:
    """`drains`: it is asked to end, and must do so well."""
    log = config.with_suffix(".log")
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module, "--config", str(config)),
            stderr=file,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    try:
        yield Process(process, log)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM if drains else signal.SIGKILL)
        async with asyncio.timeout(10):
            assert await process.wait() == 0 or not drains, log.read_text()


class Place:
    """The files of a hub and of one server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.web, self.port = free_port(), free_port()
        self.hub_toml = directory / "hub.toml"
        self.agent_toml = directory / "agent.toml"
        write_private(directory / "readers.toml", READERS)
        self.hub_toml.write_text(
            f'[grpc]\nlisten = ["127.0.0.1:{self.port}"]\ntokens_file = "tokens.toml"\n'
            f'[http]\nlisten = "127.0.0.1:{self.web}"\nauth = "token"\n'
            'readers_file = "readers.toml"\n[data]\ndirectory = "data"\nreserve_mib = 0\n'
        )

    def enroll(self, *arguments: str) -> str:
        """Enroll server-a, and carry its files over."""
        here = ["--config", str(self.hub_toml), "--hub-address", f"127.0.0.1:{self.port}"]
        done = CliRunner().invoke(main, ["enroll", "server-a", *here, *arguments])
        assert done.exit_code == 0, done.output
        for file in (self.directory / "data" / "enrolled" / "server-a").iterdir():
            shutil.move(file, self.directory / file.name)
        self.agent_toml.write_text(
            done.stdout + '[[proxies]]\nname = "private"\nkind = "private"\n'
            'access_log = "access.jsonl"\n[state]\ndirectory = "state"\n'
        )
        return done.stderr

    def write_line(self) -> None:
        with (self.directory / "access.jsonl").open("a") as log:
            log.write(LINE + "\n")

    async def journalled(self, lines: int) -> None:
        async with httpx.AsyncClient(headers=bearer(READER)) as client:

            async def now() -> Any:
                ledger = await client.get(f"http://127.0.0.1:{self.web}/api/v1/ledger")
                return ledger.json()["totals"]["journalled"]

            await until(now, lambda count: count == lines)


async def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> None:
    async with asyncio.timeout(20):
        while not good(await ask()):  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    hints = made.enroll("--certificates")
    section = hints[hints.index("[grpc.tls]") :].partition("\ncopied?")[0]
    with made.hub_toml.open("a") as file:
        file.write(section + "\n")
    made.write_line()
    return made


async def test_tokens_and_certificates_change_while_both_run(place: Place) -> None:
    async with running("hub", place.hub_toml) as hub:
        await hub.says("ready")
        async with running("node_agent", place.agent_toml) as agent:
            await agent.says("hub connected")
            await place.journalled(1)

            place.enroll("--force")  # a new token; the agent's process still shows the old one
            hub.signal(signal.SIGHUP)
            await hub.says("tokens and certificates reloaded")
            told = await agent.says("hub refuses|hub connected")
            if "refuses" in told:
                assert "the token is not known to this hub" in told
                await agent.says("hub connected")  # it reads its token for every attempt
            place.write_line()
            await place.journalled(2)

            agent.signal(signal.SIGHUP)
            await agent.says('"changed": false.*token and certificates reloaded')
            place.enroll("--force", "--certificates")
            agent.signal(signal.SIGHUP)  # the agent is first: the hub does not know it yet
            await agent.says('"changed": true.*token and certificates reloaded')
            assert "not known" in await agent.says("hub refuses")
            hub.signal(signal.SIGHUP)
            await agent.says("hub connected")
            place.write_line()
            await place.journalled(3)

            (place.directory / "agent.key").chmod(0o644)
            agent.signal(signal.SIGHUP)
            assert "chmod 600" in await agent.says("not reloaded, the connection stays")
            (place.directory / "agent.key").chmod(0o600)
            place.write_line()
            await place.journalled(4)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("wrong ca", "the hub's certificate is not trusted .*local issuer"),
        ("expired", "the hub's certificate is not trusted .*certificate has expired"),
        ("another name", "the hub's certificate is not of the name in hub.address"),
        ("an open key", "agent.key: the private key can be used by others .*chmod 600"),
        ("no tls", "does the hub want TLS"),
        ("no certificate", "does the hub want a certificate"),
        ("another server", 'the certificate is that of server-a, not of \\\\"server-b\\\\"'),
    ],
)
async def test_an_agent_says_why_it_is_not_connected(
    place: Place, tmp_path: Path, case: str, said: str
) -> None:
    data, toml = place.directory / "data", place.agent_toml.read_text()
    other = Certified.make(make(tmp_path / "other"), "another CA")
    if case == "wrong ca":
        (tmp_path / "ca.pem").write_bytes(other.authority.pair.cert)
    elif case in ("expired", "another name"):
        hosts, now = (["127.0.0.1"], LONG_AGO) if case == "expired" else (["x.example"], None)
        pair = other.issue("hub", hosts, SERVER_AUTH, **({"now": now} if now else {}))
        write_private(data / "hub.pem", pair.cert)
        write_private(data / "hub.key", pair.key)
        (tmp_path / "ca.pem").write_bytes(other.authority.pair.cert)
    elif case == "an open key":
        (tmp_path / "agent.key").chmod(0o644)
    elif case == "no tls":
        toml = re.sub("tls = .*", "", toml)
    elif case == "no certificate":
        toml = re.sub("tls = .*", 'tls = { ca = "ca.pem" }', toml)
    else:
        toml = toml.replace('id = "server-a"', 'id = "server-b"')
    place.agent_toml.write_text(toml)
    async with running("hub", place.hub_toml, drains=False) as hub:
        await hub.says("ready")
        async with running("node_agent", place.agent_toml, drains=False) as agent:
            await agent.says(said)


async def test_a_hub_does_not_start_with_a_key_that_others_can_use(place: Place) -> None:
    (place.directory / "data" / "hub.key").chmod(0o640)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hub", "--config", str(place.hub_toml)),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert b"hub.key: the private key can be used by others (mode 0640); run: chmod 600" in said


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory
