"""Hypercorn, set up for the hub: its address checked first, per-message deflate off.

Enters: the application, an address ("host:port" or "unix:/path") and, for TLS, a context. Leaves: a
server that runs until it is told to stop, or a `ListenError` with one line.
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
from quart import Quart

from hub.config import split_address
from hub.defaults import MAX_SOCKET_MESSAGE_BYTES
from hub.serving import ListenError, remove_stale_socket


def turn_off_deflate() -> None:
    """Websockets without permessage-deflate.

    Hypercorn accepts the extension whenever a browser offers it and has no switch; compressing
    every frame for every viewer costs 0.3 ms each, five times all the rest. Frames are encoded once
    instead.
    """
    ws_stream.server_extensions_handshake = _no_extension  # type: ignore[attr-defined]


def _no_extension(requested: object, supported: object) -> None:
    return None


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
    config = Config() if context is None else _TlsConfig(context)
    config.bind = [f"fd://{os.dup(listener.fileno())}"]  # Hypercorn closes what it is given.
    config.accesslog = None
    config.errorlog = None
    config.graceful_timeout = 1.0
    config.websocket_max_message_size = MAX_SOCKET_MESSAGE_BYTES
    await serve(app, config, shutdown_trigger=stop)
