"""The world of the agent's action model: a Traefik that writes, a logrotate, a hub, and the wire.

Files are real, everything else is plain code: no clock, no sockets. `World` keeps what was written
per log, `ModelHub` what was journalled; the test compares.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from hopwatch.v1 import ingest_pb2 as pb

from tests.node_agent.build import line
from tests.node_agent.decode import observations


class World:
    """Traefik and logrotate over one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "access.log"
        self.lines: dict[int, list[int]] = {}
        """By first line, the numbers of each log's lines."""
        self.out: int | None = None
        """What Traefik has open."""
        self.current: int | None = None
        """The log that it writes to, by its first line."""
        self.half = b""
        self.number = 0
        self.names = 0

    @property
    def on_path(self) -> bool:
        """Traefik writes to the file at the configured path."""
        try:
            return self.out is not None and os.path.samestat(os.fstat(self.out), self.path.stat())
        except OSError:
            return False

    # Traefik.

    def open(self) -> None:
        """Start, or `USR1`."""
        self.finish_half()
        if self.out is not None:
            os.close(self.out)
        fresh = not self.path.exists() or not self.path.stat().st_size
        self.out = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        assert fresh or self.current is not None
        self.current = None if fresh else self.current

    def stop(self) -> None:
        self.finish_half()
        if self.out is not None:
            os.close(self.out)
        self.out = self.current = None

    def write(self, count: int, half: bool = False) -> None:
        """Whole lines, and the beginning of another one."""
        self.finish_half()
        for _ in range(count):
            self._begin(line(self.number))
            self.finish_half()
        if half:
            self._begin(line(self.number))

    def _begin(self, text: bytes) -> None:
        assert self.out is not None
        if self.current is None:
            self.current = self.number
        os.write(self.out, text[:400])
        self.half = text[400:]

    def finish_half(self) -> None:
        if self.half:
            assert self.out is not None and self.current is not None
            os.write(self.out, self.half)
            self.half = b""
            self.lines.setdefault(self.current, []).append(self.number)
            self.number += 1

    # logrotate, and people.

    def fresh_name(self, suffix: str = "") -> Path:
        self.names += 1
        return self.directory / f"access.log-{self.names:03d}{suffix}"

    def rename(self) -> None:
        self.path.rename(self.fresh_name())

    def copytruncate(self) -> None:
        """Nothing is written between the copy and the truncation."""
        self.finish_half()
        shutil.copyfile(self.path, self.fresh_name())
        os.truncate(self.path, 0)
        self.current = None

    def unlink(self) -> None:
        self.path.unlink()

    def swap_symlink(self) -> None:
        """The path is a symlink, or becomes one; it shows a new, empty file from now on."""
        target = self.fresh_name()
        target.touch()
        aside = self.directory / "new-link"
        aside.symlink_to(target)
        if not self.path.is_symlink():
            self.rename()
        aside.rename(self.path)

    def rotated(self, suffix: str = "") -> list[Path]:
        """Uncompressed files beside the log that Traefik does not write to."""
        held = os.fstat(self.out).st_ino if self.out is not None else None
        shown = self.path.resolve()
        return [
            found
            for found in sorted(self.directory.glob("access.log-*" + suffix))
            if found.suffix != ".gz"
            and not found.is_symlink()
            and found != shown
            and found.stat().st_ino != held
            and found.stat().st_size
        ]

    def compress(self, file: Path, *, half_way: bool) -> None:
        """As gzip does: the original goes when the compressed file is whole."""
        packed = gzip.compress(file.read_bytes(), 1)
        target = file.with_name(file.name + ".gz")
        if half_way:
            target.write_bytes(packed[: len(packed) // 2])
        else:
            target.write_bytes(packed)
            file.unlink()

    def restore(self, file: Path, share: float) -> None:
        """A part of older content comes back at the path; what lay there is rotated away."""
        self.stop()
        content = file.read_bytes()
        cut = content.rfind(b"\n", 0, int(len(content) * share)) + 1
        if self.path.exists():
            self.rename()
        self.path.write_bytes(content[:cut])


@dataclass
class Stored:
    """One log in the hub's journal."""

    offset: int = 0
    lines: int = 0
    numbers: list[int] = field(default_factory=list)


class ModelHub:
    """Compare-and-set on each log's end; the journal survives crashes, a stream does not."""

    def __init__(self) -> None:
        self.journal: dict[bytes, Stored] = {}
        self.up = False
        """A stream is open."""
        self.heard: deque[pb.AgentMessage] = deque()
        """On its way from the agent."""
        self.said: deque[pb.HubMessage] = deque()
        """On its way to it."""
        self._numbers: dict[int, Stored] = {}
        self.complete: list[int] = []

    def connect(self) -> None:
        self.up = True
        self.heard.clear()
        self.said.clear()
        self._numbers.clear()

    def cut(self, journal_first: bool) -> None:
        """Crash; with `journal_first` what was under way is stored, and nobody is told."""
        if journal_first:
            self.process(len(self.heard))
        self.up = False
        self.heard.clear()
        self.said.clear()

    def process(self, most: int) -> None:
        """Take the next messages in; the answers wait to be delivered."""
        for _ in range(min(most, len(self.heard))):
            message = self.heard.popleft()
            match message.WhichOneof("message"):
                case "hello":
                    welcome = pb.Welcome(protocol=1)
                    welcome.settings.max_batch_rows = 3
                    welcome.settings.max_unacknowledged_bytes = 4000
                    welcome.resumes.extend(map(self._sight, message.hello.logs))
                    self.said.append(pb.HubMessage(welcome=welcome))
                case "log_sighting":
                    resume = self._sight(message.log_sighting)
                    self.said.append(pb.HubMessage(resume=resume))
                case "batch":
                    self._store(message.batch)

    def _sight(self, log: pb.LogSighting) -> pb.Resume:
        stored = self._numbers[log.number] = self.journal.setdefault(log.fingerprint, Stored())
        return pb.Resume(number=log.number, offset=stored.offset, lines=stored.lines)

    def _store(self, batch: pb.Batch) -> None:
        stored = self._numbers[batch.log]
        if batch.end_offset > stored.offset:
            assert batch.first_offset == stored.offset, "a batch does not begin at the hub's offset"
            assert not batch.malformed
            found = [each["request_count"] - 1 for each in observations(batch)]
            stored.numbers += found
            stored.lines += len(found)
            stored.offset = batch.end_offset
        resume = pb.Resume(number=batch.log, offset=stored.offset, lines=stored.lines)
        self.said.append(pb.HubMessage(ack=pb.Ack(logs=[resume])))
