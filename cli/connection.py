"""The wire to a hub's read side.

In: settings and requests of `observe.proto`. Out: its answers. Whatever gRPC says of a failure
becomes one sentence: `Unreachable` where another attempt may succeed, `WrongUsage` where the
request was wrong, `Problem` for the rest.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

# gRPC would write lines of its own for what is said here once.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from hopwatch.v1 import observe_pb2 as pb
from hopwatch.v1 import observe_pb2_grpc

from cli.defaults import ANSWER_S, CONNECT_MS, KEEPALIVE_MS, MAX_MESSAGE_BYTES
from cli.problems import Problem, Unreachable, WrongUsage
from cli.settings import Settings, content_of, secret

_OPTIONS = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_MS),
    ("grpc.http2.max_pings_without_data", 0),
    # So is the bound of one attempt to connect called, too.
    ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
    # Each attempt is a new channel of its own: no memory of earlier failures.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)
FOLLOWING = "hopwatch-following"
"""In the initial metadata of a stream that a hub has begun to follow."""
_GONE = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)


class Connection:
    """One open channel."""

    def __init__(self, channel: grpc.Channel, settings: Settings) -> None:
        self._settings = settings
        self._stub: Any = observe_pb2_grpc.ObserveStub(channel)  # type: ignore[no-untyped-call]
        token = settings.token
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    def calls(
        self, request: pb.GetCallsRequest, opened: Callable[[], None] | None = None
    ) -> Iterator[pb.GetCallsResponse]:
        """Kept calls, oldest first; with `follow`, new ones until the hub or the reader ends.

        `opened` is called when a hub takes the request to follow.
        """
        stream = self._stub.GetCalls(request, metadata=self._metadata)
        try:
            if opened is not None and FOLLOWING in dict(stream.initial_metadata()):
                opened()
            yield from stream
        except grpc.RpcError as error:
            raise self._explained(error) from None
        finally:
            stream.cancel()

    def topology(self) -> pb.GetTopologyResponse:
        """Servers, nodes and edges."""
        answer: pb.GetTopologyResponse = self._ask(self._stub.GetTopology, pb.GetTopologyRequest())
        return answer

    def export(self, request: pb.ExportCallsRequest) -> Iterator[pb.ExportCallsResponse]:
        """Kept calls as text, newest first."""
        stream = self._stub.ExportCalls(request, metadata=self._metadata)
        try:
            yield from stream
        except grpc.RpcError as error:
            raise self._explained(error) from None
        finally:
            stream.cancel()

    def edges(self, request: pb.GetEdgesRequest) -> pb.GetEdgesResponse:
        """What edges carried."""
        answer: pb.GetEdgesResponse = self._ask(self._stub.GetEdges, request)
        return answer

    def servers(self) -> pb.ServerStatusResponse:
        """How each server's reporting stands."""
        answer: pb.ServerStatusResponse = self._ask(
            self._stub.ServerStatus, pb.ServerStatusRequest()
        )
        return answer

    def _ask(self, method: Any, request: Any) -> Any:
        try:
            return method(request, metadata=self._metadata, timeout=ANSWER_S)
        except grpc.RpcError as error:
            raise self._explained(error) from None

    def _explained(self, error: Any) -> Problem:
        code, details = error.code(), error.details() or ""
        where = self._settings.address
        if code in _GONE:
            certain = _about_tls(details)
            if certain:
                return Problem(f"{where}: {certain}")
            return Unreachable(f"{where}: {_why_gone(code, details, self._settings)}")
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            return WrongUsage(details)
        if code is grpc.StatusCode.UNAUTHENTICATED:
            return Problem(f"{where}: {details}. {_which_token(self._settings)}")
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return Problem(f"{where}: no hub of this version answers there ({details})")
        return Problem(f"{where}: {code.name.lower()}: {details}")


@contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    """A channel for as long as the block; nothing is sent before the first request."""
    channel = _channel(settings)
    try:
        yield Connection(channel, settings)
    except KeyboardInterrupt:
        raise  # the process ends at once, and its sockets with it: see `Group.invoke`
    except BaseException:
        channel.close()
        raise
    channel.close()


def _channel(settings: Settings) -> grpc.Channel:
    if not settings.tls:
        return grpc.insecure_channel(settings.address, options=_OPTIONS)
    ca = content_of(settings.ca) if settings.ca else _system_authorities()
    key = secret(settings.key, "the private key") if settings.key else None
    cert = content_of(settings.cert) if settings.cert else None
    _check_files(settings, ca)
    credentials = grpc.ssl_channel_credentials(ca, key, cert)
    return grpc.secure_channel(settings.address, credentials, options=_OPTIONS)


def _system_authorities() -> bytes | None:
    """Those that the system trusts; None: those that come with gRPC."""
    file = ssl.get_default_verify_paths().cafile
    with suppress(OSError):
        if file:
            with open(file, "rb") as opened:  # noqa: PTH123 - a path of the standard library
                return opened.read()
    return None


def _check_files(settings: Settings, ca: bytes | None) -> None:
    """gRPC would only say that it cannot make a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if settings.ca and ca is not None:
            context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
    except ssl.SSLError:
        raise WrongUsage(f"{settings.ca}: holds no PEM certificate") from None
    try:
        if settings.cert:
            context.load_cert_chain(settings.cert, settings.key, password=lambda: "")
    except ssl.SSLError:
        raise WrongUsage(
            f"{settings.key} and {settings.cert}: must be PEM files, of each other, without a "
            "password"
        ) from None


def _about_tls(details: str) -> str | None:
    """What a failed handshake means, where gRPC names it."""
    if "CERTIFICATE_VERIFY_FAILED" in details:
        why = details.rpartition("CERTIFICATE_VERIFY_FAILED: ")[2].removesuffix(": OK")
        return f"the hub's certificate is not trusted ({why}): see --ca"
    if "Hostname Verification Check failed" in details:
        return "the hub's certificate is not of the name in its address: see --hub"
    if "WRONG_VERSION_NUMBER" in details:
        return "no TLS is spoken there: leave --ca and --tls out, or set [grpc.tls] at the hub"
    return None


def _why_gone(code: grpc.StatusCode, details: str, settings: Settings) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {ANSWER_S:.0f} s"
    if "Socket closed" in details or "recvmsg" in details:
        if not settings.tls:
            return f"closed without a word ({details}); does the hub want TLS? See --ca"
        if settings.cert is None:
            return f"closed without a word ({details}); does the hub want a certificate? See --cert"
    if "failed to connect" in details or "resolution failed" in details:
        last = details.rpartition("last error: ")[2].strip("; ")
        return f"no hub is there ({last}). Is it running, has it read its journal, is --hub right?"
    return details or "the connection ended"


def _which_token(settings: Settings) -> str:
    if settings.token is None:
        return "Give one: --token-file, HOPWATCH_TOKEN, or token_file in the configuration"
    return "Make one at the hub: hopwatch-hub enroll --reader NAME"
