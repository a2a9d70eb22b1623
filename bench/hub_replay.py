"""Measures a restart of the hub: a journal of many small batches, read through the core.

    python -m bench.hub_replay [--seconds 10] [--rate 10000] [--servers 12]

The journal is what the federation `mixed` of `bench/truth` sends: some 30 lines a batch. `read` is
SQLite and decoding alone, `one by one` hands each event to the core by itself, `in steps` is what
the hub does. No figure is asserted.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import numpy as np
from hopwatch.v1 import ingest_pb2 as pb

from bench.truth.calls import make_truth
from bench.truth.delivery import commits
from bench.truth.lines import make_lines
from bench.truth.scenario import SCENARIOS
from bench.truth.sites import Sites
from bench.truth.texts import Texts
from hub.columns.wire import IDS, NUMBERS, STRINGS
from hub.journal.journal import Journal
from hub.journal.steps import rows_of, steps_of
from hub.model import BatchCommitted, Event, HelloSeen, InventorySeen, LogKey, Observations
from hub.settle.pipeline import Pipeline


def encoded(said: Observations) -> bytes:
    """As the agent would send these."""
    message = pb.Columns(rows=said.rows)
    for name, dtype in NUMBERS.items():
        setattr(message, name, getattr(said, name).astype(dtype).tobytes())
    for name in IDS:
        setattr(message, name, getattr(said, name).astype("<u8").tobytes())
    for name in STRINGS:
        column = getattr(said, name)
        strings = getattr(message, name)
        used, codes = np.unique(column.codes, return_inverse=True)
        strings.values.extend(column.values[code] for code in used.tolist())
        strings.codes = codes.astype("<u2" if len(used) > 256 else "<u1").tobytes()
    return message.SerializeToString()


async def write(directory: Path, events: Iterable[Event]) -> None:
    """Journal these."""
    journal, ends = Journal.open(directory, reserve_mib=0), Counter[LogKey]()
    waiting = []
    for event in events:
        if isinstance(event, HelloSeen):
            waiting.append(journal.append_hello(event))
        elif isinstance(event, InventorySeen):
            waiting.append(journal.append_inventory(event))
        elif isinstance(event, BatchCommitted):
            first = ends[event.log]
            ends[event.log] += event.end_offset - event.first_offset
            await journal.append_batch(
                event.log,
                pb.Batch(
                    log=1,
                    first_offset=first,
                    end_offset=ends[event.log],
                    watermark_ns=event.watermark_ns,
                    columns=encoded(event.observations),
                ),
            )
    await asyncio.gather(*waiting)
    await journal.close()


def one_by_one(journal: Journal) -> None:
    pipeline = Pipeline()
    for event in journal.replay():
        pipeline.handle([event], time.time_ns())


def in_steps(journal: Journal) -> None:
    pipeline = Pipeline()
    for events in steps_of(journal.replay()):
        pipeline.handle(events, time.time_ns())


def read(journal: Journal) -> None:
    for _ in journal.replay():
        pass


@click.command()
@click.option("--seconds", default=10.0, show_default=True)
@click.option("--rate", default=10_000.0, show_default=True, help="Requests a second, in all.")
@click.option("--servers", default=12, show_default=True)
def main(seconds: float, rate: float, servers: int) -> None:
    """Print CPU a line and a batch."""
    scenario = next(each for each in SCENARIOS if each.name == "mixed")
    scenario = scenario.sized(servers, rate, seconds)
    random, texts = np.random.default_rng(1), Texts()
    sites = Sites(scenario, texts, random)
    made = make_lines(make_truth(scenario, sites, texts, random), sites)
    stream = commits(scenario, sites, texts, made, random)
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(write(Path(place), (event for commit in stream for event in commit.events)))
        journal = Journal.open(Path(place), reserve_mib=0)
        rows = [rows_of(event) for event in journal.replay()]
        lines, batches = sum(rows), sum(count > 0 for count in rows)
        print(f"{lines:,} lines in {batches:,} batches")
        ways: tuple[Callable[[Journal], None], ...] = (read, one_by_one, in_steps)
        for way in ways:
            began = time.process_time()
            way(journal)
            took = time.process_time() - began
            print(
                f"{way.__name__:10} {took:6.2f} s, {took / lines * 1e6:6.2f} us a line, "
                f"{took / batches * 1e6:6.0f} us a batch"
            )
        asyncio.run(journal.close())


if __name__ == "__main__":
    main()
