"""`hopwatch-hub`: the command line.

Exit codes: 0 done, 1 an address or the data directory cannot be used, 2 the configuration is wrong.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

import click
from hopwatch import __version__

EPILOG = """
Every key of the file can be given as an environment variable, which overrides it:
HOPWATCH_HTTP__LISTEN is [http] listen, HOPWATCH_DATA__DIRECTORY is [data] directory. Flags override
both.
"""

DEFAULT_FILES = (Path("hub.toml"), Path("/etc/hopwatch/hub.toml"))


@click.command(epilog=EPILOG)
@click.version_option(__version__, prog_name="hopwatch-hub")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="HOPWATCH_CONFIG",
    help="The configuration. Default: $HOPWATCH_CONFIG, else ./hub.toml, else "
    "/etc/hopwatch/hub.toml, else the defaults.",
)
@click.option("--check-config", is_flag=True, help="Check the configuration and exit (0 or 2).")
@click.option("--http-listen", help="[http] listen: address:port of the view and the API")
@click.option("--grpc-listen", multiple=True, help="[grpc] listen: for agents; may be repeated")
@click.option("--data-directory", help="[data] directory")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def main(
    path: Path | None,
    check_config: bool,
    http_listen: str | None,
    grpc_listen: tuple[str, ...],
    data_directory: str | None,
    log_level: str,
) -> None:
    """Join what the node agents report, and serve the live view of it."""
    from hub.config import ConfigError, load

    found = path or next((file for file in DEFAULT_FILES if file.exists()), None)
    try:
        config = load(
            found,
            http__listen=http_listen,
            grpc__listen=grpc_listen or None,
            data__directory=str(Path(data_directory).absolute()) if data_directory else None,
        )
    except ConfigError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(2)
    if check_config:
        click.echo(f"{found or 'defaults'}: good")
        return
    sys.exit(_run(config, log_level))


def _run(config: object, log_level: str) -> int:
    import uvloop

    from hub.config import ConfigError, HubConfig
    from hub.hub import Hub
    from hub.journal import JournalError
    from hub.serving import ListenError

    assert isinstance(config, HubConfig)
    _configure_logs(log_level)

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
