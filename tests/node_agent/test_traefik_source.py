"""The Traefik API as captured, served by a small real HTTP server with pages."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from hopwatch.v1 import ingest_pb2 as pb

from node_agent.traefik_source import TraefikSource

CAPTURED = Path(__file__).parents[1] / "data" / "samples" / "traefik-api"
FILES = {
    "/api/http/routers": "http_routers.json",
    "/api/http/services": "http_services.json",
    "/api/entrypoints": "entrypoints.json",
}
PAGE = 4


class Api(BaseHTTPRequestHandler):
    broken = False
    refused = 0

    def do_GET(self) -> None:
        Api.refused += Api.broken
        url = urlsplit(self.path)
        entries = json.loads((CAPTURED / FILES[url.path]).read_text())
        page = int(parse_qs(url.query).get("page", ["1"])[0])
        last = page * PAGE >= len(entries)
        body = json.dumps(entries[(page - 1) * PAGE : page * PAGE]).encode()
        self.send_response(500 if Api.broken else 200)
        self.send_header("X-Next-Page", "1" if last else str(page + 1))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Api.broken, Api.refused = False, 0
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_every_page_is_read_and_an_api_that_goes_is_told_once(api: str) -> None:
    reports: asyncio.Queue[pb.Inventory] = asyncio.Queue()
    with structlog.testing.capture_logs() as said:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            task = group.create_task(TraefikSource("private", api, poll_s=0.02).run(reports.put))
            found = await reports.get()
            Api.broken = True
            while Api.refused < 4 or len(said) < 2:  # noqa: ASYNC110 - another thread's count
                await asyncio.sleep(0.01)
            Api.broken = False
            while len(said) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            task.cancel()
    assert len(found.routers) == len(json.loads((CAPTURED / "http_routers.json").read_text()))
    router = next(each for each in found.routers if each.name == "communicating@file")
    assert (router.proxy, router.rule) == ("private", "PathPrefix(`/communicating`)")
    assert (router.service, list(router.entry_points)) == ("communicating", ["web"])
    service = next(each for each in found.services if each.name == "communicating@file")
    assert list(service.urls) == ["http://communicating-service"]
    assert {point.name for point in found.entry_points} == {"traefik", "web", "websecure"}
    assert [entry["event"] for entry in said] == [
        "traefik api answers",
        "traefik api does not answer",
        "traefik api answers",
    ]
