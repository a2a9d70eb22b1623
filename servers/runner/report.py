"""The closing account: lines in each log file against what the hub's ledger says of it.

Enters: the servers' files and the ledger. Leaves: rows, whether they agree, and a table. The files
are counted here, independently of agent and hub.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

COUNT_BLOCK = 1024 * 1024
"""Bytes read at a time when counting lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """One log: lines in the file, and what the ledger says."""

    server: str
    kind: str
    lines: int
    read: int
    journalled: int
    in_calls: int
    malformed: int

    @property
    def agrees(self) -> bool:
        return self.lines == self.read == self.journalled == self.in_calls and not self.malformed


@dataclass(frozen=True, slots=True)
class Account:
    rows: list[Row]
    exact: bool
    reason: str | None

    @property
    def good(self) -> bool:
        return self.exact and all(row.agrees for row in self.rows)

    @property
    def why_not(self) -> str:
        """What does not agree, in words."""
        off = [f"{row.server}/{row.kind}" for row in self.rows if not row.agrees]
        parts = [f"the ledger is not exact: {self.reason}"] if not self.exact else []
        if off:
            parts.append(f"file and ledger differ for {', '.join(off)}")
        return "; ".join(parts)


def count_lines(path: Path) -> int:
    """Complete lines."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(COUNT_BLOCK), b""))


def compare(logs: Mapping[tuple[str, str], Path], ledger: Mapping[str, Any]) -> Account:
    """`logs` are the files by (server, kind)."""
    rows = [
        _row(server, kind, count_lines(path), _of(ledger["logs"], server, path))
        for (server, kind), path in logs.items()
    ]
    return Account(rows, bool(ledger["exact"]), ledger["reason"])


def _of(logs: Iterable[Mapping[str, Any]], server: str, path: Path) -> list[Mapping[str, Any]]:
    return [log for log in logs if log["server"] == server and Path(log["path"]) == path]


def _row(server: str, kind: str, lines: int, entries: list[Mapping[str, Any]]) -> Row:
    def total(field: str) -> int:
        return sum(entry[field] for entry in entries)

    return Row(
        server,
        kind,
        lines,
        total("read"),
        total("journalled"),
        total("in_calls"),
        total("malformed"),
    )


def table(account: Account) -> Table:
    shown = Table(title="Every line accounted for" if account.good else "The account is not exact")
    for column in ("server", "log"):
        shown.add_column(column)
    for column in ("lines in the file", "read", "journalled", "in calls", "malformed"):
        shown.add_column(column, justify="right")
    for row in account.rows:
        figures = (row.lines, row.read, row.journalled, row.in_calls, row.malformed)
        shown.add_row(row.server, row.kind, *map(str, figures))
    return shown


def traffic_table(summary: Mapping[str, Any]) -> Table:
    shown = Table(title=f"Sent: {summary['sent']} requests, {summary['failed']} without an answer")
    shown.add_column("kind")
    shown.add_column("sent", justify="right")
    shown.add_column("answers")
    for name, kind in summary["kinds"].items():
        answers = ", ".join(f"{status} x{n}" for status, n in kind["statuses"].items())
        shown.add_row(name, str(kind["sent"]), answers)
    return shown
