"""Takes secrets out of what leaves the server: values of queries, parts of paths, addresses.

In: a field as it was logged. Out: the same with `REDACTED` in place of the values of parameters
with telling names (`token`, `api_key`, `X-Amz-Signature`, also `accessToken`, `user[password]`, and
names or whole addresses that are percent-encoded) or of all of them, and of what `path_patterns`
names; client addresses as `truncation` leaves them. The same path becomes the same text at every
server of the same settings, so both halves of a call still join; `settings` tells the hub where
they differ. A path without a query costs nothing, one without a suspicious word one search. Lines
that could not be read are shown without any query at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote_plus

from hopwatch.v1 import ingest_pb2 as pb

from node_agent.config import AgentConfig
from node_agent.path_patterns import MAX_REDACTED, REDACTED, PathPatterns
from node_agent.truncation import Truncation, truncation

QueryMode = Literal["secrets", "all", "none"]
_EXACT = """
auth authorization code credential credentials jwt key otp pass passcode passphrase passwd password
pin pwd secret session sid sig sign signature ticket token
"""
EXACT = frozenset(_EXACT.split())
"""Names that tell by themselves; `-`, `.`, `[`, `]`, `_` and case do not matter."""
_ENDINGS = """
accesskey accesskeyid apikey assertion authcode clientkey credential credentials encryptionkey jwt
licensekey otp passphrase passwd password privatekey pwd secret secretkey sessionid sessionkey
sharedkey signature signingkey subscriptionkey ticket token tokenid
"""
ENDINGS = tuple(_ENDINGS.split())
"""Ends of longer names: `github_token`, `X-Amz-Signature`, `clientSecret`."""
_NOT_AS_LAST_WORD = frozenset({"code", "key", "pass", "pin", "sign"})
"""`country_code` and `sort-key` are none."""

_SEPARATORS = re.compile(r"[^0-9a-z]+")
_PARAMETER = re.compile(r"([^=&;]*)=([^&;]*)")
_ITEM = re.compile(r"[^&;]+")
_USER = re.compile(r"(//)[^/@]*@")
_QUERY = re.compile(r"\?[^\s\"\\]*")
_PATH = re.compile(r"/[^\s\"\\]*")
_SECRET_FIELD = re.compile(
    r'("[^"]*(?:authorization|cookie|token|secret|passw|api-?key|session|username)[^"]*"\s*:\s*")'
    r'[^"]*',
    re.I,
)
_CLF_USER = re.compile(r"(^[^{\"\[]*? - )(?!- )(?:.*?(?= \[)|.*)", re.DOTALL)
"""Of a line in the common log format; it may hold anything."""
_CACHED_PATHS = 4096
_CACHED_CHARACTERS = 300
"""So the memory stays below 2 MB."""


class Redactor:
    """Knows what has to go."""

    def __init__(
        self,
        extra: Iterable[str] = (),
        *,
        query: QueryMode = "secrets",
        paths: Iterable[str] = (),
        truncation: Truncation | None = None,
    ) -> None:
        self._exact = EXACT | {_plain(name) for name in extra}
        words = self._exact | set(ENDINGS)
        shortest = sorted(words, key=len)
        stems = [w for i, w in enumerate(shortest) if not any(s in w for s in shortest[:i])]
        spread = ("[^0-9a-z=&;]*".join(map(re.escape, stem)) for stem in stems if stem)
        self._suspicious = re.compile("%|" + "|".join(spread), re.I).search
        modes: dict[QueryMode, Callable[[str], str]] = {
            "secrets": self._secrets,
            "all": _values,
            "none": str,
        }
        self._query = modes[query]
        self._patterns = PathPatterns(paths)
        self._active = query != "none" or bool(self._patterns)
        self._strict = query == "all" or bool(self._patterns)
        self.truncation = truncation
        self._known = lru_cache(maxsize=_CACHED_PATHS)(self._path)
        self.changes: dict[str, Callable[[str], str]] = {
            "path": self.path,
            "upstream": self.upstream,
        }
        """By field of a row: what becomes of its values."""
        if truncation is not None:
            self.changes["client"] = truncation.address
            self.changes["forwarded"] = truncation.forwarded

    def path(self, path: str) -> str:
        """A path without its secrets."""
        if "?" not in path and not self._patterns and path[:1] == "/":
            return path
        return self._known(path) if len(path) <= _CACHED_CHARACTERS else self._path(path)

    def upstream(self, url: str) -> str:
        """A configured upstream without user and password."""
        return _USER.sub(rf"\1{REDACTED}@", url) if self._active and "@" in url else url

    def sample(self, text: str) -> str:
        """What is shown of a line that could not be read: without queries, secret fields and
        users; without paths, where parts of them or all queries' values are to go. It is cut
        anywhere, so patterns do not tell."""
        if self._active:
            text = _CLF_USER.sub(rf"\1{REDACTED}", _QUERY.sub("?" + REDACTED, text))
            text = _SECRET_FIELD.sub(rf"\1{REDACTED}", text)
            if self._strict:
                text = _PATH.sub("/" + REDACTED, text)
        return self.truncation.text(text) if self.truncation is not None else text

    def peers(self, addresses: Iterable[str]) -> None:
        """Other servers': they are no clients."""
        if self.truncation is not None:
            self.truncation.peers(addresses)

    def inventory(self, inventory: pb.Inventory) -> None:
        """What has an address here is no client."""
        if self.truncation is not None:
            self.truncation.inventory(inventory)

    def _path(self, path: str) -> str:
        if path[:1] != "/":
            path = self.upstream(path)  # a request to a proxy: a whole address
        path, mark, query = self._patterns.path(path).partition("?")
        return path + mark + self._query(query) if mark else path

    def _secrets(self, query: str) -> str:
        return _PARAMETER.sub(self._parameter, query) if self._suspicious(query) else query

    def _parameter(self, found: re.Match[str]) -> str:
        name, value = found.groups()
        return f"{name}={REDACTED}" if self._is_secret(name, value) else found[0]

    def _is_secret(self, name: str, value: str) -> bool:
        plain = _plain(_decoded(name))
        last = _SEPARATORS.split(_decoded(name).lower().rstrip("]"))[-1]
        if plain in self._exact or last in self._exact - _NOT_AS_LAST_WORD:
            return True
        return plain.endswith(ENDINGS) or self._holds_secret(value)

    def _holds_secret(self, value: str) -> bool:
        """It is an address, encoded, with such a parameter of its own."""
        inner = _decoded(value)
        begin = inner.find("?")
        if begin < 0:
            return False
        inner_query = inner[begin + 1 :]
        return any(self._is_secret(*each) for each in _PARAMETER.findall(inner_query))


def _values(query: str) -> str:
    """Names only; what has no name is a value."""
    if query.count("&") + query.count(";") >= MAX_REDACTED:
        return REDACTED
    return _ITEM.sub(_name, query)


def _name(item: re.Match[str]) -> str:
    name, equals, _ = item[0].partition("=")
    return f"{name}={REDACTED}" if equals else REDACTED


def redactor(config: AgentConfig) -> Redactor:
    """As the configuration wants it."""
    privacy = config.privacy
    return Redactor(
        privacy.redact_parameters,
        query=privacy.redact_query,
        paths=privacy.redact_paths,
        truncation=truncation(config),
    )


def settings(config: AgentConfig) -> str:
    """The same at all servers at which the same path becomes the same text; "": the defaults."""
    privacy = config.privacy
    names = sorted({_plain(name) for name in privacy.redact_parameters} - EXACT)
    told = (
        privacy.redact_query,
        names if privacy.redact_query == "secrets" else [],
        sorted(set(privacy.redact_paths)),
    )
    if told == ("secrets", [], []):
        return ""
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _decoded(text: str) -> str:
    """Without percent signs, however often they were encoded (within reason)."""
    for _ in range(3):
        if "%" not in text:
            break
        text = unquote_plus(text)
    return text
