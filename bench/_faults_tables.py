"""A campaign's outcome as tables: faults, the account of each log, memory."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.faults.campaign import Outcome

KEYS = ("read", "journalled", "in_calls", "malformed", "missing", "outstanding")


def tables(outcome: Outcome) -> None:
    """Print all of them."""
    console = Console(width=110)
    console.print(_faults(outcome))
    if outcome.ledger:
        console.print(_accounts(outcome))
        reason = f" ({outcome.ledger['reason']})" if outcome.ledger["reason"] else ""
        console.print(f"exact: {str(outcome.ledger['exact']).lower()}{reason}")
    peaks = (f"{name} {kib / 1024:.0f}" for name, kib in sorted(outcome.peaks.items()))
    console.print(f"peak RSS, MiB: {', '.join(peaks)}")
    console.print(f"{outcome.lines:,} lines, {outcome.took_s:.0f} s, {outcome.kind}")


def _faults(outcome: Outcome) -> Table:
    shown = Table(title=f"{outcome.kinds.total()} faults", title_justify="left")
    shown.add_column("fault")
    shown.add_column("times", justify="right")
    for kind, times in sorted(outcome.kinds.items(), key=lambda item: -item[1]):
        shown.add_row(str(kind), str(times))
    return shown


def _accounts(outcome: Outcome) -> Table:
    shown = Table(title="Lines in the files against the ledger", title_justify="left")
    for column in ("server", "proxy", "logs", "in the files", *KEYS):
        shown.add_column(column, justify="left" if column in ("server", "proxy") else "right")
    proxies = {(log.server, log.proxy): log for log in outcome.logs}
    for server, proxy in proxies:
        mine = [log for log in outcome.logs if (log.server, log.proxy) == (server, proxy)]
        lines = sum(len(log.offsets) + log.malformed for log in mine)
        told = [
            log
            for log in outcome.ledger["logs"]
            if (log["server"], log["proxy"]) == (server, proxy)
        ]
        sums = [f"{sum(log[key] for log in told):,}" for key in KEYS]
        shown.add_row(server, proxy, str(len(mine)), f"{lines:,}", *sums)
    return shown
