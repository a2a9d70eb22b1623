"""A read-only proxy of an engine's socket, as docker-socket-proxy is one: GET only, and only what
is allowed."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class SocketProxy:
    """One at work."""

    address: str = ""
    """As `[docker] socket` takes it."""
    stuck: str = "nothing"
    """Paths with this in them are answered when the proxy ends."""
    ended: threading.Event = field(default_factory=threading.Event)
    refused: list[str] = field(default_factory=list)
    refused_twice: threading.Event = field(default_factory=threading.Event)


@contextmanager
def socket_proxy(engine_socket: str, allowed: Collection[str]) -> Iterator[SocketProxy]:
    """Start one, and end it."""
    proxy = SocketProxy()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            path = re.sub(r"^/v[\d.]+", "", self.path)
            if self.command != "GET" or path.lstrip("/").split("/")[0].split("?")[0] not in allowed:
                proxy.refused.append(f"{self.command} {path}")
                if len(proxy.refused) > 1:
                    proxy.refused_twice.set()
                self.close_connection = True
                self.send_error(403)
                return
            if proxy.stuck in path:
                proxy.ended.wait()
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(engine_socket)
                request = f"GET {self.path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
                engine.sendall(request.encode())
                while block := engine.recv(65_536):
                    self.wfile.write(block)
                    self.wfile.flush()
            self.close_connection = True

        do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = _answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        proxy.address = f"tcp://127.0.0.1:{server.server_port}"
        yield proxy
    finally:
        proxy.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
