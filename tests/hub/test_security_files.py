"""Secrets in files, and configurations that would show them: refused, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import ConfigError, load
from hub.guard.keyring import Keyring

from .guarded import READERS, TOKENS, Certified, write_private

MUTUAL = '[grpc.tls]\ncert = "hub.pem"\nkey = "hub.key"\nclient_ca = "ca.pem"\n'


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    write_private(tmp_path / "tokens.toml", TOKENS)
    write_private(tmp_path / "readers.toml", READERS)
    return Certified.make(tmp_path)


def test_keys_and_tokens_that_others_can_use_are_refused(
    tmp_path: Path, certified: Certified
) -> None:
    (tmp_path / "hub.toml").write_text(
        '[grpc]\ntokens_file = "tokens.toml"\n[http]\nreaders_file = "readers.toml"\n' + MUTUAL
    )
    config = load(tmp_path / "hub.toml")
    Keyring(config)
    for name, what in (
        ("hub.key", "the private key"),
        ("tokens.toml", "the tokens file"),
        ("readers.toml", "the tokens file"),
    ):
        for mode in (0o640, 0o604, 0o620, 0o644):
            (tmp_path / name).chmod(mode)
            with pytest.raises(ConfigError) as refused:
                Keyring(config)
            path = tmp_path / name
            assert refused.value.problems == [
                f"{path}: {what} can be used by others (mode {mode:04o}); run: chmod 600 {path}"
            ]
        (tmp_path / name).chmod(0o400)
        Keyring(config)
    (tmp_path / "hub.pem").chmod(0o644)
    Keyring(config)


def test_wrong_certificate_files_are_told(tmp_path: Path, certified: Certified) -> None:
    (tmp_path / "hub.toml").write_text(MUTUAL)
    config = load(tmp_path / "hub.toml")
    hub_key = (tmp_path / "hub.key").read_bytes()
    ca = (tmp_path / "ca.pem").read_bytes()

    def said() -> str:
        with pytest.raises(ConfigError) as refused:
            Keyring(config)
        return str(refused.value)

    write_private(tmp_path / "hub.key", certified.issue("other").key)
    assert "are not of each other" in said()
    write_private(tmp_path / "hub.key", b"nonsense")
    assert "must be PEM files" in said()
    (tmp_path / "hub.key").unlink()
    assert "cannot be read: No such file" in said()
    write_private(tmp_path / "hub.key", hub_key)
    (tmp_path / "ca.pem").write_bytes(b"nonsense")
    assert "ca.pem: holds no PEM certificate" in said()
    (tmp_path / "ca.pem").write_bytes(ca)
    Keyring(config)


GRPC_CASES = [
    ("", False, "without tokens anybody could report"),
    ('tokens_file = "t"', False, "everybody on the way can read the tokens"),
    ("[grpc.tls]\ncert = 'c'\nkey = 'k'", False, "without tokens anybody could report"),
    ('tokens_file = "t"\n[grpc.tls]\ncert = "c"\nkey = "k"', True, ""),
    ('[grpc.tls]\ncert = "c"\nkey = "k"\nclient_ca = "ca"', True, ""),
]


@pytest.mark.parametrize(("text", "safe", "said"), GRPC_CASES)
@pytest.mark.parametrize("listen", ["0.0.0.0:7443", "10.1.2.3:7443", "hub:7443", "[::]:7443"])
def test_plaintext_tokens_are_refused_off_loopback(
    tmp_path: Path, listen: str, text: str, safe: bool, said: str
) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(f'[grpc]\nlisten = ["{listen}"]\n{text}\n')
    if safe:
        load(file)
        return
    with pytest.raises(ConfigError, match=said):
        load(file)
    for local in ("127.0.0.1:7443", "localhost:7443", "[::1]:7443", "unix:/run/x.sock"):
        file.write_text(f'[grpc]\nlisten = ["{local}"]\n{text}\n')
        load(file)
