"""Hypercorn, set up for the hub: its address checked first, websockets made cheap.

Enters: the application, an address ("host:port" or "unix:/path") and, for TLS, a context. Leaves: a
server that runs until it is told to stop, or a `ListenError` with one line. This is the one place
that reaches into Hypercorn: per-message deflate is off, and `Framed` messages go out as they are.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.protocol import ws_stream
from hypercorn.protocol.events import Data
from quart import Quart
from wsproto.connection import ConnectionState

from hub.config import split_address
from hub.defaults import MAX_SOCKET_MESSAGE_BYTES
from hub.serve.serving import ListenError, remove_stale_socket


def turn_off_deflate() -> None:
    """Websockets without permessage-deflate.

    Hypercorn accepts the extension whenever a browser offers it and has no switch; compressing
    every frame for every viewer costs 0.3 ms each, five times all the rest. Frames are encoded once
    instead.
    """
    ws_stream.server_extensions_handshake = _no_extension  # type: ignore[attr-defined]


def _no_extension(requested: object, supported: object) -> None:
    return None


class Framed(str):
    """A text message with its websocket frame around it, made once for all who get it.

    To Quart it is a string. A server's frames have no mask (RFC 6455, 5.1), so they are the same
    bytes for everybody; to decode, encode and frame them anew for each of 300 viewers costs the hub
    20 us a send of 65.
    """

    wire: bytes

    @classmethod
    def of(cls, text: bytes) -> Framed:
        """The message of this UTF-8 text."""
        size = len(text)
        if size < 126:
            head = bytes([0x81, size])
        elif size < 1 << 16:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        framed = cls()
        framed.wire = head + text
        return framed


def send_framed_as_it_is() -> None:
    """`Framed` messages pass Hypercorn's framing by."""
    stream: Any = ws_stream.WSStream
    if getattr(stream, "passes_framed", False):
        return
    usual = stream._send_wsproto_event

    async def send(self: Any, event: Any) -> None:
        if not isinstance(getattr(event, "data", None), Framed):
            await usual(self, event)
        elif self.connection.state is ConnectionState.OPEN:
            await self.send(Data(stream_id=self.stream_id, data=event.data.wire))

    stream._send_wsproto_event = send
    stream.passes_framed = True


def bind(listen: str) -> socket.socket:
    """A listening socket on host:port or unix:/path. Raises `ListenError`."""
    if listen.startswith("unix:"):
        return _bind_unix(listen)
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"{listen} is in use by another process; stop it, or change http.listen"
            ) from None
        raise ListenError(f"{listen} cannot be listened on: {error.strerror}") from None
    listener.setblocking(False)
    return listener


def _bind_unix(listen: str) -> socket.socket:
    """A Unix socket of this user's only."""
    path = listen.removeprefix("unix:")
    remove_stale_socket(listen, Path(path))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ListenError(f"{listen} cannot be listened on: {error.strerror or error}") from None
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener


def close(listener: socket.socket) -> None:
    """Stop listening; the file of a Unix socket goes, too."""
    path = listener.getsockname() if listener.family == socket.AF_UNIX else None
    listener.close()
    if path:
        Path(path).unlink(missing_ok=True)


class _TlsConfig(Config):
    """Hypercorn's configuration with a context of ours, which can be given new certificates."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._context = context

    @property
    def ssl_enabled(self) -> bool:
        return True

    def create_ssl_context(self) -> ssl.SSLContext:
        return self._context


async def run(
    app: Quart,
    listener: socket.socket,
    stop: Callable[[], Any],
    context: ssl.SSLContext | None = None,
) -> None:
    """Serve until `stop()` returns; with TLS if there is a context."""
    turn_off_deflate()
    send_framed_as_it_is()
    config = Config() if context is None else _TlsConfig(context)
    config.bind = [f"fd://{os.dup(listener.fileno())}"]  # Hypercorn closes what it is given.
    config.accesslog = None
    config.errorlog = None
    config.graceful_timeout = 1.0
    config.websocket_max_message_size = MAX_SOCKET_MESSAGE_BYTES
    await serve(app, config, shutdown_trigger=stop)
