"""A small certificate authority of the hub's own, for servers that have no other.

Enters: names and the time. Leaves: PEM. The CA signs for this hub and its agents only (no further
CAs); keys are ECDSA P-256, which every TLS library takes. A certificate says what it is for: an
agent's cannot pose as the hub.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.defaults import CA_DAYS, CERTIFICATE_DAYS

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH

_BACKDATED = timedelta(hours=1)  # Servers' clocks differ.


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, PEM."""

    cert: bytes
    key: bytes


class Authority:
    """A CA. Raises `ValueError` where the PEM is none, or the key is another's."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._cert = x509.load_pem_x509_certificate(pair.cert)
        key = load_pem_private_key(pair.key, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the CA's key is no ECDSA key")
        if key.public_key() != self._cert.public_key():
            raise ValueError("the CA's key is not of its certificate")
        self._key = key

    @classmethod
    def new(cls, name: str, now: datetime) -> Authority:
        """A CA with a fresh key."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        cert = (
            _builder(name, _name(name), key, now, CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(_pair(cert, key))

    def issue(
        self, name: str, hosts: Iterable[str], purpose: x509.ObjectIdentifier, now: datetime
    ) -> Pair:
        """A certificate for `name`; `hosts`: the DNS names and addresses it also stands for."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        cert = (
            _builder(name, self._cert.subject, key, now, CERTIFICATE_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName([*map(_host, hosts)]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _pair(cert, key)

    def has_issued(self, cert: bytes) -> bool:
        """Whether the first certificate of a PEM file is of this CA."""
        try:
            x509.load_pem_x509_certificate(cert).verify_directly_issued_by(self._cert)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def stands_for(cert: bytes, host: str) -> bool:
    """Whether a certificate names this host, literally."""
    return _host(host) in _names(cert)


def first_host(cert: bytes) -> str | None:
    """The first name or address that a certificate stands for; None: it names nobody."""
    return next((str(name.value) for name in _names(cert)), None)


def _names(cert: bytes) -> list[x509.GeneralName]:
    try:
        extensions = x509.load_pem_x509_certificate(cert).extensions
        return [*extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except (ValueError, x509.ExtensionNotFound):
        return []


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(**uses: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{use: uses.get(use, False) for use in every})


def _pair(cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(cert.public_bytes(Encoding.PEM), pem)
