"""The account of every line: read, parsed, malformed, sent, acknowledged, journalled, in calls.

Enters: the agents' own counts, what was journalled, and how many of the kept rows stand in no call.
Leaves: the ledger's form. An account is exact where the counts agree and no request lacks its line
for good; a request that merely lasts, or a malformed line that is counted as such, leaves it exact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub import forms
from hub.account.sequence import Sequence
from hub.model import BatchCommitted, LogKey, LogSeen, WatermarkSeen


@dataclass(slots=True)
class Account:
    """What is known of one log, in lines; `lines` and `sent` include malformed ones."""

    key: LogKey
    number: int
    path: str = ""
    journalled_lines: int = 0
    journalled_malformed: int = 0
    let_go: int = 0
    """Lines in calls that history has, or that left memory."""
    read: int = 0
    malformed: int = 0
    sent: int = 0
    behind_bytes: int = 0

    @property
    def at_hand(self) -> int:
        """Journalled lines that must be in memory."""
        return self.journalled_lines - self.journalled_malformed - self.let_go


class Callless(NamedTuple):
    """Kept rows of one log that stand in no settled call."""

    lost: int = 0
    """Nothing waits for them: there should be none."""
    waiting: int = 0
    """For their other half."""


@dataclass(slots=True)
class _Server:
    sequences: dict[str, Sequence] = field(default_factory=dict)
    samples: deque[forms.MalformedForm] = field(default_factory=lambda: deque(maxlen=5))


class Ledger:
    """The accounts of all logs, in the order of their appearance."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self._by_key: dict[LogKey, Account] = {}
        self._servers: dict[str, _Server] = {}

    def account(self, key: LogKey) -> Account:
        """The account of a log, opened where it is new."""
        account = self._by_key.get(key)
        if account is None:
            account = self._by_key[key] = Account(key, len(self.accounts))
            self.accounts.append(account)
        return account

    def state(self, server: str) -> tuple[dict[str, Sequence], list[forms.MalformedForm]]:
        """A server's sequences by proxy, and its last malformed lines."""
        return self._server(server).sequences, self.samples(server)

    def restore(
        self, server: str, sequences: dict[str, Sequence], samples: list[forms.MalformedForm]
    ) -> None:
        """As `state` gave them."""
        self._server(server).sequences = sequences
        self._server(server).samples.extend(samples)

    def seen(self, event: LogSeen) -> None:
        """An agent sees this log; the journal's own count of its lines."""
        account = self.account(event.log)
        account.path = event.path or account.path
        account.journalled_lines = max(account.journalled_lines, event.lines)
        account.journalled_malformed = max(account.journalled_malformed, event.malformed)

    def journalled(self, batch: BatchCommitted) -> int:
        """Lines were committed; the number of their log."""
        account = self.account(batch.log)
        account.journalled_lines += batch.observations.rows + batch.malformed
        account.journalled_malformed += batch.malformed
        server = self._server(batch.log.server)
        if batch.malformed_samples:
            server.samples.extend(_samples(batch))
        sequence = server.sequences.get(batch.log.proxy)
        if sequence is None:
            sequence = server.sequences[batch.log.proxy] = Sequence()
        sequence.add(batch.observations.request_count, batch.observations.start_ns)
        return account.number

    def reported(self, event: WatermarkSeen) -> None:
        """The agent's own account of a log."""
        if event.log is not None:
            account = self.account(event.log)
            account.read, account.malformed = event.read, event.malformed
            account.sent, account.behind_bytes = event.sent, event.behind_bytes

    def lacks_at(self, server: str, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a request to this server that began at these times, in its own clock, may be one
        whose line is outstanding or missing."""
        lacks = np.zeros(len(times), np.bool_)
        for sequence in self._server(server).sequences.values():
            lacks |= sequence.lacks_at(times)
        return lacks

    def missing(self, server: str) -> int:
        """Requests of this server whose line will never come."""
        return sum(sequence.missing for sequence in self._server(server).sequences.values())

    def samples(self, server: str) -> list[forms.MalformedForm]:
        """Its last malformed lines."""
        return list(self._server(server).samples)

    def lines(self, server: str) -> tuple[int, int]:
        """Lines read and malformed of all logs of a server."""
        mine = [account for account in self.accounts if account.key.server == server]
        logs = [self._form(account, Callless()) for account in mine]
        return sum(log.read for log in logs), sum(log.malformed for log in logs)

    def form(self, callless: dict[int, Callless]) -> forms.Ledger:
        """The whole account; `callless` counts rows by log number."""
        logs = [
            self._form(account, callless.get(account.number, Callless()))
            for account in self.accounts
        ]
        names = forms.LedgerTotals.__struct_fields__
        totals = forms.LedgerTotals(
            **{name: sum(getattr(log, name) for log in logs) for name in names}
        )
        reason = _reason(logs)
        return forms.Ledger(logs=logs, totals=totals, exact=reason is None, reason=reason)

    def _server(self, server: str) -> _Server:
        known = self._servers.get(server)
        if known is None:
            known = self._servers[server] = _Server()
        return known

    def _form(self, account: Account, callless: Callless) -> forms.LedgerLog:
        journalled = account.journalled_lines - account.journalled_malformed
        read = max(account.read, account.journalled_lines)
        malformed = max(account.malformed, account.journalled_malformed)
        first = account is next(
            other
            for other in reversed(self.accounts)
            if (other.key.server, other.key.proxy) == (account.key.server, account.key.proxy)
        )
        sequence = self._server(account.key.server).sequences.get(account.key.proxy)
        counted = sequence if first and sequence else Sequence()
        return forms.LedgerLog(
            server=account.key.server,
            proxy=account.key.proxy,
            log=account.key.fingerprint.hex(),
            path=account.path,
            read=read,
            parsed=read - malformed,
            malformed=malformed,
            sent=max(account.sent, account.journalled_lines) - account.journalled_malformed,
            acknowledged=journalled,
            journalled=journalled,
            in_calls=journalled - callless.lost,
            waiting=callless.waiting,
            outstanding=counted.outstanding,
            missing=counted.missing,
        )


def _samples(batch: BatchCommitted) -> Iterator[forms.MalformedForm]:
    for sample in batch.malformed_samples:
        yield forms.MalformedForm(
            proxy=batch.log.proxy,
            log=batch.log.fingerprint.hex(),
            offset=sample.offset,
            text=sample.text,
            reason=sample.reason,
        )


def _reason(logs: list[forms.LedgerLog]) -> str | None:
    """Why the account is not exact; None where it is."""
    for log in logs:
        name = f"{log.server} {log.proxy}"
        if log.missing:
            return f"{name}: {log.missing} requests have no line in the log"
        if log.parsed != log.journalled:
            return f"{name}: {log.parsed - log.journalled} lines are on their way"
        if log.in_calls != log.journalled:
            return f"{name}: {log.journalled - log.in_calls} lines stand in no call"
    return None
