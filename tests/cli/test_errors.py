"""What `hopwatch` says when it cannot, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..hub.guarded import (
    READER,
    READERS,
    TOKENS,
    Certified,
    free_port,
    guarded_hub,
    write_private,
)
from .world import environment, run


async def test_no_hub_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    for command in (["status"], ["observe"], ["observe", "-f"], ["export"]):
        ended = await run(tmp_path, *command, "--hub", f"127.0.0.1:{free_port()}")
        assert ended.code == 1
        assert "no hub is there" in ended.err
        assert "Connection refused" in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--hub", "nowhere"], 'hub address "nowhere": must be host:port'),
        (["observe", "--since", "yesterday"], "--since yesterday: must be RFC 3339"),
        (["status", "--cert", "/dev/null"], "a client certificate needs both"),
        (["status", "--ca", "/nowhere/ca.pem"], "/nowhere/ca.pem: No such file"),
        (["status", "--config", "/nowhere.toml"], "/nowhere.toml: No such file"),
        (["nothing"], "No such command"),
    ],
)
async def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = await run(tmp_path, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("addres = 'x:1'", "cli.toml: addres: no such key; there are address"),
        ("tls = 'yes'", "cli.toml: tls = 'yes': must be true or false"),
        ("address =", "cli.toml: no TOML"),
        ("token = 'long-enough-token'", "the token in it can be used by others (mode 0644)"),
        ("token_file = 'open.token'", "open.token: the token can be used by others (mode 0644)"),
    ],
)
async def test_a_wrong_configuration_is_exit_code_2(tmp_path: Path, text: str, said: str) -> None:
    directory = tmp_path / "config" / "hopwatch"
    directory.mkdir(parents=True)
    (directory / "cli.toml").write_text(text)
    (directory / "open.token").write_text("long-enough-token")
    for path in directory.iterdir():
        path.chmod(0o644)
    ended = await run(tmp_path, "status")
    assert (ended.code, said in ended.err) == (2, True), ended.err


async def test_a_token_never_crosses_a_network_readable(tmp_path: Path) -> None:
    ended = await run(tmp_path, "status", "--hub", "192.0.2.1:7443", HOPWATCH_TOKEN="a" * 20)
    assert ended.code == 2
    assert "the token would cross the network readable" in ended.err


async def test_tokens_come_from_flag_environment_and_file_and_a_wrong_one_is_refused(
    tmp_path: Path,
) -> None:
    write_private(tmp_path / "readers.toml", READERS)
    http = 'auth = "token"\nreaders_file = "readers.toml"'
    good = write_private(tmp_path / "good.token", READER + "\n")
    wrong = write_private(tmp_path / "wrong.token", "no-readers-token-at-all")
    async with guarded_hub(tmp_path, http) as hub:
        at = ("status", "--hub", hub.grpc)
        none = await run(tmp_path, *at)
        assert none.code == 1
        assert "reading needs a reader's token" in none.err
        assert "Give one: --token-file" in none.err
        refused = await run(tmp_path, *at, "--token-file", str(wrong))
        assert (refused.code, "this is no reader's token" in refused.err) == (1, True)
        assert "enroll --reader" in refused.err
        assert (await run(tmp_path, *at, "--token-file", str(good))).code == 0
        assert (await run(tmp_path, *at, HOPWATCH_TOKEN_FILE=str(good))).code == 0
        environment_ = {"HOPWATCH_ADDRESS": hub.grpc, "HOPWATCH_TOKEN": READER}
        assert (await run(tmp_path, "status", **environment_)).code == 0
        directory = tmp_path / "config" / "hopwatch"
        directory.mkdir(parents=True)
        (directory / "cli.toml").write_text(
            f'address = "{hub.grpc}"\ntoken_file = "../../good.token"\n'
        )
        assert (await run(tmp_path, "edges")).code == 0
        beaten = await run(tmp_path, "edges", "--token-file", str(wrong))
        assert beaten.code == 1, "a flag beats the file"


async def test_what_is_wrong_with_tls_is_said(tmp_path: Path) -> None:
    certified = Certified.make(tmp_path)
    (tmp_path / "other").mkdir()
    Certified.make(tmp_path / "other", "another CA")
    write_private(tmp_path / "tokens.toml", TOKENS)
    tls = 'tokens_file = "tokens.toml"\n[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\n'
    ca = ("--ca", str(tmp_path / "ca.pem"))
    async with guarded_hub(tmp_path, grpc_=tls) as hub:
        at = ("status", "--hub", hub.grpc)
        assert (await run(tmp_path, *at, *ca)).code == 0
        distrusted = await run(tmp_path, *at, "--ca", str(tmp_path / "other" / "ca.pem"))
        assert (distrusted.code, "is not trusted" in distrusted.err) == (1, True)
        plain = await run(tmp_path, *at)
        assert (plain.code, "does the hub want TLS?" in plain.err) == (1, True), plain.err
    certified.issue("ann")
    mutual = tls + 'client_ca = "ca.pem"\n'
    async with guarded_hub(tmp_path, grpc_=mutual) as hub:
        at = ("status", "--hub", hub.grpc)
        pair = ("--cert", str(tmp_path / "ann.pem"), "--key", str(tmp_path / "ann.key"))
        assert (await run(tmp_path, *at, *ca, *pair)).code == 0
        bare = await run(tmp_path, *at, *ca)
        assert (bare.code, "does the hub want a certificate?" in bare.err) == (1, True), bare.err
    async with guarded_hub(tmp_path) as hub:
        spoken = await run(tmp_path, "status", "--hub", hub.grpc, *ca)
        assert (spoken.code, "no TLS is spoken there" in spoken.err) == (1, True), spoken.err


PROGRAM = "from cli.__main__ import main; main(prog_name='hopwatch')"


def test_version_help_and_completion(tmp_path: Path) -> None:
    def said(*arguments: str, **more: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=environment(tmp_path, **more),
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout

    assert said("--version").startswith("hopwatch, version ")
    assert "--follow" in said("observe", "--help")
    assert "complete" in said(_HOPWATCH_COMPLETE="bash_source")
    words = {"_HOPWATCH_COMPLETE": "bash_complete", "COMP_WORDS": "hopwatch ", "COMP_CWORD": "1"}
    assert "plain,observe" in said(**words)
