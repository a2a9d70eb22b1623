"""The stream's state machine as a dialogue: messages in, commands out, no socket anywhere."""

from __future__ import annotations

import grpc
import pytest
from hopwatch.v1 import ingest_pb2 as pb

from hub.agents.commands import Append, Close, Emit, Join, LookUp, Record, Send
from hub.agents.session import Session, State, measure
from hub.guard.auth import Denial
from hub.journal.journal import Account, Committed, Dropped, OutOfPlace
from hub.model import ClockMeasured, LogSeen, WatermarkSeen

from .streams import LOG, T0, hello, rows_batch, sighting


def session(denial: Denial | None = None) -> Session:
    return Session(lambda server: denial, "0.1")


def said(subject: Session, message: pb.AgentMessage, now_ns: int = T0) -> list[object]:
    return list(subject.receive(message.SerializeToString(), now_ns))


def opened() -> Session:
    subject = session()
    (join,) = said(subject, hello())
    assert isinstance(join, Join)
    subject.joined([LogSeen(log, s.path, 0, 0, 0) for log, s in join.logs])
    return subject


def closed(commands: list[object]) -> Close:
    (close,) = commands
    assert isinstance(close, Close)
    return close


def test_a_hello_leads_to_a_join_and_the_accounts_to_a_welcome() -> None:
    subject = session()
    (join,) = said(subject, hello())
    assert isinstance(join, Join)
    assert join.logs == ((LOG, sighting()),)
    assert subject.state is State.JOINING
    (send,) = subject.joined([LogSeen(LOG, "", 900, 2, 1)])
    assert isinstance(send, Send)
    (resume,) = send.message.welcome.resumes
    assert (resume.number, resume.offset, resume.lines, resume.malformed) == (1, 900, 2, 1)
    assert subject.state is State.OPEN


@pytest.mark.parametrize(
    ("unknown", "status"),
    [(True, grpc.StatusCode.UNAUTHENTICATED), (False, grpc.StatusCode.PERMISSION_DENIED)],
)
def test_a_denied_hello_closes_with_the_reason(unknown: bool, status: grpc.StatusCode) -> None:
    close = closed(said(session(Denial("no", unknown)), hello()))
    assert (close.status, close.refusal.code) == (status, pb.Refusal.CODE_DENIED)
    assert close.refusal.reason == "no"


def test_each_message_has_its_command() -> None:
    subject = opened()
    (append,) = said(subject, pb.AgentMessage(batch=rows_batch(0, 2)))
    assert isinstance(append, Append) and append.log == LOG and append.observations.rows == 2
    (record,) = said(subject, pb.AgentMessage(inventory=pb.Inventory(version=1)))
    assert isinstance(record, Record) and record.event.server == "server-a"
    other = sighting(2, "public", b"p" * 16)
    (look,) = said(subject, pb.AgentMessage(log_sighting=other))
    assert isinstance(look, LookUp) and look.log.proxy == "public"
    (send,) = subject.sighted(2, LogSeen(look.log, "", 5, 1, 0))
    assert isinstance(send, Send) and send.message.resume.offset == 5
    assert said(subject, pb.AgentMessage()) == []


def test_a_watermark_never_runs_backwards() -> None:
    subject = opened()
    marks = []
    for ns in (T0, T0 - 5, T0 + 5):
        (emit,) = said(subject, pb.AgentMessage(watermark=pb.Watermark(log=1, watermark_ns=ns)))
        assert isinstance(emit, Emit) and isinstance(emit.event, WatermarkSeen)
        assert emit.event.log == LOG
        marks.append(emit.event.watermark_ns)
    assert marks == [T0, T0, T0 + 5]
    (emit,) = said(subject, pb.AgentMessage(watermark=pb.Watermark(watermark_ns=1)))
    assert isinstance(emit, Emit) and isinstance(emit.event, WatermarkSeen)
    assert emit.event.log is None


def test_acknowledgements_are_cumulative_and_said_once() -> None:
    subject = opened()
    assert subject.acknowledgement() == []
    assert subject.settled(1, Committed(1, Account(900, 1, 0))) == []
    assert subject.settled(1, Committed(2, Account(1800, 2, 0))) == []
    assert subject.settled(1, Dropped(Account(1800, 2, 0))) == []
    (send,) = subject.acknowledgement()
    assert isinstance(send, Send)
    assert [(r.number, r.offset, r.lines) for r in send.message.ack.logs] == [(1, 1800, 2)]
    assert subject.acknowledgement() == []


def test_a_batch_out_of_place_closes_with_the_expected_offset() -> None:
    close = closed(list(opened().settled(1, OutOfPlace(Account(900, 1, 0)))))
    assert close.refusal.code == pb.Refusal.CODE_OFFSET
    assert (close.refusal.expected.number, close.refusal.expected.offset) == (1, 900)


def test_after_the_end_nothing_is_taken() -> None:
    subject = opened()
    said(subject, hello())
    assert subject.state is State.CLOSED
    close = closed(said(subject, pb.AgentMessage(batch=rows_batch(0, 1))))
    assert "comes behind the end" in close.refusal.reason


PROBES = [
    ((T0 + 10, T0 + 30, T0), ClockMeasured("s", 20, 10)),
    ((T0 - 40, T0 - 20, T0), ClockMeasured("s", -30, 10)),
    ((T0 + 30, T0 + 10, T0), None),
    ((T0 + 10, T0 + 30, T0 + 1), None),
    ((0, 0, T0), None),
    ((-5, 5, T0), None),
    ((1, (1 << 63) - 1, T0), None),
]


@pytest.mark.parametrize(("times", "measured"), PROBES)
def test_clocks_are_measured_by_sound_probes_only(
    times: tuple[int, int, int], measured: ClockMeasured | None
) -> None:
    sent, received, hub = times
    probe = pb.ClockProbe(
        number=2, previous_sent_ns=sent, previous_received_ns=received, previous_hub_ns=hub
    )
    assert measure("s", probe, T0) == measured
    assert measure("s", probe, 0) is None
