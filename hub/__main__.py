"""`hopwatch-hub`: the command line.

Exit codes: 0 done, 1 an address or the data directory cannot be used, 2 the configuration is wrong.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from hopwatch import __version__

from hub.guard.enroll_command import enroll
from hub.init_command import init

if TYPE_CHECKING:
    from hub.config import HubConfig

EPILOG = """
Every key of the file can be given as an environment variable, which overrides it:
HOPWATCH_HTTP__LISTEN is [http] listen, HOPWATCH_DATA__DIRECTORY is [data] directory. Flags override
both.
"""

DEFAULT_FILES = (Path("hub.toml"), Path("/etc/hopwatch/hub.toml"))


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.version_option(__version__, prog_name="hopwatch-hub")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="HOPWATCH_CONFIG",
    help="The configuration. Default: $HOPWATCH_CONFIG, else ./hub.toml, else "
    "/etc/hopwatch/hub.toml, else the defaults.",
)
@click.option(
    "--check-config", is_flag=True, help="Check configuration, tokens, certificates; exit 0 or 2."
)
@click.option("--http-listen", help="[http] listen: address:port of the view and the API")
@click.option("--grpc-listen", multiple=True, help="[grpc] listen: for agents; may be repeated")
@click.option("--data-directory", help="[data] directory")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.pass_context
def main(
    context: click.Context,
    path: Path | None,
    check_config: bool,
    http_listen: str | None,
    grpc_listen: tuple[str, ...],
    data_directory: str | None,
    log_level: str,
) -> None:
    """Join what the node agents report, and serve the live view of it."""

    def configured(given: Path | None = None) -> HubConfig:
        return _load(
            given or path,
            to_serve=context.invoked_subcommand is None,
            http__listen=http_listen,
            grpc__listen=grpc_listen or None,
            data__directory=str(Path(data_directory).absolute()) if data_directory else None,
        )

    if context.invoked_subcommand is not None:
        context.obj = configured
        return
    config = configured()
    if check_config:
        _check(config)
        click.echo(f"{_found(path) or 'defaults'}: good")
        return
    sys.exit(_run(config, log_level))


main.add_command(enroll)
main.add_command(init)


@main.command()
@click.pass_obj
def doctor(configured: Callable[[], HubConfig]) -> None:
    """Look at data, secrets, ports and servers, and say what to do (exit 0, or 1)."""
    from hub.doctor import Verdict, examine

    well = True
    for finding in examine(configured()):
        well &= finding.verdict is not Verdict.BAD
        click.echo(f"{finding.verdict.value:<7} {finding.subject}: {finding.text}")
    sys.exit(0 if well else 1)


def _found(path: Path | None) -> Path | None:
    return path or next((file for file in DEFAULT_FILES if file.exists()), None)


def _load(path: Path | None, *, to_serve: bool, **flags: object) -> HubConfig:
    """The configuration; one that is wrong ends the process with 2."""
    from hub.config import ConfigError, load

    try:
        return load(_found(path), to_serve=to_serve, **flags)
    except ConfigError as error:
        _give_up(error.problems)


def _check(config: HubConfig) -> None:
    """Whether the files that the configuration names can be used, too."""
    from hub.config import ConfigError
    from hub.guard.keyring import Keyring

    try:
        Keyring(config)
    except ConfigError as error:
        _give_up(error.problems)


def _give_up(problems: list[str]) -> NoReturn:
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(2)


def _run(config: HubConfig, log_level: str) -> int:
    # gRPC would write a line for every stranger's failed handshake; INFO shows them again.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    import uvloop

    from hub.config import ConfigError
    from hub.defaults import SWITCH_INTERVAL_S
    from hub.hub import Hub
    from hub.journal.journal import JournalError
    from hub.serve.serving import ListenError

    _configure_logs(log_level)
    sys.setswitchinterval(SWITCH_INTERVAL_S)

    async def serve() -> None:
        import asyncio

        hub = Hub(config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, hub.stop)
        loop.add_signal_handler(signal.SIGHUP, hub.reload)
        await hub.run()

    try:
        uvloop.run(serve())
    except (ListenError, JournalError) as error:
        click.echo(f"hopwatch-hub: {error}", err=True)
        return 1
    except ConfigError as error:
        click.echo(str(error), err=True)
        return 2
    return 0


def _configure_logs(level: str) -> None:
    """Readable on a terminal, logfmt elsewhere."""
    import structlog

    terminal = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    renderer = (
        structlog.dev.ConsoleRenderer()
        if terminal
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


if __name__ == "__main__":
    main()
