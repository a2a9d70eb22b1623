"""`hopwatch-hub doctor`: what keeps this hub from working, and what to do about it.

In: the configuration. Out: findings, each with one sentence. Looks at the data directory and its
disk, tokens and certificates, the ports, and, where the hub runs and lets this machine read, at its
servers. Changes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from hub.config import ConfigError, HubConfig, split_address
from hub.guard.keyring import Keyring

MIB = 1024 * 1024
EXPIRES_SOON_DAYS = 14
ASK_S = 3.0
SKEW_MS = 1000.0
"""Joins work with any; people read the times."""


class Verdict(Enum):
    """How good a finding is."""

    GOOD = "good"
    ADVICE = "advice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    subject: str
    text: str


def examine(config: HubConfig, now: datetime | None = None) -> Iterator[Finding]:
    """Everything, one after the other."""
    yield look_at_data(config)
    yield from look_at_secrets(config, now or datetime.now(UTC))
    if config.http.listen.startswith("unix:"):
        yield _advice("hub", f"its page is at {config.http.listen}, where this command cannot ask")
    elif _is_running(config):
        yield _good("hub", f"it runs: {config.http.listen} answers")
        yield from look_at_servers(config)
    else:
        yield _advice("hub", f"it does not run: nobody answers at {config.http.listen}")
        yield from look_at_ports(config)


def look_at_data(config: HubConfig) -> Finding:
    """Whether there is room to write."""
    directory = config.data.directory
    above = next(one for one in (directory, *directory.parents) if one.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        return _bad("data", f"{directory} cannot be written by user {os.geteuid()}: chown it")
    free = shutil.disk_usage(above).free // MIB
    if free < config.data.reserve_mib:
        return _bad(
            "data",
            f"{directory}: {free} MiB are free, below data.reserve_mib = "
            f"{config.data.reserve_mib}: the hub acknowledges nothing. Make room",
        )
    return _good("data", f"{directory} can be written, {free} MiB are free")


def look_at_secrets(config: HubConfig, now: datetime) -> Iterator[Finding]:
    """Tokens and certificates: whether they can be used, and for how long."""
    try:
        Keyring(config)
    except ConfigError as error:
        for problem in error.problems:
            yield _bad("secrets", str(problem))
        return
    tls = [one for one in (config.grpc.tls, config.http.tls) if one is not None]
    for path in dict.fromkeys(one.cert for one in tls):
        days = (_expires(path) - now).total_seconds() / 86_400
        if days < 0:
            yield _bad(
                "certificate",
                f"{path} expired {-days:.0f} days ago: agents refuse this hub. Replace it "
                "(the hub's own CA: move hub.pem away, `hopwatch-hub enroll SERVER --certificates "
                "--force`), then SIGHUP",
            )
        elif days < EXPIRES_SOON_DAYS:
            yield _advice("certificate", f"{path} expires in {days:.0f} days")


def look_at_ports(config: HubConfig) -> Iterator[Finding]:
    """Whether the hub could listen."""
    for where in (*config.grpc.listen, config.http.listen):
        if where.startswith("unix:"):
            continue
        host, port = split_address(where)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                what = error.strerror or str(error)
                yield _bad("port", f"{where}: {what}; choose another, or end who has it")


def look_at_servers(config: HubConfig) -> Iterator[Finding]:
    """Who reports, as far as this machine may read it."""
    try:
        servers = _ask(config, "/api/v1/servers")["servers"]
    except (OSError, ValueError, KeyError) as error:
        yield _advice("servers", f"the hub does not let this command read ({error})")
        return
    if not servers:
        yield _advice("servers", "none has reported yet: hopwatch-agent doctor on a server")
    for one in servers:
        subject, skew = f"server {one['id']}", one.get("skew_ms")
        if not one["connected"]:
            yield _bad(subject, "its agent is not connected: run hopwatch-agent doctor there")
        elif skew is not None and abs(skew) > SKEW_MS:
            yield _advice(subject, f"its clock is {skew / 1000:.0f} s off: run NTP there")
        else:
            yield _good(subject, f"connected, version {one['version']}")


def _is_running(config: HubConfig) -> bool:
    """Whether it answers; a refusal is an answer."""
    try:
        _ask(config, "/healthz")
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _ask(config: HubConfig, path: str) -> Any:
    host, port = split_address(config.http.listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if config.http.tls else "http"
    with urllib.request.urlopen(f"{scheme}://{shown}:{port}{path}", timeout=ASK_S) as answer:
        return json.load(answer)


def _expires(path: Path) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc


def _good(subject: str, text: str) -> Finding:
    return Finding(Verdict.GOOD, subject, text)


def _advice(subject: str, text: str) -> Finding:
    return Finding(Verdict.ADVICE, subject, text)


def _bad(subject: str, text: str) -> Finding:
    return Finding(Verdict.BAD, subject, text)
