"""The journal's file: one SQLite database, one writer, one hub.

What always holds, because both change in one transaction: a log's `offset` is the end of its last
batch; batches of a log follow each other without gap or overlap; `lines` counts what lies below the
offset. `seq` only grows and is never used again. The newest hello and inventory of a server stay.

Everything here is synchronous and belongs to the journal's thread, except `read` and `replay`,
which use a connection of their own.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hopwatch.v1 import ingest_pb2 as pb

from hub.columns.wire import decode
from hub.journal import inventory_bodies as bodies
from hub.journal.file import JournalError, open_database, take_lock
from hub.model import (
    BatchCommitted,
    ConnectionsSeen,
    HelloSeen,
    InventorySeen,
    Journalled,
    LogKey,
    LogSeen,
)

HELLO, INVENTORY, BATCH, CONNECTIONS = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Account:
    """How far a log is journalled: the next byte, and the lines below it."""

    offset: int
    lines: int
    malformed: int


@dataclass(frozen=True, slots=True)
class Committed:
    """The batch is on disk."""

    seq: int
    account: Account


@dataclass(frozen=True, slots=True)
class Dropped:
    """The batch was there already; acknowledge it again."""

    account: Account


@dataclass(frozen=True, slots=True)
class OutOfPlace:
    """The batch does not begin at the log's offset, and was not taken."""

    account: Account

    @property
    def expected(self) -> int:
        """Where the next batch must begin."""
        return self.account.offset


Outcome = Committed | Dropped | OutOfPlace


class Store:
    """The open database. Writes stand between `begin` and `commit` or `rollback`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = take_lock(directory)
        except OSError as error:
            raise JournalError(f"{directory}: cannot be used: {error.strerror}") from None
        try:
            self._db, self._reader = open_database(directory / "journal.db")
        except BaseException:
            os.close(self._lock)
            raise
        self._ahead = directory / "journal.db-wal"
        self._bases: dict[str, bodies.Base] = {}
        """The last whole inventories that this process has written, by server."""

    def close(self) -> None:
        self._reader.close()
        self._db.close()
        os.close(self._lock)

    # --- transactions ---

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._bases.clear()  # One may have been of this transaction.

    def free_bytes(self) -> int:
        """Of the disk, for this user, when the write-ahead log will be copied into the file."""
        stat = os.statvfs(self._directory)
        return stat.f_bavail * stat.f_frsize - self._ahead.stat().st_size

    def probe(self, size: int) -> None:
        """Raises `sqlite3.Error` where a body of this size could not be written; writes nothing."""
        self.begin()
        try:
            self._insert(BATCH, "", None, body=bytes(size))
        finally:
            self.rollback()

    def limit_pages(self, pages: int) -> None:
        """Let the database grow to this size only; for tests of a full disk."""
        self._db.execute(f"PRAGMA max_page_count = {pages:d}")

    # --- writes ---

    def append_batch(self, log: LogKey, batch: pb.Batch, rows: int) -> Outcome:
        """Compare-and-set on the log's offset, and the entry with it."""
        number, account = self._log(log)
        if batch.end_offset <= account.offset:
            return Dropped(account)
        if batch.first_offset != account.offset:
            return OutOfPlace(account)
        after = Account(
            batch.end_offset,
            account.lines + rows + batch.malformed,
            account.malformed + batch.malformed,
        )
        self._db.execute(
            "UPDATE logs SET offset = ?, lines = ?, malformed = ? WHERE id = ?",
            (after.offset, after.lines, after.malformed, number),
        )
        span = (batch.first_offset, batch.end_offset, rows, batch.malformed)
        seq = self._insert(BATCH, log.server, number, span, body=batch.SerializeToString())
        return Committed(seq, after)

    def append_hello(self, server: str, hello: pb.Hello) -> None:
        """Unless it says what the server's last one said."""
        kept = pb.Hello()
        kept.CopyFrom(hello)
        for field in ("logs", "instance", "backfill"):
            kept.ClearField(field)
        body = kept.SerializeToString(deterministic=True)
        digest = hashlib.sha256(body).digest()
        if self._is_news(HELLO, server, digest):
            self._insert(HELLO, server, None, digest=digest, body=body)

    def append_inventory(self, server: str, inventory: pb.Inventory) -> None:
        """Unless it says what the server's last one said, at another time."""
        compared = pb.Inventory()
        compared.CopyFrom(inventory)
        compared.ClearField("version")
        compared.ClearField("as_of_ns")
        digest = hashlib.sha256(compared.SerializeToString(deterministic=True)).digest()
        if self._is_news(INVENTORY, server, digest):
            self._insert_inventory(server, digest, inventory.SerializeToString())

    def append_connections(self, server: str, said: pb.Connections) -> None:
        """As they came."""
        self._insert(CONNECTIONS, server, None, body=said.SerializeToString())

    def resume(self, log: LogKey, path: str, log_format: int) -> LogSeen:
        """Remember where a log was seen; the account of it."""
        number, account = self._log(log)
        self._db.execute(
            "UPDATE logs SET path = ?, format = ? WHERE id = ? AND (path, format) != (?, ?)",
            (path, log_format, number, path, log_format),
        )
        return LogSeen(log, path, account.offset, account.lines, account.malformed)

    def delete_before(self, seq: int, limit: int) -> int:
        """Delete up to `limit` entries below `seq`; how many went. What is valid at `seq` stays,
        and the whole inventories by which others are told."""
        deleted = self._db.execute(
            "DELETE FROM entries WHERE seq IN (SELECT seq FROM entries WHERE seq < ? AND seq NOT IN"
            " (SELECT max(seq) FROM entries WHERE kind < 3 AND seq < ? GROUP BY server, kind)"
            " AND seq NOT IN (SELECT first_offset FROM entries WHERE kind < 3 AND first_offset > 0)"
            " ORDER BY seq LIMIT ?)",
            (seq, seq, limit),
        )
        return deleted.rowcount

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Write what `hub.history.catalog` keeps here, within a transaction."""
        return self._db.execute(sql, values)

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """The same, for several rows."""
        self._db.executemany(sql, rows)

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Rows of what is committed, for readers."""
        return self._reader.execute(sql, values).fetchall()

    def give_back(self) -> None:
        """Return the space of deleted entries to the disk. Outside a transaction."""
        # As a script, for `execute` would take a single step of the vacuum: one page.
        self._db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(PASSIVE);")

    def _log(self, log: LogKey) -> tuple[int, Account]:
        key = (log.server, log.proxy, log.fingerprint)
        row = self._db.execute(
            "SELECT id, offset, lines, malformed FROM logs"
            " WHERE server = ? AND proxy = ? AND fingerprint = ?",
            key,
        ).fetchone()
        if row:
            return row[0], Account(*row[1:])
        added = self._db.execute(
            "INSERT INTO logs (server, proxy, fingerprint, path, format) VALUES (?, ?, ?, '', 0)",
            key,
        )
        return _number(added), Account(0, 0, 0)

    def _is_news(self, kind: int, server: str, digest: bytes) -> bool:
        """Whether the server's last announcement of this kind said something else."""
        last = self._db.execute(
            "SELECT digest FROM entries WHERE kind = ? AND server = ? AND kind < 3"
            " ORDER BY seq DESC LIMIT 1",
            (kind, server),
        ).fetchone()
        return last is None or last[0] != digest

    def _insert_inventory(self, server: str, digest: bytes, inventory: bytes) -> None:
        """By its difference from the server's last whole one, where that is small."""
        base = self._bases.get(server)
        body = bodies.difference(inventory, base) if base else None
        if base is not None and body is not None:
            span = (base.seq, None, None, None)
            self._insert(INVENTORY, server, None, span, digest, body=body)
            return
        body = bodies.whole(inventory)
        seq = self._insert(INVENTORY, server, None, (0, None, None, None), digest, body=body)
        self._bases[server] = bodies.Base(seq, inventory, len(body))

    def _insert(
        self,
        kind: int,
        server: str,
        log: int | None,
        span: tuple[int | None, ...] = (None,) * 4,
        digest: bytes | None = None,
        *,
        body: bytes,
    ) -> int:
        added = self._db.execute(
            "INSERT INTO entries"
            " (kind, server, log, first_offset, end_offset, rows, malformed, digest, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (kind, server, log, *span, digest, body),
        )
        return _number(added)

    # --- reads ---

    def read(self, seq: int) -> pb.Batch:
        """A journalled batch, as it came. `KeyError` where there is none."""
        row = self._reader.execute(
            "SELECT body FROM entries WHERE seq = ? AND kind = ?", (seq, BATCH)
        ).fetchone()
        if row is None:
            raise KeyError(seq)
        return pb.Batch.FromString(row[0])

    def last_seq(self) -> int:
        """Of the newest entry; 0: there is none."""
        ((last,),) = self.query("SELECT coalesce(max(seq), 0) FROM entries")
        return int(last)

    def replay(self, after: int = 0, up_to: int | None = None) -> Iterator[Journalled]:
        """What was journalled, in order, from behind `after` on; as far as there is, or up to an
        entry."""
        logs: dict[int, LogKey] = {}
        while page := self._page(after, up_to):
            for seq, kind, server, log, base, body in page:
                if kind == BATCH and log not in logs:
                    logs |= self._keys()
                if kind == INVENTORY:
                    body = self._inventory(body, base)
                yield _event(seq, kind, server, logs.get(log), body)
                after = seq

    def announcements(self, up_to: int) -> Iterator[Journalled]:
        """The hellos and inventories up to this entry, in order."""
        found = self.query(
            "SELECT seq, kind, server, first_offset, body FROM entries"
            " WHERE kind < 3 AND seq <= ? ORDER BY seq",
            (up_to,),
        )
        for seq, kind, server, base, body in found:
            whole = self._inventory(body, base) if kind == INVENTORY else body
            yield _event(seq, kind, server, None, whole)

    def lines_below(self, seq: int) -> dict[LogKey, tuple[int, int]]:
        """Of each log that has some: lines and malformed ones of the entries up to this one."""
        found = self.query(
            "SELECT logs.server, logs.proxy, logs.fingerprint,"
            " logs.lines - coalesce(sum(e.rows + e.malformed), 0),"
            " logs.malformed - coalesce(sum(e.malformed), 0)"
            " FROM logs LEFT JOIN entries e ON e.log = logs.id AND e.seq > ? AND e.kind = 3"
            " GROUP BY logs.id ORDER BY logs.id",
            (seq,),
        )
        return {LogKey(*row[:3]): (row[3], row[4]) for row in found if row[3]}

    def _inventory(self, body: bytes, base: int | None) -> bytes:
        """The serialized inventory of an entry."""
        if not base:
            return bodies.read_whole(body, base)
        ((told, of),) = self.query("SELECT body, first_offset FROM entries WHERE seq = ?", (base,))
        return bodies.read_difference(body, bodies.read_whole(told, of))

    def _page(
        self, after: int, up_to: int | None
    ) -> list[tuple[int, int, str, int, int | None, bytes]]:
        return self._reader.execute(
            "SELECT seq, kind, server, log, first_offset, body FROM entries"
            " WHERE seq > ? AND seq <= coalesce(?, seq) ORDER BY seq LIMIT 64",
            (after, up_to),
        ).fetchall()

    def _keys(self) -> dict[int, LogKey]:
        rows = self._reader.execute("SELECT id, server, proxy, fingerprint FROM logs")
        return {row[0]: LogKey(*row[1:]) for row in rows}


def committed(seq: int, log: LogKey, batch: pb.Batch) -> BatchCommitted:
    """The event of a batch, decoded from its message."""
    return BatchCommitted(
        seq,
        log,
        batch.first_offset,
        batch.end_offset,
        batch.malformed,
        tuple(batch.malformed_samples),
        batch.watermark_ns,
        decode(batch),
    )


def _event(seq: int, kind: int, server: str, log: LogKey | None, body: bytes) -> Journalled:
    if kind == HELLO:
        return HelloSeen(server, pb.Hello.FromString(body))
    if kind == INVENTORY:
        return InventorySeen(server, pb.Inventory.FromString(body))
    if kind == CONNECTIONS:
        return ConnectionsSeen(server, pb.Connections.FromString(body))
    assert log is not None
    return committed(seq, log, pb.Batch.FromString(body))


def _number(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid
