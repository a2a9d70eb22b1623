"""Rotates a Traefik's access log the way logrotate does: rename, then USR1.

`python -m servers.services.rotate LOG --mebibytes 64 --keep 3`, in the process namespace of that
Traefik (Compose: `pid: "service:…"`), where it is process 1. No line is lost: Traefik goes on
writing to the renamed file until it has opened a new one, and the agent reads both.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

LOOK_S = 5.0
"""At 10,000 lines a second a log grows by some 60 MB meanwhile."""
TRAEFIK = 1


def rotate(log: Path, bytes_at_most: int, keep: int) -> bool:
    """Rename the log, and those before it, if it is too large; whether it was."""
    try:
        if log.stat().st_size < bytes_at_most:
            return False
    except FileNotFoundError:
        return False
    for number in range(keep, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists() and number == keep:
            older.unlink()
        elif older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))
    return True


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--mebibytes", default=64, show_default=True, help="Rotate above this size.")
@click.option("--keep", default=3, show_default=True, help="Rotated files kept.")
def main(log: Path, mebibytes: int, keep: int) -> None:
    """Look every few seconds, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        if rotate(log, mebibytes * 1024 * 1024, keep):
            os.kill(TRAEFIK, signal.SIGUSR1)
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main()
