"""Host and Origin: names that are not this hub's, and pages that are not its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from hub.config import ConfigError, load
from hub.guard.hosts import Hosts

from .guarded import READERS, bearer, free_port, guarded_hub, write_private

LOOPBACK, LAN = "127.0.0.1", "192.0.2.5"

ALLOWED = [
    ("127.0.0.1:8082", "127.0.0.1:8082", LOOPBACK, ()),
    ("127.0.0.1:8082", "127.0.0.1", LOOPBACK, ()),
    ("127.0.0.1:8082", "localhost:9000", LOOPBACK, ()),
    ("127.0.0.1:8082", "LOCALHOST", LOOPBACK, ()),
    ("127.0.0.1:8082", "[::1]:8082", LOOPBACK, ()),
    ("[::1]:8082", "[::1]:8082", "::1", ()),
    ("0.0.0.0:8082", f"{LAN}:8082", LAN, ()),
    ("[::]:8082", f"{LAN}:8082", f"::ffff:{LAN}", ()),
    ("0.0.0.0:8082", "hub.example.com", LAN, ("hub.example.com",)),
    ("0.0.0.0:8082", "Hub.Example.com:8443", LAN, ("hub.example.com",)),
    ("0.0.0.0:8082", "hub.example.com:8443", LAN, ("hub.example.com:8443",)),
    ("hub.internal:8082", "hub.internal:8082", LAN, ()),
    ("unix:/run/hub.sock", "anything", None, ()),
    ("unix:/run/hub.sock", "hub.example.com", None, ("hub.example.com",)),
]
REFUSED = [
    ("127.0.0.1:8082", "evil.example", LOOPBACK, ()),
    ("127.0.0.1:8082", "evil.example:8082", LOOPBACK, ()),
    ("127.0.0.1:8082", "127.0.0.1.evil.example", LOOPBACK, ()),
    ("127.0.0.1:8082", "localhost.evil.example", LOOPBACK, ()),
    ("127.0.0.1:8082", "x.localhost", LOOPBACK, ()),
    ("127.0.0.1:8082", "127.0.0.1@evil.example", LOOPBACK, ()),
    ("127.0.0.1:8082", "", LOOPBACK, ()),
    ("127.0.0.1:8082", ":8082", LOOPBACK, ()),
    ("127.0.0.1:8082", "[::1", LAN, ()),
    ("0.0.0.0:8082", "localhost", LAN, ()),
    ("0.0.0.0:8082", "127.0.0.1", LAN, ()),
    ("0.0.0.0:8082", "192.0.2.6", LAN, ()),
    ("0.0.0.0:8082", "0.0.0.0", LAN, ()),
    ("0.0.0.0:8082", "hub.example.com:1", LAN, ("hub.example.com:8443",)),
    ("0.0.0.0:8082", "evil.hub.example.com", LAN, ("hub.example.com",)),
    ("unix:/run/hub.sock", "evil.example", None, ("hub.example.com",)),
]


@pytest.mark.parametrize(("listen", "host", "local", "allowed"), ALLOWED)
def test_names_of_this_hub(
    listen: str, host: str, local: str | None, allowed: tuple[str, ...]
) -> None:
    assert Hosts(listen, allowed).allows(host, local)


@pytest.mark.parametrize(("listen", "host", "local", "allowed"), REFUSED)
def test_names_of_others(
    listen: str, host: str, local: str | None, allowed: tuple[str, ...]
) -> None:
    assert not Hosts(listen, allowed).allows(host, local)


@pytest.mark.parametrize(
    ("origin", "host", "https", "own"),
    [
        ("http://127.0.0.1:8082", "127.0.0.1:8082", False, True),
        ("https://hub.example.com", "hub.example.com", True, True),
        ("https://hub.example.com", "127.0.0.1:8082", True, True),
        ("https://hub.example.com", "127.0.0.1:8082", False, True),
        ("http://hub.example.com", "hub.example.com", True, False),
        ("http://127.0.0.1:1", "127.0.0.1:8082", False, False),
        ("http://evil.example", "127.0.0.1:8082", False, False),
        ("https://hub.example.com.evil.example", "hub.example.com", True, False),
        ("null", "127.0.0.1:8082", False, False),
        ("file://", "127.0.0.1:8082", False, False),
        ("", "127.0.0.1:8082", False, False),
        ("http://[", "127.0.0.1:8082", False, False),
        ("ftp://127.0.0.1:8082", "127.0.0.1:8082", False, False),
    ],
)
def test_pages_of_this_hub(origin: str, host: str, https: bool, own: bool) -> None:
    hosts = Hosts("127.0.0.1:8082", ["hub.example.com"])
    assert hosts.same_origin(origin, host, https=https) is own


async def test_a_rebound_name_is_refused_everywhere_but_at_the_probes(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path) as hub, hub.client(headers={"Host": "evil.example"}) as client:
        for path in ("/", "/api/v1/servers", "/metrics", "/nowhere", "/network_info"):
            refused = await client.get(path)
            assert refused.status_code == 421, path
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert "http.allowed_hosts" in refused.json()["detail"]
        assert (await client.get("/readyz")).status_code == 200
        forwarded = {"X-Forwarded-Host": "127.0.0.1", "Forwarded": "host=127.0.0.1"}
        assert (await client.get("/", headers=forwarded)).status_code == 421


async def test_a_socket_of_a_foreign_page_or_name_is_refused(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path, 'allowed_hosts = ["hub.example.com"]') as hub:
        for headers, status in (
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": hub.url.replace("127.0.0.1", "localhost")}, 403),
            ({"Origin": "http://hub.example.com", "X-Forwarded-Proto": "https"}, 403),
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with hub.socket(additional_headers=headers):
                    pass
            assert refused.value.response.status_code == status
        for origin in (hub.url, "https://hub.example.com"):
            async with hub.socket(additional_headers={"Origin": origin}) as socket:
                assert "snapshot" in str(await socket.recv())


async def test_a_hub_on_a_socket_is_its_users_only_and_takes_what_its_proxy_says(
    tmp_path: Path,
) -> None:
    path = tmp_path / "http.sock"
    write_private(tmp_path / "readers.toml", READERS)
    (tmp_path / "hub.toml").write_text(
        f'[grpc]\nlisten = ["127.0.0.1:{free_port()}"]\n[http]\nlisten = "unix:{path}"\n'
        'auth = "proxy-header"\n[data]\ndirectory = "data"\nreserve_mib = 0\n'
    )
    from hub.hub import Hub

    hub = Hub(load(tmp_path / "hub.toml"))
    running = asyncio.create_task(hub.run())
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        async with asyncio.timeout(10):
            while not path.exists() or (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.02)
        assert path.stat().st_mode & 0o777 == 0o600
        assert (await client.get("/api/v1/servers")).status_code == 401
        named = await client.get("/api/v1/servers", headers={"X-Forwarded-User": "ann"})
        assert named.status_code == 200
    hub.stop()
    await running
    assert not path.exists()


async def test_plain_http_beyond_this_machine_is_for_the_proxies_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "readers.toml", READERS)
    port = free_port()
    (tmp_path / "hub.toml").write_text(
        f'[grpc]\nlisten = ["127.0.0.1:{free_port()}"]\n[http]\nlisten = "0.0.0.0:{port}"\n'
        'auth = "token"\nreaders_file = "readers.toml"\ntrusted_proxies = ["192.0.2.0/24"]\n'
        '[data]\ndirectory = "data"\nreserve_mib = 0\n'
    )
    from hub.hub import Hub

    hub = Hub(load(tmp_path / "hub.toml"))
    running = asyncio.create_task(hub.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        async with asyncio.timeout(10):
            while True:
                try:
                    await client.get("/readyz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
        refused = await client.get("/api/v1/servers", headers=bearer("token-of-reader-ann"))
        assert refused.status_code == 403
        assert (await client.get("/login")).status_code == 403
    hub.stop()
    await running


HTTP_CASES = [
    ('listen = "0.0.0.0:1"\nauth = "token"\nreaders_file = "r"', "http.listen"),
    ('listen = "0.0.0.0:1"\nauth = "proxy-header"', "http.listen"),
    ('auth = "token"', "http.auth"),
    ('allowed_hosts = ["https://x"]', "http.allowed_hosts[0]"),
    ('allowed_hosts = ["x:y"]', "http.allowed_hosts[0]"),
    ('proxy_header = "a b"', "http.proxy_header"),
    ('trusted_proxies = ["10.0.0.1/8"]', "http.trusted_proxies[0]"),
    ("session_hours = 0", "http.session_hours"),
    ('[http.tls]\ncert = "x"', "http.tls.key"),
    ('[http.tls]\ncert = "x"\nkey = "y"\nca = "z"', "http.tls.ca"),
]


@pytest.mark.parametrize(("text", "key"), HTTP_CASES)
def test_a_wrong_or_unsafe_http_section_is_told(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "hub.toml").write_text(f"[http]\n{text}\n")
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "hub.toml")
    assert [problem.startswith(f"hub.toml: {key}") for problem in raised.value.problems] == [True]
