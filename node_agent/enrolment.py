"""A code in exchange for this server's token: `hopwatch-agent init --code`.

In: the hub's address and a code. Out: the server's id, its token and whom to trust, or a
`NotEnrolled` with one sentence. The hub shows who it is before the code's secret leaves this
machine: its certificate must be the one whose fingerprint stands in the code, and the connection
trusts that certificate alone. Without TLS a code is shown to a hub on this machine only.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import ssl
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field

import grpc
import grpc.aio
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc

from node_agent.config import is_local, split_port
from node_agent.credentials import explain
from node_agent.defaults import ENROL_S

PREFIX = "hw1-"
PART_BYTES = 16


class NotEnrolled(Exception):
    """There is no token; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says. Never shown."""

    secret: bytes = field(repr=False)
    fingerprint: bytes
    """Of the hub's certificate; zeros: the hub has no TLS."""

    @classmethod
    def parse(cls, text: str) -> Code:
        """Raises NotEnrolled where it is none, or was cut off."""
        said = text.strip()
        try:
            data = urlsafe_b64decode(said.removeprefix(PREFIX) + "=")
        except (binascii.Error, ValueError):
            data = b""
        if not said.startswith(PREFIX) or len(data) != 2 * PART_BYTES:
            raise NotEnrolled(
                "this is no enrolment code, or not the whole of it: it begins with hw1- and has 47 "
                "characters; hopwatch-hub enroll SERVER --code prints one"
            )
        return cls(data[:PART_BYTES], data[PART_BYTES:])


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the hub gave."""

    server: str
    token: str = field(repr=False)
    tls: bool
    ca: bytes
    """PEM; empty: the system's CAs know the hub."""


async def redeem(hub: str, code: Code) -> Enrolment:
    """Show the code to the hub. Raises NotEnrolled."""
    pinned = None
    if any(code.fingerprint):
        if hub.startswith("unix:"):
            raise NotEnrolled("the code is for a hub with TLS; over a Unix socket there is none")
        pinned = await asyncio.to_thread(_certificate, hub, code.fingerprint)
    elif not is_local(hub):
        raise NotEnrolled(
            "the code is of a hub without TLS, which must not be reached over a network: set "
            "[grpc.tls] there (hopwatch-hub enroll SERVER --certificates), and make a new code"
        )
    given = await _ask(hub, code.secret, pinned)
    return Enrolment(given.server, given.token, pinned is not None, given.ca)


def _certificate(hub: str, fingerprint: bytes) -> bytes:
    """PEM of the certificate that the hub shows, which must be the one of the code."""
    host, port = split_port(hub)
    try:
        pem = ssl.get_server_certificate((host, port or 443), timeout=ENROL_S)
    except ssl.SSLError:
        raise NotEnrolled(f"{hub} speaks no TLS, and the code is of a hub that does") from None
    except OSError as error:
        raise NotEnrolled(
            f"{hub} does not answer ({error.strerror or error}): is the hub running, is its "
            "address right, is its port open from here?"
        ) from None
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()[:PART_BYTES]
    if not hmac.compare_digest(found, fingerprint):
        raise NotEnrolled(
            f"{hub} is not the hub that made this code, or has another certificate since: the code "
            "was not shown to it. Check the address; hopwatch-hub enroll SERVER --code makes a "
            "new one"
        )
    return pem.encode()


async def _ask(hub: str, secret: bytes, pinned: bytes | None) -> pb.Enrolled:
    if pinned is None:
        channel = grpc.aio.insecure_channel(hub)
    else:
        channel = grpc.aio.secure_channel(hub, grpc.ssl_channel_credentials(pinned))
    async with channel:
        stub = ingest_pb2_grpc.EnrolmentStub(channel)  # type: ignore[no-untyped-call]
        try:
            given: pb.Enrolled = await stub.Enroll(pb.Redemption(secret=secret), timeout=ENROL_S)
        except grpc.aio.AioRpcError as error:
            raise NotEnrolled(_explain(hub, error)) from None
    return given


def _explain(hub: str, error: grpc.aio.AioRpcError) -> str:
    details = error.details() or error.code().name.lower()
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return f"{hub} knows no enrolment codes: it is an older hub; copy the files of `enroll`"
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        why = explain(details) or details
        return (
            f"{hub}: {why}. Is the hub running, is its address right, is its port open from here?"
        )
    return f"{hub} refuses: {details}"
