"""A disk that takes its time: `fdatasync` and `fsync` of one process wait before they begin.

Enters: milliseconds, at any time. Leaves: an environment for the process, which preloads a small
library that reads the delay from a file. Made with the machine's C compiler; without one the disk
is never slow.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_as_told(void) {
    const char *name = getenv("CAMPAIGN_SYNC_DELAY");
    FILE *file = name ? fopen(name, "re") : NULL;
    int ms = 0;
    if (file) {
        if (fscanf(file, "%d", &ms) != 1) ms = 0;
        fclose(file);
    }
    if (ms > 0) usleep(1000 * ms);
}

int fdatasync(int fd) {
    wait_as_told();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd) {
    wait_as_told();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
"""


class SlowDisk:
    """The delay of the hub's disk."""

    def __init__(self, place: Path) -> None:
        self._delay = place / "sync-delay"
        self._delay.write_text("0")
        library = place / "slow.so"
        compiler = shutil.which("cc")
        self.possible = compiler is not None and _compiled(compiler, place / "slow.c", library)
        self.environment = (
            {"LD_PRELOAD": str(library), "CAMPAIGN_SYNC_DELAY": str(self._delay)}
            if self.possible
            else {}
        )

    def slow(self, delay_ms: int) -> None:
        """From now on each sync waits this long; 0: none."""
        aside = self._delay.with_suffix(".new")
        aside.write_text(str(delay_ms))
        aside.replace(self._delay)


def _compiled(compiler: str, source: Path, library: Path) -> bool:
    source.write_text(SOURCE)
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    return subprocess.run(command, capture_output=True).returncode == 0
