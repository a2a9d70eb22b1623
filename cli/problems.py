"""What ends a command: a sentence for standard error, and the exit code."""

from __future__ import annotations

FAILURE = 1
"""The hub is not there, or refuses; a file cannot be used."""
USAGE = 2
"""The command line or the configuration is wrong, as click has it."""
INTERRUPTED = 130
"""Ctrl-C: 128 and the signal's number, as shells have it."""


class Problem(Exception):
    """Says what is wrong, where, and what to do."""

    exit_code = FAILURE


class WrongUsage(Problem):
    """The command line, the environment or the configuration file is wrong."""

    exit_code = USAGE


class Unreachable(Problem):
    """The hub is not there, or went away: another attempt may succeed."""
