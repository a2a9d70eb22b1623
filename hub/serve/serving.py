"""The gRPC server: addresses bound, services added, health and reflection on.

Enters: addresses ("host:port", "unix:/path"), callables that add their service to the server, and
credentials for TLS, which every address has that is no Unix socket.
Leaves: a started server with the addresses it got (port 0 becomes a real one), or a `ListenError`
with one line. What always holds: an address is served by one hub, never shared; a Unix socket is
its user's only (0600), and the file of one that nobody answers is replaced.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from hub.config import split_address
from hub.defaults import KEEPALIVE_S, MAX_MESSAGE_BYTES

AddService = Callable[[grpc.aio.Server], None]

OPTIONS: Final[list[tuple[str, int]]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 16_384),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", int(KEEPALIVE_S * 1000)),
    ("grpc.keepalive_timeout_ms", int(KEEPALIVE_S * 1000)),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
]


class ListenError(Exception):
    """An address cannot be bound; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A started server."""

    server: grpc.aio.Server
    addresses: tuple[str, ...]
    """As bound, for clients: "127.0.0.1:40123", "unix:/path"."""
    health: Any

    async def stop(self, grace_s: float) -> None:
        """Say NOT_SERVING, refuse new calls, give the others `grace_s`, remove the sockets."""
        await self.health.enter_graceful_shutdown()
        await self.server.stop(grace_s)
        _remove_sockets(self.addresses)


async def serve(
    listen: Iterable[str],
    servicers: Iterable[AddService],
    names: Iterable[str] = (),
    credentials: grpc.ServerCredentials | None = None,
    interceptors: Iterable[grpc.aio.ServerInterceptor] = (),
) -> Listening:
    """Bind all addresses and start. `names`: of the services, for health and reflection."""
    server = grpc.aio.server(interceptors=list(interceptors), options=OPTIONS)
    for add in servicers:
        add(server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    for name in ("", *names):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection(
        (*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server
    )
    bound = tuple([_bind(server, address, credentials) for address in listen])
    await server.start()
    return Listening(server, bound, checks)


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    if address.startswith("unix:"):
        _bind_unix(server, address)
        return address
    host, port = split_address(address)
    _check_port(address, host, port)
    try:
        if credentials is None:
            got = server.add_insecure_port(address)
        else:
            got = server.add_secure_port(address, credentials)
    except RuntimeError:
        raise ListenError(f"{address} cannot be listened on") from None
    return f"{address.rpartition(':')[0]}:{got}"


def _check_port(address: str, host: str, port: int) -> None:
    """gRPC says only that it failed; a socket says why."""
    try:
        family, kind, proto, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"{address} is in use by another process; stop it, or change grpc.listen"
            ) from None
        raise ListenError(f"{address} cannot be listened on: {error.strerror}") from None


def _bind_unix(server: grpc.aio.Server, address: str) -> None:
    path = Path(address.removeprefix("unix:"))
    remove_stale_socket(address, path)
    mask = os.umask(0o177)  # From its first moment on the socket is this user's only.
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        writable = path.parent.is_dir() and os.access(path.parent, os.W_OK)
        why = "the path may be too long" if writable else f"{path.parent} cannot be written"
        raise ListenError(f"{address} cannot be listened on: {why}") from None
    finally:
        os.umask(mask)


def _remove_sockets(addresses: Iterable[str]) -> None:
    for address in addresses:
        if address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def remove_stale_socket(address: str, path: Path) -> None:
    """Remove the file of a socket that nobody answers. Raises `ListenError`."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{address}: {path} is there and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        with suppress(ConnectionRefusedError, FileNotFoundError):
            probe.connect(str(path))
            raise ListenError(f"{address} is in use by another process; stop it first")
    path.unlink(missing_ok=True)
