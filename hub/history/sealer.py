"""Sealing: what is settled goes from journal and memory into a file, exactly once.

Enters: the core, the journal. Leaves: a file, and in one transaction of the journal's database all
that makes it count: its entry, the position in the journal, the carry, rollups, the ledger's
totals. Then the consumed batches go. A crash before the transaction leaves a file that does not
exist and a journal that is read again; one behind it leaves entries that are not read any more.

The core is copied in one moment, between two of its steps; what it settles meanwhile is the next
sealing's. `step` is told of each step, for tests that crash there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import numpy as np
import structlog

from hub.columns.calls import Counted
from hub.history import carry, catalog, core, encode, files, manifest, rollups, snapshot
from hub.history.archive import Archive
from hub.history.catalog import Checkpoint, Sealing
from hub.history.columns import compressed
from hub.journal.journal import Journal
from hub.read.describe import Describe
from hub.settle.pipeline import Pipeline

log = structlog.get_logger("history")


def _nothing(step: str) -> None:
    """Nobody watches."""


class Sealer:
    """Seals what the core settled."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        archive: Archive,
        step: Callable[[str], None] = _nothing,
    ) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._archive = archive
        self._describe = Describe(pipeline)
        self._step = step
        self._sealed_seq = pipeline.seq
        self._topology: bytes | None = None
        self.reason: str | None = None
        """Why the last attempt failed."""

    @property
    def lines_unsealed(self) -> int:
        """Lines that came since the last sealing."""
        return self._pipeline.settling.rows.table.end - self._archive.rows

    async def seal(self, now_ns: int) -> int:
        """Seal what is settled; how many calls. Raises `StorageFull`, `OSError`."""
        pipeline = self._pipeline
        self._step("begin")
        taken = snapshot.take(pipeline, self._describe)
        if not len(taken.numbers) and not len(taken.gone) and pipeline.seq == self._sealed_seq:
            return 0
        checkpoint = Checkpoint(
            pipeline.seq,
            pipeline.settling.rows.table.end,
            core.take(pipeline, taken.unsealed_rows),
            carry.take(pipeline),
        )
        topology = self._changed_topology(now_ns)
        counted, pipeline.sealable = pipeline.sealable, []
        pipeline.being_sealed = (checkpoint.seq, counted)
        try:
            sealing = await self._prepare(taken, checkpoint, counted, topology, now_ns)
            self._step("written")
            await self._journal.write(lambda store: catalog.seal(store, sealing))
        except BaseException:
            pipeline.sealable = counted + pipeline.sealable
            raise
        finally:
            pipeline.being_sealed = (0, [])
        self._step("committed")
        self._sealed(taken, sealing)
        if topology is not None:
            self._topology = topology[0]
        await self._journal.delete_before(checkpoint.seq + 1)
        self._step("deleted")
        await self.publish(now_ns)
        self._step("end")
        return len(taken.numbers)

    async def publish(self, now_ns: int) -> None:
        """Bring `manifest.json` up to date."""
        archive, graph = self._archive, self._pipeline.graph
        state = archive.state
        await asyncio.to_thread(
            manifest.write, archive.directory, list(state.files), state.hidden, graph, now_ns
        )

    async def _prepare(
        self,
        taken: snapshot.Snapshot,
        checkpoint: Checkpoint,
        counted: list[tuple[int, Counted]],
        topology: tuple[bytes, bytes] | None,
        now_ns: int,
    ) -> Sealing:
        asked = await asyncio.to_thread(snapshot.questions, taken)
        taken.texts = snapshot.answer(self._pipeline, self._describe, asked)
        shown = [
            (sign, calls.part(~self._pipeline.graph.ignored(calls.edge))) for sign, calls in counted
        ]
        name = f"calls-{now_ns}-{checkpoint.seq}.parquet"
        directory = self._archive.directory

        def work() -> Sealing:
            file = None
            if len(taken.numbers):
                file = files.write(directory, name, encode.table(taken, asked), now_ns)
            changed = (now_ns, topology[1]) if topology else None
            return Sealing(checkpoint, file, taken.hidden, rollups.bodies(shown), changed)

        return await asyncio.to_thread(work)

    def _sealed(self, taken: snapshot.Snapshot, sealing: Sealing) -> None:
        """The transaction is through: memory and archive agree on who tells what."""
        settling, accounts = self._pipeline.settling, self._pipeline.ledger.accounts
        table, rows = settling.calls.table, taken.unsealed_rows
        table.put("sealed", taken.numbers, taken.calls["revision"])
        table.put("sealed", taken.gone, 0)
        settling.rows.table.put("sealed", rows, True)
        logs = settling.rows.table.take("log", rows)
        counts = np.bincount(logs, minlength=len(accounts)).tolist()
        for account, count in zip(accounts, counts, strict=True):
            account.let_go += count
        self._sealed_seq = sealing.checkpoint.seq
        self._archive.sealed(sealing)

    def _changed_topology(self, now_ns: int) -> tuple[bytes, bytes] | None:
        """What is shown now, and its digest, where it is not what was kept last."""
        form = self._describe.topology()
        body = msgspec.json.encode(form)
        for node in form.nodes:
            node.first_seen = node.last_seen = None
        form.version = 0
        digest = msgspec.json.encode(form)
        return (digest, compressed(body)) if digest != self._topology else None
