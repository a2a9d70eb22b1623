"""Certificates of the hub: read, checked and held, for gRPC and for HTTP.

Enters: paths of PEM files. Leaves: what gRPC and Hypercorn want of them, or a `ConfigError` that
names the file. Both take new certificates for new connections while old connections go on.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from hub.config import ConfigError
from hub.config_form import GrpcTls, ServerTls
from hub.guard.secret_files import read_public, read_secret


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM: the hub's own, and who signs the agents'."""

    cert: bytes
    key: bytes
    client_ca: bytes | None

    @classmethod
    def load(cls, tls: GrpcTls) -> Certificates:
        """Read and check the files. Raises `ConfigError`."""
        server_context(tls)
        client_ca = read_public(tls.client_ca, "the clients' CA") if tls.client_ca else None
        if client_ca is not None:
            _check_ca(tls.client_ca, client_ca)
        return cls(
            read_public(tls.cert, "the certificate"),
            read_secret(tls.key, "the private key"),
            client_ca,
        )

    def for_grpc(self) -> grpc.ServerCertificateConfiguration:
        """In gRPC's form."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.cert)], self.client_ca)


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """A context with these files. Raises `ConfigError`."""
    read_public(tls.cert, "the certificate")
    read_secret(tls.key, "the private key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # HTTP/1.1 alone: a page has one socket and four files, and a socket is one connection.
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(tls.cert, tls.key, password=_no_password)
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        why = "are not of each other" if mismatch else "must be PEM files, without a password"
        raise ConfigError([f"{tls.key} and {tls.cert}: key and certificate {why}"]) from None
    return context


class GrpcCertificates:
    """gRPC asks here before each handshake; old connections keep what they have."""

    def __init__(self, first: Certificates) -> None:
        self._newest = self._told = first.for_grpc()
        self.credentials = grpc.dynamic_ssl_server_credentials(
            self._told,
            self._fetch,  # type: ignore[arg-type]  # None: as before; the stubs miss it
            require_client_authentication=first.client_ca is not None,
        )

    def renew(self, newest: Certificates) -> None:
        """Use these from now on."""
        self._newest = newest.for_grpc()

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        if self._newest is self._told:
            return None
        self._told = self._newest
        return self._told


class HttpCertificates:
    """The context that Hypercorn holds; each handshake takes the newest certificates."""

    def __init__(self, current: ssl.SSLContext) -> None:
        self.current = current
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.sni_callback = self._choose

    def _choose(self, connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self.current


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What the other end of a connection has shown, and TLS has checked."""

    names: frozenset[str]
    """Common name and DNS names."""
    chain: bytes
    """PEM, its own certificate first."""

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> ClientCertificate | None:
        """From a connection's properties as gRPC gives them; None where none was asked for."""
        own = properties.get("x509_pem_cert")
        if not own:
            return None
        names = [*properties.get("x509_common_name", ()), *properties.get("peer_dns", ())]
        chain = b"".join(properties.get("x509_pem_cert_chain") or own)
        return cls(frozenset(name.decode("utf-8", "replace") for name in names), chain)

    def is_of(self, client_ca: bytes) -> bool:
        """Whether one of these CAs has signed it, or what signed it."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature

        for shown in x509.load_pem_x509_certificates(self.chain):
            for ca in x509.load_pem_x509_certificates(client_ca):
                try:
                    shown.verify_directly_issued_by(ca)
                except (ValueError, TypeError, InvalidSignature):
                    continue
                return True
        return False


def _no_password() -> str:
    """OpenSSL asks the terminal otherwise."""
    return ""


def _check_ca(path: Path | None, content: bytes) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=content.decode("ascii", "replace")
        )
    except ssl.SSLError:
        raise ConfigError([f"{path}: holds no PEM certificate"]) from None
