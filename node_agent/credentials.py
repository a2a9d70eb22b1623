"""What the agent shows the hub, and whom it trusts: read for every connection, and on SIGHUP.

In: the paths of `[hub]`. Out: their content, or `UnusableCredentials` with one sentence: which
file, what is wrong, what to run. A token or a private key that others can read is refused: it has
to be taken for known to them.
"""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path

from node_agent.config import Hub, Tls


class UnusableCredentials(Exception):
    """A token or certificate file cannot be used."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files' content; None: not configured. Never shown."""

    token: str | None = field(repr=False)
    ca: bytes | None = field(repr=False)
    cert: bytes | None = field(repr=False)
    key: bytes | None = field(repr=False)


def read(hub: Hub) -> Credentials:
    """Read and check every file. Raises `UnusableCredentials`."""
    token = _token(hub.token_file) if hub.token_file else None
    tls = hub.tls or Tls()
    ca = _content(tls.ca) if tls.ca else None
    cert = _content(tls.cert) if tls.cert else None
    key = _secret(tls.key, "the private key") if tls.key else None
    _check(tls, ca)
    return Credentials(token, ca, cert, key)


def _token(file: Path) -> str:
    token = _secret(file, "the token").decode(errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise UnusableCredentials(f"{file}: holds no token")
    return token


def _secret(file: Path, what: str) -> bytes:
    content = _content(file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnusableCredentials(
            f"{file}: {what} can be used by others (mode {mode:04o}); run: chmod 600 {file}"
        )
    return content


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnusableCredentials(f"{file}: {error.strerror}") from None


def _check(tls: Tls, ca: bytes | None) -> None:
    """gRPC would only say that it cannot make a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca is not None:
            context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
    except ssl.SSLError:
        raise UnusableCredentials(f"{tls.ca}: holds no PEM certificate") from None
    try:
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key, password=lambda: "")
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        why = "are not of each other" if mismatch else "must be PEM files, without a password"
        raise UnusableCredentials(f"{tls.key} and {tls.cert}: key and certificate {why}") from None


def explain(details: str) -> str | None:
    """What a failed connection means where it is about certificates, in words; else None."""
    if "CERTIFICATE_VERIFY_FAILED" in details:
        why = details.rpartition("CERTIFICATE_VERIFY_FAILED: ")[2].removesuffix(": OK")
        return f"the hub's certificate is not trusted ({why}): see hub.tls.ca"
    if "Hostname Verification Check failed" in details:
        return "the hub's certificate is not of the name in hub.address"
    if "WRONG_VERSION_NUMBER" in details:
        return "the hub's address speaks no TLS: leave hub.tls out, or set [grpc.tls] at the hub"
    return None


def hint(details: str, tls: Tls | None) -> str:
    """The same for connections that the hub closed without a word."""
    if "Socket closed" not in details:
        return ""
    if tls is None:
        return " (does the hub want TLS? set hub.tls)"
    if tls.cert is None:
        return " (does the hub want a certificate? set hub.tls.cert and key)"
    return " (does the hub take this agent's certificate? its CA, its dates)"
