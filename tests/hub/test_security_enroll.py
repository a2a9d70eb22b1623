"""`hopwatch-hub enroll`, as people call it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from hub.__main__ import main
from hub.config import load
from hub.guard.auth import Readers, Tokens
from hub.guard.certificates import Authority, Pair
from hub.guard.keyring import Keyring
from node_agent.config import Hub
from node_agent.credentials import read

from .guarded import AGENT_A, TOKENS, guarded_hub, write_private
from .streams import hello

HUB_TOML = """
[grpc]
listen = ["0.0.0.0:7443"]
tokens_file = "tokens.toml"
[http]
readers_file = "readers.toml"
[data]
directory = "data"
"""


@pytest.fixture
def hub_toml(tmp_path: Path) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text(HUB_TOML)
    return path


def enroll(hub_toml: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["enroll", "--config", str(hub_toml), *arguments])


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_server_gets_a_token_that_the_hub_keeps_only_as_a_hash(
    hub_toml: Path, tmp_path: Path
) -> None:
    done = enroll(hub_toml, "server-a", "--hub-address", "hub.internal:7443")
    assert done.exit_code == 0, done.output
    snippet = tomllib.loads(done.stdout)
    assert snippet == {
        "server": {"id": "server-a"},
        "hub": {"address": "hub.internal:7443", "token_file": "agent.token"},
    }
    file = tmp_path / "data" / "enrolled" / "server-a" / "agent.token"
    token = file.read_text().strip()
    assert (len(token), mode(file), mode(file.parent)) == (43, 0o600, 0o700)
    tokens = tmp_path / "tokens.toml"
    assert mode(tokens) == 0o600
    assert token not in tokens.read_text()
    assert token not in done.output
    assert Tokens.load(tokens).check("server-a", token) is None
    assert "SIGHUP" in done.stderr
    assert str(file) in done.stdout


def test_other_entries_comments_and_order_stay(hub_toml: Path, tmp_path: Path) -> None:
    tokens = write_private(tmp_path / "tokens.toml", f"# ours\n{TOKENS}# the end\n")
    assert enroll(hub_toml, "server-c").exit_code == 0
    text = tokens.read_text()
    assert text.startswith(f"# ours\n{TOKENS}# the end\n")
    assert Tokens.load(tokens).check("server-a", AGENT_A) is None


def test_a_server_is_enrolled_twice_only_by_force(hub_toml: Path, tmp_path: Path) -> None:
    assert enroll(hub_toml, "server-a").exit_code == 0
    file = tmp_path / "data" / "enrolled" / "server-a" / "agent.token"
    first = file.read_text().strip()
    again = enroll(hub_toml, "server-a")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "enrolled already; --force" in again.stderr
    assert file.read_text().strip() == first
    assert enroll(hub_toml, "server-a", "--force").exit_code == 0
    tokens = Tokens.load(tmp_path / "tokens.toml")
    assert tokens.check("server-a", first) is not None
    assert tokens.check("server-a", file.read_text().strip()) is None


def test_a_reader_gets_a_token_on_standard_output(hub_toml: Path, tmp_path: Path) -> None:
    done = enroll(hub_toml, "--reader", "ann@example.com")
    assert done.exit_code == 0
    assert Readers.load(tmp_path / "readers.toml").name(done.stdout.strip()) == "ann@example.com"
    again = enroll(hub_toml, "--reader", "ann@example.com")
    assert (again.exit_code, again.stdout) == (1, "")


def test_what_certificates_are_made_serves_a_hub_and_its_agent(
    hub_toml: Path, tmp_path: Path
) -> None:
    done = enroll(hub_toml, "server-a", "--certificates", "--hub-address", "hub.internal:7443")
    assert done.exit_code == 0, done.output
    data = tmp_path / "data"
    place = data / "enrolled" / "server-a"
    for secret in (data / "ca.key", data / "hub.key", place / "agent.key", place / "agent.token"):
        assert mode(secret) == 0o600
    hub_toml.write_text(HUB_TOML + done.stderr[done.stderr.index("[grpc.tls]") :].split("\ncop")[0])
    assert enroll(hub_toml, "--reader", "ann").exit_code == 0
    Keyring(load(hub_toml))
    section = tomllib.loads(done.stdout)["hub"]
    for key in ("ca", "cert", "key"):
        section["tls"][key] = place / section["tls"][key]
    shown = read(Hub(**{**section, "token_file": place / "agent.token"}))
    own = x509.load_pem_x509_certificate(shown.cert or b"")
    assert own.subject.rfc4514_string() == "CN=server-a"
    names = x509.load_pem_x509_certificate((data / "hub.pem").read_bytes()).extensions
    hosts = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "hub.internal" in hosts.get_values_for_type(x509.DNSName)
    ca_key = (data / "ca.key").read_bytes()
    assert enroll(hub_toml, "server-b", "--certificates").exit_code == 0
    assert (data / "ca.key").read_bytes() == ca_key
    later = enroll(hub_toml, "server-c", "--hub-address", "elsewhere:1", "--certificates")
    assert "does not name elsewhere" in later.stderr


AT_ONCE = """
import sys
from hub.__main__ import main

path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.read()
main(["enroll", "--config", path, name, "--certificates"], standalone_mode=False)
for number in range(15):
    main(["enroll", "--config", path, "--reader", f"{name}-{number}"], standalone_mode=False)
"""


def test_of_two_processes_that_enroll_at_once_neither_loses_a_token(
    hub_toml: Path, tmp_path: Path
) -> None:
    names = ("server-a", "server-b")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, str(hub_toml), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    tokens = {}
    for name, process in zip(names, both, strict=True):
        out, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        tokens[name] = out.splitlines()[-15:]
    readers = Readers.load(tmp_path / "readers.toml")
    for name in names:
        assert [readers.name(token) for token in tokens[name]] == [f"{name}-{n}" for n in range(15)]
    data = tmp_path / "data"
    servers = Tokens.load(tmp_path / "tokens.toml")
    authority = Authority(Pair((data / "ca.pem").read_bytes(), (data / "ca.key").read_bytes()))
    for name in names:
        place = data / "enrolled" / name
        assert servers.check(name, (place / "agent.token").read_text().strip()) is None
        assert authority.has_issued((place / "agent.pem").read_bytes())
    assert mode(tmp_path / ".tokens.toml.lock") == 0o600


async def test_a_hub_takes_a_server_that_is_enrolled_while_it_runs(tmp_path: Path) -> None:
    write_private(tmp_path / "tokens.toml", TOKENS)
    async with guarded_hub(tmp_path, "", 'tokens_file = "tokens.toml"') as hub:
        assert enroll(tmp_path / "hub.toml", "server-c").exit_code == 0
        token = (tmp_path / "data/enrolled/server-c/agent.token").read_text().strip()
        hub.hub.reload()
        async with hub.agent(token) as agent:
            await agent.join(hello("server-c"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "give a SERVER, or --reader NAME"),
        (["server-a", "--reader", "ann"], 2, "give a SERVER, or --reader NAME"),
        (["Server A"], 1, '"Server A": a server id has'),
        (["../../etc"], 1, "a server id has"),
        (["--reader", "a b"], 1, "a name has"),
        (["server-a", "--hub-address", "nowhere"], 1, "must be"),
    ],
)
def test_wrong_arguments_are_told(
    hub_toml: Path, arguments: list[str], code: int, said: str
) -> None:
    done = enroll(hub_toml, *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_hub_without_the_files_or_with_open_ones_says_what_to_do(
    hub_toml: Path, tmp_path: Path
) -> None:
    hub_toml.write_text('[data]\ndirectory = "data"\n')
    for arguments in (["server-a"], ["--reader", "ann"]):
        done = enroll(hub_toml, *arguments)
        assert done.exit_code == 1
        assert "is not set; add to" in done.stderr
    hub_toml.write_text(HUB_TOML)
    write_private(tmp_path / "tokens.toml", TOKENS).chmod(0o644)
    done = enroll(hub_toml, "server-c")
    assert done.exit_code == 2
    assert "run: chmod 600" in done.stderr
    assert not (tmp_path / "data" / "ca.key").exists()


def test_the_command_still_checks_and_runs_without_a_subcommand(
    hub_toml: Path, tmp_path: Path
) -> None:
    unsafe = CliRunner().invoke(main, ["--config", str(hub_toml), "--check-config"])
    assert unsafe.exit_code == 2
    assert "enroll SERVER --code" in unsafe.stderr
    hub_toml.write_text(HUB_TOML.replace("0.0.0.0", "127.0.0.1"))
    missing = CliRunner().invoke(main, ["--config", str(hub_toml), "--check-config"])
    assert (missing.exit_code, missing.stderr.count("does not exist yet")) == (2, 2)
    assert enroll(hub_toml, "server-a").exit_code == 0
    assert enroll(hub_toml, "--reader", "ann").exit_code == 0
    good = CliRunner().invoke(main, ["--config", str(hub_toml), "--check-config"])
    assert (good.exit_code, good.stdout) == (0, f"{hub_toml}: good\n")
