"""Stands for two Traefiks: appends captured lines with consistent request numbers to two logs.

    python -m tests.faults.writer --a LOG --b LOG --archive DIRECTORY --seed N

Enters: one JSON command a line on standard input. Leaves: one JSON answer each, and the logs, one
write for each line, in completion order; 30 % of the requests at A are calls to B, whose line has
the same trace id. One write of 300 is cut in two, and one line of 2 000 is no line of an access log
(it contains GARBAGE and has no request number). Every file stays reachable in the archive by a hard
link, whatever happens to it in the log's directory.

Commands: {"rate": LINES_A_SECOND}, {"burst": LINES}, {"rotate"|"copytruncate"|"recreate"|"restart":
"a"|"b"}, {"end": true}; each may say {"compress": true} with rotate: the file before gets gzipped.
"""

from __future__ import annotations

import gzip
import heapq
import json
import os
import random
import select
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click

from bench._captured import Lines, Request

TICK_S = 0.01
CROSS_SHARE = 0.3
TORN_SHARE = 1 / 300
GARBAGE_SHARE = 1 / 2000
GARBAGE = (b'{"GARBAGE": \n', b"\xff\xfe GARBAGE\n", b'GARBAGE [not a line] "\n', b'["GARBAGE"]\n')


class Log:
    """One proxy's log, and the requests that it has under way."""

    def __init__(self, path: Path, archive: Path, lines: Lines, seed: int) -> None:
        self._path, self._archive, self._lines = path, archive, lines
        self._random = random.Random(f"{seed} {path}")
        self._files = self._rotated = self._count = 0
        self._waiting: list[tuple[int, int, Request, bool]] = []
        self.written = 0
        self._fd = -1
        self._open()

    def begin(self, requests: list[tuple[int, int, str, str]]) -> None:
        """Requests (start, duration, trace, path), in the order of their start."""
        for start_ns, duration_ns, trace, path in sorted(requests):
            self._count += 1
            request = Request(self._count, start_ns, duration_ns, trace, path)
            waiting = (start_ns + duration_ns, self._count, request, bool(trace))
            heapq.heappush(self._waiting, waiting)

    def complete(self, now_ns: int) -> None:
        """Write what has ended."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, _, request, crossing = heapq.heappop(self._waiting)
            self._write(self._lines.render(request, crossing=crossing))
            if self._random.random() < GARBAGE_SHARE:
                self._write(self._random.choice(GARBAGE))

    def rotate(self, *, compress: bool) -> None:
        """Rename and open anew; the file before may get compressed."""
        if compress and self._rotated and (before := self._named(self._rotated)).exists():
            aside = before.with_name(before.name + ".gz")
            with before.open("rb") as plain, gzip.open(aside, "wb", 1) as packed:
                shutil.copyfileobj(plain, packed)
            before.unlink()
        self._rotated += 1
        self._path.rename(self._named(self._rotated))
        self._open()

    def copytruncate(self) -> None:
        """Copy and truncate, with nothing written between."""
        self._rotated += 1
        copy = self._named(self._rotated)
        shutil.copyfile(self._path, copy)
        self._keep(copy)
        os.ftruncate(self._fd, 0)

    def recreate(self) -> None:
        """Delete and make a new one."""
        self._path.unlink()
        self._open()

    def restart(self) -> None:
        """Drain, and count from 1 again as a new process does."""
        self.complete(sys.maxsize)
        time.sleep(2 * TICK_S)  # The next process begins later than this one's last request.
        self._count = 0

    def _named(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _open(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._keep(self._path)

    def _keep(self, file: Path) -> None:
        self._files += 1
        os.link(file, self._archive / f"{self._path.parents[1].name}.{self._files}")

    def _write(self, line: bytes) -> None:
        self.written += 1
        if self._random.random() < TORN_SHARE:
            cut = self._random.randrange(1, len(line))
            os.write(self._fd, line[:cut])
            time.sleep(self._random.uniform(0, 0.01))
            line = line[cut:]
        os.write(self._fd, line)


class Writer:
    """Both logs, at a pace."""

    def __init__(self, paths: dict[str, Path], archive: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._lines = {name: Lines(f"server-{name}/private", seed) for name in paths}
        self.logs = {
            name: Log(path, archive, self._lines[name], seed) for name, path in paths.items()
        }
        self._rate = 0.0
        self._due = 0.0
        self._then_s = time.monotonic()

    def tick(self) -> None:
        """Begin what is due, write what has ended."""
        now_s = time.monotonic()
        self._due += (now_s - self._then_s) * self._rate
        self._then_s = now_s
        self._begin(int(self._due))
        self._due -= int(self._due)
        for log in self.logs.values():
            log.complete(time.time_ns())

    def carry_out(self, command: dict[str, Any]) -> None:
        """Everything but `end`."""
        match command:
            case {"rate": rate}:
                self._rate = float(rate)
            case {"burst": lines}:
                self._begin(int(lines))
            case {"rotate": log}:
                self.logs[log].rotate(compress=command.get("compress", False))
            case {"copytruncate": log}:
                self.logs[log].copytruncate()
            case {"recreate": log}:
                self.logs[log].recreate()
            case {"restart": log}:
                self.logs[log].restart()

    def _begin(self, lines: int) -> None:
        now_ns, begun = time.time_ns(), {name: [] for name in self.logs}  # type: ignore[var-annotated]
        while sum(map(len, begun.values())) < lines:
            start_ns = now_ns - int(self._random.random() * TICK_S * 1e9)
            duration_ns = self._lines["a"].duration_ns() + 400_000
            if self._random.random() < CROSS_SHARE:
                trace, path = f"{self._random.getrandbits(128):032x}", self._lines["a"].path()
                begun["a"].append((start_ns, duration_ns, trace, path))
                begun["b"].append((start_ns + 100_000, duration_ns - 250_000, trace, path))
            else:
                begun[self._random.choice("ab")].append((start_ns, duration_ns, "", ""))
        for name, requests in begun.items():
            self.logs[name].begin(requests)


@click.command()
@click.option("--a", type=Path, required=True)
@click.option("--b", type=Path, required=True)
@click.option("--archive", type=Path, required=True)
@click.option("--seed", type=int, required=True)
def main(a: Path, b: Path, archive: Path, seed: int) -> None:
    """Write until told to end."""
    writer = Writer({"a": a, "b": b}, archive, seed)
    ended = False
    while not ended:
        if select.select([sys.stdin], [], [], TICK_S)[0]:
            command = json.loads(sys.stdin.readline() or '{"end": true}')
            writer.carry_out(command)
            if ended := "end" in command:
                for log in writer.logs.values():
                    log.restart()
            written = {name: log.written for name, log in writer.logs.items()}
            print(json.dumps(written), flush=True)
        writer.tick() if not ended else None


if __name__ == "__main__":
    main()
