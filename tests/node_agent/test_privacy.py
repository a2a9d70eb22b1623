"""What of paths, queries and addresses leaves the server, as `[privacy]` says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hopwatch.v1 import ingest_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from hub.join.texts import ends_alike
from node_agent.batch import Encoder
from node_agent.lines import Block
from node_agent.parse import parse
from node_agent.path_patterns import MAX_REDACTED, PathPatterns
from node_agent.redact import QueryMode, Redactor, settings
from node_agent.settings import ConfigError, load
from node_agent.truncation import Truncation
from tests.node_agent.build import line
from tests.node_agent.conftest import Place
from tests.node_agent.decode import observations

# --- queries


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a?x=1&y=2", "/a?x=REDACTED&y=REDACTED"),
        ("/a?x=1;y=2&7f3a", "/a?x=REDACTED;y=REDACTED&REDACTED"),
        ("/a?x=a=b==", "/a?x=REDACTED"),
        ("/a?", "/a?"),
        ("/a/b", "/a/b"),
        ("/a?" + "x=1&" * 500, "/a?REDACTED"),
        ("http://ann:pw@host/a?x=1", "http://REDACTED@host/a?x=REDACTED"),
    ],
)
def test_all_values_of_a_query_can_be_redacted(path: str, shown: str) -> None:
    redactor = Redactor(query="all")
    assert (redactor.path(path), redactor.path(shown)) == (shown, shown)


# --- path patterns

USERS = "/users/*/orders"


@pytest.mark.parametrize(
    ("pattern", "path", "shown"),
    [
        (USERS, "/users/7/orders", "/users/REDACTED/orders"),
        (USERS, "/users/7/orders/3?x=/users/8/orders", None),
        (USERS, "/server-b/users/7/orders", "/server-b/users/REDACTED/orders"),
        (USERS, "/users/7/ordersheet", "/users/7/ordersheet"),
        (USERS, "/superusers/7/orders", "/superusers/7/orders"),
        (USERS, "/users//orders", "/users//orders"),
        (USERS, "/us%65rs/7/orders", "/us%65rs/REDACTED/orders"),
        (USERS, "/users/a%2Fb/orders", "/users/REDACTED/orders"),
        ("/users/*", "/users/7/orders", "/users/REDACTED/orders"),
        ("/users/*", "/users/7?x", "/users/REDACTED?x"),
        ("/users/*", "/users/", "/users/"),
        ("/users/*", "/users/7/users/8", "/users/REDACTED/users/REDACTED"),
        ("/users/*", "/users/users/7", "/users/REDACTED/REDACTED"),
        ("/u-*", "/a/u-7/b", "/a/u-REDACTED/b"),
        ("/reset/**", "/reset/a/b/", "/reset/REDACTED/REDACTED/"),
        ("/reset/**", "/reset", "/reset"),
        ("/**", "/a/b", "/REDACTED/REDACTED"),
        ("/a.b/*", "/axb/7", "/axb/7"),
        ("/*/*/x", "/1/2/x", "/REDACTED/REDACTED/x"),
        ("/users/*", "http://host/users/7", "http://host/users/REDACTED"),
        ("/users/*", "*", "*"),
    ],
)
def test_what_a_star_stands_for_is_redacted(pattern: str, path: str, shown: str | None) -> None:
    if shown is None:
        shown = "/users/REDACTED/orders/3?x=/users/8/orders"
    redactor = Redactor(query="none", paths=[pattern])
    assert (redactor.path(path), redactor.path(shown)) == (shown, shown)


def test_patterns_add_up() -> None:
    patterns = PathPatterns(["/users/*", "/users/u-*", "/orders/*"])
    assert patterns.path("/users/u-7/orders/3") == "/users/REDACTED/orders/REDACTED"


def test_a_long_path_does_not_grow_without_end() -> None:
    path = PathPatterns(["/**"]).path("/a" * 10_000)
    assert path == "/REDACTED" * MAX_REDACTED


segments = st.lists(st.sampled_from(["users", "7", "orders", "u-1", "", "%75sers"]), max_size=6)


@given(st.sampled_from(["/users/*", USERS, "/u-*/*", "/users/**"]), segments)
def test_a_prefix_changes_nothing_of_the_rest(pattern: str, rest: list[str]) -> None:
    path = "".join(f"/{segment}" for segment in rest)
    patterns = PathPatterns([pattern])
    assert patterns.path(f"/server-b/app{path}") == f"/server-b/app{patterns.path(path)}"


# --- redacted at one server only


@pytest.mark.parametrize(
    ("longer", "shorter", "alike"),
    [
        ("/b/users/REDACTED/orders", "/users/7/orders", True),
        ("/b/users/7", "/users/REDACTED", True),
        ("/users/7?a=REDACTED&b=REDACTED", "/users/7?a=1&b=2", True),
        ("/users/REDACTED?a=1", "/users/7?REDACTED", True),
        ("/b/users/REDACTED", "/groups/7", False),
        ("/b/users/REDACTED", "/users/7/orders", False),
        ("/users/REDACTED", "/b/users/7", False),
        ("/a?x=REDACTED", "/a?x=1&y=2", False),
        ("/a?x=REDACTED&y=1", "/a?x=1&y=2", False),
        ("/a/b", "/c/b", False),
        ("/REDACTED", "*", False),
    ],
)
def test_the_rest_of_a_path_still_tells_where_one_side_has_redacted_more(
    longer: str, shorter: str, alike: bool
) -> None:
    assert ends_alike(longer, shorter) is alike


# --- addresses


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3::5", "2001:db8:1::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("2002:cb00:714d::1", "2002:cb00:7100::"),
        ("172.20.0.4", "172.20.0.4"),
        ("10.10.0.11", "10.10.0.11"),
        ("127.0.0.1", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fd00::7", "fd00::7"),
        ("someone", "REDACTED"),
        ("", ""),
    ],
)
def test_an_address_of_a_person_loses_its_end(address: str, shown: str) -> None:
    assert Truncation().address(address) == shown


def test_addresses_of_the_federation_stay_whole() -> None:
    truncation = Truncation(["198.51.100.0/28", "198.51.100.99"], ["10.8.0.0/16"])
    ours = ["198.51.100.7", "198.51.100.99"]
    assert [truncation.address(one) for one in ours] == ours
    assert truncation.address("198.51.100.98") == "198.51.100.0"
    assert truncation.address("10.8.0.7") == "10.8.0.0"
    assert truncation.address("198.18.0.12") == "198.18.0.0"
    truncation.peers(["198.18.0.12"])
    assert truncation.address("198.18.0.12") == "198.18.0.12"
    truncation.peers([])
    assert truncation.address("198.18.0.12") == "198.18.0.12", "the hub has not heard it yet"
    assert truncation.address("2001:db8::1:5") == "2001:db8::"
    network = pb.Network(name="v6", subnets=["2001:db8::1:0/112"])
    truncation.inventory(pb.Inventory(networks=[network]))
    assert truncation.address("2001:db8::1:5") == "2001:db8::1:5"


def test_every_address_of_a_forwarded_header_is_truncated() -> None:
    header = '203.0.113.77, 172.20.0.4,"[2001:db8:1:2::5]:443", 198.51.100.7:80, _hidden'
    shown = "203.0.113.0, 172.20.0.4, 2001:db8:1::, 198.51.100.0, REDACTED"
    assert Truncation().forwarded(header) == shown


CLF = '203.0.113.77 - Ann Lee [22/Nov/2026:15:39:36 +0000] "GET /users/7?x=s3cr3t'
JSON = (
    '{"ClientAddr":"203.0.113.77:4711","ClientHost":"2001:db8:1:2::5","ClientUsername":"Ann",'
    '"RequestPath":"/users/7?x=s3cr3t"'
)


LISTED = CLF.replace("77 -", "77, 172.20.0.4 -")


@pytest.mark.parametrize("bad", [CLF, JSON, JSON[:45], JSON[:70], CLF[:18], CLF[:22], LISTED])
def test_a_malformed_line_shows_none_of_it(bad: str) -> None:
    everything = Redactor(query="all", paths=["/users/*"], truncation=Truncation())
    chunk = parse(Block(0, bad.encode() + b"\n"))
    (batch,) = Encoder(everything).encode(1, chunk)
    (sample,) = batch.malformed_samples
    for secret in ("113.77", ":2::5", "db8:1:2", "Ann", "Lee", "users/7", "s3cr3t"):
        assert secret not in sample.text
    assert sample.text


def test_users_are_shown_of_no_malformed_line_but_where_nothing_is_redacted() -> None:
    assert "Ann" not in Redactor().sample(CLF) and "203.0.113.77" in Redactor().sample(CLF)
    assert Redactor(query="none").sample(CLF) == CLF


@pytest.mark.parametrize("count", [3, 300])
@pytest.mark.parametrize("on", [False, True])
def test_rows_and_columns_say_the_same(count: int, on: bool) -> None:
    changes = {
        "ClientAddr": "203.0.113.77:4711",
        "ClientHost": "198.51.100.9, 203.0.113.5",
        "RequestPath": "/b/users/7?q=a",
    }
    log = b"".join(line(number, **changes) for number in range(count))
    redactor = Redactor(query="all", paths=["/users/*"], truncation=Truncation())
    (batch,) = Encoder(redactor if on else None).encode(1, parse(Block(0, log)))
    found = {(row["client"], row["forwarded"], row["path"]) for row in observations(batch)}
    whole = ("203.0.113.77", "198.51.100.9, 203.0.113.5", "/b/users/7?q=a")
    shown = ("203.0.113.0", "198.51.100.0, 203.0.113.0", "/b/users/REDACTED?q=REDACTED")
    assert found == {shown if on else whole}


# --- the configuration


def privacy(place: Place, text: str) -> Path:
    place.write_config()
    with place.config.open("a") as file:
        file.write(f"[privacy]\n{text}\n")
    return place.config


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", "secrets"),
        ("redact_query = true", "secrets"),
        ("redact_query = false", "none"),
        ('redact_query = "none"', "none"),
        ('redact_query = "all"', "all"),
    ],
)
def test_the_query_key_takes_modes_and_what_it_was_before(
    place: Place, text: str, mode: QueryMode
) -> None:
    assert load(privacy(place, text)).privacy.redact_query == mode


def test_the_environment_takes_them_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPWATCH_PRIVACY__REDACT_QUERY", "false")
    monkeypatch.setenv("HOPWATCH_PRIVACY__REDACT_PATHS", '["/users/*", "/reset/**"]')
    config = load(place.config).privacy
    assert (config.redact_query, config.redact_paths) == ("none", ("/users/*", "/reset/**"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('redact_query = "some"', "redact_query"),
        ('redact_paths = ["users/*"]', "must be segments of a path"),
        ('redact_paths = ["/users"]', "must have a star"),
        ('redact_paths = ["/users/"]', "must be segments of a path"),
        ('redact_paths = ["/a/**/b"]', "can only be the last segment"),
        ('redact_paths = ["/a/b**"]', "can only be the last segment"),
        ('truncate_also = ["10.8.0.0/16"]', "needs truncate_clients"),
        ("truncate_ipv4 = 32", "truncate_ipv4"),
    ],
)
def test_a_mistake_is_named(place: Place, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match="privacy") as error:
        load(privacy(place, text))
    assert said in str(error.value)


def test_servers_of_the_same_settings_tell_the_hub_the_same(place: Place) -> None:
    def told(text: str) -> str:
        return settings(load(privacy(place, text)))

    assert told("") == told("truncate_clients = true") == ""
    assert told('redact_parameters = ["token"]') == "", "it is one of them anyway"
    one, other = told('redact_paths = ["/a/*", "/b/*"]'), told('redact_paths = ["/b/*", "/a/*"]')
    assert one == other != ""
    assert len({one, told('redact_query = "all"'), told('redact_parameters = ["no"]'), ""}) == 4
