"""What `doctor` finds: one thing that was looked at, how good it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How good a finding is."""

    GOOD = "good"
    ADVICE = "advice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    subject: str
    text: str


def good(subject: str, text: str) -> Finding:
    """As it should be."""
    return Finding(Verdict.GOOD, subject, text)


def advice(subject: str, text: str) -> Finding:
    """It works, and could be better."""
    return Finding(Verdict.ADVICE, subject, text)


def bad(subject: str, text: str) -> Finding:
    """It keeps the agent from working."""
    return Finding(Verdict.BAD, subject, text)
