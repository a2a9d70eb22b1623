"""Who may read: one answer for pages, scripts and sockets.

Enters: what a request shows of itself. Leaves: the reader's name, or None. By `[http] auth`: "none"
lets everybody read (the configuration allows it on this machine only); "token" wants a reader's
token or a session; "proxy-header" believes the header of a trusted proxy, and of nobody else.
Agents' tokens are in another file and never count here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from hub.config import Http, is_local
from hub.guard.auth import Readers, bearer_token
from hub.guard.logins import Sessions

ANYBODY = ""
"""The reader where nobody is asked."""

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request shows of who asks."""

    peer: str | None
    """Address of the connection's other end; None: a Unix socket."""
    authorization: str | None
    session: str | None
    named: tuple[str, ...]
    """Every value of the proxy's header."""


class Access:
    """The rule of one hub."""

    def __init__(
        self, http: Http, readers: Callable[[], Readers | None], sessions: Sessions | None
    ) -> None:
        self.mode = http.auth
        self._readers = readers
        self._sessions = sessions
        self._proxies = http.trusted_proxies or _LOOPBACK
        self._proxies_only = bool(
            http.trusted_proxies and http.tls is None and not is_local(http.listen)
        )

    def reader(self, asked: Asked, now_s: float) -> str | None:
        """Who asks; None: nobody who may read."""
        if self.mode == "none":
            return ANYBODY
        if self.mode == "proxy-header" and (name := self._named(asked)):
            return name
        readers = self._readers()
        if readers is None:
            return None
        token = bearer_token(asked.authorization or "")
        if token is not None:
            return readers.name(token)
        if self.mode == "token" and self._sessions and asked.session:
            return self._sessions.reader(asked.session, readers, now_s)
        return None

    def by_login(self, asked: Asked) -> bool:
        """Whether it is by a session that this reader is let in: a token counts before it."""
        if self.mode != "token" or not asked.session:
            return False
        return bearer_token(asked.authorization or "") is None

    def may_connect(self, peer: str | None) -> bool:
        """Plain HTTP from beyond this machine is for the configured proxies alone."""
        return not self._proxies_only or self.trusts(peer)

    def trusts(self, peer: str | None) -> bool:
        """Whether the connection's other end is a proxy of ours; a Unix socket's is."""
        if peer is None:
            return True
        return _within(peer, self._proxies)

    def client(self, peer: str | None, forwarded_for: Iterable[str]) -> str:
        """The client's address, for counting: what a trusted proxy saw, else the peer."""
        if self.trusts(peer):
            seen = ",".join(forwarded_for).rpartition(",")[2].strip()
            if _is_address(seen):
                return seen
        return peer or "unix"

    def _named(self, asked: Asked) -> str | None:
        """Two values are none: one of them may be the client's."""
        if not self.trusts(asked.peer) or len(asked.named) != 1:
            return None
        return asked.named[0].strip()[:200] or None


def _within(peer: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    plain = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    return any(plain in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
