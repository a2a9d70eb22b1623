"""The systemd units: systemd accepts them, and `systemctl reload` makes both read tokens again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path("docs/systemd")
NAMES = ("hopwatch-agent", "hopwatch-hub")


def said(name: str, key: str) -> list[str]:
    """The values of a key, in order."""
    text = (UNITS / f"{name}.service").read_text()
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


@pytest.mark.parametrize("name", NAMES)
def test_a_reload_is_the_signal_that_both_programs_take(name: str) -> None:
    assert said(name, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert said(name, "RestartPreventExitStatus") == ["2"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    text = (UNITS / f"{name}.service").read_text()
    unit = tmp_path / f"{name}.service"
    # What it starts must exist here, too.
    unit.write_text(text.replace(f"/opt/hopwatch/bin/{name}", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    # It looks at this machine's own units, too; what they lack is not ours.
    ours = [line for line in done.stderr.splitlines() if name in line]
    assert (done.returncode, ours) == (0, [])
