"""What history consists of, in the journal's database: the one place where that is decided.

Enters: checkpoints, compactions, retention; each is one transaction. Leaves: the files that count,
what is hidden of them, the last checkpoint, rollups and topologies. A file that is not listed here
does not exist, whatever lies in the directory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

import numpy as np

from hub.history.files import FileEntry
from hub.history.rollups import Body
from hub.history.snapshot import Hidden
from hub.journal.store import Store

_COLUMNS = ", ".join(field.name for field in fields(FileEntry))
_MARKS = ", ".join("?" * len(fields(FileEntry)))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where history ends and the journal goes on."""

    seq: int
    """The last journal entry that is consumed."""
    rows: int
    """Lines that were journalled up to there: the number of the next one's row."""
    core: bytes
    carry: bytes


@dataclass(frozen=True, slots=True)
class Sealing:
    """All that one checkpoint changes."""

    checkpoint: Checkpoint
    file: FileEntry | None
    hidden: Hidden
    rollups: list[Body]
    topology: tuple[int, bytes] | None
    """Since when, and the form, where it differs from the last one."""


def seal(store: Store, sealing: Sealing) -> None:
    """A checkpoint, within a transaction of the caller's."""
    if sealing.file is not None:
        _add_file(store, sealing.file)
    hidden = sealing.hidden
    ids = (hidden.start_ns, hidden.log, hidden.offset, hidden.revision)
    store.execute_many(
        "INSERT INTO hidden VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET revision = max(revision, excluded.revision)",
        zip(*(column.tolist() for column in ids), strict=True),
    )
    store.execute_many(
        "INSERT INTO rollups (step_s, minute, body) VALUES (?, ?, ?)",
        [astuple(body) for body in sealing.rollups],
    )
    if sealing.topology is not None:
        store.execute("INSERT OR REPLACE INTO topologies VALUES (?, ?)", sealing.topology)
    store.execute(
        "INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?, ?)", astuple(sealing.checkpoint)
    )


def replace(
    store: Store, old: Iterable[str], new: FileEntry | None, dropped: Iterable[tuple[int, int, int]]
) -> None:
    """Files by one that holds the same calls; these ids need not be hidden any more."""
    store.execute_many("DELETE FROM files WHERE name = ?", [(name,) for name in old])
    store.execute_many(
        "DELETE FROM hidden WHERE start_ns = ? AND log = ? AND offset = ?", list(dropped)
    )
    if new is not None:
        _add_file(store, new)


def forget(store: Store, names: Iterable[str], before_ns: int, seconds_before: int) -> None:
    """Files whose time is over, what is older than `before_ns`, and the seconds of other days."""
    store.execute_many("DELETE FROM files WHERE name = ?", [(name,) for name in names])
    minute, fine = before_ns // 60_000_000_000, seconds_before // 60
    store.execute(
        "DELETE FROM rollups WHERE minute < ? OR (step_s = 1 AND minute < ?)", (minute, fine)
    )
    store.execute("DELETE FROM hidden WHERE start_ns < ?", (before_ns,))
    store.execute(
        "DELETE FROM topologies WHERE since_ns <"
        " (SELECT max(since_ns) FROM topologies WHERE since_ns <= ?)",
        (before_ns,),
    )


# --- readings ------------------------------------------------------------------------------------


def files(store: Store) -> list[FileEntry]:
    """Those that count, in the order in which they were sealed."""
    found = store.query(f"SELECT {_COLUMNS} FROM files ORDER BY sealed_ns, name")
    return [FileEntry(*row) for row in found]


def checkpoint(store: Store) -> Checkpoint | None:
    """The last one; None: nothing was ever sealed."""
    found = store.query("SELECT seq, rows, core, carry FROM checkpoint")
    return Checkpoint(*found[0]) if found else None


def hidden(store: Store) -> Hidden:
    """All that is hidden, by start."""
    found = store.query("SELECT start_ns, log, offset, revision FROM hidden ORDER BY start_ns")
    columns = np.array(found, np.int64).reshape(-1, 4)
    return Hidden(*columns.T)


def rollups(store: Store, step_s: int, since: int, until: int) -> list[bytes]:
    """Bodies that may hold seconds of [since, until)."""
    found = store.query(
        "SELECT body FROM rollups WHERE step_s = ? AND minute >= ? AND minute <= ?",
        (step_s, since // 60, (until - 1) // 60),
    )
    return [body for (body,) in found]


def rollups_at(store: Store, step_s: int, since: int, until: int) -> tuple[int, list[bytes]]:
    """As `rollups`, with the journal entry up to which they count; of one moment."""
    found = store.query(
        "SELECT (SELECT seq FROM checkpoint), body FROM (SELECT 1) LEFT JOIN rollups"
        " ON step_s = ? AND minute >= ? AND minute <= ?",
        (step_s, since // 60, (until - 1) // 60),
    )
    return found[0][0] or 0, [body for _, body in found if body is not None]


def topology(store: Store, at_ns: int) -> tuple[bytes, int, int] | None:
    """What was valid then, from when to when; before the first one, the first."""
    found = store.query(
        "SELECT body, since_ns FROM topologies WHERE since_ns <= ? ORDER BY since_ns DESC LIMIT 1",
        (at_ns,),
    ) or store.query("SELECT body, since_ns FROM topologies ORDER BY since_ns LIMIT 1")
    if not found:
        return None
    later = store.query("SELECT min(since_ns) FROM topologies WHERE since_ns > ?", (at_ns,))
    until_ns = later[0][0] if later[0][0] is not None else (1 << 63) - 1
    return found[0][0], found[0][1], until_ns


def _add_file(store: Store, entry: FileEntry) -> None:
    store.execute(f"INSERT INTO files ({_COLUMNS}) VALUES ({_MARKS})", astuple(entry))
