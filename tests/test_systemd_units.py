"""The systemd units: systemd accepts them, and `systemctl reload` makes both read tokens again."""

from __future__ import annotations

import os
import re
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


needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed here"
)


def verified(name: str, directory: Path) -> tuple[int, list[str]]:
    """What systemd says of a unit, with what lies beside it."""
    text = (UNITS / f"{name}.service").read_text()
    unit = directory / f"{name}.service"
    # What it starts must exist here, too.
    unit.write_text(text.replace(f"/opt/hopwatch/bin/{name}", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:"},
    )
    # It looks at this machine's own units, too; what they lack is not ours.
    return done.returncode, [line for line in done.stderr.splitlines() if name in line]


@pytest.mark.parametrize("name", NAMES)
def test_a_reload_is_the_signal_that_both_programs_take(name: str) -> None:
    assert said(name, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert said(name, "RestartPreventExitStatus") == ["2"]


@pytest.mark.parametrize("name", NAMES)
@needs_systemd
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    assert verified(name, tmp_path) == (0, [])


def recipe() -> list[str]:
    """What docs/docker.md puts into a drop-in, so that connection tracking may be listened to."""
    text = Path("docs/docker.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith("| systemd | ")]
    return re.findall(r"`(\[?[A-Z][^`]*)`", row)


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_drop_in_for_connection_tracking(
    tmp_path: Path,
) -> None:
    lines = recipe()
    assert lines[0] == "[Service]" and "AmbientCapabilities=CAP_NET_ADMIN" in lines
    drop_in = tmp_path / "hopwatch-agent.service.d" / "override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("\n".join(lines) + "\n")
    assert verified("hopwatch-agent", tmp_path) == (0, [])
    drop_in.write_text("\n".join([*lines, "AmbientCapability=CAP_NET_ADMIN"]) + "\n")
    assert verified("hopwatch-agent", tmp_path) != (0, []), "it is looked at"
