"""A server that has only a code: it gets a token from the hub that made the code, once."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from hub.__main__ import main
from hub.defaults import CODE_ATTEMPTS
from node_agent.enrolment import Code, Enrolment, NotEnrolled, redeem

from .guarded import Certified, Guarded, guarded_hub, write_private

TLS = """
[grpc.tls]
cert = "hub.pem"
key = "hub.key"
"""


def make_code(directory: Path, *arguments: str) -> str:
    """As the command on the hub's machine prints it."""
    words = ["enroll", "--config", str(directory / "hub.toml"), "--code", *arguments]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    match = re.fullmatch(r"hopwatch-agent init --hub \S+ --code (\S+)", done.stdout.strip())
    assert match
    return match[1]


async def redeemed(hub: Guarded, code: str) -> Enrolment:
    address = hub.grpc.replace("127.0.0.1", "localhost")
    return await redeem(address, Code.parse(code))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A hub's directory, with its own CA."""
    write_private(tmp_path / "tokens.toml", 'other = "a-token-of-some-length"\n')
    made = Certified.make(tmp_path)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    write_private(data / "ca.pem", made.authority.pair.cert)
    write_private(data / "ca.key", made.authority.pair.key)
    return tmp_path


async def test_a_code_gives_a_token_that_works_at_once_and_the_ca(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub:
        got = await redeemed(hub, make_code(place, "server-a"))
        assert (got.server, got.tls) == ("server-a", True)
        assert got.ca == (place / "ca.pem").read_bytes()
        async with hub.agent(got.token, grpc.ssl_channel_credentials(got.ca)) as agent:
            await agent.join()
        assert got.token not in (place / "tokens.toml").read_text()
        assert tomllib.loads((place / "tokens.toml").read_text()).keys() == {"other", "server-a"}


async def test_a_code_works_once(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub:
        code = make_code(place, "server-a")
        await redeemed(hub, code)
        with pytest.raises(NotEnrolled, match=r"no such code.*--code` makes a new one"):
            await redeemed(hub, code)


async def test_of_many_who_show_a_code_at_once_one_gets_the_token(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub:
        code = make_code(place, "server-a")
        tries = [redeemed(hub, code) for _ in range(CODE_ATTEMPTS)]
        got = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(one, Enrolment) for one in got) == 1
        assert all(isinstance(one, Enrolment | NotEnrolled) for one in got)


async def test_a_code_that_is_too_old_is_refused(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub:
        code = make_code(place, "server-a", "--minutes", "0.000001")
        before = (place / "tokens.toml").read_text()
        with pytest.raises(NotEnrolled, match="the code for server-a is too old"):
            await redeemed(hub, code)
        assert (place / "tokens.toml").read_text() == before


async def test_wrong_codes_must_wait_and_right_ones_too_from_there(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub:
        code = make_code(place, "server-a")
        right = Code.parse(code)
        wrong = Code(bytes(16), right.fingerprint)
        address = hub.grpc.replace("127.0.0.1", "localhost")
        for _ in range(CODE_ATTEMPTS):
            with pytest.raises(NotEnrolled, match="no such code"):
                await redeem(address, wrong)
        with pytest.raises(NotEnrolled, match="too many wrong codes; try again in"):
            await redeem(address, right)


async def test_a_hub_that_did_not_make_the_code_is_not_shown_it(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    Certified.make(other, "another CA")
    write_private(other / "tokens.toml", 'other = "a-token-of-some-length"\n')
    async with (
        guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub,
        guarded_hub(other, grpc_='tokens_file = "tokens.toml"' + TLS) as stranger,
    ):
        code = make_code(place, "server-a")
        with pytest.raises(NotEnrolled, match="is not the hub that made this code"):
            await redeemed(stranger, code)
        assert (await redeemed(hub, code)).server == "server-a"  # it was not used up


async def test_without_tls_a_code_is_shown_on_this_machine_only(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"') as hub:
        code = make_code(place, "server-a")
        with pytest.raises(NotEnrolled, match="must not be reached over a network"):
            await redeem("hub.internal:7443", Code.parse(code))
        got = await redeemed(hub, code)
        assert (got.server, got.tls, got.ca) == ("server-a", False, b"")


async def test_a_new_hub_starts_with_a_code_alone(place: Path) -> None:
    (place / "tokens.toml").unlink()
    (place / "hub.toml").write_text('[grpc]\ntokens_file = "tokens.toml"\n[data]\ndirectory="data"')
    code = make_code(place, "server-a")
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"') as hub:
        assert (await redeemed(hub, code)).server == "server-a"


async def test_nobody_answers(place: Path) -> None:
    async with guarded_hub(place, grpc_='tokens_file = "tokens.toml"' + TLS) as hub:
        code = make_code(place, "server-a")
    with pytest.raises(NotEnrolled, match="does not answer"):
        await redeemed(hub, code)


@pytest.mark.parametrize("text", ["", "hw1-", "hw1-abc", "token", "hw2-" + "A" * 43, "hw1-é"])
def test_what_is_no_code_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotEnrolled, match="no enrolment code, or not the whole of it"):
        Code.parse(text)


def refused(directory: Path, *arguments: str) -> str:
    words = ["enroll", "--config", str(directory / "hub.toml"), "--code", *arguments]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1, done.output
    return done.stderr


def test_an_enrolled_server_gets_a_code_only_with_force(place: Path) -> None:
    write_private(place / "tokens.toml", 'server-a = "a-token-of-some-length"\n')
    (place / "hub.toml").write_text('[grpc]\ntokens_file = "tokens.toml"\n[data]\ndirectory="data"')
    assert "enrolled already; --force" in refused(place, "server-a")
    make_code(place, "server-a", "--force")
    kept = (place / "data" / "codes.json").read_text()
    assert "server-a" in kept and "hw1" not in kept
    assert (place / "data" / "codes.json").stat().st_mode & 0o777 == 0o600


def test_where_agents_must_show_certificates_there_are_no_codes(place: Path) -> None:
    client_ca = TLS + 'client_ca = "ca.pem"\n'
    (place / "hub.toml").write_text(
        f'[grpc]\ntokens_file = "tokens.toml"\n{client_ca}[data]\ndirectory = "data"\n'
    )
    assert "enroll SERVER --certificates" in refused(place, "server-a")


def test_a_hub_without_tls_gets_its_certificate_first(tmp_path: Path) -> None:
    toml = '[grpc]\ntokens_file = "tokens.toml"\n{tls}[data]\ndirectory = "data"\n'
    (tmp_path / "hub.toml").write_text(toml.format(tls=""))
    address = "--hub-address", "hub.internal:7443"
    said = refused(tmp_path, "server-a", *address)
    assert "codes need TLS where they cross a network" in said
    lines = said[said.index("[grpc.tls]") :].strip()
    (tmp_path / "hub.toml").write_text(toml.format(tls=f"{lines}\n"))
    assert any(Code.parse(make_code(tmp_path, "server-a", *address)).fingerprint)
