"""`hopwatch-agent init` over a real engine with real Traefiks, and every mistake in their logs."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.__main__ import main as hub_main
from node_agent.settings import load
from tests.docker import images
from tests.docker.engine import Engine
from tests.hub.guarded import Certified, guarded_hub, write_private

numbers = itertools.count(1)
ENTRY = "--entrypoints.web.address=:80"
GOOD = (
    ENTRY,
    "--accesslog.filepath=/var/log/traefik/private.jsonl",
    "--accesslog.format=json",
    "--tracing.samplerate=0",
    "--tracing.otlp.http.endpoint=http://127.0.0.1:4318/v1/traces",
)
FILE = """\
entryPoints:
  web: {address: ":80"}   # for everybody
accessLog:
  filePath: "/var/log/traefik/public.jsonl"
  format: json
tracing:
  sampleRate: 0
  otlp: {http: {endpoint: http://127.0.0.1:4318/v1/traces}}
"""


class Traefiks:
    """Starts some, on a network of their own."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.api = engine.api
        self.directory = directory
        self.network = f"init{next(numbers)}"
        self.api.create_network(self.network, driver="bridge")

    def start(
        self, service: str, *words: str, mounts: dict[Path, str] | None = None, **ports: Any
    ) -> None:
        """One, with these flags."""
        binds = [f"{here}:{inside}" for here, inside in (mounts or {}).items()]
        host = self.api.create_host_config(
            network_mode=self.network, binds=binds, port_bindings=ports.get("ports")
        )
        made = self.api.create_container(
            images.TRAEFIK,
            [*words],
            name=f"{self.network}_{service}",
            labels={"com.docker.compose.service": service},
            host_config=host,
            ports=[*(ports.get("ports") or ())],
        )
        self.api.start(made["Id"])

    def close(self) -> None:
        for one in self.api.containers(all=True, filters={"network": self.network}):
            self.api.remove_container(one["Id"], force=True)
        self.api.remove_network(self.network)


@pytest.fixture
def traefiks(engine: Engine, tmp_path: Path) -> Iterator[Traefiks]:
    images.traefik(engine.api)
    made = Traefiks(engine, tmp_path)
    yield made
    made.close()


def init(engine: Engine, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "node_agent", "init", "--docker-socket", engine.host]
    words += ["--output", str(output), "--internal-address", "10.10.0.11", *more]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_two_traefiks_become_a_configuration_that_is_good(
    engine: Engine, traefiks: Traefiks, tmp_path: Path
) -> None:
    private, public = tmp_path / "private-logs", tmp_path / "public-logs"
    (tmp_path / "traefik.yml").write_text(FILE)
    traefiks.start("private-server-proxy", *GOOD, mounts={private: "/var/log/traefik"})
    traefiks.start(
        "public-server-proxy",
        mounts={public: "/var/log/traefik", tmp_path / "traefik.yml": "/etc/traefik/traefik.yml"},
        ports={80: ("0.0.0.0", 8880)},
    )
    ran = init(engine, tmp_path / "made", "--server-id", "server-a", "--hub", "hub.internal:7443")
    assert not ran.returncode, ran.stderr
    assert "to do" not in ran.stdout
    told = tomllib.loads((tmp_path / "made" / "agent.toml").read_text())
    assert told["server"] == {"id": "server-a", "internal_addresses": ["10.10.0.11"]}
    assert told["docker"]["networks"] == [traefiks.network]
    kinds = {one["name"]: (one["kind"], one["access_log"]) for one in told["proxies"]}
    assert kinds == {
        "private-server-proxy": ("private", f"{private}/private.jsonl"),
        "public-server-proxy": ("public", f"{public}/public.jsonl"),
    }
    compose = (tmp_path / "made" / "hopwatch.yaml").read_text()
    assert f"- {private}:/logs/private-server-proxy:ro" in compose
    assert f'group_add: ["{engine.socket.stat().st_gid}"]' in compose
    config = load(tmp_path / "made" / "agent.toml")
    assert config.proxies[0].addresses[0] == "10.10.0.11:80"
    again = init(engine, tmp_path / "made")
    assert again.returncode == 1
    assert "--force replaces it" in again.stderr


MISTAKES = {
    "off": ((ENTRY,), True, "its access log is off. Add to its static configuration:"),
    "standard output": ((ENTRY, "--accesslog=true"), True, "goes to standard output only"),
    "common log format": (
        (ENTRY, "--accesslog.filepath=/var/log/traefik/a.log"),
        True,
        "is in the common log format",
    ),
    "not mounted": (GOOD, False, "is in no mounted directory, so nobody else can read it"),
    "no ids": (GOOD[:3], True, "its lines will have no ids"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_missing_is_said_with_the_lines_to_add(
    mistake: str, engine: Engine, traefiks: Traefiks, tmp_path: Path
) -> None:
    words, mounted, said = MISTAKES[mistake]
    mounts = {tmp_path / "logs": "/var/log/traefik"} if mounted else None
    traefiks.start("proxy", *words, mounts=mounts)
    ran = init(engine, tmp_path / "made")
    assert not ran.returncode, ran.stderr
    (told,) = [part for part in ran.stdout.split("to do: ")[1:] if said in part]
    assert told.startswith("proxy: ")
    if mistake in ("off", "standard output", "common log format"):
        assert "    format: json" in told


async def test_with_a_code_one_command_connects_a_fresh_machine(
    engine: Engine, traefiks: Traefiks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From `init` to the server being visible, on a machine that has an engine and a Traefik."""
    traefiks.start("proxy", *GOOD, mounts={tmp_path / "logs": "/var/log/traefik"})
    place = tmp_path / "hub"
    place.mkdir()
    made = Certified.make(place)
    (place / "data").mkdir(mode=0o700)
    write_private(place / "data" / "ca.pem", made.authority.pair.cert)
    write_private(place / "data" / "ca.key", made.authority.pair.key)
    write_private(place / "tokens.toml", 'other = "a-token-of-some-length"\n')
    tls = 'tokens_file = "tokens.toml"\n[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\n'
    async with guarded_hub(place, grpc_=tls) as hub:
        words = ["enroll", "server-a", "--code", "--config", str(place / "hub.toml")]
        printed = CliRunner().invoke(hub_main, [*words, "--hub-address", hub.grpc]).stdout
        code = printed.split("--code ")[1].strip()
        output = tmp_path / "made"
        began_s = time.monotonic()
        with (tmp_path / "init.out").open("wb") as said:
            agent = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", "node_agent", "init", "--hub", hub.grpc, "--code", code],
                *["--docker-socket", engine.host, "--output", str(output), "--start"],
                stdout=said,
                stderr=said,
                env={**os.environ, "HOPWATCH_STATE__DIRECTORY": str(tmp_path / "state")},
            )
        try:
            async with asyncio.timeout(60), hub.client() as client:
                while not (shown := visible((await client.get("/api/v1/topology")).json())):
                    assert agent.returncode is None, (tmp_path / "init.out").read_text()
                    await asyncio.sleep(0.1)  # The hub has no event for this.
        finally:
            took_s = time.monotonic() - began_s
            agent.terminate()
            await agent.wait()
        assert shown == {"proxy"}
    text = (tmp_path / "init.out").read_text()
    with capsys.disabled():
        print(f" [init to visible: {took_s:.1f} s]", end="")
    assert "enrolled as server-a" in text and "takes this server" in text
    assert (output / "secrets" / "agent.token").stat().st_mode & 0o777 == 0o600
    assert code not in text and (output / "secrets" / "agent.token").read_text().strip() not in text
    told = tomllib.loads((output / "agent.toml").read_text())
    assert told["hub"]["tls"] == {"ca": "secrets/ca.pem"}
    assert told["docker"]["socket"] == engine.host
    assert "./secrets:/etc/hopwatch/secrets:ro" in (output / "hopwatch.yaml").read_text()


def visible(topology: dict[str, Any]) -> set[str]:
    """Names of the containers of server-a that are shown, when its agent is connected."""
    if not any(one["id"] == "server-a" and one["connected"] for one in topology["servers"]):
        return set()
    return {one["name"] for one in topology["nodes"] if one["containers"] or one["proxy_kind"]}


def test_a_code_that_is_none_changes_nothing(
    engine: Engine, traefiks: Traefiks, tmp_path: Path
) -> None:
    ran = init(engine, tmp_path / "made", "--code", "hw1-oops")
    assert ran.returncode == 1
    assert "this is no enrolment code" in ran.stderr
    assert not (tmp_path / "made" / "agent.toml").exists()


def test_without_an_engine_init_says_why(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "node_agent", "init", "--output", str(tmp_path / "made")]
    words += ["--docker-socket", f"unix://{tmp_path}/none.sock"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ})
    assert ran.returncode == 1
    assert "does not exist. Is Docker running" in ran.stderr
    assert not (tmp_path / "made").exists()
