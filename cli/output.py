"""What is printed: coloured tables on a terminal, tab-separated text elsewhere, JSON where asked.

What always holds: a cell holds no control characters (paths and hosts are written by strangers, and
a terminal obeys them): they are shown as `\\x1b`. Tab-separated output begins with one line of
column names, has no colours, and its cells are never shortened.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click
import msgspec

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_C1 = re.compile(r"[\x7f-\x9f]")


def clean(value: object) -> str:
    """Text of one cell."""
    return _CONTROL.sub(_escaped, "" if value is None else str(value))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    right: bool = False
    width: int | None = None
    """Of a table whose rows come one by one: cells are padded and shortened to it."""
    style: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as a person reads it, beside the plain one that programs get."""

    plain: object
    shown: str | None = None
    style: str = ""

    @property
    def text(self) -> str:
        return clean(self.plain if self.shown is None else self.shown)


Row = Sequence[Cell]


def on_terminal() -> bool:
    """Whether somebody looks at standard output."""
    return sys.stdout.isatty()


def say(text: str) -> None:
    """A sentence beside the output."""
    click.echo(f"hopwatch: {clean(text)}", err=True)


def json_line(value: Any) -> None:
    """One object."""
    text = msgspec.json.encode(value).decode()
    if on_terminal():
        text = _C1.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    print(text)


def table(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """A whole table."""
    if not on_terminal():
        lines = Lines(columns)
        for row in rows:
            lines.add(row)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        side: Literal["left", "right"] = "right" if column.right else "left"
        shown.add_column(column.name.upper(), justify=side, style=column.style, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    Console().print(shown)


class Lines:
    """A table whose rows come one by one."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._console: Any = None
        if on_terminal():
            from rich.console import Console

            self._console = Console(highlight=False)
            self._print([Cell(column.name.upper(), style="bold") for column in columns])
        else:
            print("\t".join(column.name for column in columns))

    def add(self, row: Row) -> None:
        """The next one."""
        if self._console is None:
            print("\t".join(clean(cell.plain) for cell in row))
        else:
            self._print(row)

    def _print(self, row: Row) -> None:
        from rich.text import Text

        line = Text(no_wrap=True, overflow="ellipsis")
        for number, (column, cell) in enumerate(zip(self._columns, row, strict=True)):
            text = Text(cell.text, style=cell.style or column.style)
            if column.width is not None:
                text.truncate(column.width, overflow="ellipsis")
                missing = column.width - text.cell_len
                text.pad_left(missing) if column.right else text.pad_right(missing)
            if number:
                line.append("  ")
            line.append_text(text)
        self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
