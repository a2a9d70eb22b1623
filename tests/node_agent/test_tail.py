"""The tail over real files: each way in which a log can turn, and restarts between."""

from __future__ import annotations

import errno
import gzip
import shutil
from pathlib import Path

import pytest

from node_agent import files
from node_agent.checkpoint import Checkpoint, InUse
from node_agent.log import Finished, Log, Sighted, Turned, Unreadable
from node_agent.model import LogFormat
from node_agent.tail import Tail
from tests.node_agent.build import line, lines


class Reader:
    """A tail with an obedient hub behind it: everything that is read is journalled."""

    def __init__(self, directory: Path, journal: dict[bytes, bytes] | None = None) -> None:
        self.path = directory / "access.log"
        self.directory = directory
        self.journal: dict[bytes, bytes] = {} if journal is None else journal
        self.memory = Checkpoint(directory / "state")
        self.tail = Tail("private", self.path, self.memory)
        self.now_s = 1000.0
        self.finished: list[bytes] = []
        self.turned: list[str] = []
        self.sighted: list[Path] = []

    def step(self, later_s: float = 0.1) -> None:
        """Look, then read every log to its end and acknowledge it."""
        self.now_s += later_s
        for event in self.tail.look(self.now_s):
            match event:
                case Sighted(log):
                    self.sighted.append(log.path)
                    self.tail.seek(log, len(self.journal.get(log.fingerprint, b"")))
                case Turned(_, how):
                    self.turned.append(how)
                case Finished(log):
                    self.finished.append(log.fingerprint)
        for log in list(self.tail.logs.values()):
            self.read(log)

    def read(self, log: Log) -> None:
        while True:
            for piece in self.tail.read(log, 700):
                stored = self.journal.get(log.fingerprint, b"")
                assert piece.offset == len(stored)
                self.journal[log.fingerprint] = stored + piece.data  # type: ignore[union-attr]
            self.tail.acknowledged(log, len(self.journal.get(log.fingerprint, b"")))
            if log.at_end or log.handle is None:
                return

    def restarted(self) -> Reader:
        """The agent was killed and starts again; the hub keeps what it has."""
        self.memory.save()
        self.memory.close()
        self.tail.close()
        return Reader(self.directory, self.journal)

    @property
    def stored(self) -> list[bytes]:
        return list(self.journal.values())


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as out:
        out.write(data)


def test_a_log_is_read_as_it_grows(reader: Reader) -> None:
    append(reader.path, lines(0, 3))
    reader.step()
    append(reader.path, lines(3, 5))
    reader.step()
    assert reader.stored == [lines(0, 5)]


def test_a_half_line_waits_for_its_end(reader: Reader) -> None:
    text = line(2)
    append(reader.path, lines(0, 2) + text[:300])
    reader.step()
    assert reader.stored == [lines(0, 2)]
    append(reader.path, text[300:])
    reader.step()
    assert reader.stored == [lines(0, 3)]


def test_a_log_that_does_not_exist_yet_is_found_when_it_does(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "later")
    reader.step()
    append(reader.path, b"")
    reader.step()
    append(reader.path, line(0)[:10])
    reader.step()
    assert reader.stored == [] and reader.tail.logs == {}
    append(reader.path, line(0)[10:])
    reader.step()
    assert reader.stored == [line(0)]


def test_a_renamed_log_is_read_to_its_end_and_the_new_one_from_its_beginning(
    reader: Reader,
) -> None:
    append(reader.path, lines(0, 3))
    reader.step()
    rotated = reader.path.rename(reader.path.with_name("access.log.1"))
    append(rotated, lines(3, 4))
    reader.step()
    append(reader.path, lines(10, 12))
    append(rotated, lines(4, 5))
    reader.step()
    append(reader.path, lines(12, 13))
    reader.step()
    assert reader.stored == [lines(0, 5), lines(10, 13)]
    assert (reader.turned, reader.finished) == (["gone"], [])
    reader.step(61)
    assert len(reader.finished) == 1
    assert reader.stored == [lines(0, 5), lines(10, 13)]


def test_a_log_that_came_and_was_rotated_between_two_looks_is_read(reader: Reader) -> None:
    reader.step()
    append(reader.path, lines(0, 2))
    rotate(reader.path)
    append(reader.path, lines(5, 6))
    reader.step()
    assert sorted(reader.stored) == sorted([lines(0, 2), lines(5, 6)])


def test_a_log_truncated_in_place_begins_anew(reader: Reader) -> None:
    append(reader.path, lines(0, 5))
    reader.step()
    reader.path.write_bytes(b"")
    reader.step()
    append(reader.path, lines(10, 11))
    reader.step()
    assert reader.stored == [lines(0, 5), lines(10, 11)]
    assert reader.turned == ["truncated"]


def test_a_log_truncated_and_grown_beyond_its_old_size_is_noticed(reader: Reader) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    reader.path.write_bytes(lines(10, 20))
    reader.step()
    assert reader.stored == [lines(0, 2), lines(10, 20)]


def test_what_copytruncate_copied_before_it_was_read_is_read_from_the_copy(
    reader: Reader,
) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    append(reader.path, lines(2, 5))
    shutil.copy(reader.path, reader.path.with_name("access.log.1"))
    reader.path.write_bytes(lines(10, 12))
    reader.step()
    assert reader.stored == [lines(0, 5), lines(10, 12)]
    reader.step(61)
    reader.step(61)
    assert reader.stored == [lines(0, 5), lines(10, 12)]


def test_a_copy_of_the_live_log_is_not_read(reader: Reader) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    shutil.copy(reader.path, reader.path.with_name("access.log.1"))
    reader = reader.restarted()
    reader.step()
    append(reader.path, lines(2, 3))
    reader.step()
    assert reader.stored == [lines(0, 3)]
    assert reader.sighted == [reader.path]


def test_a_log_deleted_and_made_again_is_two_logs(reader: Reader) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    reader.path.unlink()
    reader.step()
    append(reader.path, lines(5, 6))
    reader.step()
    assert reader.stored == [lines(0, 2), lines(5, 6)]


def test_a_symlink_that_is_swapped_is_followed(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    reader = Reader(tmp_path)
    first, second = tmp_path / "logs/one", tmp_path / "logs/two"
    append(first, lines(0, 2))
    reader.path.symlink_to(first)
    reader.step()
    append(second, lines(5, 6))
    reader.path.unlink()
    reader.path.symlink_to(second)
    append(first, lines(2, 3))
    reader.step()
    assert reader.stored == [lines(0, 3), lines(5, 6)]


def test_after_a_restart_reading_goes_on_at_the_hubs_offset(reader: Reader) -> None:
    append(reader.path, lines(0, 3))
    reader.step()
    append(reader.path, lines(3, 5))
    reader = reader.restarted()
    reader.step()
    assert reader.stored == [lines(0, 5)]


def test_what_was_rotated_during_a_long_stop_is_found_and_read_oldest_first(
    reader: Reader,
) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    append(reader.path, lines(2, 4))
    rotate(reader.path)
    append(reader.path, lines(10, 12))
    rotate(reader.path)
    append(reader.path, lines(20, 21))
    reader = reader.restarted()
    reader.step()
    assert reader.stored == [lines(0, 4), lines(20, 21), lines(10, 12)]
    names = [path.name for path in reader.sighted]
    assert names == ["access.log", "access.log.2", "access.log.1"]


def rotate(path: Path) -> None:
    """As logrotate does without dates."""
    for number in range(8, 0, -1):
        for suffix in ("", ".gz"):
            old = path.with_name(f"{path.name}.{number}{suffix}")
            if old.exists():
                old.rename(path.with_name(f"{path.name}.{number + 1}{suffix}"))
    path.rename(path.with_name(f"{path.name}.1"))


def test_a_compressed_log_is_read_from_where_the_hub_is(reader: Reader) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    append(reader.path, lines(2, 40))
    packed = reader.path.with_name("access.log-20261122.gz")
    packed.write_bytes(gzip.compress(reader.path.read_bytes()))
    reader.path.unlink()
    append(reader.path, lines(50, 51))
    reader = reader.restarted()
    reader.step()
    assert sorted(reader.stored) == sorted([lines(0, 40), lines(50, 51)])
    reader.step()
    assert len(reader.finished) == 1
    reader = reader.restarted()
    reader.step()
    assert reader.sighted == [reader.path]


def test_a_half_compressed_log_is_tried_again(reader: Reader) -> None:
    append(reader.path, lines(0, 2))
    reader.step()
    append(reader.path, lines(2, 400))
    whole = gzip.compress(reader.path.read_bytes())
    packed = reader.path.with_name("access.log.1.gz")
    packed.write_bytes(whole[: len(whole) // 2])
    reader.path.unlink()
    append(reader.path, lines(500, 501))
    reader = reader.restarted()
    reader.step()
    packed.write_bytes(whole)
    reader.step(1)
    reader.step(30)
    assert sorted(reader.stored) == sorted([lines(0, 400), lines(500, 501)])


def test_what_lay_there_at_first_contact_is_not_read(tmp_path: Path) -> None:
    append(tmp_path / "access.log.1", lines(0, 5))
    append(tmp_path / "access.log", lines(10, 11))
    reader = Reader(tmp_path)
    reader.step()
    reader = reader.restarted()
    reader.step()
    assert reader.stored == [lines(10, 11)]


def test_at_first_contact_a_rotated_log_that_the_hub_knows_is_read_on(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    append(reader.path, lines(0, 2))
    reader.step()
    append(reader.path, lines(2, 4))
    rotate(reader.path)
    append(reader.path, lines(10, 11))
    reader.tail.close()
    reader.memory.close()
    shutil.rmtree(tmp_path / "state")
    reader = Reader(tmp_path, reader.journal)
    reader.step()
    assert reader.stored == [lines(0, 4), lines(10, 11)]


def test_a_restored_older_log_is_not_read_twice(reader: Reader) -> None:
    append(reader.path, lines(0, 3))
    reader.step()
    reader.path.unlink()
    append(reader.path, lines(0, 2))
    reader = reader.restarted()
    reader.step()
    append(reader.path, lines(2, 4))
    reader.step()
    assert reader.stored == [lines(0, 4)]


def test_another_proxys_log_beside_this_one_is_not_its_rotated_file(tmp_path: Path) -> None:
    other = tmp_path / "access.log-public"
    memory = Checkpoint(tmp_path / "state")
    memory.contact("private")
    tail = Tail("private", tmp_path / "access.log", memory, others=[other])
    append(tmp_path / "access.log", lines(0, 1))
    append(other, lines(5, 6))
    append(tmp_path / "access.log-public.1", lines(7, 8))
    assert [type(event) for event in tail.look(0.0)] == [Sighted]


def test_the_format_is_told_by_the_first_line(tmp_path: Path) -> None:
    append(tmp_path / "clf.log", b'10.0.0.1 - - [22/Nov/2026:10:55:24 +0000] "GET /" 200 1\n')
    tail = Tail("private", tmp_path / "clf.log", Checkpoint(tmp_path / "state"))
    tail.look(0.0)
    assert [log.format for log in tail.logs.values()] == [LogFormat.CLF]


def test_a_damaged_checkpoint_is_put_aside(tmp_path: Path) -> None:
    memory = Checkpoint(tmp_path)
    memory.contact("private")
    memory.close()
    (tmp_path / "checkpoint.json").write_bytes(b"{")
    memory = Checkpoint(tmp_path)
    assert not memory.contacted("private")
    assert (tmp_path / "checkpoint.damaged").exists()
    memory.close()
    assert memory.instance == Checkpoint(tmp_path).instance


def test_names_that_logrotates_extension_makes_are_found_and_no_others(tmp_path: Path) -> None:
    for name in ("access-20261122.log", "access.2.log", "access-20261121.log.gz"):
        content = lines(len(name), len(name) + 1)
        (tmp_path / name).write_bytes(gzip.compress(content) if name[-1] == "z" else content)
    for name in (
        "access-admin.log",
        "access-20261122-admin.log",
        "accessories.log",
        "access-7.log",
    ):
        append(tmp_path / name, lines(60 + len(name), 61 + len(name)))
    memory = Checkpoint(tmp_path / "state")
    memory.contact("private")
    path = tmp_path / "access.log"
    tail = Tail("private", path, memory, others=[path, tmp_path / "access-7.log"])
    found = {event.log.path.name for event in tail.look(0.0) if isinstance(event, Sighted)}
    assert found == {"access-20261122.log", "access.2.log", "access-20261121.log.gz"}


def test_a_disk_that_fails_is_told_once_and_reading_goes_on_when_it_works(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(reader.path, lines(0, 3))
    reader.step()
    append(reader.path, lines(3, 5))
    with monkeypatch.context() as broken:

        def fail(*_: object) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        broken.setattr(files.PlainFile, "read", fail)
        told = [event for _ in range(5) for event in reader.tail.look(reader.now_s)]
        for log in reader.tail.logs.values():
            assert reader.tail.read(log) == []
    assert [type(event) for event in told] == [Unreadable]
    reader.step()
    assert reader.stored == [lines(0, 5)]


def test_a_second_agent_on_the_same_state_directory_is_refused(tmp_path: Path) -> None:
    memory = Checkpoint(tmp_path)
    with pytest.raises(InUse, match="another hopwatch-agent"):
        Checkpoint(tmp_path)
    memory.close()
    Checkpoint(tmp_path).close()
