"""Whether an access log can be read, and whether it says what calls are made of.

In: a proxy of the configuration. Out: one finding, with the lines to add to Traefik's
configuration where some are lacking. Looks at the log's end only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from node_agent.config import Proxy
from node_agent.defaults import DOCTOR_TAIL_BYTES
from node_agent.finding import Finding, advice, bad, good

JSON_LINES = """\
accessLog:
  filePath: {path}
  format: json
  fields:
    headers: {{defaultMode: drop, names: {{X-Hop-Id: keep, X-Hop-Parent: keep}}}}"""


def look_at_log(proxy: Proxy) -> Finding:
    """Whether the agent can read it, and whether it says what is needed."""
    path, subject = proxy.access_log, f"log of {proxy.name}"
    if not path.parent.is_dir():
        return bad(
            subject,
            f"{path.parent} does not exist: mount the directory of the access log there "
            f"(Compose: volumes: [logs:{path.parent}:ro])",
        )
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - DOCTOR_TAIL_BYTES))
            lines = log.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return bad(
            subject,
            f"{path} is not there. Does Traefik write it (accessLog.filePath), is its directory "
            "mounted here?",
        )
    except PermissionError:
        return bad(
            subject,
            f"{path} may not be read by user {os.geteuid()}: chmod o+r it, or add the agent's user "
            f"to group {_group(path)}",
        )
    except OSError as error:
        return bad(subject, f"{path}: {error.strerror}")
    if os.path.ismount(path):
        return bad(
            subject,
            f"{path} is mounted as a single file: after the first rotation it would stay the old "
            "one. Mount its directory",
        )
    if not lines:
        return advice(subject, f"{path} is empty: no request yet, or accessLog is off")
    return _look_at_line(subject, path, lines[-1])


def _look_at_line(subject: str, path: Path, line: bytes) -> Finding:
    if not line.lstrip().startswith(b"{"):
        return bad(
            subject,
            f"{path} is in the common log format: such calls are counted and joined by nothing. "
            f"Traefik needs:\n{JSON_LINES.format(path=path)}",
        )
    try:
        said: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return bad(subject, f"{path}: its last line is no JSON: {line[:80]!r}")
    if missing := [key for key in ("StartUTC", "ClientAddr", "RequestPath") if key not in said]:
        return bad(
            subject,
            f"{path} lacks {', '.join(missing)}: accessLog.fields drops them; leave "
            "accessLog.fields.defaultMode at keep",
        )
    if not {"TraceId", "request_X-Hop-Id", "request_Traceparent"} & said.keys():
        return advice(
            subject,
            f"{path} holds no trace or hop ids: cross-server calls are joined by addresses and "
            "time. For exact joins: tracing, or the hop plugin (docs/traefik.md)",
        )
    return good(subject, f"{path} is read, JSON, with ids")


def _group(path: Path) -> int:
    try:
        return path.stat().st_gid
    except OSError:
        return path.parent.stat().st_gid
