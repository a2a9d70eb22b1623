"""All that guards the hub, put together: certificates, tokens, readers, the gate.

Enters: the configuration. Leaves: what gRPC, the web application and the ingest service are given.
`reload` reads every file again and hands the new content to all of them, or changes nothing.
"""

from __future__ import annotations

import ssl

import grpc
import grpc.aio
from quart import Quart

from hub.agents.ingest import IngestServicer
from hub.api.reader_calls import ReaderCalls
from hub.config import HubConfig, is_local
from hub.guard.access import Access
from hub.guard.agent_access import AgentAccess
from hub.guard.auth import Readers
from hub.guard.gate import Gate
from hub.guard.hosts import Hosts
from hub.guard.keyring import Keyring
from hub.guard.login import add_login
from hub.guard.logins import Sessions, session_key
from hub.guard.tls import GrpcCertificates, HttpCertificates


class Security:
    """The guards of one hub. Raises `ConfigError`."""

    def __init__(self, config: HubConfig) -> None:
        http = config.http
        self.keyring = Keyring(config)
        secrets = self.keyring.now
        self._grpc = GrpcCertificates(secrets.grpc) if secrets.grpc else None
        self._http = HttpCertificates(secrets.http) if secrets.http else None
        self._sessions = (
            Sessions(session_key(config.data.directory), http.session_hours * 3600)
            if http.auth == "token"
            else None
        )
        self._new_client_ca: bytes | None = None
        self._guards_calls = http.auth != "none" or not all(map(is_local, config.grpc.listen))
        access = Access(http, self._readers, self._sessions)
        hosts = Hosts(http.listen, http.allowed_hosts)
        self.gate = Gate(access, hosts, http.proxy_header, own_tls=http.tls is not None)

    @property
    def credentials(self) -> grpc.ServerCredentials | None:
        """For gRPC's addresses."""
        return self._grpc.credentials if self._grpc else None

    @property
    def context(self) -> ssl.SSLContext | None:
        """For HTTP's address."""
        return self._http.context if self._http else None

    @property
    def interceptors(self) -> list[grpc.aio.ServerInterceptor]:
        """For gRPC's calls."""
        return [ReaderCalls(self._readers)] if self._guards_calls else []

    def add_login(self, app: Quart) -> None:
        """The login page, where there is something to log in to."""
        if self._sessions is not None:
            add_login(app, self.gate, self._sessions, self._readers)

    def reload(self, ingest: IngestServicer) -> None:
        """Read all files again. Raises `ConfigError`; then everything stays as it was."""
        before = self.keyring.now
        self.keyring.reload()
        secrets = self.keyring.now
        if self._grpc and secrets.grpc:
            self._grpc.renew(secrets.grpc)
        if self._http and secrets.http:
            self._http.current = secrets.http
        client_ca = secrets.grpc.client_ca if secrets.grpc else None
        if client_ca != (before.grpc.client_ca if before.grpc else None):
            self._new_client_ca = client_ca
        ingest.allow(AgentAccess(secrets.tokens, self._new_client_ca))

    def _readers(self) -> Readers | None:
        return self.keyring.now.readers
