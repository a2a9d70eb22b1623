"""Who may report for which server: a token, a certificate, or both.

Enters: the tokens, and what a stream shows. Leaves: None, or why it may not. A certificate has been
checked by TLS already; here its names are compared, and its CA where that has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hub.guard.auth import Denial, Tokens, bearer
from hub.guard.tls import ClientCertificate

Authorize = Callable[[str], Denial | None]


@dataclass(frozen=True, slots=True)
class AgentAccess:
    """The rule as it is now."""

    tokens: Tokens | None
    """None: no token is asked for."""
    new_client_ca: bytes | None = None
    """PEM; given when the CA has changed while connections were open."""

    def denial(
        self, server: str, token: str | None, certificate: ClientCertificate | None
    ) -> Denial | None:
        """Why this stream may not report for this server."""
        if certificate is not None:
            if server not in certificate.names:
                names = ", ".join(sorted(certificate.names)) or "nobody"
                reason = f'the certificate is that of {names}, not of "{server}"'
                return Denial(reason, unknown=False)
            if self.new_client_ca is not None and not certificate.is_of(self.new_client_ca):
                return Denial("the certificate is of no CA that this hub knows", unknown=True)
        return self.tokens.check(server, token) if self.tokens else None


def authorizer(
    access: Callable[[], AgentAccess],
    metadata: Iterable[tuple[str, str | bytes]],
    properties: Mapping[str, Any],
) -> Authorize:
    """For one stream: what it showed, held against the rule of the moment."""
    token, certificate = bearer(metadata), ClientCertificate.of(properties)
    return lambda server: access().denial(server, token, certificate)


def peer_address(peer: str) -> str:
    """Of gRPC's "ipv4:10.0.0.1:4711" or "ipv6:%5B::1%5D:4711"; "" of "unix:"."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""
