"""hub.toml, the environment and flags; and what is said about wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from hub.config import ConfigError, load
from hub.guard.auth import Tokens

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "hub.toml") -> Path:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
        return tmp_path / name

    return write_file


FULL = """
[grpc]
listen = ["127.0.0.1:7443", "unix:/run/hopwatch/hub.sock"]
tokens_file = "tokens.toml"
[http]
listen = "127.0.0.1:8082"
auth = "none"
[data]
directory = "data"
retention_days = 7
recent_calls = 5000
[[sources]]
name = "office-vpn"
cidrs = ["10.8.0.0/24", "fd00::/8"]
"""


def test_the_contracts_file_is_read_and_paths_are_relative_to_it(
    write: Write, tmp_path: Path
) -> None:
    config = load(write(FULL))
    assert config.grpc.listen == ("127.0.0.1:7443", "unix:/run/hopwatch/hub.sock")
    assert config.grpc.tokens_file == tmp_path / "tokens.toml"
    assert config.data.directory == tmp_path / "data"
    assert config.data.recent_calls == 5000
    assert config.sources[0].cidrs == (ip_network("10.8.0.0/24"), ip_network("fd00::/8"))


def test_without_a_file_the_defaults_hold() -> None:
    config = load(None)
    assert config.http.listen == "127.0.0.1:8082"
    assert config.data.directory == Path("/var/lib/hopwatch-hub")
    assert (config.data.retention_days, config.data.recent_calls) == (7, 1_000_000)
    assert config.data.reserve_mib == 64


def test_flags_override_variables_and_variables_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(FULL)
    monkeypatch.setenv("HOPWATCH_HTTP__LISTEN", "127.0.0.1:1111")
    monkeypatch.setenv("HOPWATCH_DATA__RETENTION_DAYS", "3")
    monkeypatch.setenv("HOPWATCH_GRPC__LISTEN", "127.0.0.1:1, unix:/x")
    assert load(file).http.listen == "127.0.0.1:1111"
    config = load(file, http__listen="[::1]:2222", data__directory=None)
    assert config.http.listen == "[::1]:2222"
    assert config.data.retention_days == 3
    assert config.data.recent_calls == 5000
    assert config.grpc.listen == ("127.0.0.1:1", "unix:/x")
    monkeypatch.setenv("HOPWATCH_GRPC__LISTEN", '["unix:/y"]')
    assert load(file).grpc.listen == ("unix:/y",)


WRONG = [
    (
        '[http]\nauth = "non"',
        'hub.toml: http.auth = "non": must be "none", "token" or "proxy-header"',
    ),
    (
        '[http]\nauth = "token"',
        'hub.toml: http.auth = "token": needs http.readers_file, with the readers\' tokens',
    ),
    ('[http]\nlistn = "x"', 'hub.toml: http.listn = "x": unknown key; did you mean "listen"?'),
    ("[htp]\n", 'hub.toml: htp = {}: unknown key; did you mean "http"?'),
    ("http = 3", "hub.toml: http = 3: must be a section, [name]"),
    ("[http]\nlisten = 3", "hub.toml: http.listen = 3: must be text, in quotes"),
    (
        '[http]\nlisten = "x"',
        'hub.toml: http.listen = "x": must be "address:port", "[v6 address]:port" or "unix:/path"',
    ),
    (
        '[http]\nlisten = "0.0.0.0:80"',
        'hub.toml: http.listen = "0.0.0.0:80": with auth = "none" only loopback ("127.0.0.1:8082")'
        ' or "unix:/path" is allowed; set auth = "token" and [http.tls], or put a proxy',
    ),
    (
        '[grpc]\nlisten = ["10.0.0.1:7443"]',
        'hub.toml: grpc.listen = "10.0.0.1:7443": without tokens anybody could report for any'
        " server; set grpc.tokens_file and [grpc.tls] (`hopwatch-hub init` does), or"
        ' listen on loopback or "unix:/path"',
    ),
    ("[grpc]\nlisten = []", "hub.toml: grpc.listen = []: must not be empty"),
    (
        '[grpc]\nlisten = ["a:99999"]',
        'hub.toml: grpc.listen[0] = "a:99999": must be "address:port"',
    ),
    ("[data]\nrecent_calls = 5", "hub.toml: data.recent_calls = 5: must be 1000 or more"),
    ('[data]\nretention_days = "a"', 'hub.toml: data.retention_days = "a": must be a whole number'),
    (
        '[[sources]]\nname = "a"\ncidrs = ["10.8.0.1/24"]',
        'hub.toml: sources[0].cidrs[0] = "10.8.0.1/24": must be networks such as "10.8.0.0/24"',
    ),
    ('[[sources]]\ncidrs = ["::/0"]', "hub.toml: sources[0].name: is missing"),
    ("[http]\nlisten = x", "hub.toml: not valid TOML: Invalid value (at line 2, column 10)"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_file_is_named_with_key_value_and_what_is_allowed(
    write: Write, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write(text))
    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(said)


def test_every_problem_gets_its_line(write: Write) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write('[http]\nauth = "x"\n[data]\nretention_days = 0\nfoo = 1'))
    assert len(raised.value.problems) == 3


def test_a_wrong_variable_or_flag_is_called_by_its_name(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_DATA__RECENT_CALLS", "many")
    with pytest.raises(ConfigError) as raised:
        load(write(FULL), http__listen="0.0.0.0:1")
    assert raised.value.problems == ['HOPWATCH_DATA__RECENT_CALLS = "many": must be a whole number']
    monkeypatch.delenv("HOPWATCH_DATA__RECENT_CALLS")
    with pytest.raises(ConfigError, match=r'^--http-listen = "0.0.0.0:1": with auth'):
        load(write(FULL), http__listen="0.0.0.0:1")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hub\.toml: cannot be read: No such file"):
        load(tmp_path / "hub.toml")


def test_a_later_problem_with_the_environment_of_an_agent_is_none(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_HUB__ADDRESS", "hub:7443")
    load(write(FULL))


# --- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tokens.toml: holds no token"),
        ('server-a = "short"', "tokens.toml: server-a: a token has 16 or more"),
        (
            'server-a = "0123456789abcdef"\nserver-b = "0123456789abcdef"',
            "tokens.toml: server-a and server-b have the same token; give them two",
        ),
        ('server-a = "sha256:12"', 'tokens.toml: server-a: must be a token, or "sha256:"'),
        ("server-a = 5", "tokens.toml: server-a: must be a token"),
        ('"Server A" = "0123456789abcdef"', 'tokens.toml: "Server A": a server id has'),
        ("x", "tokens.toml: not valid TOML"),
    ],
)
def test_a_wrong_tokens_file_is_explained_without_showing_a_token(
    write: Write, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        Tokens.load(write(text, "tokens.toml"))
    assert raised.value.problems[0].startswith(said)
    assert "short" not in str(raised.value)
