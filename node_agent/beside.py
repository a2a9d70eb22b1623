"""The files beside a log that may be what it was before: found by name, told by their first line.

Names: the log's with anything behind it (`access.log.1`, `access.log-20261122.gz`), and, as
logrotate's `extension` makes them, with digits before the suffix (`access-20261122.log.gz`). What
belongs to another proxy's log by that rule is left to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from node_agent import files
from node_agent.defaults import CANDIDATES
from node_agent.files import FileId, FirstLine

RESCANS_S = (0.0, 1.0, 5.0, 30.0)
"""After a rotation the directory is read at these distances: compression may take a while."""
SCAN_APART_S = 1.0
"""Two readings of a directory in which much happens lie so far apart."""


class Beside:
    """Looks around one log; remembers the first lines of files that have not changed."""

    def __init__(self, path: Path, others: Sequence[Path]) -> None:
        self._path = path
        self._others = [o.name for o in others if o.parent == path.parent and o != path]
        self._dated = re.compile(
            rf"{re.escape(path.stem)}[-._]?\d[-._:T\d]*{re.escape(path.suffix)}(\.gz)?", re.ASCII
        )
        self._known: dict[tuple[FileId, int, int], FirstLine] = {}

    def look(self, open_files: Collection[FileId]) -> Iterator[tuple[Path, FirstLine]]:
        """The newest few that have a first line and are not open already, oldest first."""
        try:
            entries = sorted(self._entries())
        except OSError:
            return
        for _, path in entries[-CANDIDATES:]:
            first = self._first_line(path, open_files)
            if first is not None:
                yield path, first

    def _entries(self) -> Iterator[tuple[int, Path]]:
        with os.scandir(self._path.parent) as listing:
            for entry in listing:
                if not self._is_candidate(entry.name):
                    continue
                try:
                    if entry.is_file(follow_symlinks=False):
                        yield entry.stat(follow_symlinks=False).st_mtime_ns, Path(entry.path)
                except OSError:
                    continue

    def _is_candidate(self, name: str) -> bool:
        mine = self._path.name
        if name == mine or name in self._others:
            return False
        if not name.startswith(mine):
            return self._dated.fullmatch(name) is not None
        return not any(
            other.startswith(mine) and len(other) > len(mine) and name.startswith(other)
            for other in self._others
        )

    def _first_line(self, path: Path, open_files: Collection[FileId]) -> FirstLine | None:
        try:
            status = path.stat()
            identity = FileId(status.st_dev, status.st_ino)
            if identity in open_files:
                return None
            key = identity, status.st_size, status.st_mtime_ns
            if key not in self._known:
                file = files.open_log(path)
                if file is None:
                    return None
                first = files.first_line(file)
                file.close()
                if first is None:
                    return None
                if len(self._known) > 4 * CANDIDATES:
                    self._known.clear()
                self._known[key] = first
            return self._known[key]
        except OSError:
            return None


class Schedule:
    """When to look again: after each change of the directory, several times, since compression and
    copying take a while. A log may have come and been renamed between two looks."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._at_s: list[float] = [0.0]
        self._done_s = 0.0
        self._changed_ns = 0

    def soon(self, now_s: float) -> None:
        """Something has turned: now, and then again."""
        self._at_s = [now_s + distance for distance in RESCANS_S]

    def later(self, now_s: float) -> None:
        """A file was not whole yet."""
        self._at_s = self._at_s or [now_s + RESCANS_S[-1]]

    def due(self, now_s: float) -> bool:
        """Look now."""
        changed_ns = files.changed_ns(self._directory)
        if changed_ns != self._changed_ns:
            self._changed_ns = changed_ns
            soonest_s = max(now_s, self._done_s + SCAN_APART_S)
            follow = (soonest_s + distance for distance in RESCANS_S)
            self._at_s = sorted((*self._at_s[:1], *follow))
        if not self._at_s or now_s < self._at_s[0]:
            return False
        self._at_s = [at for at in self._at_s if at > now_s]
        self._done_s = now_s
        return True
