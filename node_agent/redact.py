"""Takes secrets out of what leaves the server: values of query parameters that look like one.

In: a path as it was logged. Out: the same with `REDACTED` in place of the values of parameters
with telling names: `token`, `api_key`, `X-Amz-Signature`, also `accessToken`, `user[password]`, and
names or whole addresses that are percent-encoded. The same path becomes the same text at every
server, so both halves of a call still join. A path without a query costs nothing, one without a
suspicious word one search. Lines that could not be read are shown without any query at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

REDACTED = "REDACTED"
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
_USER = re.compile(r"(//)[^/@]*@")
_QUERY = re.compile(r"\?[^\s\"\\]*")
_SECRET_FIELD = re.compile(
    r'("[^"]*(?:authorization|cookie|token|secret|passw|api-?key|session)[^"]*"\s*:\s*")[^"]*', re.I
)
_CACHED_PATHS = 4096
_CACHED_CHARACTERS = 300
"""So the memory stays below 2 MB."""


class Redactor:
    """Knows the names; with `active` false everything passes."""

    def __init__(self, extra: Iterable[str] = (), *, active: bool = True) -> None:
        self.active = active
        self._exact = EXACT | {_plain(name) for name in extra}
        words = self._exact | set(ENDINGS)
        shortest = sorted(words, key=len)
        stems = [w for i, w in enumerate(shortest) if not any(s in w for s in shortest[:i])]
        spread = ("[^0-9a-z=&;]*".join(map(re.escape, stem)) for stem in stems if stem)
        self._suspicious = re.compile("%|" + "|".join(spread), re.I).search
        self._known = lru_cache(maxsize=_CACHED_PATHS)(self._path)

    def path(self, path: str) -> str:
        """A path without its secrets."""
        if "?" not in path:
            return path
        return self._known(path) if len(path) <= _CACHED_CHARACTERS else self._path(path)

    def upstream(self, url: str) -> str:
        """A configured upstream without user and password."""
        return _USER.sub(rf"\1{REDACTED}@", url) if self.active and "@" in url else url

    def sample(self, text: str) -> str:
        """What is shown of a line that could not be read: without queries and secret fields."""
        if not self.active:
            return text
        return _SECRET_FIELD.sub(rf"\1{REDACTED}", _QUERY.sub("?" + REDACTED, text))

    def _path(self, path: str) -> str:
        begin = path.find("?")
        if begin < 0 or not self.active or not self._suspicious(path, begin):
            return path
        return path[: begin + 1] + _PARAMETER.sub(self._parameter, path[begin + 1 :])

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


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _decoded(text: str) -> str:
    """Without percent signs, however often they were encoded (within reason)."""
    for _ in range(3):
        if "%" not in text:
            break
        text = unquote_plus(text)
    return text
