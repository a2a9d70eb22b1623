"""The closing account."""

from pathlib import Path
from typing import Any

from servers.runner.report import compare, count_lines


def log(path: Path, lines: int, **changes: int) -> dict[str, Any]:
    figures = {"read": lines, "journalled": lines, "in_calls": lines, "malformed": 0, **changes}
    return {"server": "server-a", "path": str(path), **figures}


def ledger(*logs: dict[str, Any], exact: bool = True) -> dict[str, Any]:
    return {"logs": list(logs), "exact": exact, "reason": None if exact else "2 lines missing"}


def test_equal_figures_are_good(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_text("{}\n{}\n")
    account = compare({("server-a", "private"): path}, ledger(log(path, 2)))
    assert account.good


def test_a_line_more_in_the_file_than_in_the_ledger_is_told(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_text("{}\n{}\n{}\n")
    account = compare({("server-a", "private"): path}, ledger(log(path, 2)))
    assert not account.good
    assert account.why_not == "file and ledger differ for server-a/private"


def test_a_log_that_the_ledger_does_not_know_counts_as_unread(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_text("{}\n")
    assert not compare({("server-a", "private"): path}, ledger()).good


def test_a_malformed_line_is_not_good(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_text("{}\n")
    entry = log(path, 1, malformed=1)
    assert not compare({("server-a", "private"): path}, ledger(entry)).good


def test_the_ledgers_own_reason_is_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    path.write_text("{}\n")
    account = compare({("server-a", "private"): path}, ledger(log(path, 1), exact=False))
    assert account.why_not == "the ledger is not exact: 2 lines missing"


def test_a_half_line_is_not_counted_and_a_missing_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "private.jsonl"
    assert count_lines(path) == 0
    path.write_text("{}\n{")
    assert count_lines(path) == 1
