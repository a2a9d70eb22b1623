"""What the agent shows the hub: read with care, and explained when it is not taken."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.guard.certificates import CLIENT
from node_agent.config import Hub, Tls
from node_agent.credentials import UnusableCredentials, explain, hint, read
from node_agent.settings import ConfigError, load
from node_agent.uplink import Disconnected, Stream
from tests.hub.guarded import Certified, write_private

TOKEN = "token-of-server-a"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    Certified.make(tmp_path).issue("agent", ["server-a"], CLIENT)
    tls = Tls(ca=tmp_path / "ca.pem", cert=tmp_path / "agent.pem", key=tmp_path / "agent.key")
    token = write_private(tmp_path / "agent.token", f"{TOKEN}\n")
    return Hub(address="hub:7443", token_file=token, tls=tls)


def test_every_file_is_read_and_nothing_secret_is_shown(hub: Hub) -> None:
    shown = read(hub)
    assert shown.token == TOKEN
    assert shown.key is not None
    assert TOKEN not in repr(shown)
    assert "PRIVATE" not in repr(shown)
    assert read(hub) == shown


@pytest.mark.parametrize("name", ["agent.token", "agent.key"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602])
def test_secrets_that_others_can_use_are_refused(
    hub: Hub, tmp_path: Path, name: str, mode: int
) -> None:
    path = tmp_path / name
    path.chmod(mode)
    what = "the token" if name == "agent.token" else "the private key"
    with pytest.raises(UnusableCredentials) as refused:
        read(hub)
    assert str(refused.value) == (
        f"{path}: {what} can be used by others (mode {mode:04o}); run: chmod 600 {path}"
    )
    path.chmod(0o400)
    read(hub)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("agent.token", b"", "holds no token"),
        ("agent.token", b"a\nb", "holds no token"),
        ("agent.token", "é".encode() * 9, "holds no token"),
        ("ca.pem", b"nonsense", "ca.pem: holds no PEM certificate"),
        ("agent.key", b"nonsense", "must be PEM files"),
        ("agent.pem", b"", "must be PEM files"),
        ("agent.key", None, "No such file"),
        ("ca.pem", None, "No such file"),
    ],
)
def test_unusable_files_are_told(
    hub: Hub, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    (tmp_path / name).unlink()
    if content is not None:
        write_private(tmp_path / name, content)
    with pytest.raises(UnusableCredentials, match=said):
        read(hub)


def test_key_and_certificate_must_be_of_each_other(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Certified.make(tmp_path / "other").issue("agent")
    write_private(tmp_path / "agent.key", other.key)
    with pytest.raises(UnusableCredentials, match="are not of each other"):
        read(hub)


AGENT_TOML = """
[server]
id = "server-a"
[hub]
address = "{address}"
{rest}
[[proxies]]
name = "p"
kind = "private"
access_log = "p.jsonl"
"""


@pytest.mark.parametrize(
    ("address", "rest", "good"),
    [
        ("hub.internal:7443", 'token_file = "t"', False),
        ("10.1.2.3:7443", 'token_file = "t"', False),
        ("[2001:db8::1]:7443", 'token_file = "t"', False),
        ("127.0.0.1.evil.example:7443", 'token_file = "t"', False),
        ("hub.internal:7443", 'token_file = "t"\ntls = {}', True),
        ("hub.internal:7443", "", True),
        ("127.0.0.1:7443", 'token_file = "t"', True),
        ("[::1]:7443", 'token_file = "t"', True),
        ("localhost:7443", 'token_file = "t"', True),
        ("unix:/run/hub.sock", 'token_file = "t"', True),
    ],
)
def test_a_token_never_crosses_a_network_as_plaintext(
    tmp_path: Path, address: str, rest: str, good: bool
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(AGENT_TOML.format(address=address, rest=rest))
    if good:
        load(file)
        return
    with pytest.raises(ConfigError, match="would cross the network as plaintext"):
        load(file)


def test_what_grpc_says_of_a_handshake_is_put_into_words() -> None:
    verify = "Tls handshake failed: CERTIFICATE_VERIFY_FAILED: certificate has expired: OK"
    assert explain(verify) == (
        "the hub's certificate is not trusted (certificate has expired): see hub.tls.ca"
    )
    assert "hub.address" in str(explain("x: Hostname Verification Check failed."))
    assert "speaks no TLS" in str(explain("SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER"))
    assert explain("Connection refused") is None
    assert "want TLS" in hint("Socket closed", None)
    assert "hub.tls.cert" in hint("Socket closed", Tls())
    assert "this agent's certificate" in hint("Socket closed", Tls(cert=Path("c"), key=Path("k")))
    assert hint("Connection refused", None) == ""


class Broken:
    """A call whose connection is closed after these messages."""

    def __init__(self, *messages: pb.HubMessage) -> None:
        self.messages = list(messages)

    async def read(self) -> pb.HubMessage:
        if not self.messages:
            raise grpc.aio.UsageError
        return self.messages.pop(0)

    def cancelled(self) -> bool:
        return False

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    async def details(self) -> str:
        return "Stream removed (Socket closed)"


async def test_a_hub_that_has_answered_is_not_asked_whether_it_wants_tls() -> None:
    with pytest.raises(Disconnected, match="does the hub want TLS"):
        await Stream(Broken()).receive()
    stream = Stream(Broken(pb.HubMessage()))
    await stream.receive()
    with pytest.raises(Disconnected) as end:
        await stream.receive()
    assert end.value.reason == "Stream removed (Socket closed)"
