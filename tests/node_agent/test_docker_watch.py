"""The engine's watch where there is no engine, or a strange one; real ones are in tests/docker."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import msgspec
import structlog

from node_agent.docker_book import Kept, Place, Tenure
from node_agent.docker_watch import DockerWatch

SECOND = 1_000_000_000
ANSWERS = {
    "/version": {"Version": "0", "ApiVersion": "1.41"},
    "/containers/json": [],
    "/networks": [{}],
}


def watch(address: str, kept: Kept | None, changed: threading.Event) -> DockerWatch:
    return DockerWatch(address, (), False, (), (), {}, kept, changed.set)


class Strange(BaseHTTPRequestHandler):
    """Its networks have no ids."""

    asked = threading.Semaphore(0)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/v1.41")
        if path == "/networks":
            Strange.asked.release()
        body = b"" if path == "/events" else json.dumps(ANSWERS[path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def strange_engine(socket: Path) -> Iterator[str]:
    with socketserver.ThreadingUnixStreamServer(str(socket), Strange) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.shutdown()
            thread.join()


def test_what_happened_while_the_agent_was_away_has_no_name(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    begun_ns, seen_ns = now_ns - 60 * SECOND, now_ns - 30 * SECOND
    kept = Kept(
        places={"net": Place("net", ("172.20.0.0/16",), ())},
        tenures=[Tenure("net", "172.20.0.3", "c1", begun_ns, name="shop-1", service="shop")],
        seen_until_ns=seen_ns,
    )
    changed = threading.Event()
    watched = watch(f"unix://{tmp_path}/none.sock", kept, changed)
    watched.start()
    assert changed.wait(30)
    (endpoint,) = watched.inventory().endpoints
    watched.stop()
    assert (endpoint.service, endpoint.valid_from_ns, endpoint.valid_to_ns) == (
        "shop",
        begun_ns,
        seen_ns,
    )
    assert msgspec.json.decode(watched.kept(), type=Kept).seen_until_ns == seen_ns


def test_an_engine_that_answers_strangely_is_asked_again(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as said, strange_engine(tmp_path / "sock") as address:
        watched = watch(address, None, threading.Event())
        watched.start()
        for _ in range(2):
            assert Strange.asked.acquire(timeout=30)
        watched.stop()
    assert ["told what cannot be read: KeyError('Id')" in entry["reason"] for entry in said] == [
        True
    ], "said once"
