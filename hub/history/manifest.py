"""`manifest.json`: what others read the history by. docs/history.md tells its form.

Enters: the catalogue's files, the ids that are hidden, the graph. Leaves: a file that is always
whole: it is written beside the old one and takes its place. It follows the catalogue, so it may be
one checkpoint behind, never ahead; files that it names stay for `GRACE_S` after they were replaced.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from hub.graph.graph import Graph
from hub.history.files import FileEntry, sync_directory
from hub.history.schema import VERSION
from hub.history.snapshot import Hidden

NAME = "manifest.json"


class Part(msgspec.Struct):
    """A file of calls."""

    file: str
    calls: int
    bytes: int
    first_ns: int
    last_ns: int


class NodeName(msgspec.Struct):
    """A node that calls name."""

    node: str
    kind: str
    server: str | None
    name: str | None


class Manifest(msgspec.Struct):
    """All of it."""

    version: int
    sealed_ns: int
    """When the last file was sealed."""
    files: list[Part]
    superseded: str | None
    """A file of ids and the revisions below which a call with that id does not count."""
    nodes: list[NodeName]


def write(
    directory: Path, files: list[FileEntry], hidden: Hidden, graph: Graph, now_ns: int
) -> None:
    """Put a new manifest in the old one's place. Raises `OSError`."""
    superseded = _write_hidden(directory, hidden, now_ns) if len(hidden.start_ns) else None
    manifest = Manifest(
        VERSION,
        max((entry.sealed_ns for entry in files), default=0),
        [Part(e.name, e.calls, e.size, e.first_ns, e.last_ns) for e in files],
        superseded,
        [NodeName(n.id, n.kind.name.lower(), n.server, n.name) for n in graph.nodes],
    )
    partial = directory / f".{NAME}.part"
    with partial.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(directory / NAME)
    sync_directory(directory)


def _write_hidden(directory: Path, hidden: Hidden, now_ns: int) -> str:
    """As call ids are written, so that others need not take them apart."""
    name = f"superseded-{now_ns}.parquet"
    columns = (hidden.start_ns.tolist(), hidden.log.tolist(), hidden.offset.tolist())
    ids = [
        f"{start:019d}-{log:08x}-{offset:x}" for start, log, offset in zip(*columns, strict=True)
    ]
    with (directory / name).open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        pq.write_table(pa.table({"id": ids, "below_revision": hidden.revision}), file)
    return name
