"""Opening the journal's file: the lock, the schema, the settings.

Format (`user_version` 3; 1 had no history, 2 neither connections nor inventories by difference):
`entries` in commit order; a batch's body is the serialized `Batch` as it came, as that of
connections is, a hello's is the message without what replay does not need, an inventory's is
`hub.inventory_bodies`'. `logs` has one row for each log that was ever seen, with how far it is
journalled. The other tables are the history's (`hub.history.catalog`).

What always holds: one hub has the directory (`hub.lock`, released by the kernel when it dies); the
files are readable by their user only; a commit is on disk when it returns (WAL and
`synchronous=FULL`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from hub.defaults import JOURNAL_CHECKPOINT_PAGES, JOURNAL_PAGE_BYTES

SCHEMA_VERSION = 3

_SCHEMA = """
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    server TEXT NOT NULL,
    proxy TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    path TEXT NOT NULL,
    format INTEGER NOT NULL,
    offset INTEGER NOT NULL DEFAULT 0,
    lines INTEGER NOT NULL DEFAULT 0,
    malformed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (server, proxy, fingerprint)
);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    server TEXT NOT NULL,
    log INTEGER REFERENCES logs (id),
    first_offset INTEGER,
    end_offset INTEGER,
    rows INTEGER,
    malformed INTEGER,
    digest BLOB,
    body BLOB NOT NULL
);
CREATE INDEX announcements ON entries (server, kind, seq) WHERE kind < 3;
"""

_HISTORY = """
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    core BLOB NOT NULL,
    carry BLOB NOT NULL
);
CREATE TABLE files (
    name TEXT PRIMARY KEY,
    calls INTEGER NOT NULL,
    size INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    hop1_first_ns INTEGER NOT NULL,
    hop1_last_ns INTEGER NOT NULL,
    sealed_ns INTEGER NOT NULL,
    level INTEGER NOT NULL
);
CREATE TABLE hidden (
    start_ns INTEGER NOT NULL,
    log INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (start_ns, log, offset)
) WITHOUT ROWID;
CREATE TABLE rollups (
    id INTEGER PRIMARY KEY,
    step_s INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX rollups_by_minute ON rollups (step_s, minute);
CREATE TABLE topologies (
    since_ns INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
"""


class JournalError(Exception):
    """The journal cannot be opened; the text says why and what to do."""


def take_lock(directory: Path) -> int:
    """The descriptor that keeps other hubs out until it is closed. Raises `JournalError`."""
    lock = os.open(directory / "hub.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise JournalError(
            f"{directory}: in use by another hub (process {holder}); "
            "stop it, or give this one another data.directory"
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def open_database(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """A connection for the writer and one for readers. Raises `JournalError`."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)  # SQLite gives its other files the same mode.
    try:
        db = _connect(path)
        _prepare(db, path)
        return db, _connect(path)
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: cannot be opened: {error}") from None


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute(f"PRAGMA page_size = {JOURNAL_PAGE_BYTES}")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL_CHECKPOINT_PAGES}").fetchall()
    db.execute(f"PRAGMA journal_size_limit = {2 * JOURNAL_CHECKPOINT_PAGES * JOURNAL_PAGE_BYTES}")
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    if version == 1:
        db.executescript(f"BEGIN; {_HISTORY} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        return
    if version == 2:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return
    if version != 0 or db.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise JournalError(
            f"{path}: written by another release (schema {version}, this one has "
            f"{SCHEMA_VERSION}); use that release, or another data.directory"
        )
    db.executescript(f"BEGIN; {_SCHEMA} {_HISTORY} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
