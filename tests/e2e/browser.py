"""Runs a Node script that drives the real Chromium, and takes what it saw as JSON.

Where Node, playwright-core or Chromium are not there, `why_not` says which one is missing and how
to get it: the tests are then skipped with that reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "browser"
PLAYWRIGHT = REPOSITORY / "web" / "node_modules" / "playwright-core"
TIMEOUT_S = 300
"""Of a script: each wait in it has its own bound; a loaded machine takes three times as long."""


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


def _start(script: str | Path, arguments: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["node", str(SCRIPTS / script), json.dumps({"chromium": chromium(), **arguments})],
        cwd=REPOSITORY / "web",
        env={**os.environ, "HOPWATCH_PLAYWRIGHT": str(PLAYWRIGHT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass
class Talk:
    """A script that says in lines how far it is."""

    process: subprocess.Popen[str]

    def wait_for(self, word: str) -> None:
        """Until the script says this word. AssertionError where it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"ended before “{word}”: {self.process.communicate()[1][-3000:]}")

    def result(self, timeout_s: float = TIMEOUT_S) -> Any:
        """What it printed last."""
        said, errors = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == 0, errors[-3000:]
        return json.loads(said.splitlines()[-1])


@contextmanager
def talk(script: str, arguments: dict[str, Any]) -> Iterator[Talk]:
    """Run a script beside the test; its own waits bound how long it takes."""
    process = _start(script, arguments)
    try:
        yield Talk(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def run(script: str | Path, arguments: dict[str, Any], timeout_s: float = TIMEOUT_S) -> Any:
    """What a script (in browser/, where it is a name) printed last. AssertionError with errors."""
    process = _start(script, arguments)
    try:
        said, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, f"{script}: {errors[-3000:]}"
    return json.loads(said.splitlines()[-1])
