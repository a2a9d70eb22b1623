"""The sealed calls as readers see them: which files count, and what of them is hidden.

Enters: the catalogue at the start, then each sealing, compaction and retention as it is committed.
Leaves: `State`s, which never change: who reads takes one and may take its time. Belongs to the
event loop; readers' threads get states.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hub.history import catalog
from hub.history.catalog import Sealing
from hub.history.files import FileEntry
from hub.history.snapshot import Hidden
from hub.journal.store import Store
from hub.query.order import Keys, Numbers


@dataclass(frozen=True, slots=True)
class State:
    """Files in the order of their sealing; what is hidden, by start."""

    files: tuple[FileEntry, ...]
    hidden: Hidden

    def is_hidden(self, keys: Keys, revision: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of these calls' records were superseded."""
        return hidden_in(self.hidden, keys, revision)


def hidden_in(hidden: Hidden, keys: Keys, revision: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which of these records are of an id that is hidden, and of a revision below it."""
    result = np.zeros(len(keys), np.bool_)
    if not len(hidden.start_ns):
        return result
    low = np.searchsorted(hidden.start_ns, keys.start_ns)
    high = np.searchsorted(hidden.start_ns, keys.start_ns, side="right")
    for place in np.flatnonzero(high > low).tolist():
        span = slice(low[place], high[place])
        same = (hidden.log[span] == keys.log[place]) & (hidden.offset[span] == keys.offset[place])
        result[place] = bool((same & (hidden.revision[span] > revision[place])).any())
    return result


def merged(one: Hidden, two: Hidden) -> Hidden:
    """Both, by start."""
    columns = [
        np.concatenate([getattr(part, name) for part in (one, two)]) for name in Hidden.__slots__
    ]
    order = np.argsort(columns[0], kind="stable")
    return Hidden(*(column[order] for column in columns))


class Archive:
    """The state that counts now."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state = State(tuple(catalog.files(store)), catalog.hidden(store))
        checkpoint = catalog.checkpoint(store)
        self.rows: int = checkpoint.rows if checkpoint else 0
        """Lines that are consumed."""
        self.sweep(())

    def sealed(self, sealing: Sealing) -> None:
        """A sealing was committed."""
        added = (sealing.file,) if sealing.file else ()
        hidden = merged(self.state.hidden, sealing.hidden)
        self.state = State((*self.state.files, *added), hidden)
        self.rows = sealing.checkpoint.rows

    def replaced(self, old: Collection[str], new: FileEntry | None, hidden: Hidden) -> None:
        """Files went, or became one; this is hidden now."""
        kept = tuple(entry for entry in self.state.files if entry.name not in old)
        self.state = State((*kept, new) if new else kept, hidden)

    def sweep(self, spared: Collection[str]) -> list[str]:
        """Delete what does not count, but for these; what was deleted."""
        counted = {entry.name for entry in self.state.files}
        swept = []
        for path in self.directory.iterdir():
            stray = path.name.startswith("calls-") and path.suffix == ".parquet"
            if path.name.endswith(".part") or (
                stray and path.name not in counted and path.name not in spared
            ):
                path.unlink()
                swept.append(path.name)
        return swept


def selected(hidden: Hidden, chosen: NDArray[np.bool_] | Numbers) -> Hidden:
    """Some of these."""
    return Hidden(*(getattr(hidden, name)[chosen] for name in Hidden.__slots__))
