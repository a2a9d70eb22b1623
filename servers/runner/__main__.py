"""`python -m servers.runner`: demo, server add, server remove, render.

Exit codes: 0 for a demo that ended as asked (and, with --seconds, an exact ledger); 1 when
something of it failed, with one line that says what; 2 for options that make no sense.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
from rich.console import Console

from servers.runner import control, defaults, rendered
from servers.runner.demo import ERRORS, Demo, Options, running
from servers.runner.layout import DirectoryInUse
from servers.runner.mock_server import REPOSITORY
from servers.runner.plan import Mode, server_id
from servers.runner.progress import Steps
from servers.runner.report import table, traffic_table
from servers.runner.sites import Unavailable
from servers.runner.traefik_config import Extras

console = Console(stderr=False)
RUNDIR = REPOSITORY / ".demo"


@click.group()
def main() -> None:
    """The mock servers of Hopwatch, without Docker."""


@main.command()
@click.option(
    "--servers",
    type=click.IntRange(1, defaults.MAX_SERVERS),
    default=defaults.SERVERS,
    show_default=True,
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="End by itself, counted from ready, with the account of every line.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=defaults.RATE_PER_S,
    envvar="DEMO_RATE",
    show_default=True,
    help="Visitors' requests a second.",
)
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    default=defaults.HTTP_PORT,
    envvar="DEMO_HTTP_PORT",
    show_default=True,
    help="Where the view is shown.",
)
@click.option(
    "--public-port",
    type=click.IntRange(1, 65535),
    default=defaults.PUBLIC_PORT,
    envvar="DEMO_PUBLIC_PORT",
    show_default=True,
    help="Where public.localhost answers.",
)
@click.option(
    "--mode",
    type=click.Choice(["auto", *(mode.value for mode in Mode)]),
    default="auto",
    envvar="DEMO_MODE",
    show_default=True,
)
@click.option(
    "--rundir",
    type=click.Path(path_type=Path, file_okay=False),
    default=RUNDIR,
    help="Where logs, configurations and data go.  [default: .demo]",
)
@click.option("--keep", is_flag=True, help="Leave the run directory behind, as a failure does.")
@click.option("--join-after", type=float, help="One more server joins after so many seconds.")
@click.option("--leave-after", type=float, help="The last server leaves after so many seconds.")
@click.option("--no-plugin", is_flag=True, help="Without hop ids.")
@click.option("--no-tracing", is_flag=True, help="Without trace ids.")
@click.option("--without-hopwatch", is_flag=True, help="Servers and traffic only.")
def demo(
    servers: int,
    seconds: float | None,
    rate: float,
    http_port: int,
    public_port: int,
    mode: str,
    rundir: Path,
    keep: bool,
    join_after: float | None,
    leave_after: float | None,
    no_plugin: bool,
    no_tracing: bool,
    without_hopwatch: bool,
) -> None:
    """Start everything, print where to look, stay until Ctrl-C."""
    if http_port == public_port:
        raise click.UsageError(f"--http-port and --public-port are both {http_port}")
    options = Options(
        rundir=rundir,
        keep=keep,
        servers=servers,
        rate=rate,
        http_port=http_port,
        public_port=public_port,
        mode=None if mode == "auto" else Mode(mode),
        extras=Extras(plugin=not no_plugin, tracing=not no_tracing),
        hopwatch=not without_hopwatch,
    )
    sys.exit(asyncio.run(_run(options, Show(seconds, join_after, leave_after))))


@main.group()
def server() -> None:
    """Change a running demo."""


def _changes(do: str) -> Callable[[Path, str], None]:
    def change(rundir: Path, name: str) -> None:
        try:
            state = json.loads((rundir / "state.json").read_bytes())
            error = asyncio.run(control.ask(Path(state["control_socket"]), do, name))
        except OSError:
            error = f"no demo runs in {rundir}"
        if error is not None:
            raise click.ClickException(error)

    return change


@server.command()
@click.argument("name")
@click.option("--rundir", type=click.Path(path_type=Path), default=RUNDIR)
def add(rundir: Path, name: str) -> None:
    """NAME (server-c, …) joins the running demo."""
    _changes("add")(rundir, name)


@server.command()
@click.argument("name")
@click.option("--rundir", type=click.Path(path_type=Path), default=RUNDIR)
def remove(rundir: Path, name: str) -> None:
    """NAME leaves the running demo."""
    _changes("remove")(rundir, name)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not current.")
def render(check: bool) -> None:
    """Write the configurations under servers/server-a and servers/server-b."""
    stale = rendered.stale(REPOSITORY)
    if check and stale:
        raise click.ClickException(f"not current: {', '.join(map(str, stale))}")
    rendered.write(REPOSITORY)


class Show:
    """How a demo that is ready goes on: what joins and leaves, and when it ends."""

    def __init__(
        self, seconds: float | None, join_after: float | None, leave_after: float | None
    ) -> None:
        self._seconds = seconds
        self._changes = (join_after, leave_after)

    async def go_on(self, demo: Demo) -> int:
        """Returns the exit code; never, without --seconds."""
        join_after, leave_after = self._changes
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(control.ControlServer(demo).serve())]
            if join_after is not None:
                joins = _later(join_after, demo.add_server, lambda: _next(demo))
                others.append(group.create_task(joins))
            if leave_after is not None:
                leaves = _later(leave_after, demo.remove_server, lambda: demo.server_ids[-1])
                others.append(group.create_task(leaves))
            if self._seconds is not None:
                await asyncio.sleep(self._seconds)
                async with demo.changing:
                    for task in others:
                        task.cancel()
        return await _close(demo)


async def _later(
    seconds: float, change: Callable[[str], Awaitable[None]], who: Callable[[], str]
) -> None:
    await asyncio.sleep(seconds)
    await change(who())


def _next(demo: Demo) -> str:
    taken = set(demo.server_ids)
    return next(s for n in range(1, len(taken) + 2) if (s := server_id(n)) not in taken)


async def _run(options: Options, show: Show) -> int:
    stopping = _stop_on_signals()
    try:
        async with running(options, Steps(console)) as demo:
            _say_ready(demo)
            code = await show.go_on(demo)
    except asyncio.CancelledError:
        if not stopping:
            raise
        console.print("Stopped.", highlight=False)
        code = 0
    except (*ERRORS, Unavailable, DirectoryInUse, ValueError) as error:
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    return code


def _stop_on_signals() -> list[int]:
    """SIGINT and SIGTERM cancel this task; the list tells that they did."""
    task = asyncio.current_task()
    assert task is not None
    got: list[int] = []

    def stop(number: int) -> None:
        got.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    return got


def _say_ready(demo: Demo) -> None:
    lines = []
    if demo.options.hopwatch:
        lines.append(f"Open {demo.url}")
    lines.append(f"Your own requests: {demo.public_url}")
    lines += [
        f"{plan.id}: public {plan.public_entries[1]}, private {plan.private_entry}, "
        f"internal {plan.internal_entry}"
        for plan in demo.plans
    ]
    lines.append("ready; Ctrl-C stops everything")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


async def _close(demo: Demo) -> int:
    """The traffic's summary and, with a hub, the account."""
    await demo.finish_traffic()
    console.print(traffic_table(json.loads(demo.directory.traffic_summary.read_bytes())))
    if not demo.options.hopwatch:
        return 0
    account = await demo.settle()
    console.print(table(account))
    if account.good:
        return 0
    demo.directory.keep = True
    Console(stderr=True).print(account.why_not, markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    main()
