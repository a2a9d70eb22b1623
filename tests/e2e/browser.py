"""Runs a Node script that drives the real Chromium, and takes what it saw as JSON.

Where Node, playwright-core or Chromium are not there, `why_not` says which one is missing and how
to get it: the tests are then skipped with that reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "browser"
PLAYWRIGHT = REPOSITORY / "web" / "node_modules" / "playwright-core"
TIMEOUT_S = 120


def chromium() -> str | None:
    """The browser's executable: HOPWATCH_CHROMIUM, else what the system has."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = (shutil.which(name) for name in names)
    return os.environ.get("HOPWATCH_CHROMIUM") or next(filter(None, found), None)


def why_not() -> str | None:
    """Why the real browser cannot be had here; None where it can."""
    if shutil.which("node") is None:
        return "browser tests need Node 20 or newer: https://nodejs.org"
    if not PLAYWRIGHT.exists():
        return "browser tests need playwright-core: make setup"
    if chromium() is None:
        return "browser tests need Chromium: apt-get install chromium, or HOPWATCH_CHROMIUM=/path"
    return None


def run(script: str | Path, arguments: dict[str, Any], timeout_s: float = TIMEOUT_S) -> Any:
    """What a script (in browser/, where it is a name) printed last. AssertionError with errors."""
    ended = subprocess.run(
        ["node", str(SCRIPTS / script), json.dumps({"chromium": chromium(), **arguments})],
        cwd=REPOSITORY / "web",
        env={**os.environ, "HOPWATCH_PLAYWRIGHT": str(PLAYWRIGHT)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ended.returncode == 0, f"{script}: {ended.stderr[-3000:]}"
    return json.loads(ended.stdout.splitlines()[-1])
