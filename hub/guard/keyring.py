"""Every secret that the hub works with, read together and read again on SIGHUP.

Enters: the configuration. Leaves: one consistent `Secrets`; a reload that finds a problem changes
nothing and says what it is.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hub.config import ConfigError, HubConfig
from hub.guard.auth import Readers, Tokens, check_apart
from hub.guard.tls import Certificates, server_context

Source = TypeVar("Source")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Secrets:
    """As the files had them at one time; None: not configured."""

    tokens: Tokens | None
    readers: Readers | None
    grpc: Certificates | None
    http: ssl.SSLContext | None

    @classmethod
    def load(cls, config: HubConfig) -> Secrets:
        """Read every file. Raises `ConfigError` with the problems of all of them."""
        problems: list[str] = []
        grpc, http = config.grpc, config.http
        secrets = cls(
            tokens=_read(Tokens.load, grpc.tokens_file, problems),
            readers=_read(Readers.load, http.readers_file, problems),
            grpc=_read(Certificates.load, grpc.tls, problems),
            http=_read(server_context, http.tls, problems),
        )
        if problems:
            raise ConfigError(problems)
        check_apart(secrets.tokens, secrets.readers)
        return secrets


class Keyring:
    """The secrets as they are now."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config
        self.now = Secrets.load(config)

    def reload(self) -> None:
        """Read the files again. Raises `ConfigError`; then everything stays as it was."""
        self.now = Secrets.load(self._config)


def _read(
    load: Callable[[Source], Result], source: Source | None, problems: list[str]
) -> Result | None:
    if source is None:
        return None
    try:
        return load(source)
    except ConfigError as error:
        problems += error.problems
        return None
